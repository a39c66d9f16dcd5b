// Rows about answers: what the upstream sends, what the client gets of it, and what becomes of the
// upstream connection. Include before support/cmocka.hh.
#pragma once

#include "support/cases.hh"

namespace becaused::test {

#define BECAUSED_GET "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"

enum class Then : uint8_t {
    kept,      // the upstream connection carries the next request
    ended,     // the proxy ends it; the next request gets another
    broken,    // the same, with a reset: it said what nobody asked for
    finished,  // the upstream ends it after its answer (its FIN is sent by the test)
};
struct Answered {
    std::string_view name;
    std::string_view request;
    std::string_view answer;
    std::string_view got;  // readable
    Then then = Then::kept;
};

inline std::string complete(std::string_view status) {
    return "exchange complete by=nobody phase=done op=none status=" + std::string(status) + "\n";
}

// The client's connection stays good: a second request on it gets its own answer and nothing else.
inline void check_answered(Stage& stage, const Answered& row) {
    stage.send(row.request);
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.answer(row.answer);
    if (row.then == Then::finished) stage.upstream_fin();
    assert_text_equal(stage.client_got(), row.got);
    assert_text_equal(stage.client_state(), "open");
    const std::string status(row.got.substr(9, 3));
    const std::string first = stage.exchange();
    assert_text_equal(field_of(first, "reason"), "complete");
    assert_text_equal(field_of(first, "status"), status);
    stage.send(next);
    if (row.then != Then::kept) {
        assert_text_equal(stage.upstream_state(), row.then == Then::broken ? "reset" : "fin");
        assert_text_equal(stage.upstream_bytes(), "");
        assert_true(stage.accept());
    }
    assert_text_equal(stage.upstream_got(), next_got);
    stage.answer(no_content);
    assert_text_equal(stage.client_got(), no_content_got);
    assert_false(stage.rig().accept().open());
    const std::string records = stage.leave();
    assert_text_equal(records.substr(0, records.find('\n') + 1), complete(status));
}

// Refused before the client heard anything: 502 with the reason, the upstream connection broken, the
// client's good for the next request.
struct BadAnswer {
    std::string_view name;
    std::string_view answer;
    std::string_view detail;
    std::string_view reason = "upstream_malformed";
    std::string_view request = BECAUSED_GET;
};

inline void check_bad_answer(Stage& stage, const BadAnswer& row) {
    stage.send(row.request);
    assert_true(stage.accept());
    stage.answer(row.answer);
    OwnAnswer answer{502, row.reason, row.detail};
    answer.close = false;
    answer.head = row.request.starts_with("HEAD");
    assert_own_answer(stage, answer);
    assert_text_equal(stage.upstream_state(), "reset");
    stage.send(next);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), next_got);
    stage.answer(no_content);
    assert_text_equal(stage.client_got(), no_content_got);
    const std::string reason(row.reason);
    assert_text_equal(stage.leave(),
                      "exchange " + reason + " by=upstream phase=first_byte op=parse status=502\n" +
                          "upstream " + reason + " by=upstream phase=first_byte op=parse\n" +
                          std::string(complete_204) +
                          "client client_closed_idle by=nobody phase=keepalive op=none\n");
}

}  // namespace becaused::test
