// Answers that come before the request's end, and refusals with the rest of a request unread: the client
// reads them all the same (HTTP.md, DOCKER.md "What the terminal shows", RFC 9112 §9.6).
#include "support/answers.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

#define VIA "Via: 1.1 becaused\r\n"
#define POST_10 "POST /images/load HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n"
#define POST_CHUNKED "POST /build HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
#define NO "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno"
#define NO_GOT "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n" VIA "\r\nno"
constexpr std::string_view client_complete = "client complete by=nobody phase=done op=none\n";

// The answer is there before the body is; when the rest comes in time, everything stays in order.
void an_early_answer_is_delivered_and_the_rest_still_goes_up(Stage& stage) {
    stage.send(POST_10 "abc");
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.answer(NO);
    assert_text_equal(stage.client_bytes(), NO_GOT);
    assert_text_equal(stage.client_state(), "open");
    stage.send("defghij");
    assert_text_equal(stage.upstream_bytes(), "defghij");
    stage.send(next);
    assert_text_equal(stage.upstream_got(), next_got);
    stage.answer(no_content);
    assert_text_equal(stage.client_bytes(), no_content_got);
    assert_text_equal(stage.records(), complete("413") + std::string(complete_204));
}

// dockerd answers /build while the context still arrives.
void both_bodies_flow_at_once(Stage& stage) {
    stage.send(POST_CHUNKED "3\r\none\r\n");
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nONE\r\n");
    assert_text_equal(stage.client_bytes(),
                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" VIA "\r\n3\r\nONE\r\n");
    stage.send("3\r\ntwo\r\n");
    assert_text_equal(stage.upstream_bytes(), "3\r\ntwo\r\n");
    stage.answer("3\r\nTWO\r\n");
    assert_text_equal(stage.client_bytes(), "3\r\nTWO\r\n");
    stage.send("0\r\n\r\n");
    assert_text_equal(stage.upstream_bytes(), "0\r\n\r\n");
    stage.answer("0\r\n\r\n");
    assert_text_equal(stage.client_bytes(), "0\r\n\r\n");
    stage.send(next);
    assert_text_equal(stage.upstream_got(), next_got);
    assert_text_equal(stage.records(), complete("200"));
}

void an_answer_may_end_before_a_body_that_goes_on(Stage& stage) {
    stage.send(POST_CHUNKED "3\r\none\r\n");
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nONE\r\n0\r\n\r\n");
    stage.client_bytes();
    // Each byte in time: more than the linger clock's two seconds in all.
    for (int i = 0; i < 5; ++i) {
        stage.rig().advance(1'000);
        stage.send("1\r\nx\r\n");
        assert_text_equal(stage.upstream_bytes(), "1\r\nx\r\n");
    }
    stage.send("0\r\n\r\n");
    assert_text_equal(stage.upstream_bytes(), "0\r\n\r\n");
    assert_text_equal(stage.records(), complete("200"));
    assert_text_equal(stage.client_state(), "open");
}

// The upstream closed behind its answer: the rest of the body is read and dropped.
void an_early_answer_of_an_upstream_that_closes_is_delivered(Stage& stage) {
    stage.send(POST_10 "abc");
    assert_true(stage.accept());
    stage.answer(NO);
    stage.upstream_fin();
    assert_text_equal(stage.client_bytes(), NO_GOT);
    assert_text_equal(stage.client_state(), "fin");
    stage.send("defghij");
    stage.send("and whatever more");
    assert_int_equal(stage.client.error, 0);
    assert_text_equal(stage.leave(), complete("413") + std::string(client_complete) +
                                         "upstream complete by=nobody phase=done op=none\n");
}

// It closed with the body unread: its reset follows its answer at once.
void an_early_answer_of_an_upstream_that_resets_is_delivered(Stage& stage) {
    stage.send(POST_10 "abc");
    assert_true(stage.accept());
    assert_true(stage.upstream.send(NO) > 0);
    stage.upstream.reset();
    assert_text_equal(stage.client_bytes(), NO_GOT);
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.leave(), complete("413") + std::string(client_complete) +
                                         "upstream upstream_reset by=upstream phase=linger op=read "
                                         "errno=ECONNRESET\n");
}

// The write fails first, and the answer is still there to be read.
void an_answer_is_looked_for_after_a_failed_write(Stage& stage) {
    stage.send(POST_CHUNKED "3\r\none\r\n");
    assert_true(stage.accept());
    stage.upstream_bytes();
    assert_true(stage.client.send("3\r\ntwo\r\n") > 0);
    assert_true(stage.upstream.send(NO) > 0);
    stage.upstream.reset();
    // The rest of the upload has nowhere to go: the answer says that its connection closes.
    assert_text_equal(stage.client_bytes(),
                      "HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n"
                      "Connection: close\r\n" VIA "\r\nno");
    assert_text_equal(field_of(stage.exchange(), "reason"), "complete");
    assert_text_equal(field_of(stage.exchange(), "status"), "413");
}

void a_body_that_stops_after_an_early_answer_is_waited_for_two_seconds(Stage& stage) {
    stage.send(POST_10 "abc");
    assert_true(stage.accept());
    stage.answer(NO);
    assert_text_equal(stage.client_bytes(), NO_GOT);
    stage.rig().advance(1'500);
    assert_text_equal(stage.client_state(), "open");
    stage.rig().advance(1'000);
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.upstream_state(), "fin");
    assert_text_equal(stage.leave(), complete("413") + std::string(client_complete) +
                                         "upstream complete by=nobody phase=done op=none\n");
}

void a_client_that_leaves_after_an_early_answer_is_done(Stage& stage) {
    stage.send(POST_10 "abc");
    assert_true(stage.accept());
    stage.answer(NO);
    assert_text_equal(stage.client_bytes(), NO_GOT);
    stage.client_fin();
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.records(), complete("413") + std::string(client_complete) +
                                           "upstream complete by=nobody phase=done op=none\n");
}

// ---- refusals of our own -------------------------------------------------------------------------

// Sends as much as is taken, turn by turn; how many bytes that was.
size_t pump(Stage& stage, size_t most) {
    const std::string block(64 * 1024, 'x');
    size_t sent = 0;
    for (int idle = 0; sent < most && idle < 3;) {
        const size_t count = stage.client.send(
            std::string_view(block).substr(0, std::min(block.size(), most - sent)));
        stage.rig().settle();
        idle = count == 0 ? idle + 1 : 0;
        sent += count;
    }
    return sent;
}

struct Refusal {
    std::string_view name;
    std::string_view request;
    int status;
    std::string_view reason;
    std::string_view detail;
};
constexpr Refusal refusals[] = {
    {"a refused head's body is drained",
     "POST / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 8388608\r\n\r\n", 400,
     "client_malformed", "Host is repeated"},
    {"a refused expectation's body is drained",
     "POST / HTTP/1.1\r\nHost: a\r\nExpect: x\r\nContent-Length: 8388608\r\n\r\n", 417,
     "request_unsupported", "an expectation other than 100-continue"},
    {"an unknown method's body is drained",
     "FOO / HTTP/1.1\r\nHost: a\r\nContent-Length: 8388608\r\n\r\n", 501, "request_unsupported",
     "the method is not one that is known"},
    {"a too large head is drained", "", 414, "client_head_too_large",
     "the request target is over 8 KiB"},
};
void check_refusal(Stage& stage, const Refusal& row) {
    stage.send(row.request.empty() ? "GET /" + times(9000, "x") : std::string(row.request));
    // As a client that reads only after it has written all: 8 MiB more, none of it refused.
    assert_int_equal(pump(stage, 8U << 20), 8U << 20);
    assert_false(stage.accept());
    assert_own_answer(stage, {row.status, row.reason, row.detail});
    assert_text_equal(stage.client_state(), "fin");
    stage.client_fin();
    const std::string reason(row.reason);
    assert_text_equal(stage.records(), "exchange " + reason +
                                           " by=client phase=request_head op=parse status=" +
                                           std::to_string(row.status) + "\nclient " + reason +
                                           " by=client phase=request_head op=parse\n");
}

void a_refused_chunks_body_is_drained(Stage& stage) {
    stage.send(POST_CHUNKED "3\r\nabc\r\n");
    assert_true(stage.accept());
    stage.send("zzz\r\n");
    assert_int_equal(pump(stage, 1U << 20), 1U << 20);
    assert_own_answer(stage, {400, "client_malformed", "a chunk size is not hexadecimal"});
    assert_text_equal(stage.client_state(), "fin");
}

void a_502_in_the_middle_of_a_body_is_read(Stage& stage) {
    stage.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8388608\r\n\r\nabc");
    assert_true(stage.accept());
    stage.upstream.reset();
    stage.rig().settle();
    assert_int_equal(pump(stage, 1U << 20), 1U << 20);
    OwnAnswer due{502, "upstream_reset",
                  "The upstream reset its connection while the request body was on its way "
                  "(ECONNRESET): dockerd died, or was stopped."};
    due.reached = "acts";
    assert_own_answer(stage, due);
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(
        stage.leave(),
        "exchange upstream_reset by=upstream phase=request_body op=read errno=ECONNRESET "
        "status=502\n"
        "client partner(upstream_reset) by=nobody phase=request_body op=none\n"
        "upstream upstream_reset by=upstream phase=request_body op=read errno=ECONNRESET\n");
}

void a_502_for_a_refused_connect_is_read_by_an_uploading_client(Stage& stage) {
    stage.options.with_upstream = false;
    stage.options.settings.connect_tries = 1;
    stage.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 8388608\r\n\r\n");
    assert_int_equal(pump(stage, 1U << 20), 1U << 20);
    assert_own_answer(stage, {502, "upstream_refused",
                              "The upstream refused the connection (ECONNREFUSED): is dockerd "
                              "running?"});
    assert_text_equal(stage.client_state(), "fin");
}

// Bounds: two seconds, and 16 MiB.
void a_refused_client_that_stays_is_closed_after_two_seconds(Stage& stage) {
    stage.send("GET / HTTP/2.0\r\nHost: a\r\n\r\n");
    assert_text_equal(stage.client_state(), "fin");
    stage.rig().advance(1'000);
    assert_int_equal(stage.rig().house().session_count(), 1);
    stage.rig().advance(1'500);
    assert_int_equal(stage.rig().house().session_count(), 0);
}

void a_refused_client_that_never_stops_is_closed_after_16_mib(Stage& stage) {
    stage.send("GET / HTTP/2.0\r\nHost: a\r\n\r\n");
    const size_t sent = pump(stage, 64U << 20);
    assert_true(sent >= 16U << 20);
    assert_true(sent < 32U << 20);
    assert_int_equal(stage.rig().house().session_count(), 0);
    assert_true(stage.rig().loop().slabs().held() == 0);
}

}  // namespace

int main() {
    Cases cases;
    cases.add(refusals, check_refusal);
    cases.add(SCENARIO(an_early_answer_is_delivered_and_the_rest_still_goes_up));
    cases.add(SCENARIO(both_bodies_flow_at_once));
    cases.add(SCENARIO(an_answer_may_end_before_a_body_that_goes_on));
    cases.add(SCENARIO(an_early_answer_of_an_upstream_that_closes_is_delivered));
    cases.add(SCENARIO(an_early_answer_of_an_upstream_that_resets_is_delivered));
    cases.add(SCENARIO(an_answer_is_looked_for_after_a_failed_write));
    cases.add(SCENARIO(a_body_that_stops_after_an_early_answer_is_waited_for_two_seconds));
    cases.add(SCENARIO(a_client_that_leaves_after_an_early_answer_is_done));
    cases.add(SCENARIO(a_refused_chunks_body_is_drained));
    cases.add(SCENARIO(a_502_in_the_middle_of_a_body_is_read));
    cases.add(SCENARIO(a_502_for_a_refused_connect_is_read_by_an_uploading_client));
    cases.add(SCENARIO(a_refused_client_that_stays_is_closed_after_two_seconds));
    cases.add(SCENARIO(a_refused_client_that_never_stops_is_closed_after_16_mib));
    return cases.run("early answers");
}
