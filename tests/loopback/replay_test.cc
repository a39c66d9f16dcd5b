// A reused upstream connection that dies: who is asked again and who is not, and what is on record of
// each attempt (HTTP.md, RFC 9110 §9.2.2, RFC 9112 §9.3.1).
#include <nlohmann/json.hpp>

#include "support/answers.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

#define VIA "Via: 1.1 becaused\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define OK_GOT "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" VIA "\r\nok"

// Leaves one idle upstream connection, `stage.upstream`, and no records.
void warm(Stage& stage) {
    stage.send(BECAUSED_GET);
    assert_true(stage.accept());
    stage.answer(no_content);
    assert_text_equal(stage.client_got(), no_content_got);
    stage.upstream_bytes();
    stage.rig().take_records();
}

// "reused read ECONNRESET; fresh": what the record says of its attempts.
std::string attempts(Stage& stage) {
    const nlohmann::json record = nlohmann::json::parse(stage.exchange());
    std::string text;
    if (!record.contains("attempts")) return text;
    for (const auto& attempt : record["attempts"]) {
        if (!text.empty()) text += "; ";
        text += attempt["reused"].get<bool>() ? "reused" : "fresh";
        if (attempt.contains("op")) text += " " + attempt["op"].get<std::string>();
        if (attempt.contains("errno")) text += " " + attempt["errno"].get<std::string>();
    }
    return text;
}

enum class Death : uint8_t { fin, reset };
void kill(Stage& stage, Death death) {
    if (death == Death::reset) stage.upstream.reset();
    else stage.upstream.finish();
    stage.rig().settle();
}

struct Replayed {
    std::string_view name;
    std::string_view request;
    std::string_view got;  // readable; by both connections
    Death death = Death::reset;
};
#define AS_SENT(line) line "\r\nHost: a\r\n\r\n", line "\r\nHost: a\r\n{+}\r\n"
constexpr Replayed replayed[] = {
    {"GET is asked again after a reset", AS_SENT("GET /a HTTP/1.1")},
    {"GET is asked again after a close", AS_SENT("GET /a HTTP/1.1"), Death::fin},
    {"OPTIONS is asked again", AS_SENT("OPTIONS * HTTP/1.1")},
    {"TRACE is asked again", AS_SENT("TRACE /a HTTP/1.1")},
    {"DELETE is asked again", AS_SENT("DELETE /a HTTP/1.1")},
    {"PUT is asked again with its body",
     "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
     "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n{+}\r\nabc"},
    {"GET is asked again with its body",
     "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
     "GET /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n{+}\r\nabc", Death::fin},
    {"PUT is asked again with its chunks and trailers",
     "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
     "3\r\nabc\r\n2;x\r\nde\r\n0\r\nX: y\r\n\r\n",
     "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{+}\r\n[abcde]X: y\r\n"},
    {"PUT with an empty body is asked again",
     "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
     "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n{+}\r\n"},
};
void check_replayed(Stage& stage, const Replayed& row) {
    warm(stage);
    stage.send(row.request);
    const std::string first = stage.upstream_bytes();
    assert_text_equal(readable(first), row.got);
    kill(stage, row.death);
    assert_text_equal(stage.client_bytes(), "");
    assert_true(stage.accept());
    // To the byte, ids included: it is the same request.
    assert_text_equal(stage.upstream_bytes(), first);
    stage.answer(OK);
    assert_text_equal(stage.client_bytes(), OK_GOT);
    const bool reset = row.death == Death::reset;
    assert_text_equal(attempts(stage),
                      reset ? "reused read ECONNRESET; fresh" : "reused read; fresh");
    const std::string reason = reset ? "upstream_reset" : "upstream_closed";
    const std::string error = reset ? " errno=ECONNRESET" : "";
    assert_text_equal(stage.records(), "upstream " + reason +
                                           " by=upstream phase=first_byte op=read" + error + "\n" +
                                           complete("200"));
}

void head_is_asked_again(Stage& stage) {
    warm(stage);
    stage.send("HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n");
    kill(stage, Death::reset);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), "HEAD /a HTTP/1.1\r\nHost: a\r\n{+}\r\n");
    stage.answer("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n");
    assert_text_equal(stage.client_bytes(), "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" VIA "\r\n");
}

constexpr std::string_view impossible =
    "The upstream closed its kept-alive connection before it answered, and this request may not be "
    "sent twice.";

// These may have done their work: the client is told, nobody is asked again.
struct Once {
    std::string_view name;
    std::string_view request;
};
constexpr Once once[] = {
    {"POST is never asked again", "POST /a HTTP/1.1\r\nHost: a\r\n\r\n"},
    {"POST with a body is never asked again",
     "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"},
    {"POST in chunks is never asked again",
     "POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"},
    {"PATCH is never asked again", "PATCH /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"},
    {"another method is never asked again", "PROPFIND /a HTTP/1.1\r\nHost: a\r\n\r\n"},
};
void check_once(Stage& stage, const Once& row) {
    warm(stage);
    stage.send(row.request);
    assert_true(stage.upstream_bytes().size() > 0);
    kill(stage, Death::reset);
    OwnAnswer due{502, "retry_impossible", impossible};
    due.close = false;
    due.reached = "acts";
    assert_own_answer(stage, due);
    assert_false(stage.accept());
    assert_text_equal(
        stage.records(),
        "exchange retry_impossible by=upstream phase=first_byte op=read errno=ECONNRESET "
        "status=502\n"
        "upstream retry_impossible by=upstream phase=first_byte op=read errno=ECONNRESET\n");
}

void an_upgrade_is_never_asked_again(Stage& stage) {
    warm(stage);
    stage.send("GET /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n");
    kill(stage, Death::reset);
    OwnAnswer due{502, "retry_impossible", impossible};
    due.close = false;
    assert_own_answer(stage, due);
    assert_false(stage.accept());
}

// A fresh connection that dies says something about this very request.
void a_fresh_connections_death_is_no_reason_to_ask_again(Stage& stage) {
    stage.send(BECAUSED_GET);
    assert_true(stage.accept());
    kill(stage, Death::reset);
    assert_false(stage.accept());
    assert_text_equal(field_of(stage.exchange(), "reason"), "upstream_reset");
    assert_text_equal(field_of(stage.exchange(), "status"), "502");
    assert_text_equal(attempts(stage), "");
}

void check_not_after(Stage& stage, std::string_view answer) {
    warm(stage);
    stage.send(BECAUSED_GET);
    stage.answer(answer);
    kill(stage, Death::reset);
    assert_false(stage.accept());
    assert_text_equal(field_of(stage.exchange(), "reason"), "upstream_reset");
}
void nobody_is_asked_again_after_one_byte_of_an_answer(Stage& stage) {
    check_not_after(stage, "H");
}
void nobody_is_asked_again_after_an_interim_answer(Stage& stage) {
    check_not_after(stage, "HTTP/1.1 102 Processing\r\n\r\n");
}
void nobody_is_asked_again_inside_an_answer(Stage& stage) {
    check_not_after(stage, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
}

// ---- bodies -------------------------------------------------------------------------------------

std::string put(const std::string& body) {
    return "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + body;
}

void a_body_of_64_kib_is_sent_again(Stage& stage) {
    warm(stage);
    const std::string body = pattern(65'536);
    stage.send(put(body));
    assert_true(stage.upstream_bytes().ends_with(body));
    kill(stage, Death::reset);
    assert_true(stage.accept());
    assert_true(stage.upstream_bytes().ends_with("\r\n\r\n" + body));
    stage.answer(OK);
    assert_text_equal(stage.client_bytes(), OK_GOT);
}

void a_body_over_64_kib_is_not_sent_again(Stage& stage) {
    warm(stage);
    stage.send(put(pattern(65'537)));
    stage.upstream_bytes();
    kill(stage, Death::reset);
    assert_false(stage.accept());
    assert_text_equal(field_of(stage.exchange(), "reason"), "retry_impossible");
}

void the_budget_for_bodies_can_be_set(Stage& stage) {
    stage.options.settings.replay_bytes = 2;
    warm(stage);
    stage.send(put("abc"));
    kill(stage, Death::reset);
    assert_false(stage.accept());
    assert_text_equal(field_of(stage.exchange(), "reason"), "retry_impossible");
}

void a_body_larger_than_a_slab_is_sent_again_where_the_budget_allows(Stage& stage) {
    stage.options.settings.replay_bytes = 1U << 20;
    warm(stage);
    const std::string body = pattern(600'000);
    std::string_view rest = body;
    stage.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 600000\r\n\r\n");
    while (!rest.empty()) {
        rest.remove_prefix(stage.client.send(rest));
        stage.upstream_bytes();
    }
    kill(stage, Death::reset);
    assert_true(stage.accept());
    for (int i = 0; i < 100 && stage.upstream.received.size() < body.size(); ++i)
        stage.upstream_bytes();
    assert_true(stage.upstream.received.ends_with("\r\n\r\n" + body));
    stage.answer(OK);
    assert_text_equal(stage.client_bytes(), OK_GOT);
}

// What had come is sent again, what comes later follows it.
void a_body_on_its_way_is_sent_again_and_goes_on(Stage& stage) {
    warm(stage);
    stage.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    stage.send("def");
    kill(stage, Death::reset);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(),
                      "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n{+}\r\nabcdef");
    stage.send("ghi");
    assert_text_equal(stage.upstream_bytes(), "ghi");
    stage.answer(OK);
    assert_text_equal(stage.client_bytes(), OK_GOT);
    stage.send(next);
    assert_text_equal(stage.upstream_got(), next_got);
}

void chunks_on_their_way_are_sent_again_and_go_on(Stage& stage) {
    warm(stage);
    stage.send("PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n6\r\nabc");
    kill(stage, Death::fin);
    assert_true(stage.accept());
    assert_text_equal(
        stage.upstream_got(),
        "PUT /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{+}\r\n[abc (cut)");
    stage.send("def\r\n0\r\n\r\n" + std::string(next));
    assert_text_equal(stage.upstream_bytes(), "3\r\ndef\r\n0\r\n\r\n");
    stage.answer(OK);
    assert_text_equal(stage.client_bytes(), OK_GOT);
    assert_text_equal(stage.upstream_got(), next_got);
}

// Bytes that come while the new connection is being made wait for it.
void what_comes_during_the_reconnect_is_not_lost(Stage& stage) {
    warm(stage);
    stage.send("PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc");
    stage.upstream.reset();
    assert_true(stage.client.send("def") == 3);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(),
                      "PUT /a HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n{+}\r\nabcdef");
}

// The write into a dead connection fails while the rest of the body is still to be read. A slab that is
// taken up to its last 64 KiB, by what three other clients sent ahead, makes that two reads of one turn.
void a_body_read_in_two_pieces_is_sent_again_whole(Stage& stage) {
    for (int i = 0; i < 3; ++i) {
        stage.more.push_back(stage.rig().connect());
        assert_true(stage.more.back().send(BECAUSED_GET) > 0);
        stage.more.push_back(stage.rig().accept());
        assert_true(stage.more.back().open());
    }
    warm(stage);
    for (size_t i = 0; i < 6; i += 2) {
        assert_int_equal(stage.more[i].send(times(65'536, "x")), 65'536);
        stage.rig().settle();
    }
    const std::string body = pattern(62'000);
    const std::string request = "PUT /a HTTP/1.1\r\nHost: a\r\nX: " + times(16'000, "x") +
                                "\r\nContent-Length: 62000\r\n\r\n";
    assert_int_equal(stage.client.send(request + body), request.size() + body.size());
    stage.upstream.reset();
    assert_true(stage.accept());
    assert_true(stage.upstream_bytes().ends_with("\r\n\r\n" + body));
    stage.answer(OK);
    assert_text_equal(stage.client_bytes(), OK_GOT);
    stage.send(next);
    assert_text_equal(stage.upstream_got(), next_got);
}

// ---- how often, and the look before reuse --------------------------------------------------------

// The repeats' own connections die too: `replays` of them, then the client hears.
void the_last_repeat_that_dies_is_answered_for(Stage& stage) {
    warm(stage);
    stage.send(BECAUSED_GET);
    kill(stage, Death::reset);
    assert_true(stage.accept());
    kill(stage, Death::fin);
    assert_true(stage.accept());
    kill(stage, Death::reset);
    OwnAnswer due{502, "retry_exhausted",
                  "The upstream closed every connection that was tried before it answered."};
    due.close = false;
    due.reached = "reads";
    assert_own_answer(stage, due);
    assert_false(stage.accept());
    assert_text_equal(attempts(stage), "reused read ECONNRESET; fresh read; fresh");
    assert_text_equal(
        stage.records(),
        "upstream upstream_closed by=upstream phase=first_byte op=read\n"
        "upstream upstream_reset by=upstream phase=first_byte op=read errno=ECONNRESET\n"
        "exchange retry_exhausted by=upstream phase=first_byte op=read errno=ECONNRESET "
        "status=502\n"
        "upstream retry_exhausted by=upstream phase=first_byte op=read errno=ECONNRESET\n");
}

void repeats_can_be_switched_off(Stage& stage) {
    stage.options.settings.replays = 0;
    warm(stage);
    stage.send(BECAUSED_GET);
    kill(stage, Death::reset);
    assert_false(stage.accept());
    assert_text_equal(field_of(stage.exchange(), "reason"), "retry_exhausted");
}

void a_repeat_that_finds_nobody_says_so(Stage& stage) {
    stage.options.settings.connect_tries = 1;
    warm(stage);
    stage.send(BECAUSED_GET);
    stage.rig().stop_upstream();
    kill(stage, Death::reset);
    OwnAnswer due{502, "upstream_refused",
                  "The upstream refused the connection (ECONNREFUSED): is dockerd running?"};
    due.close = false;
    assert_own_answer(stage, due);
    assert_text_equal(attempts(stage), "reused read ECONNRESET; fresh connect ECONNREFUSED");
}

// The upstream closed while the POST was on its way to us: seen before it is sent.
void a_post_goes_to_a_fresh_connection_when_the_idle_one_was_closed(Stage& stage) {
    warm(stage);
    assert_true(stage.client.send("POST /a HTTP/1.1\r\nHost: a\r\n\r\n") > 0);
    stage.upstream.finish();
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), "POST /a HTTP/1.1\r\nHost: a\r\n{+}\r\n");
    stage.answer(OK);
    assert_text_equal(stage.client_bytes(), OK_GOT);
    assert_text_equal(
        stage.records(),
        "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n" + complete("200"));
}

void a_get_goes_to_a_fresh_connection_when_the_idle_one_was_closed(Stage& stage) {
    warm(stage);
    assert_true(stage.client.send(BECAUSED_GET) > 0);
    stage.upstream.finish();
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), "GET /a HTTP/1.1\r\nHost: a\r\n{+}\r\n");
    stage.answer(OK);
    assert_text_equal(stage.client_bytes(), OK_GOT);
    assert_text_equal(field_of(stage.exchange(), "reason"), "complete");
}

}  // namespace

int main() {
    Cases cases;
    cases.add(replayed, check_replayed);
    cases.add(once, check_once);
    cases.add(SCENARIO(head_is_asked_again));
    cases.add(SCENARIO(an_upgrade_is_never_asked_again));
    cases.add(SCENARIO(a_fresh_connections_death_is_no_reason_to_ask_again));
    cases.add(SCENARIO(nobody_is_asked_again_after_one_byte_of_an_answer));
    cases.add(SCENARIO(nobody_is_asked_again_after_an_interim_answer));
    cases.add(SCENARIO(nobody_is_asked_again_inside_an_answer));
    cases.add(SCENARIO(a_body_of_64_kib_is_sent_again));
    cases.add(SCENARIO(a_body_over_64_kib_is_not_sent_again));
    cases.add(SCENARIO(the_budget_for_bodies_can_be_set));
    cases.add(SCENARIO(a_body_larger_than_a_slab_is_sent_again_where_the_budget_allows));
    cases.add(SCENARIO(a_body_on_its_way_is_sent_again_and_goes_on));
    cases.add(SCENARIO(chunks_on_their_way_are_sent_again_and_go_on));
    cases.add(SCENARIO(what_comes_during_the_reconnect_is_not_lost));
    cases.add(SCENARIO(a_body_read_in_two_pieces_is_sent_again_whole));
    cases.add(SCENARIO(the_last_repeat_that_dies_is_answered_for));
    cases.add(SCENARIO(repeats_can_be_switched_off));
    cases.add(SCENARIO(a_repeat_that_finds_nobody_says_so));
    cases.add(SCENARIO(a_post_goes_to_a_fresh_connection_when_the_idle_one_was_closed));
    cases.add(SCENARIO(a_get_goes_to_a_fresh_connection_when_the_idle_one_was_closed));
    return cases.run("replay");
}
