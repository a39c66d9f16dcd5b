// What a client in a tunnel is told when becaused must cut it, byte for byte: an error frame in Docker's
// multiplexed streams, GOAWAY in BuildKit's HTTP/2, towards both sides; and refusals of upgrades that
// stand in the tunnel. The frame comes first, the reset after it.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include "support/telling.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

#define ATTACH                                                         \
    "POST /v1.41/containers/c/attach?stream=1 HTTP/1.1\r\nHost: a\r\n" \
    "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define EXEC_BODY(body, length)                                                          \
    "POST /v1.41/exec/e/start HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" \
    "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: " length "\r\n\r\n" body
#define EXEC                                                                             \
    "POST /v1.41/exec/e/start HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" \
    "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 29\r\n\r\n"                  \
    "{\"Detach\":false,\"Tty\":false}\n"
#define SESSION "POST /session HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
#define LOGS "GET /v1.41/containers/c/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: a\r\n\r\n"
#define SWITCH(type)                                           \
    "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/" type \
    "\r\n"                                                     \
    "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define SWITCHED(type)                                         \
    "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/" type \
    "\r\n"                                                     \
    "Upgrade: tcp\r\nConnection: Upgrade\r\n" VIA "\r\n"
#define RAW "vnd.docker.raw-stream"
#define MULTIPLEXED "vnd.docker.multiplexed-stream"
#define FRAME "\1\0\0\0\0\0\0\3up\n"
constexpr std::string_view reset_words =
    "The upstream reset its connection in the tunnel (ECONNRESET): dockerd died, or was "
    "stopped." HAD "Look at dockerd's log.";
constexpr std::string_view reset_records =
    "exchange upstream_reset by=upstream phase=tunnel op=read errno=ECONNRESET status=101\n"
    "client partner(upstream_reset) by=nobody phase=tunnel op=none\n"
    "upstream upstream_reset by=upstream phase=tunnel op=read errno=ECONNRESET\n";

// ---- frames -------------------------------------------------------------------------------------

struct Frames {
    std::string_view name;
    std::string_view request;
    std::string_view answer;  // before the upstream's reset
    std::string_view got;
    bool frame;  // and then the error frame
};
constexpr Frames frames[] = {
    {"a broken attach ends with an error frame", ATTACH, SWITCH(RAW) FRAME ""sv,
     SWITCHED(RAW) FRAME ""sv, true},
    {"a broken exec ends with an error frame", EXEC, SWITCH(RAW) FRAME ""sv,
     SWITCHED(RAW) FRAME ""sv, true},
    {"a stream that says it is multiplexed is told before its first frame", ATTACH,
     SWITCH(MULTIPLEXED), SWITCHED(MULTIPLEXED), true},
    {"a stream of unknown kind is not told before its first frame", ATTACH, SWITCH(RAW),
     SWITCHED(RAW), false},
    {"an exec without a terminal is told before its first frame", EXEC, SWITCH(RAW), SWITCHED(RAW),
     true},
    {"an exec with a terminal is not told", EXEC_BODY("{\"Detach\":false,\"Tty\":true}", "27"),
     SWITCH(RAW), SWITCHED(RAW), false},
    {"an exec with a terminal in other letters is not told",
     EXEC_BODY("{ \"tTY\" :\n true }", "17"), SWITCH(RAW), SWITCHED(RAW), false},
    {"an exec whose request cannot be read is not told", EXEC_BODY("{\"Tt\\u0079\":true}", "17"),
     SWITCH(RAW), SWITCHED(RAW), false},
    {"an exec that says nothing of a terminal has none", EXEC_BODY("{}", "2"), SWITCH(RAW),
     SWITCHED(RAW), true},
    {"a terminal is not told", ATTACH, SWITCH(RAW) "$ ls\r\n", SWITCHED(RAW) "$ ls\r\n", false},
    {"a cut in a frame's data stays a plain cut", ATTACH, SWITCH(RAW) FRAME "\1\0\0\0\0\0\0\3u"sv,
     SWITCHED(RAW) FRAME "\1\0\0\0\0\0\0\3u"sv, false},
    {"a cut in a frame's header stays a plain cut", ATTACH, SWITCH(MULTIPLEXED) FRAME "\1\0\0"sv,
     SWITCHED(MULTIPLEXED) FRAME "\1\0\0"sv, false},
    {"another kind of stream is not told", ATTACH, SWITCH("octet-stream") FRAME ""sv,
     SWITCHED("octet-stream") FRAME ""sv, false},
};

void acknowledge(Stage& stage, int quickly) {
    assert_int_equal(
        ::setsockopt(stage.client.fd(), IPPROTO_TCP, TCP_QUICKACK, &quickly, sizeof quickly), 0);
}
// A reset at once could destroy what is on its way: the acknowledgement of the client's kernel is waited
// for, and found by a tick of the wheel.
void expect_reset_after_delivery(Stage& stage) {
    assert_text_equal(stage.client_state(), "open");
    acknowledge(stage, 1);
    stage.rig().advance(200);
    stage.rig().settle();
}

void check_frames(Stage& stage, const Frames& row) {
    begin(stage, row.request, row.answer);
    acknowledge(stage, 0);
    reset_upstream(stage);
    const std::string last = row.frame ? error_frame(stage, reset_words) : "";
    const std::string got = stage.client_bytes();
    assert_text_equal(test_support::visible(got),
                      test_support::visible(std::string(row.got) + last));
    if (row.frame) expect_reset_after_delivery(stage);
    assert_text_equal(stage.client_state(), "reset");
    assert_text_equal(stage.client_bytes(), "");
    assert_text_equal(told(stage), row.frame ? "frames" : "");
    assert_text_equal(stage.records(), reset_records);
}

void a_client_that_had_half_closed_is_told(Stage& stage) {
    begin(stage, ATTACH, SWITCH(RAW) FRAME ""sv);
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "fin");
    stage.client_bytes();
    reset_upstream(stage);
    assert_true(stage.client_bytes() == error_frame(stage, reset_words));
    tick(stage);
    assert_text_equal(stage.client_state(), "reset");
    assert_text_equal(stage.records(), reset_records);
}

// A hijack without an upgrade (DESIGN §5.10) is a tunnel too.
void a_hijacked_attach_is_told(Stage& stage) {
    begin(stage,
          "POST /containers/c/attach?stream=1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
          "HTTP/1.1 200 OK\r\nContent-Type: application/" RAW "\r\n\r\n" FRAME ""sv);
    stage.client_bytes();
    reset_upstream(stage);
    assert_true(stage.client_bytes() == error_frame(stage, reset_words));
    tick(stage);
    assert_text_equal(stage.client_state(), "reset");
}

void a_client_on_a_unix_socket_is_told_at_once(Stage& stage) {
    stage.options.unix_client = true;
    begin(stage, ATTACH, SWITCH(RAW) FRAME ""sv);
    stage.client_bytes();
    reset_upstream(stage);
    // Nothing can be lost on a unix socket: no tick is waited for.
    assert_true(stage.client_bytes() == error_frame(stage, reset_words));
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.records(), reset_records);
}

// Up to API 1.41 logs come without a Content-Type.
void logs_are_told_in_a_chunk_and_not_ended(Stage& stage) {
    begin(stage, LOGS, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n" FRAME "\r\n"sv);
    reset_upstream(stage);
    const std::string words =
        "The upstream reset its connection while the answer was on its way (ECONNRESET): dockerd "
        "died, or was stopped. It only reads: it is safe to try again. Look at dockerd's log.";
    assert_text_equal(
        test_support::visible(stage.client_got()),
        test_support::visible(std::string("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" VIA
                                          "\r\n[" FRAME ""sv) +
                              error_frame(stage, words) + " (cut)"));
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(told(stage), "frames");
}

void a_second_stop_is_told_in_the_tunnel(Stage& stage) {
    begin(stage, ATTACH, SWITCH(RAW) FRAME ""sv);
    stage.client_bytes();
    stage.rig().stop();
    stage.rig().stop();
    stage.rig().settle();
    assert_true(stage.client_bytes() ==
                error_frame(stage, "becaused was told to stop at once in the tunnel." HAD
                                   "becaused was stopped or restarted: ask its operator."));
    tick(stage);
    assert_text_equal(stage.client_state(), "reset");
    assert_int_equal(stage.rig().house().session_count(), 0);
}

// A client that takes nothing gets its reset when the clock linger is over.
void a_tunnel_that_nobody_reads_does_not_stay(Stage& stage) {
    begin(stage, ATTACH, SWITCH(RAW));
    std::string frame("\1\0\0\0\0\1\0\0", 8);
    frame.append(65536, 'x');
    std::string rest;
    for (int stuck = 0; stuck < 3;) {
        if (rest.empty()) rest = frame;
        const size_t sent = stage.upstream.send(rest);
        rest.erase(0, sent);
        stuck = sent == 0 ? stuck + 1 : 0;
        stage.rig().settle();
    }
    stage.rig().stop();
    stage.rig().stop();
    stage.rig().settle();
    stage.rig().advance(2'100);
    assert_int_equal(stage.rig().house().session_count(), 0);
    assert_text_equal(field_of(stage.exchange(), "reason"), "shutdown");
}

void no_frame_follows_dockerds_own_end(Stage& stage) {
    begin(stage, ATTACH, SWITCH(RAW) FRAME ""sv);
    stage.upstream_fin();
    assert_text_equal(stage.client_state(), "fin");
    stage.client_bytes();
    stage.rig().advance(61'000);  // the clock half_open
    assert_text_equal(field_of(stage.exchange(), "reason"), "client_stalled_sending");
    assert_text_equal(stage.client_bytes(), "");
    assert_text_equal(told(stage), "");
}

void frames_can_be_turned_off(Stage& stage) {
    stage.options.settings.tell = "progress,goaway";
    begin(stage, ATTACH, SWITCH(RAW) FRAME ""sv);
    stage.client_bytes();
    reset_upstream(stage);
    assert_text_equal(stage.client_bytes(), "");
    assert_text_equal(stage.client_state(), "reset");
}

// ---- GOAWAY -------------------------------------------------------------------------------------

#define SWITCH_H2C "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
#define PING              \
    "\0\0\x8\6\0\0\0\0\0" \
    "12345678"

// dockerd is the HTTP/2 client of a session: its side begins with the preface.
void open_session(Stage& stage, std::string_view down = PREFACE SETTINGS ""sv,
                  std::string_view up = SETTINGS PING ""sv) {
    begin(stage, SESSION, SWITCH_H2C);
    stage.answer(down);
    stage.send(up);
    stage.client_bytes();
    stage.upstream_bytes();
}

void a_broken_session_says_goaway_to_the_client(Stage& stage) {
    open_session(stage);
    reset_upstream(stage);
    assert_text_equal(test_support::visible(stage.client_bytes()),
                      test_support::visible(goaway(stage, reset_words)));
    tick(stage);
    assert_text_equal(stage.client_state(), "reset");
    assert_text_equal(told(stage), "goaway");
    assert_text_equal(stage.records(), reset_records);
}

void a_client_that_leaves_its_session_is_named_to_dockerd(Stage& stage) {
    open_session(stage);
    stage.client.reset();
    stage.rig().settle();
    assert_text_equal(test_support::visible(stage.upstream_bytes()),
                      test_support::visible(goaway(
                          stage, "The client reset its connection in the tunnel (ECONNRESET)." HAD
                                 "Look at the client, and at the network on its way here.")));
    assert_text_equal(stage.upstream_state(), "fin");
    assert_text_equal(told(stage), "");  // the client was not
    assert_text_equal(
        stage.records(),
        "exchange client_reset by=client phase=tunnel op=read errno=ECONNRESET status=101\n"
        "client client_reset by=client phase=tunnel op=read errno=ECONNRESET\n"
        "upstream partner(client_reset) by=nobody phase=tunnel op=none\n");
}

void a_silent_dockerd_is_named_to_the_sessions_client(Stage& stage) {
    open_session(stage);
    stage.rig().advance(1'000);
    stage.send(PING ""sv);  // it is dockerd's turn
    stage.upstream_bytes();
    stage.rig().advance(60'100);
    const std::string words =
        "The upstream owed bytes of the answer and sent none for 60 s (clock tunnel, 60 s)." HAD
        "Look what dockerd is busy with; if such silence is normal here, raise the clock.";
    assert_text_equal(field_of(stage.exchange(), "reason"), "upstream_stalled_sending");
    assert_text_equal(test_support::visible(stage.client_bytes()),
                      test_support::visible(goaway(stage, words)));
    // It is dockerd's own doing: it gets a plain reset.
    assert_text_equal(stage.upstream_bytes(), "");
    assert_text_equal(stage.upstream_state(), "reset");
}

void a_drain_says_goaway_on_both_sides(Stage& stage) {
    open_session(stage);
    stage.rig().stop();
    stage.rig().advance(30'100);
    const std::string frame =
        goaway(stage,
               "becaused was told to stop, and 30 s for finishing were over in the tunnel (clock "
               "drain)." HAD "becaused was stopped or restarted: ask its operator.");
    assert_text_equal(test_support::visible(stage.client_bytes()), test_support::visible(frame));
    assert_text_equal(test_support::visible(stage.upstream_bytes()), test_support::visible(frame));
    assert_text_equal(stage.upstream_state(), "fin");
    tick(stage);
    assert_text_equal(stage.client_state(), "reset");
}

struct NoGoaway {
    std::string_view name;
    std::string_view down;
};
constexpr NoGoaway no_goaway[] = {
    {"a session cut in a frame gets a plain reset", PREFACE SETTINGS "\0\0\x8\6\0\0\0\0\0"
                                                                     "1234"sv},
    {"a session that has not begun gets a plain reset", PREFACE},
    {"a session that does not speak HTTP/2 gets a plain reset", "session bytes"},
    {"a session whose dockerd said GOAWAY itself gets no second one",
     PREFACE SETTINGS "\0\0\x8\7\0\0\0\0\0"
                      "\0\0\0\1\0\0\0\0"sv},
};
void check_no_goaway(Stage& stage, const NoGoaway& row) {
    open_session(stage, row.down);
    reset_upstream(stage);
    assert_text_equal(stage.client_bytes(), "");
    assert_text_equal(stage.client_state(), "reset");
    assert_text_equal(told(stage), "");
}

void goaway_can_be_turned_off(Stage& stage) {
    stage.options.settings.tell = "progress,frames";
    open_session(stage);
    stage.client.reset();
    stage.rig().settle();
    assert_text_equal(stage.upstream_bytes(), "");
    assert_text_equal(stage.upstream_state(), "reset");
}

// ---- refusals in the tunnel -----------------------------------------------------------------------

void nobody_there(Stage& stage, std::string_view tell) {
    stage.options.settings.tell = tell;
    stage.options.with_upstream = false;
    stage.options.settings.connect_tries = 1;
}
constexpr std::string_view refused_words =
    "The upstream refused the connection (ECONNREFUSED): is dockerd running? Nothing reached "
    "dockerd: it is safe to try again. Look whether dockerd runs.";

void check_refused_in_the_tunnel(Stage& stage, std::string_view request) {
    nobody_there(stage, "refusals");
    stage.send(request);
    const std::string head =
        "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
        "Proxy-Status: becaused; error=connection_refused; details=\"upstream_refused " +
        field_of(stage.exchange(), "id") + "\"\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    assert_text_equal(test_support::visible(stage.client_bytes()),
                      test_support::visible(head + error_frame(stage, refused_words)));
    // No reset: docker's client may still be sending its request, and would take that for the answer.
    tick(stage);
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(told(stage), "refusals");
    assert_text_equal(
        stage.leave(),
        "exchange upstream_refused by=upstream phase=connect op=connect errno=ECONNREFUSED "
        "status=101\n"
        "client partner(upstream_refused) by=nobody phase=connect op=none\n"
        "upstream upstream_refused by=upstream phase=connect op=connect errno=ECONNREFUSED\n");
}
void a_refused_attach_can_be_told_in_its_tunnel(Stage& stage) {
    check_refused_in_the_tunnel(stage, ATTACH);
}
void a_refused_exec_can_be_told_in_its_tunnel(Stage& stage) {
    check_refused_in_the_tunnel(stage, EXEC);
}

// By default, for what is no multiplexed tunnel, and for what asked for no tunnel: an answer.
struct Plain {
    std::string_view name;
    std::string_view tell;
    std::string_view request;
};
constexpr Plain plain[] = {
    {"a refused attach is an answer by default", "progress,frames,goaway", ATTACH},
    {"a refused session is an answer", "refusals", SESSION},
    {"a refused attach to another protocol is an answer", "refusals",
     "POST /containers/c/attach HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\n"
     "Upgrade: websocket\r\n\r\n"},
    {"refused logs are an answer", "refusals", LOGS},
};
void check_plain(Stage& stage, const Plain& row) {
    nobody_there(stage, row.tell);
    stage.send(row.request);
    const std::string got = stage.client_bytes();
    assert_true(got.starts_with("HTTP/1.1 502 Bad Gateway\r\n"));
    assert_text_contains(got, with_record(stage, refused_words));
    assert_text_equal(told(stage), "");
}

}  // namespace

int main() {
    Cases cases;
    cases.add(frames, check_frames);
    cases.add(SCENARIO(a_client_that_had_half_closed_is_told));
    cases.add(SCENARIO(a_hijacked_attach_is_told));
    cases.add(SCENARIO(a_client_on_a_unix_socket_is_told_at_once));
    cases.add(SCENARIO(logs_are_told_in_a_chunk_and_not_ended));
    cases.add(SCENARIO(a_second_stop_is_told_in_the_tunnel));
    cases.add(SCENARIO(a_tunnel_that_nobody_reads_does_not_stay));
    cases.add(SCENARIO(no_frame_follows_dockerds_own_end));
    cases.add(SCENARIO(frames_can_be_turned_off));
    cases.add(SCENARIO(a_broken_session_says_goaway_to_the_client));
    cases.add(SCENARIO(a_client_that_leaves_its_session_is_named_to_dockerd));
    cases.add(SCENARIO(a_silent_dockerd_is_named_to_the_sessions_client));
    cases.add(SCENARIO(a_drain_says_goaway_on_both_sides));
    cases.add(no_goaway, check_no_goaway);
    cases.add(SCENARIO(goaway_can_be_turned_off));
    cases.add(SCENARIO(a_refused_attach_can_be_told_in_its_tunnel));
    cases.add(SCENARIO(a_refused_exec_can_be_told_in_its_tunnel));
    cases.add(plain, check_plain);
    return cases.run("telling in tunnels");
}
