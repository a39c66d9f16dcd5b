// HTTP/1.0 clients: no chunks, no interim answers, kept only when they ask (HTTP.md, RFC 9112 §9.3,
// RFC 9110 §2.5).
#include "support/answers.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

#define GET_1_0 "GET /a HTTP/1.0\r\nHost: a\r\n\r\n"
#define KEPT_1_0 "GET /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n"
#define OK "HTTP/1.1 200 OK\r\n"
#define END "Connection: close\r\nVia: 1.1 becaused\r\n\r\n"
#define KEEP "Connection: keep-alive\r\nVia: 1.1 becaused\r\n\r\n"

struct Old {
    std::string_view name;
    std::string_view request;
    std::string_view answer;
    std::string_view got;
    bool upstream_fin = false;
};

// Answered, and closed by a FIN after the answer's last byte.
constexpr Old closed[] = {
    {"an answer of its length ends with the connection", GET_1_0, OK "Content-Length: 2\r\n\r\nok",
     OK "Content-Length: 2\r\n" END "ok"},
    {"a chunked answer becomes one that ends with the connection", GET_1_0,
     OK "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n", OK END "ok!"},
    {"an empty chunked answer becomes an empty one", GET_1_0,
     OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", OK END},
    {"trailers are dropped", GET_1_0,
     OK "Transfer-Encoding: chunked\r\nTrailer: X\r\n\r\n2\r\nok\r\n0\r\nX: y\r\n\r\n",
     OK END "ok"},
    {"an answer that ends with its connection stays one", GET_1_0, OK "\r\nok", OK END "ok", true},
    {"204 ends with the connection", GET_1_0, "HTTP/1.1 204 No Content\r\n\r\n",
     "HTTP/1.1 204 No Content\r\n" END},
    {"304 keeps its length", GET_1_0, "HTTP/1.1 304 X\r\nContent-Length: 9\r\n\r\n",
     "HTTP/1.1 304 X\r\nContent-Length: 9\r\n" END},
    {"an answer to HEAD keeps its length", "HEAD /a HTTP/1.0\r\nHost: a\r\n\r\n",
     OK "Content-Length: 9\r\n\r\n", OK "Content-Length: 9\r\n" END},
    {"a chunked answer to a client that asked for keep-alive still closes", KEPT_1_0,
     OK "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", OK END "ok"},
    {"Connection: close wins over keep-alive",
     "GET /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n",
     OK "Content-Length: 2\r\n\r\nok", OK "Content-Length: 2\r\n" END "ok"},
    {"Keep-Alive alone asks for nothing",
     "GET /a HTTP/1.0\r\nHost: a\r\nKeep-Alive: timeout=5\r\n\r\n",
     OK "Content-Length: 2\r\n\r\nok", OK "Content-Length: 2\r\n" END "ok"},
};
void check_closed(Stage& stage, const Old& row) {
    stage.send(std::string(row.request) + std::string(smuggled));
    assert_true(stage.accept());
    stage.answer(row.answer);
    if (row.upstream_fin) stage.upstream_fin();
    assert_text_equal(stage.client_bytes(), row.got);
    assert_text_equal(stage.client_state(), "fin");
    assert_true(stage.upstream_bytes().find("smuggled") == std::string::npos);
    assert_text_equal(field_of(stage.exchange(), "reason"), "complete");
    assert_text_equal(field_of(stage.exchange(), "version"), "1.0");
}

constexpr Old kept[] = {
    {"keep-alive is honoured and said", KEPT_1_0, OK "Content-Length: 2\r\n\r\nok",
     OK "Content-Length: 2\r\n" KEEP "ok"},
    {"keep-alive in a list is honoured",
     "GET /a HTTP/1.0\r\nHost: a\r\nConnection: x, Keep-Alive\r\n\r\n",
     OK "Content-Length: 2\r\n\r\nok", OK "Content-Length: 2\r\n" KEEP "ok"},
    {"keep-alive survives 204", KEPT_1_0, "HTTP/1.1 204 No Content\r\n\r\n",
     "HTTP/1.1 204 No Content\r\n" KEEP},
    {"keep-alive survives an upstream that closes", KEPT_1_0,
     OK "Connection: close\r\nContent-Length: 2\r\n\r\nok", OK "Content-Length: 2\r\n" KEEP "ok"},
};
void check_kept(Stage& stage, const Old& row) {
    stage.send(std::string(row.request) + std::string(row.request));
    assert_true(stage.accept());
    stage.answer(row.answer);
    assert_text_equal(stage.client_bytes(), row.got);
    if (row.answer.find("close") != std::string_view::npos) assert_true(stage.accept());
    stage.answer(row.answer);
    assert_text_equal(stage.client_bytes(), row.got);
    assert_text_equal(stage.client_state(), "open");
}

struct Sent {
    std::string_view name;
    std::string_view request;
    std::string_view got;  // up to X-Request-Id
};
#define ADDED                                                                    \
    "Via: 1.0 becaused\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: a\r\n" \
    "X-Forwarded-Proto: http\r\nForwarded: for=127.0.0.1;host=a;proto=http\r\n"
constexpr Sent sent[] = {
    {"the upstream hears HTTP/1.1", "GET /a HTTP/1.0\r\nHost: a\r\nX: y\r\n\r\n",
     "GET /a HTTP/1.1\r\nHost: a\r\nX: y\r\n" ADDED},
    {"keep-alive stays on this side", KEPT_1_0, "GET /a HTTP/1.1\r\nHost: a\r\n" ADDED},
    {"a body of its length passes", "POST /a HTTP/1.0\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc",
     "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n" ADDED},
    {"Expect means nothing and goes no further",
     "POST /a HTTP/1.0\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
     "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n" ADDED},
    {"an expectation that nobody knows means nothing either",
     "POST /a HTTP/1.0\r\nHost: a\r\nExpect: x\r\nContent-Length: 0\r\n\r\n",
     "POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n" ADDED},
    {"trailers cannot be asked for",
     "GET /a HTTP/1.0\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n",
     "GET /a HTTP/1.1\r\nHost: a\r\n" ADDED},
    {"an absolute target becomes a path", "GET http://a/b HTTP/1.0\r\n\r\n",
     "GET /b HTTP/1.1\r\nHost: a\r\n" ADDED},
};
void check_sent(Stage& stage, const Sent& row) {
    stage.send(row.request);
    assert_true(stage.accept());
    const std::string got = stage.upstream_bytes();
    assert_text_equal(got.substr(0, got.find("X-Request-Id: ")), row.got);
}

// Host of a request that has none: the upstream's own address.
void a_request_without_host_gets_the_upstreams(Stage& stage) {
    stage.send("GET /a HTTP/1.0\r\n\r\n");
    assert_true(stage.accept());
    const std::string got = stage.upstream_bytes();
    const std::string port = std::to_string(stage.rig().settings().upstream.port);
    assert_text_equal(got.substr(0, got.find("X-Request-Id: ")),
                      "GET /a HTTP/1.1\r\nHost: 127.0.0.1:" + port +
                          "\r\nVia: 1.0 becaused\r\nX-Forwarded-For: 127.0.0.1\r\n"
                          "X-Forwarded-Proto: http\r\nForwarded: for=127.0.0.1;proto=http\r\n");
}

void a_request_without_host_to_a_unix_socket_gets_docker(Stage& stage) {
    stage.options.unix_upstream = true;
    stage.send("GET /a HTTP/1.0\r\n\r\n");
    assert_true(stage.accept());
    assert_true(stage.upstream_bytes().starts_with("GET /a HTTP/1.1\r\nHost: docker\r\n"));
}

// A body that ends with its connection and is cut must not end by a FIN.
void a_cut_answer_resets_the_connection(Stage& stage) {
    stage.send(GET_1_0);
    assert_true(stage.accept());
    stage.answer(OK "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n");
    assert_text_equal(stage.client_bytes(), OK END "ok");
    stage.upstream_fin();
    assert_text_equal(stage.client_state(), "reset");
    assert_text_equal(
        stage.records(),
        "exchange upstream_closed by=upstream phase=response_body op=read status=200\n"
        "client partner(upstream_closed) by=nobody phase=response_body op=none\n"
        "upstream upstream_closed by=upstream phase=response_body op=read\n");
}

void a_malformed_chunk_resets_the_connection(Stage& stage) {
    stage.send(GET_1_0);
    assert_true(stage.accept());
    stage.answer(OK "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\nx\r\n");
    assert_text_equal(stage.client_state(), "reset");
    assert_text_equal(field_of(stage.exchange(), "reason"), "upstream_malformed");
}

void a_refusal_is_answered_and_closed(Stage& stage) {
    stage.send(
        "POST /a HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\nContent-Length: x\r\n\r\n");
    assert_own_answer(
        stage, {400, "client_malformed", "Content-Length is not a number of at most 63 bits"});
    assert_text_equal(stage.client_state(), "fin");
}

void a_502_closes(Stage& stage) {
    stage.send(GET_1_0);
    assert_true(stage.accept());
    stage.answer("nonsense\r\n\r\n");
    assert_own_answer(stage, {502, "upstream_malformed",
                              "the status line does not begin with HTTP/1.0 or HTTP/1.1"});
    assert_text_equal(stage.client_state(), "fin");
}

void a_502_keeps_what_asked_to_be_kept(Stage& stage) {
    stage.send(KEPT_1_0);
    assert_true(stage.accept());
    stage.answer("nonsense\r\n\r\n");
    OwnAnswer due{502, "upstream_malformed",
                  "the status line does not begin with HTTP/1.0 or HTTP/1.1"};
    due.close = false;
    due.extra = "Connection: keep-alive\r\n";
    assert_own_answer(stage, due);
    assert_text_equal(stage.client_state(), "open");
}

// OPTIONS that ends here is answered here, and its client hears what becomes of the connection.
void an_own_answer_to_options_says_keep_alive(Stage& stage) {
    stage.send(
        "OPTIONS * HTTP/1.0\r\nHost: a\r\nMax-Forwards: 0\r\nConnection: keep-alive\r\n\r\n");
    assert_false(stage.accept());
    assert_text_equal(stage.client_bytes(), OK
                      "Allow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS\r\n"
                      "Content-Length: 0\r\n"
                      "Proxy-Status: becaused; details=\"Max-Forwards ended here\"\r\n"
                      "Connection: keep-alive\r\n\r\n");
    assert_text_equal(stage.client_state(), "open");
}

}  // namespace

int main() {
    Cases cases;
    cases.add(closed, check_closed);
    cases.add(kept, check_kept);
    cases.add(sent, check_sent);
    cases.add(SCENARIO(a_request_without_host_gets_the_upstreams));
    cases.add(SCENARIO(a_request_without_host_to_a_unix_socket_gets_docker));
    cases.add(SCENARIO(a_cut_answer_resets_the_connection));
    cases.add(SCENARIO(a_malformed_chunk_resets_the_connection));
    cases.add(SCENARIO(a_refusal_is_answered_and_closed));
    cases.add(SCENARIO(a_502_closes));
    cases.add(SCENARIO(a_502_keeps_what_asked_to_be_kept));
    cases.add(SCENARIO(an_own_answer_to_options_says_keep_alive));
    return cases.run("HTTP/1.0");
}
