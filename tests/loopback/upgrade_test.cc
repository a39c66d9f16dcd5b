// Upgrades and hijacks: 101 and raw streams become tunnels, half-closes pass alone, and what was not
// asked for never switches (HTTP.md, DOCKER.md "Traffic", RFC 9110 §7.8).
#include "support/answers.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

#define VIA "Via: 1.1 becaused\r\n"
#define ATTACH                                                                 \
    "POST /v1.41/containers/c/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: a\r\n" \
    "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define ATTACH_GOT                                                             \
    "POST /v1.41/containers/c/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: a\r\n" \
    "Upgrade: tcp\r\nConnection: Upgrade\r\n{+}\r\n"
#define EXEC(framing)                                                                    \
    "POST /v1.41/exec/e/start HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" \
    "Connection: Upgrade\r\nUpgrade: tcp\r\n" framing "\r\n"
#define EXEC_BODY R"({"Detach":false,"Tty":false}})"  // 29 bytes, as the CLI sends
#define SWITCH                                                                     \
    "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n" \
    "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define SWITCH_GOT                                                                 \
    "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n" \
    "Upgrade: tcp\r\nConnection: Upgrade\r\n" VIA "\r\n"
constexpr std::string_view tunnel_complete =
    "exchange tunnel_complete by=nobody phase=done op=none status=101\n";
constexpr std::string_view both_complete =
    "client tunnel_complete by=nobody phase=done op=none\n"
    "upstream tunnel_complete by=nobody phase=done op=none\n";

// Both FINs, the client's first, and the records of a tunnel that missed nothing.
void close_tunnel(Stage& stage) {
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "fin");
    assert_text_equal(stage.client_state(), "open");
    stage.upstream_fin();
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.records(), std::string(tunnel_complete) + std::string(both_complete));
}

struct Switch {
    std::string_view name;
    std::string_view request;
    std::string_view got;
    std::string_view answer;
    std::string_view client_got;
};
constexpr Switch switches[] = {
    {"attach becomes a tunnel", ATTACH, ATTACH_GOT, SWITCH, SWITCH_GOT},
    {"exec with a body of its length becomes a tunnel", EXEC("Content-Length: 29\r\n") EXEC_BODY,
     "POST /v1.41/exec/e/start HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
     "Upgrade: tcp\r\nContent-Length: 29\r\nConnection: Upgrade\r\n{+}\r\n" EXEC_BODY,
     SWITCH, SWITCH_GOT},
    {"exec with a chunked body becomes a tunnel",
     EXEC("Transfer-Encoding: chunked\r\n") "1d\r\n" EXEC_BODY "\r\n0\r\n\r\n",
     "POST /v1.41/exec/e/start HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
     "Upgrade: tcp\r\nTransfer-Encoding: chunked\r\nConnection: Upgrade\r\n{+}\r\n[" EXEC_BODY "]",
     SWITCH, SWITCH_GOT},
    {"BuildKit's session becomes a tunnel",
     "POST /session HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n"
     "X-Docker-Expose-Session-Uuid: u\r\nX-Docker-Expose-Session-Grpc-Method: /m\r\n"
     "X-Docker-Expose-Session-Grpc-Method: /n\r\n\r\n",
     "POST /session HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\n"
     "X-Docker-Expose-Session-Uuid: u\r\nX-Docker-Expose-Session-Grpc-Method: /m\r\n"
     "X-Docker-Expose-Session-Grpc-Method: /n\r\nConnection: Upgrade\r\n{+}\r\n",
     "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n" VIA "\r\n"},
    {"grpc over h2c becomes a tunnel",
     "POST /grpc HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
     "POST /grpc HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n{+}\r\n",
     "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n" VIA "\r\n"},
    {"a WebSocket becomes a tunnel",
     "GET /containers/c/attach/ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
     "Connection: keep-alive, Upgrade\r\nSec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\n\r\n",
     "GET /containers/c/attach/ws HTTP/1.1\r\nHost: a\r\nUpgrade: websocket\r\n"
     "Sec-WebSocket-Key: k\r\nSec-WebSocket-Version: 13\r\nConnection: Upgrade\r\n{+}\r\n",
     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
     "Sec-WebSocket-Accept: s\r\n\r\n",
     "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: s\r\n"
     "Connection: Upgrade\r\n" VIA "\r\n"},
    {"upgrade and tcp have no case",
     "POST /a HTTP/1.1\r\nHost: a\r\nCONNECTION: uPGRADE\r\nUPGRADE: TCP\r\n\r\n",
     "POST /a HTTP/1.1\r\nHost: a\r\nUPGRADE: TCP\r\nConnection: Upgrade\r\n{+}\r\n",
     "HTTP/1.1 101 X\r\nconnection: upgrade\r\nupgrade: Tcp\r\n\r\n",
     "HTTP/1.1 101 X\r\nupgrade: Tcp\r\nConnection: Upgrade\r\n" VIA "\r\n"},
    {"one of several offered protocols may be taken",
     "POST /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: tcp, h2c\r\n\r\n",
     "POST /a HTTP/1.1\r\nHost: a\r\nUpgrade: tcp, h2c\r\nConnection: Upgrade\r\n{+}\r\n",
     "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
     "HTTP/1.1 101 X\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n" VIA "\r\n"},
    {"101 loses its framing fields, and what follows is the tunnel",
     "POST /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n",
     "POST /a HTTP/1.1\r\nHost: a\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n{+}\r\n",
     "HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: tcp\r\nContent-Length: 3\r\n\r\n",
     "HTTP/1.1 101 X\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n" VIA "\r\n"},
};

void check_switch(Stage& stage, const Switch& row) {
    stage.send(row.request);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), row.got);
    stage.answer(row.answer);
    assert_text_equal(stage.client_bytes(), row.client_got);
    stage.send("GET / HTTP/1.1\r\n\r\n\x00\xff"sv);
    assert_text_equal(stage.upstream_bytes(), "GET / HTTP/1.1\r\n\r\n\x00\xff"sv);
    stage.answer("HTTP/1.1 500 X\r\n\r\n0\r\n\r\n");
    assert_text_equal(stage.client_bytes(), "HTTP/1.1 500 X\r\n\r\n0\r\n\r\n");
    close_tunnel(stage);
}

// An upgrade that was not asked for in the right words goes on as a plain request.
constexpr Forwarded plain[] = {
    {"Upgrade without Connection is not asked for",
     "POST /a HTTP/1.1\r\nHost: a\r\nUpgrade: tcp\r\n\r\n",
     "POST /a HTTP/1.1\r\nHost: a\r\n{+}\r\n"},
    {"Connection: upgrade without Upgrade asks for nothing",
     "POST /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\n\r\n",
     "POST /a HTTP/1.1\r\nHost: a\r\n{+}\r\n"},
    {"HTTP2-Settings goes no further",
     "POST /a HTTP/1.1\r\nHost: a\r\nConnection: HTTP2-Settings\r\nHTTP2-Settings: "
     "AAMAAABk\r\n\r\n",
     "POST /a HTTP/1.1\r\nHost: a\r\n{+}\r\n"},
};

// ---- upgrades that are refused -------------------------------------------------------------------

// With no word about closing: the CLI of 20.10 would take it for a broken answer.
struct RefusedUpgrade {
    std::string_view name;
    std::string_view answer;
    std::string_view got;
};
constexpr RefusedUpgrade refused[] = {
    {"a refused upgrade with a length passes",
     "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\nno",
     "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: 2\r\n" VIA
     "\r\nno"},
    {"a refused upgrade in chunks passes",
     "HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nno\r\n0\r\n\r\n",
     "HTTP/1.1 409 Conflict\r\nTransfer-Encoding: chunked\r\n" VIA "\r\n[no]"},
    {"a refused upgrade without a body passes", "HTTP/1.1 204 No Content\r\n\r\n",
     "HTTP/1.1 204 No Content\r\n" VIA "\r\n"},
    {"an upgrade answered with 200 is no tunnel", "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
     "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" VIA "\r\nok"},
    {"426 passes as an answer", "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 426 Upgrade Required\r\nContent-Length: 0\r\n" VIA "\r\n"},
};
void check_refused_upgrade(Stage& stage, const RefusedUpgrade& row) {
    stage.send(ATTACH);
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.answer(row.answer);
    assert_text_equal(stage.client_got(), row.got);
    assert_text_equal(stage.client_state(), "open");
    stage.send(next);
    assert_text_equal(stage.upstream_got(), next_got);
    assert_text_equal(stage.records(), complete(row.got.substr(9, 3)));
}

void bytes_behind_a_refused_upgrade_are_never_a_request(Stage& stage) {
    stage.send(std::string(ATTACH) + std::string(smuggled));
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), ATTACH_GOT);
    stage.answer("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
    assert_text_equal(stage.client_bytes(),
                      "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n" VIA "\r\nno");
    assert_text_equal(stage.upstream_bytes(), "");
    assert_text_equal(stage.client_state(), "fin");
    assert_false(stage.rig().accept().open());
    assert_text_equal(stage.leave(),
                      complete("404") + "client complete by=nobody phase=done op=none\n");
}

void a_fin_before_a_refused_upgrade_still_gets_its_answer(Stage& stage) {
    stage.send(ATTACH);
    assert_true(stage.accept());
    stage.client_fin();
    stage.answer("HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno");
    assert_text_equal(stage.client_bytes(),
                      "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n" VIA "\r\nno");
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.records(),
                      complete("404") + "client complete by=nobody phase=done op=none\n");
}

// ---- hijacks without Upgrade ---------------------------------------------------------------------

#define PLAIN_ATTACH "POST /containers/c/attach?stream=1 HTTP/1.1\r\nHost: a\r\n\r\n"
#define RAW(type) "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker." type "\r\n"
struct Hijack {
    std::string_view name;
    std::string_view request;
    std::string_view answer;
    std::string_view got;
};
constexpr Hijack hijacks[] = {
    {"a raw stream in answer to attach is a tunnel", PLAIN_ATTACH, RAW("raw-stream") "\r\n",
     RAW("raw-stream") VIA "\r\n"},
    {"a multiplexed stream in answer to attach is a tunnel", PLAIN_ATTACH,
     RAW("multiplexed-stream") "\r\n", RAW("multiplexed-stream") VIA "\r\n"},
    {"a raw stream in answer to exec is a tunnel",
     "POST /v1.41/exec/e/start HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\n{}",
     RAW("raw-stream") "\r\n", RAW("raw-stream") VIA "\r\n"},
    {"a raw stream's type has no case and may have parameters", PLAIN_ATTACH,
     "HTTP/1.1 200 OK\r\ncontent-type: Application/Vnd.Docker.Raw-Stream; x=y\r\n\r\n",
     "HTTP/1.1 200 OK\r\ncontent-type: Application/Vnd.Docker.Raw-Stream; x=y\r\n" VIA "\r\n"},
    {"a raw stream in answer to an upgrade of attach is a tunnel", ATTACH, RAW("raw-stream") "\r\n",
     RAW("raw-stream") VIA "\r\n"},
};
void check_hijack(Stage& stage, const Hijack& row) {
    stage.send(row.request);
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.answer(row.answer);
    assert_text_equal(stage.client_bytes(), row.got);
    stage.send(smuggled);
    assert_text_equal(stage.upstream_bytes(), smuggled);
    stage.answer("\x01\0\0\0\0\0\0\x02hi"sv);
    assert_text_equal(stage.client_bytes(), "\x01\0\0\0\0\0\0\x02hi"sv);
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "fin");
    stage.answer("more");
    assert_text_equal(stage.client_bytes(), "more");
    stage.upstream_fin();
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.records(),
                      "exchange tunnel_complete by=nobody phase=done op=none status=200\n" +
                          std::string(both_complete));
}

// The same type is no tunnel where it has a length, or where no tunnel can be.
constexpr Answered streams[] = {
    {"a raw stream of its length is a body", PLAIN_ATTACH,
     RAW("raw-stream") "Content-Length: 2\r\n\r\nok",
     RAW("raw-stream") "Content-Length: 2\r\n" VIA "\r\nok"},
    {"a raw stream in chunks is a body", PLAIN_ATTACH,
     RAW("raw-stream") "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
     RAW("raw-stream") "Transfer-Encoding: chunked\r\n" VIA "\r\n[ok]"},
    {"a raw stream in answer to logs is a body",
     "GET /containers/c/logs HTTP/1.1\r\nHost: a\r\n\r\n", RAW("raw-stream") "\r\nok",
     RAW("raw-stream") "Transfer-Encoding: chunked\r\n" VIA "\r\n[ok]", Then::finished},
    {"another type in answer to attach is a body", PLAIN_ATTACH,
     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n\r\nok",
     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n" VIA "\r\n[ok]",
     Then::finished},
    {"an error without length in answer to attach is a body", PLAIN_ATTACH,
     "HTTP/1.1 404 Not Found\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\nno",
     "HTTP/1.1 404 Not Found\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
     "Transfer-Encoding: chunked\r\n" VIA "\r\n[no]",
     Then::finished},
};

void http_1_0_gets_no_upgrade(Stage& stage) {
    stage.send("POST /a HTTP/1.0\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n");
    assert_true(stage.accept());
    assert_true(stage.upstream_bytes().find("pgrade") == std::string::npos);
    stage.answer(SWITCH);
    assert_text_equal(field_of(stage.exchange(), "reason"), "upgrade_mismatch");
}

}  // namespace

int main() {
    Cases cases;
    cases.add(switches, check_switch);
    cases.add(plain, check_forwarded);
    cases.add(refused, check_refused_upgrade);
    cases.add(hijacks, check_hijack);
    cases.add(streams, check_answered);
    cases.add(SCENARIO(bytes_behind_a_refused_upgrade_are_never_a_request));
    cases.add(SCENARIO(a_fin_before_a_refused_upgrade_still_gets_its_answer));
    cases.add(SCENARIO(http_1_0_gets_no_upgrade));
    return cases.run("upgrades");
}
