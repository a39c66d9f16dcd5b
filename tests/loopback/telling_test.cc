// What a client is told in the answer that it reads when becaused must cut it: an error message in
// progress streams, an error frame in multiplexed streams, GOAWAY in BuildKit's HTTP/2; where the stream
// stands between two messages, and nowhere else (DOCKER.md, "What the terminal shows"). The bytes that
// the client got are compared, whole.
#include "support/telling.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

#define PUSH "POST /v1.41/images/x/push HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"
#define JSON_STREAM                                         \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n" \
    "Transfer-Encoding: chunked\r\n"
#define ONE "{\"status\":\"Pushing\",\"id\":\"0123456789ab\"}\r\n"
constexpr std::string_view reset_words =
    "The upstream reset its connection while the answer was on its way (ECONNRESET): dockerd died, "
    "or was stopped." HAD "Look at dockerd's log.";

// ---- progress streams ---------------------------------------------------------------------------

struct Progress {
    std::string_view name;
    std::string_view request;
    std::string_view answer;  // what the upstream sends before its reset
    std::string_view got;     // of that, readable, without the last bracket
    bool message;             // and then the message
};
constexpr Progress progress[] = {
    {"a broken push ends with the reason as its last message", PUSH,
     JSON_STREAM "\r\n2a\r\n" ONE "\r\n", JSON_STREAM VIA "\r\n[" ONE, true},
    {"a push that was silent so far has the reason as its only message", PUSH, JSON_STREAM "\r\n",
     JSON_STREAM VIA "\r\n[", true},
    {"two messages in one chunk and a half chunk after them are a boundary", PUSH,
     JSON_STREAM "\r\n54\r\n" ONE ONE "\r\n2", JSON_STREAM VIA "\r\n[" ONE ONE, true},
    {"a pull is told", "POST /images/create?fromImage=x HTTP/1.1\r\nHost: a\r\n\r\n",
     JSON_STREAM "\r\n2a\r\n" ONE "\r\n", JSON_STREAM VIA "\r\n[" ONE, true},
    {"a build is told", "POST /v1.41/build?t=x HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
     JSON_STREAM "\r\n2a\r\n" ONE "\r\n", JSON_STREAM VIA "\r\n[" ONE, true},
    {"a load is told", "POST /images/load HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
     JSON_STREAM "\r\n2a\r\n" ONE "\r\n", JSON_STREAM VIA "\r\n[" ONE, true},
    {"a type with parameters is still JSON", PUSH,
     "HTTP/1.1 200 OK\r\nContent-Type: Application/JSON ; charset=utf-8\r\n"
     "Transfer-Encoding: chunked\r\n\r\n2a\r\n" ONE "\r\n",
     "HTTP/1.1 200 OK\r\nContent-Type: Application/JSON ; charset=utf-8\r\n"
     "Transfer-Encoding: chunked\r\n" VIA "\r\n[" ONE,
     true},
    {"a body that ends with dockerd's connection is told", PUSH,
     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n\r\n" ONE, JSON_STREAM VIA "\r\n[" ONE,
     true},
    {"a cut inside a message stays a plain cut", PUSH, JSON_STREAM "\r\n5\r\n{\"sta\r\n",
     JSON_STREAM VIA "\r\n[{\"sta", false},
    {"a cut one byte before a message's end stays a plain cut", PUSH,
     JSON_STREAM "\r\n8\r\n{\"a\":\"}\"\r\n", JSON_STREAM VIA "\r\n[{\"a\":\"}\"", false},
    {"a cut inside an escape stays a plain cut", PUSH, JSON_STREAM "\r\n7\r\n{\"a\":\"\\\r\n",
     JSON_STREAM VIA "\r\n[{\"a\":\"\\", false},
    {"a cut inside a message after a whole one stays a plain cut", PUSH,
     JSON_STREAM "\r\n2a\r\n" ONE "\r\n2\r\n{\"\r\n", JSON_STREAM VIA "\r\n[" ONE "{\"", false},
    {"text is not told in JSON", PUSH,
     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n"
     "2a\r\n" ONE "\r\n",
     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n" VIA
     "\r\n[" ONE,
     false},
    {"bytes that are no messages are not told", PUSH, JSON_STREAM "\r\n6\r\ndenied\r\n",
     JSON_STREAM VIA "\r\n[denied", false},
    {"an error's answer is no progress stream", PUSH,
     "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n"
     "Transfer-Encoding: chunked\r\n\r\n2a\r\n" ONE "\r\n",
     "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\n"
     "Transfer-Encoding: chunked\r\n" VIA "\r\n[" ONE,
     false},
    {"a compressed stream is not told", PUSH,
     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
     "Transfer-Encoding: chunked\r\n\r\n2a\r\n" ONE "\r\n",
     "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Encoding: gzip\r\n"
     "Transfer-Encoding: chunked\r\n" VIA "\r\n[" ONE,
     false},
    {"events have no error message", "GET /events HTTP/1.1\r\nHost: a\r\n\r\n",
     JSON_STREAM "\r\n2a\r\n" ONE "\r\n", JSON_STREAM VIA "\r\n[" ONE, false},
};

void check_progress(Stage& stage, const Progress& row) {
    begin(stage, row.request, row.answer);
    reset_upstream(stage);
    const std::string last = row.message ? error_message(stage, reset_words) : "";
    // Never the last chunk: no strict reader takes it for whole.
    assert_text_equal(stage.client_got(), std::string(row.got) + last + " (cut)");
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(told(stage), row.message ? "progress" : "");
    assert_text_equal(stage.leave(),
                      "exchange upstream_reset by=upstream phase=response_body op=read "
                      "errno=ECONNRESET status=" +
                          std::string(row.got.substr(9, 3)) +
                          "\n"
                          "client partner(upstream_reset) by=nobody phase=response_body op=none\n"
                          "upstream upstream_reset by=upstream phase=response_body op=read "
                          "errno=ECONNRESET\n");
}

void a_body_of_known_length_cannot_be_told(Stage& stage) {
    begin(stage, PUSH,
          "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 90\r\n\r\n" ONE);
    reset_upstream(stage);
    assert_text_equal(stage.client_bytes(),
                      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                      "Content-Length: 90\r\n" VIA "\r\n" ONE);
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(told(stage), "");
}

// HTTP/1.0 knows a body's end by a FIN: what is cut ends with a reset, after the message.
void an_old_client_is_told_and_then_reset(Stage& stage) {
    begin(stage, "POST /images/x/push HTTP/1.0\r\nContent-Length: 0\r\n\r\n",
          JSON_STREAM "\r\n2a\r\n" ONE "\r\n");
    reset_upstream(stage);
    assert_text_equal(stage.client_bytes(),
                      "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                      "Connection: close\r\n" VIA "\r\n" ONE +
                          error_message(stage, reset_words));
    tick(stage);
    assert_text_equal(stage.client_state(), "reset");
}

void tell_can_be_turned_off(Stage& stage) {
    stage.options.settings.tell = "off";
    begin(stage, PUSH, JSON_STREAM "\r\n2a\r\n" ONE "\r\n");
    reset_upstream(stage);
    assert_text_equal(stage.client_got(), JSON_STREAM VIA "\r\n[" ONE " (cut)");
    assert_text_equal(told(stage), "");
}
void each_way_can_be_turned_off_alone(Stage& stage) {
    stage.options.settings.tell = "frames,goaway,refusals";
    begin(stage, PUSH, JSON_STREAM "\r\n2a\r\n" ONE "\r\n");
    reset_upstream(stage);
    assert_text_equal(stage.client_got(), JSON_STREAM VIA "\r\n[" ONE " (cut)");
}

// ---- whatever cuts ------------------------------------------------------------------------------

void expect_told(Stage& stage, std::string_view words, std::string_view records) {
    assert_text_equal(stage.client_got(),
                      JSON_STREAM VIA "\r\n[" ONE + error_message(stage, words) + " (cut)");
    assert_text_equal(stage.client_state(), "fin");
    const std::string summary = stage.leave();
    assert_text_equal(summary.substr(0, summary.find('\n') + 1), records);
}

void a_close_inside_the_stream_is_told(Stage& stage) {
    begin(stage, PUSH, JSON_STREAM "\r\n2a\r\n" ONE "\r\n");
    stage.upstream_fin();
    expect_told(
        stage,
        "The upstream closed its connection while the answer was on its way: dockerd or the "
        "request's handler died, or was stopped." HAD "Look at dockerd's log.",
        "exchange upstream_closed by=upstream phase=response_body op=read status=200\n");
}

void a_clock_that_cuts_a_push_is_named(Stage& stage) {
    stage.options.settings.clocks.set(RouteClass::transfer, ClockName::response_body, 5'000);
    begin(stage, PUSH, JSON_STREAM "\r\n2a\r\n" ONE "\r\n");
    stage.rig().advance(5'200);
    expect_told(stage,
                "The upstream owed bytes of the answer and sent none for 5 s (clock response_body, "
                "5 s)." HAD
                "Look what dockerd is busy with; if such silence is normal here, raise "
                "the clock.",
                "exchange upstream_stalled_sending by=upstream phase=response_body op=clock "
                "clock=response_body/5000 status=200\n");
}

void bad_chunks_are_told(Stage& stage) {
    begin(stage, PUSH, JSON_STREAM "\r\n2a\r\n" ONE "\r\nnot hex\r\n");
    expect_told(stage,
                "The upstream's answer is not valid HTTP/1.1: a chunk size is not hexadecimal." HAD
                "Look at dockerd's log.",
                "exchange upstream_malformed by=upstream phase=response_body op=parse "
                "status=200\n");
}

void a_fault_of_the_clients_own_request_is_told(Stage& stage) {
    begin(stage,
          "POST /build HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n",
          JSON_STREAM "\r\n2a\r\n" ONE "\r\n");
    stage.send("not hex\r\n");
    expect_told(stage,
                "The request is not valid HTTP/1.1: a chunk size is not hexadecimal." HAD
                "Look at the client, and at proxies before this one.",
                "exchange client_malformed by=client phase=response_body op=parse status=200\n");
}

void the_drain_clock_is_told(Stage& stage) {
    begin(stage, PUSH, JSON_STREAM "\r\n2a\r\n" ONE "\r\n");
    stage.rig().stop();
    assert_text_equal(stage.client_got(), JSON_STREAM VIA "\r\n[" ONE " (cut)");
    stage.rig().advance(30'100);
    const std::string message = error_message(
        stage,
        "becaused was told to stop, and 30 s for finishing were over while the answer was on its "
        "way (clock drain)." HAD "becaused was stopped or restarted: ask its operator.");
    char line[24];
    std::snprintf(line, sizeof line, "%zx\r\n", message.size());
    assert_text_equal(stage.client_bytes(), line + message + "\r\n");
    assert_text_equal(stage.client_state(), "fin");
    const std::string records = stage.leave();
    assert_text_equal(
        records,
        "exchange drain_deadline by=operator phase=response_body op=clock clock=drain/30000 "
        "status=200\n"
        "client partner(drain_deadline) by=nobody phase=response_body op=none\n"
        "upstream partner(drain_deadline) by=nobody phase=response_body op=none\n");
}

void a_second_stop_is_told_and_waits_for_nobody(Stage& stage) {
    begin(stage, PUSH, JSON_STREAM "\r\n2a\r\n" ONE "\r\n");
    stage.rig().stop();
    stage.rig().stop();
    assert_text_equal(
        stage.client_got(),
        JSON_STREAM VIA "\r\n[" ONE +
            error_message(stage,
                          "becaused was told to stop at once while the answer was on its way." HAD
                          "becaused was stopped or restarted: ask its operator.") +
            " (cut)");
    assert_text_equal(stage.client_state(), "fin");
    // A client that does not leave has the time of the clock linger.
    assert_int_equal(stage.rig().house().session_count(), 1);
    stage.rig().advance(2'100);
    assert_int_equal(stage.rig().house().session_count(), 0);
}

void a_third_stop_does_not_wait_for_the_telling(Stage& stage) {
    begin(stage, PUSH, JSON_STREAM "\r\n2a\r\n" ONE "\r\n");
    stage.rig().stop();
    stage.rig().stop();
    assert_int_equal(stage.rig().house().session_count(), 1);
    stage.rig().stop();
    stage.rig().settle();
    assert_int_equal(stage.rig().house().session_count(), 0);
}

void nobody_is_told_who_is_gone(Stage& stage) {
    begin(stage, PUSH, JSON_STREAM "\r\n2a\r\n" ONE "\r\n");
    stage.client_fin();
    assert_text_equal(stage.client_got(), JSON_STREAM VIA "\r\n[" ONE " (cut)");
    assert_text_equal(field_of(stage.exchange(), "reason"), "client_closed");
    assert_text_equal(told(stage), "");
}

// ---- a client that stopped reading ---------------------------------------------------------------

// More than a unix socket takes, less than would pause the upstream: the stream stands between two
// messages, and its end waits in the proxy.
std::string stall(Stage& stage) {
    stage.options.unix_client = true;
    stage.options.settings.clocks.set(RouteClass::transfer, ClockName::response_body, 5'000);
    begin(stage, PUSH, JSON_STREAM "\r\n");
    const std::string piece = times(1000, ONE);
    char line[24];
    std::snprintf(line, sizeof line, "%zx\r\n", piece.size());
    for (int i = 0; i < 8; ++i) stage.answer(line + piece + "\r\n");
    for (int i = 0; i < 100 && stage.exchange().empty(); ++i) stage.rig().advance(100);
    assert_text_equal(field_of(stage.exchange(), "reason"), "client_stalled_reading");
    assert_text_equal(told(stage), "progress");
    return JSON_STREAM VIA "\r\n[" + times(8, piece);
}

void a_stalled_client_that_wakes_up_hears_why(Stage& stage) {
    const std::string sent = stall(stage);
    const std::string message = error_message(
        stage,
        "The client stopped reading: nothing was taken for 5 s (clock response_body, 5 s)." HAD
        "Look at what holds the client up.");
    std::string got = stage.client_bytes();  // what the kernel had
    got += stage.client_bytes();             // what came after that
    assert_text_equal(readable(got), sent + message + " (cut)");
    assert_text_equal(stage.client_state(), "fin");
}

void a_stalled_client_that_sleeps_on_is_let_go(Stage& stage) {
    const std::string sent = stall(stage);
    assert_int_equal(stage.rig().house().session_count(), 1);
    stage.rig().advance(2'200);
    assert_int_equal(stage.rig().house().session_count(), 0);
    const std::string got = stage.client_got();
    assert_true(got.size() < sent.size());
    assert_true(got.find("errorDetail") == std::string::npos);
}

}  // namespace

int main() {
    Cases cases;
    cases.add(progress, check_progress);
    cases.add(SCENARIO(a_body_of_known_length_cannot_be_told));
    cases.add(SCENARIO(an_old_client_is_told_and_then_reset));
    cases.add(SCENARIO(tell_can_be_turned_off));
    cases.add(SCENARIO(each_way_can_be_turned_off_alone));
    cases.add(SCENARIO(a_close_inside_the_stream_is_told));
    cases.add(SCENARIO(a_clock_that_cuts_a_push_is_named));
    cases.add(SCENARIO(bad_chunks_are_told));
    cases.add(SCENARIO(a_fault_of_the_clients_own_request_is_told));
    cases.add(SCENARIO(the_drain_clock_is_told));
    cases.add(SCENARIO(a_second_stop_is_told_and_waits_for_nobody));
    cases.add(SCENARIO(a_third_stop_does_not_wait_for_the_telling));
    cases.add(SCENARIO(nobody_is_told_who_is_gone));
    cases.add(SCENARIO(a_stalled_client_that_wakes_up_hears_why));
    cases.add(SCENARIO(a_stalled_client_that_sleeps_on_is_let_go));
    return cases.run("telling");
}
