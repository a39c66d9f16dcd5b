// Answers as the client gets them, byte for byte: head and framing for HTTP/1.1, HTTP/1.0 and HEAD.
#include "http/forward.hh"

#include "support/http_text.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using test_support::Row;

namespace {

struct Client {
    uint8_t minor = 1;
    bool head_method = false;
    bool keep_alive = true;
    AskedFor asked = {};
};

std::string answered(std::string_view bytes, const Client& client) {
    HeadParser parser;
    ResponseHead head;
    BodyFraming from_upstream;
    AskedFor asked = client.asked;
    asked.head_method = client.head_method;
    auto fault = parser.parse_response(bytes, head);
    if (!fault) fault = decide_response_body(head, asked, from_upstream);
    if (fault) return test_support::text_of(*fault);
    const AnswerFraming framing =
        frame_answer(head, from_upstream, client.minor, client.head_method, client.keep_alive);
    std::string out = test_support::text_of(BodyFraming{framing.kind, framing.length}) + "|";
    write_response_head(head, framing, "becaused", out);
    return out;
}

void check(std::span<const Row> rows, const Client& client) {
    test_support::check_rows(rows, "", "",
                             [&](std::string_view bytes) { return answered(bytes, client); });
}

void an_answer_comes_back_byte_exact_but_for_the_hop(void**) {
    constexpr Row rows[] = {
        {"smallest", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n",
         "none|HTTP/1.1 200 OK\r\nContent-Length: 0\r\nVia: 1.1 becaused\r\n\r\n"},
        {"order, spelling, duplicates and white space stay",
         "HTTP/1.1 299  odd \xff\r\nset-cookie: a\r\nContent-length: 05\r\nX:\tb\r\nSet-Cookie: "
         "c\r\n"
         "set-cookie: a\r\nDate: d\r\nServer:\r\nProxy-Status: e\r\n\r\n",
         "length 5|HTTP/1.1 299  odd \xff\r\nset-cookie: a\r\nContent-length: 5\r\nX:\tb\r\n"
         "Set-Cookie: c\r\nset-cookie: a\r\nDate: d\r\nServer:\r\nProxy-Status: e\r\n"
         "Via: 1.1 becaused\r\n\r\n"},
        {"nothing is invented", "HTTP/1.1 200\r\nContent-Length: 1\r\n\r\n",
         "length 1|HTTP/1.1 200 \r\nContent-Length: 1\r\nVia: 1.1 becaused\r\n\r\n"},
        {"hop-by-hop fields stay",
         "HTTP/1.1 200 OK\r\nKeep-Alive: 5\r\nA: b\r\nConnection: X-Mine, close\r\nX-Mine: c\r\n"
         "Proxy-Authenticate: d\r\nUpgrade: e\r\nTrailer: f\r\nContent-Length: 1\r\n\r\n",
         "length 1|HTTP/1.1 200 OK\r\nA: b\r\nContent-Length: 1\r\nVia: 1.1 becaused\r\n\r\n"},
        {"Via is appended", "HTTP/1.0 200 OK\r\nVia: 1.1 x\r\nContent-Length: 1\r\n\r\n",
         "length 1|HTTP/1.1 200 OK\r\nVia: 1.1 x\r\nContent-Length: 1\r\nVia: 1.0 "
         "becaused\r\n\r\n"},
        {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\nA: b\r\n\r\n",
         "chunked|HTTP/1.1 200 OK\r\nTrailer: X\r\nA: b\r\nTransfer-Encoding: chunked\r\n"
         "Via: 1.1 becaused\r\n\r\n"},
        {"until close", "HTTP/1.0 200 OK\r\nConnection: close\r\nA: b\r\n\r\n",
         "chunked|HTTP/1.1 200 OK\r\nA: b\r\nTransfer-Encoding: chunked\r\nVia: 1.0 "
         "becaused\r\n\r\n"},
        {"204", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\nA: b\r\n\r\n",
         "none|HTTP/1.1 204 No Content\r\nA: b\r\nVia: 1.1 becaused\r\n\r\n"},
        {"204, chunked", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
         "none|HTTP/1.1 204 No Content\r\nVia: 1.1 becaused\r\n\r\n"},
        {"304 keeps its length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
         "none|HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nVia: 1.1 becaused\r\n\r\n"},
        {"100", "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n",
         "none|HTTP/1.1 100 Continue\r\nVia: 1.1 becaused\r\n\r\n"},
        {"103", "HTTP/1.1 103 Early Hints\r\nLink: a\r\nLink: b\r\n\r\n",
         "none|HTTP/1.1 103 Early Hints\r\nLink: a\r\nLink: b\r\nVia: 1.1 becaused\r\n\r\n"},
    };
    check(rows, Client{});
}

void an_answer_to_head_keeps_its_length(void**) {
    constexpr Row rows[] = {
        {"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
         "none|HTTP/1.1 200 OK\r\nContent-Length: 5\r\nVia: 1.1 becaused\r\n\r\n"},
        {"no length", "HTTP/1.1 200 OK\r\n\r\n",
         "none|HTTP/1.1 200 OK\r\nVia: 1.1 becaused\r\n\r\n"},
        {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
         "none|HTTP/1.1 200 OK\r\nVia: 1.1 becaused\r\n\r\n"},
    };
    check(rows, Client{.head_method = true});
}

void frame_answer_knows_head_whatever_the_upstream_framed(void**) {
    ResponseHead head;
    head.status = 200;
    const AnswerFraming framing = frame_answer(head, {BodyKind::length, 5}, 1, true, true);
    assert_text_equal(test_support::text_of(BodyFraming{framing.kind, framing.length}), "none");
}

void http_1_0_clients_get_neither_chunks_nor_silence_about_the_connection(void**) {
    constexpr std::string_view length = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n";
    constexpr std::string_view chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
    constexpr Row keeping[] = {
        {"length", length,
         "length 5|HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n"
         "Via: 1.1 becaused\r\n\r\n"},
        {"chunked", chunked,
         "until_close|HTTP/1.1 200 OK\r\nConnection: close\r\nVia: 1.1 becaused\r\n\r\n"},
        {"until close", "HTTP/1.1 200 OK\r\n\r\n",
         "until_close|HTTP/1.1 200 OK\r\nConnection: close\r\nVia: 1.1 becaused\r\n\r\n"},
        {"304", "HTTP/1.1 304 x\r\n\r\n",
         "none|HTTP/1.1 304 x\r\nConnection: keep-alive\r\nVia: 1.1 becaused\r\n\r\n"},
    };
    check(keeping, Client{.minor = 0});
    constexpr Row closing[] = {
        {"length", length,
         "length 5|HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n"
         "Via: 1.1 becaused\r\n\r\n"},
        {"chunked", chunked,
         "until_close|HTTP/1.1 200 OK\r\nConnection: close\r\nVia: 1.1 becaused\r\n\r\n"},
    };
    check(closing, Client{.minor = 0, .keep_alive = false});
}

void the_last_answer_says_close(void**) {
    constexpr Row rows[] = {
        {"length", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\n",
         "length 5|HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n"
         "Via: 1.1 becaused\r\n\r\n"},
        {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
         "chunked|HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nConnection: close\r\n"
         "Via: 1.1 becaused\r\n\r\n"},
        {"interim answers are not the last", "HTTP/1.1 100 Continue\r\n\r\n",
         "none|HTTP/1.1 100 Continue\r\nVia: 1.1 becaused\r\n\r\n"},
    };
    check(rows, Client{.keep_alive = false});
}

void tunnels_keep_their_upgrade(void**) {
    Client client;
    client.asked.upgrade = true;
    client.asked.upgrade_protocol = "tcp";
    client.keep_alive = false;
    assert_text_equal(
        answered(
            "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
            "Connection: Upgrade, X-Mine\r\nUpgrade: tcp\r\nX-Mine: a\r\nContent-Length: 3\r\n\r\n",
            client),
        "tunnel|HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
        "Upgrade: tcp\r\nConnection: Upgrade\r\nVia: 1.1 becaused\r\n\r\n");
    client.asked = {};
    client.asked.hijackable = true;
    assert_text_equal(
        answered("HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n",
                 client),
        "tunnel|HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
        "Via: 1.1 becaused\r\n\r\n");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_comes_back_byte_exact_but_for_the_hop),
        cmocka_unit_test(an_answer_to_head_keeps_its_length),
        cmocka_unit_test(frame_answer_knows_head_whatever_the_upstream_framed),
        cmocka_unit_test(http_1_0_clients_get_neither_chunks_nor_silence_about_the_connection),
        cmocka_unit_test(the_last_answer_says_close),
        cmocka_unit_test(tunnels_keep_their_upgrade),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
