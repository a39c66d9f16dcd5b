// What the gate's tests share: requests of somebody, what a refusal must look like from every side, and
// what being served looks like. Include before support/cmocka.hh.
#pragma once

#include "support/cases.hh"
#include "support/people.hh"

namespace becaused::test {

inline constexpr std::string_view challenge =
    "WWW-Authenticate: Bearer realm=\"becaused\", Basic realm=\"becaused\"\r\n";

// "METHOD TARGET" of Host a, with further field lines.
inline std::string request_of(std::string_view line, std::string_view fields = "") {
    return std::string(line) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "\r\n";
}

inline OwnAnswer kept(OwnAnswer answer) {
    answer.close = false;
    return answer;
}

inline std::string exchange_summary(Stage& stage) { return summary_of({stage.exchange()}); }

// The gate said no: the exact answer, one record, and neither a connection nor a byte for the upstream.
inline void assert_refused(Stage& stage, const OwnAnswer& answer) {
    assert_false(stage.rig().accept().open());
    if (stage.upstream.open()) assert_text_equal(stage.upstream_bytes(), "");
    OwnAnswer untouched = answer;
    untouched.reached = "nothing";
    assert_own_answer(stage, untouched);
    assert_text_equal(exchange_summary(stage), "exchange " + std::string(answer.reason) +
                                                   " by=gate phase=gate op=judge status=" +
                                                   std::to_string(answer.status) + "\n");
    assert_text_equal(stage.client_state(), answer.close ? "fin" : "open");
}

inline void assert_turned_away(Stage& stage, std::string_view request, const OwnAnswer& answer) {
    stage.send(request);
    assert_refused(stage, answer);
}

// What the upstream got is answered with 204, and the exchange is complete.
inline void assert_answered(Stage& stage) {
    stage.answer(no_content);
    assert_text_equal(stage.client_got(), no_content_got);
    assert_text_equal(exchange_summary(stage), complete_204);
}

// It goes on as `got` (readable), and is answered.
inline void assert_served(Stage& stage, std::string_view request, std::string_view got) {
    stage.send(request);
    if (!stage.upstream.open()) assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), got);
    assert_answered(stage);
}

inline constexpr std::string_view version_got = "GET /version HTTP/1.1\r\nHost: a\r\n{+}\r\n";

// A client's connection of its own.
inline Peer& another(Stage& stage, std::string_view bytes) {
    stage.more.push_back(stage.rig().connect());
    stage.more.back().send(bytes);
    stage.rig().settle();
    return stage.more.back();
}

// Of the last exchange: "runner static_token", "ci token j1"; empty: nobody's.
inline std::string who(Stage& stage) {
    const std::string record = stage.exchange();
    std::string text = field_of(record, "identity");
    if (const std::string proof = field_of(record, "proof"); !proof.empty()) text += ' ' + proof;
    if (const std::string id = field_of(record, "token_id"); !id.empty()) text += ' ' + id;
    return text;
}

}  // namespace becaused::test
