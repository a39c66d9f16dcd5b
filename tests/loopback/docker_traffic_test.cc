// Docker's own traffic as it was measured (DOCKER.md "Traffic"), each command's exchanges to the byte:
// silences, half-closes, answers before bodies, two exchanges that need each other.
#include "support/answers.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

#define VIA "Via: 1.1 becaused\r\n"
#define CHUNKED \
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
constexpr uint64_t minute_ms = 60'000;

// Another client with an upstream connection of its own; `stage.more` are both, in that order.
Peer& open_other(Stage& stage, std::string_view request) {
    stage.more.push_back(stage.rig().connect());
    assert_int_equal(stage.more.back().send(request), request.size());
    stage.more.push_back(stage.rig().accept());
    assert_true(stage.more.back().open());
    stage.more.back().read();
    return stage.more.back();
}
std::string take(Stage& stage, Peer& peer) {
    stage.rig().settle();
    peer.read();
    return std::exchange(peer.received, {});
}

// Everything a command asks first.
void ping_passes(Stage& stage) {
    stage.send(
        "HEAD /_ping HTTP/1.1\r\nHost: a\r\nUser-Agent: Docker-Client/28.2.2 (linux)\r\n\r\n");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(),
                      "HEAD /_ping HTTP/1.1\r\nHost: a\r\n"
                      "User-Agent: Docker-Client/28.2.2 (linux)\r\n{+}\r\n");
    stage.answer(
        "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nBuilder-Version: 2\r\n"
        "Cache-Control: no-cache, no-store, must-revalidate\r\nContent-Length: 0\r\n"
        "Content-Type: text/plain; charset=utf-8\r\nDocker-Experimental: false\r\n"
        "Ostype: linux\r\nPragma: no-cache\r\n\r\n");
    assert_text_equal(stage.client_bytes(),
                      "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nBuilder-Version: 2\r\n"
                      "Cache-Control: no-cache, no-store, must-revalidate\r\nContent-Length: 0\r\n"
                      "Content-Type: text/plain; charset=utf-8\r\nDocker-Experimental: false\r\n"
                      "Ostype: linux\r\nPragma: no-cache\r\n" VIA "\r\n");
}

// Without it the client would fall back to a version that dockerd refuses.
void a_ping_that_fails_still_tells_the_api_version(Stage& stage) {
    stage.options.settings.connect_tries = 1;
    ping_passes(stage);
    stage.rig().stop_upstream();
    stage.upstream.close();
    stage.rig().settle();
    stage.send("GET /_ping HTTP/1.1\r\nHost: a\r\n\r\n");
    OwnAnswer due{502, "upstream_refused",
                  "The upstream refused the connection (ECONNREFUSED): is dockerd running?"};
    due.close = false;
    due.extra = "Api-Version: 1.41\r\n";
    due.reached = "nothing";
    assert_own_answer(stage, due);
}

// docker run: attach in a tunnel whose input is closed at once, wait whose head comes before its body,
// then start; output, the exit code, and both ends.
void run_works(Stage& stage) {
    stage.send(
        "POST /v1.41/containers/c/attach?stderr=1&stdout=1&stream=1 HTTP/1.1\r\nHost: a\r\n"
        "Content-Length: 0\r\nConnection: Upgrade\r\nContent-Type: text/plain\r\n"
        "Upgrade: tcp\r\n\r\n");
    assert_true(stage.accept());
    assert_text_equal(
        stage.upstream_got(),
        "POST /v1.41/containers/c/attach?stderr=1&stdout=1&stream=1 HTTP/1.1\r\nHost: a\r\n"
        "Content-Length: 0\r\nContent-Type: text/plain\r\nUpgrade: tcp\r\n"
        "Connection: Upgrade\r\n{+}\r\n");
    stage.answer(
        "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n"
        "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    assert_true(stage.client_bytes().starts_with("HTTP/1.1 101 UPGRADED\r\n"));
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "fin");

    Peer& wait =
        open_other(stage,
                   "POST /v1.41/containers/c/wait?condition=next-exit HTTP/1.1\r\nHost: a\r\n"
                   "Content-Length: 0\r\n\r\n");
    assert_true(wait.send(CHUNKED "\r\n") > 0);
    // The CLI sends start only after this head.
    assert_text_equal(take(stage, stage.more[0]), CHUNKED VIA "\r\n");
    stage.second = stage.rig().connect();
    assert_true(stage.second.send("POST /v1.41/containers/c/start HTTP/1.1\r\nHost: a\r\n"
                                  "Content-Length: 0\r\n\r\n") > 0);
    Peer start = stage.rig().accept();
    assert_true(start.open());
    assert_true(start.send(no_content) > 0);
    assert_text_equal(take(stage, stage.second), no_content_got);

    // A container that says something only now and then.
    stage.rig().advance(20 * minute_ms);
    stage.answer("\x01\0\0\0\0\0\0\x06hello\n"sv);
    assert_text_equal(stage.client_bytes(), "\x01\0\0\0\0\0\0\x06hello\n"sv);
    stage.rig().advance(20 * minute_ms);
    stage.upstream_fin();
    assert_text_equal(stage.client_state(), "fin");
    assert_true(wait.send("12\r\n{\"StatusCode\":7}\r\n\r\n0\r\n\r\n") > 0);
    assert_text_equal(take(stage, stage.more[0]), "12\r\n{\"StatusCode\":7}\r\n\r\n0\r\n\r\n");
    assert_text_equal(stage.records(),
                      std::string(complete_204) +
                          "client keepalive_idle by=nobody phase=keepalive op=clock "
                          "clock=keepalive/120000\n"
                          "upstream keepalive_idle by=nobody phase=keepalive op=clock "
                          "clock=upstream_idle/60000\n"
                          "exchange tunnel_complete by=nobody phase=done op=none status=101\n"
                          "client tunnel_complete by=nobody phase=done op=none\n"
                          "upstream tunnel_complete by=nobody phase=done op=none\n" +
                          complete("200"));
}

// docker exec: a body of 29 bytes and Upgrade, then the exit code on another connection.
void exec_works(Stage& stage) {
    stage.send(
        "POST /v1.41/exec/e/start HTTP/1.1\r\nHost: a\r\nContent-Length: 29\r\n"
        "Connection: Upgrade\r\nContent-Type: application/json\r\nUpgrade: tcp\r\n\r\n"
        "{\"Detach\":false,\"Tty\":false}\n");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(),
                      "POST /v1.41/exec/e/start HTTP/1.1\r\nHost: a\r\nContent-Length: 29\r\n"
                      "Content-Type: application/json\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n"
                      "{+}\r\n{\"Detach\":false,\"Tty\":false}\n");
    stage.answer("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    stage.client_bytes();
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "fin");
    stage.answer("out");
    stage.upstream_fin();
    assert_text_equal(stage.client_bytes(), "out");
    assert_text_equal(stage.client_state(), "fin");
    Peer& json = open_other(stage, "GET /v1.41/exec/e/json HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(json.send("HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\n{\"ExitCode\":0}") > 0);
    assert_text_equal(take(stage, stage.more[0]),
                      "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n" VIA "\r\n{\"ExitCode\":0}");
}

// Silent for as long as nothing happens, and no Content-Type is invented.
void follow(Stage& stage, std::string_view request) {
    stage.send(request);
    assert_true(stage.accept());
    stage.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_text_equal(stage.client_bytes(),
                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" VIA "\r\n");
    stage.rig().advance(30 * minute_ms);
    stage.answer("5\r\nline\n\r\n");
    assert_text_equal(stage.client_bytes(), "5\r\nline\n\r\n");
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(field_of(stage.exchange(), "reason"), "client_closed");
}
void logs_may_be_silent_for_ever(Stage& stage) {
    follow(stage, "GET /v1.41/containers/c/logs?follow=1&stdout=1 HTTP/1.1\r\nHost: a\r\n\r\n");
}
void events_may_be_silent_for_ever(Stage& stage) {
    follow(stage, "GET /v1.41/events HTTP/1.1\r\nHost: a\r\n\r\n");
}

// stop -t N answers when the container is gone.
void stop_may_take_as_long_as_the_user_said(Stage& stage) {
    stage.send(
        "POST /v1.41/containers/c/stop?t=1200 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    assert_true(stage.accept());
    stage.rig().advance(20 * minute_ms);
    stage.answer(no_content);
    assert_text_equal(stage.client_bytes(), no_content_got);
}

void cp_passes_paths_and_archives_untouched(Stage& stage) {
    stage.send(
        "HEAD /v1.41/containers/c/archive?path=%2Ft%C3%A9%2F..%2Fx HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(),
                      "HEAD /v1.41/containers/c/archive?path=%2Ft%C3%A9%2F..%2Fx HTTP/1.1\r\n"
                      "Host: a\r\n{+}\r\n");
    stage.answer("HTTP/1.1 200 OK\r\nX-Docker-Container-Path-Stat: eyJ9\r\n\r\n");
    assert_text_equal(stage.client_bytes(),
                      "HTTP/1.1 200 OK\r\nX-Docker-Container-Path-Stat: eyJ9\r\n" VIA "\r\n");
    stage.send(
        "PUT /v1.41/containers/c/archive?path=x HTTP/1.1\r\nHost: a\r\n"
        "Transfer-Encoding: chunked\r\n\r\n" +
        chunked("tar\0tar"sv, 5));
    assert_text_equal(stage.upstream_got(),
                      "PUT /v1.41/containers/c/archive?path=x HTTP/1.1\r\nHost: a\r\n"
                      "Transfer-Encoding: chunked\r\n{+}\r\n[" +
                          std::string("tar\0tar"sv) + "]");
    stage.answer("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n");
    stage.client_bytes();
    stage.send(
        "GET /v1.41/containers/c/archive?path=x HTTP/1.1\r\nHost: a\r\n"
        "Accept-Encoding: gzip\r\n\r\n");
    stage.answer(
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n"
        "4\r\n\x1f\x8b\x08\x01\r\n0\r\n\r\n");
    assert_text_equal(
        stage.client_got(),
        "HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n" VIA
        "\r\n[\x1f\x8b\x08\x01]");
}

// load answers only after the upload.
void load_works(Stage& stage) {
    const std::string image = pattern(150'000);
    stage.send(
        "POST /v1.41/images/load?quiet=1 HTTP/1.1\r\nHost: a\r\n"
        "Content-Type: application/x-tar\r\nTransfer-Encoding: chunked\r\n\r\n" +
        chunked(image, 32 * 1024));
    assert_true(stage.accept());
    assert_true(stage.upstream_got().ends_with("[" + image + "]"));
    stage.rig().advance(2 * minute_ms);
    stage.answer(CHUNKED "\r\n" + chunked("{\"stream\":\"Loaded\"}\r\n", 100));
    assert_text_equal(stage.client_got(), CHUNKED VIA "\r\n[{\"stream\":\"Loaded\"}\r\n]");
}

// A classic build: output while the context arrives, then all of a RUN step in silence.
void a_classic_build_works(Stage& stage) {
    stage.send(
        "POST /v1.41/build?t=x HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-tar\r\n"
        "X-Registry-Config: e30=\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n");
    assert_true(stage.accept());
    assert_true(stage.upstream_got().ends_with("[first (cut)"));
    stage.answer(CHUNKED
                 "\r\n"
                 "8\r\n{\"a\":1}\n\r\n");
    assert_text_equal(stage.client_got(), CHUNKED VIA "\r\n[{\"a\":1}\n (cut)");
    stage.send("4\r\nlast\r\n0\r\n\r\n");
    assert_text_equal(stage.upstream_bytes(), "4\r\nlast\r\n0\r\n\r\n");
    stage.rig().advance(29 * minute_ms);
    stage.answer("8\r\n{\"b\":2}\n\r\n0\r\n\r\n");
    assert_text_equal(stage.client_bytes(), "8\r\n{\"b\":2}\n\r\n0\r\n\r\n");
    assert_text_equal(stage.records(), complete("200"));
}

// BuildKit: an empty POST whose answer is silent, and a session whose tunnel carries the context and
// beats every five seconds.
void a_buildkit_build_works(Stage& stage) {
    stage.send(
        "POST /session HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
        "X-Docker-Expose-Session-Uuid: u\r\n\r\n");
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.answer("HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n");
    stage.client_bytes();
    Peer& build = open_other(stage,
                             "POST /v1.41/build?session=u&version=2 HTTP/1.1\r\nHost: a\r\n"
                             "Content-Length: 0\r\n\r\n");
    assert_true(build.send(CHUNKED "\r\n") > 0);
    assert_text_equal(take(stage, stage.more[0]), CHUNKED VIA "\r\n");
    for (int i = 0; i < 60; ++i) {
        stage.rig().advance(5'000);
        stage.answer("\0\0\x08\x06\0\0\0\0\0PINGPING"sv);
        assert_text_equal(stage.client_bytes(), "\0\0\x08\x06\0\0\0\0\0PINGPING"sv);
        stage.send("\0\0\x08\x06\x01\0\0\0\0PINGPING"sv);
        assert_text_equal(stage.upstream_bytes(), "\0\0\x08\x06\x01\0\0\0\0PINGPING"sv);
    }
    assert_true(build.send("8\r\n{\"a\":1}\n\r\n0\r\n\r\n") > 0);
    assert_text_equal(take(stage, stage.more[0]), "8\r\n{\"a\":1}\n\r\n0\r\n\r\n");
    stage.client_fin();
    stage.upstream_fin();
    assert_text_equal(stage.records(),
                      complete("200") +
                          "exchange tunnel_complete by=nobody phase=done op=none status=101\n"
                          "client tunnel_complete by=nobody phase=done op=none\n"
                          "upstream tunnel_complete by=nobody phase=done op=none\n");
}

// The story this proxy comes from: a push is quiet for as long as the registry stalls.
void a_quiet_push_is_not_cut(Stage& stage) {
    stage.send(
        "POST /v1.41/images/r%2Fx/push?tag=t HTTP/1.1\r\nHost: a\r\n"
        "X-Registry-Auth: e30=\r\nContent-Length: 0\r\n\r\n");
    assert_true(stage.accept());
    stage.rig().advance(10 * minute_ms);
    stage.answer(CHUNKED
                 "\r\n"
                 "8\r\n{\"a\":1}\n\r\n");
    assert_text_equal(stage.client_got(), CHUNKED VIA "\r\n[{\"a\":1}\n (cut)");
    stage.rig().advance(14 * minute_ms);
    stage.answer("8\r\n{\"b\":2}\n\r\n0\r\n\r\n");
    assert_text_equal(stage.client_bytes(), "8\r\n{\"b\":2}\n\r\n0\r\n\r\n");
    assert_text_equal(stage.records(), complete("200"));
}

// A dockerd that dies in a push must not look like a finished push.
void a_push_whose_dockerd_dies_looks_cut(Stage& stage) {
    stage.send("POST /v1.41/images/x/push HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    assert_true(stage.accept());
    stage.answer(CHUNKED
                 "\r\n"
                 "8\r\n{\"a\":1}\n\r\n");
    stage.upstream_fin();
    const std::string got = stage.client_got();
    assert_true(got.starts_with(CHUNKED VIA "\r\n[{\"a\":1}\n{\"errorDetail\":{\"message\":"));
    assert_true(got.ends_with("\"}\r\n (cut)"));  // tests/loopback/telling_test.cc has the words
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(field_of(stage.exchange(), "reason"), "upstream_closed");
}

void a_refused_login_passes(Stage& stage) {
    stage.send(
        "POST /v1.41/auth HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        "Content-Length: 2\r\n\r\n{}");
    assert_true(stage.accept());
    stage.answer(
        "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
        "Content-Length: 16\r\n\r\n{\"message\":\"no\"}");
    assert_text_equal(stage.client_bytes(),
                      "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n"
                      "Content-Length: 16\r\n" VIA "\r\n{\"message\":\"no\"}");
    assert_text_equal(stage.client_state(), "open");
}

// 80 registries in config.json: 16.4 KB of X-Registry-Config, passed on to the byte.
void a_head_of_many_registries_passes(Stage& stage) {
    const std::string config = times(4100, "e30=");
    stage.send("POST /v1.41/build HTTP/1.1\r\nHost: a\r\nX-Registry-Config: " + config +
               "\r\nContent-Length: 0\r\n\r\n");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(),
                      "POST /v1.41/build HTTP/1.1\r\nHost: a\r\n"
                      "X-Registry-Config: " +
                          config + "\r\nContent-Length: 0\r\n{+}\r\n");
    stage.answer(no_content);
    // The record keeps no secret.
    assert_true(stage.exchange().find("e30=") == std::string::npos);
}

}  // namespace

int main() {
    Cases cases;
    cases.add(SCENARIO(ping_passes));
    cases.add(SCENARIO(a_ping_that_fails_still_tells_the_api_version));
    cases.add(SCENARIO(run_works));
    cases.add(SCENARIO(exec_works));
    cases.add(SCENARIO(logs_may_be_silent_for_ever));
    cases.add(SCENARIO(events_may_be_silent_for_ever));
    cases.add(SCENARIO(stop_may_take_as_long_as_the_user_said));
    cases.add(SCENARIO(cp_passes_paths_and_archives_untouched));
    cases.add(SCENARIO(load_works));
    cases.add(SCENARIO(a_classic_build_works));
    cases.add(SCENARIO(a_buildkit_build_works));
    cases.add(SCENARIO(a_quiet_push_is_not_cut));
    cases.add(SCENARIO(a_push_whose_dockerd_dies_looks_cut));
    cases.add(SCENARIO(a_refused_login_passes));
    cases.add(SCENARIO(a_head_of_many_registries_passes));
    return cases.run("Docker's traffic");
}
