// Where bodies end: every row of RFC 9112 §6.3, and the tunnels of 101 and of Docker's raw streams.
#include "http/framing.hh"

#include "support/http_text.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using test_support::Row;

namespace {

std::string of_request(std::string_view bytes) {
    HeadParser parser;
    RequestHead head;
    BodyFraming framing{BodyKind::tunnel, 99};
    auto fault = parser.parse_request(bytes, head);
    if (!fault) fault = decide_request_body(head, framing);
    return fault ? test_support::text_of(*fault) : test_support::text_of(framing);
}

std::string of_answer(std::string_view bytes, const AskedFor& asked) {
    HeadParser parser;
    ResponseHead head;
    BodyFraming framing{BodyKind::length, 99};
    auto fault = parser.parse_response(bytes, head);
    if (!fault) fault = decide_response_body(head, asked, framing);
    return fault ? test_support::text_of(*fault) : test_support::text_of(framing);
}

void a_request_body_ends_where_its_head_says(void**) {
    constexpr Row rows[] = {
        {"nothing said", "", "none"},
        {"length", "Content-Length: 12\r\n", "length 12"},
        {"length zero", "Content-Length: 0\r\n", "none"},
        {"chunked", "Transfer-Encoding: chunked\r\n", "chunked"},
        {"length and chunked", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
         "400 client_ambiguous_framing @64 Content-Length beside Transfer-Encoding"},
    };
    test_support::check_rows(rows, "POST / HTTP/1.1\r\nHost: a\r\n", "\r\n", of_request);
    constexpr Row old_rows[] = {
        {"nothing said", "", "none"},
        {"length", "Content-Length: 12\r\n", "length 12"},
        {"chunked", "Transfer-Encoding: chunked\r\n",
         "400 client_ambiguous_framing @0 Transfer-Encoding in HTTP/1.0"},
    };
    test_support::check_rows(old_rows, "POST / HTTP/1.0\r\n", "\r\n", of_request);
}

// The parser refuses this first; the decision does not rely on it.
void contradictions_are_refused_whatever_the_parser_let_pass(void**) {
    RequestHead request;
    ResponseHead response;
    for (Head* head : {static_cast<Head*>(&request), static_cast<Head*>(&response)}) {
        head->chunked = head->has_content_length = true;
        head->content_length = 3;
    }
    response.status = 204;
    BodyFraming framing;
    assert_text_equal(test_support::text_of(*decide_request_body(request, framing)),
                      "400 client_ambiguous_framing @0 Content-Length beside Transfer-Encoding");
    assert_text_equal(test_support::text_of(*decide_response_body(response, {}, framing)),
                      "502 upstream_malformed @0 Content-Length beside Transfer-Encoding");
}

void an_answer_ends_where_its_head_says(void**) {
    constexpr Row rows[] = {
        {"length", "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n", "length 12"},
        {"length zero", "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n", "none"},
        {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", "chunked"},
        {"chunked and a tab", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\t\r\n", "chunked"},
        {"nothing said", "HTTP/1.1 200 OK\r\n", "until_close"},
        {"nothing said in HTTP/1.0", "HTTP/1.0 200 OK\r\n", "until_close"},
        {"chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n",
         "502 upstream_malformed @0 Transfer-Encoding in HTTP/1.0"},
        {"204", "HTTP/1.1 204 No Content\r\n", "none"},
        {"204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n", "none"},
        {"204, chunked", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n", "none"},
        {"304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n", "none"},
        {"304, chunked", "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n", "none"},
        {"100 with a length", "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n", "none"},
        {"103", "HTTP/1.1 103 Early Hints\r\nLink: a\r\n", "none"},
        {"205 with a body", "HTTP/1.1 205 Reset Content\r\nContent-Length: 1\r\n", "length 1"},
        {"error", "HTTP/1.1 500 x\r\nContent-Length: 1\r\n", "length 1"},
        {"raw stream that was not asked for",
         "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n", "until_close"},
    };
    test_support::check_rows(rows, "", "\r\n",
                             [](std::string_view bytes) { return of_answer(bytes, {}); });
}

void an_answer_to_head_has_no_body(void**) {
    constexpr Row rows[] = {
        {"length", "HTTP/1.1 200 OK\r\nContent-Length: 12\r\n", "none"},
        {"chunked", "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", "none"},
        {"nothing said", "HTTP/1.1 200 OK\r\n", "none"},
        {"both", "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n",
         "502 upstream_malformed @55 Content-Length beside Transfer-Encoding"},
    };
    test_support::check_rows(rows, "", "\r\n", [](std::string_view bytes) {
        return of_answer(bytes, AskedFor{.head_method = true});
    });
}

void a_switch_needs_a_request_and_an_offer(void**) {
    constexpr Row rows[] = {
        {"tcp", "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n", "tunnel"},
        {"other letters", "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: H2C\r\n", "tunnel"},
        {"both", "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: h2c, tcp\r\n", "tunnel"},
        {"a length in it means nothing",
         "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: tcp\r\nContent-Length: 5\r\n",
         "tunnel"},
        {"not offered", "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: websocket\r\n",
         "502 upgrade_mismatch @0 101 to a protocol that was not offered"},
        {"one not offered", "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: tcp, x\r\n",
         "502 upgrade_mismatch @0 101 to a protocol that was not offered"},
        {"part of an offer", "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: h2\r\n",
         "502 upgrade_mismatch @0 101 to a protocol that was not offered"},
        {"no Upgrade", "HTTP/1.1 101 x\r\nConnection: upgrade\r\n",
         "502 upgrade_mismatch @0 101 without an Upgrade field named by Connection"},
        {"no Connection", "HTTP/1.1 101 x\r\nUpgrade: tcp\r\n",
         "502 upgrade_mismatch @0 101 without an Upgrade field named by Connection"},
        {"HTTP/1.0", "HTTP/1.0 101 x\r\nConnection: upgrade\r\nUpgrade: tcp\r\n",
         "502 upgrade_mismatch @0 101 in HTTP/1.0"},
        {"declined", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n", "length 5"},
        {"declined with an offer",
         "HTTP/1.1 426 x\r\nConnection: upgrade\r\nUpgrade: x\r\nContent-Length: 5\r\n",
         "length 5"},
    };
    AskedFor asked{.upgrade = true, .upgrade_protocol = "tcp, h2c"};
    test_support::check_rows(rows, "", "\r\n",
                             [&](std::string_view bytes) { return of_answer(bytes, asked); });
    assert_text_equal(
        of_answer("HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n", {}),
        "502 upgrade_mismatch @0 101 without a request to upgrade");
}

void a_raw_stream_without_length_is_a_tunnel_where_docker_hijacks(void**) {
    constexpr Row rows[] = {
        {"raw", "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n", "tunnel"},
        {"multiplexed",
         "HTTP/1.1 200 OK\r\nContent-Type: Application/vnd.docker.multiplexed-stream ;a=b\r\n",
         "tunnel"},
        {"with a length",
         "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\nContent-Length: "
         "2\r\n",
         "length 2"},
        {"chunked",
         "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
         "Transfer-Encoding: chunked\r\n",
         "chunked"},
        {"JSON", "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n", "until_close"},
        {"no type", "HTTP/1.1 200 OK\r\n", "until_close"},
        {"error", "HTTP/1.1 404 x\r\nContent-Type: application/vnd.docker.raw-stream\r\n",
         "until_close"},
    };
    test_support::check_rows(rows, "", "\r\n", [](std::string_view bytes) {
        return of_answer(bytes, AskedFor{.hijackable = true});
    });
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_request_body_ends_where_its_head_says),
        cmocka_unit_test(contradictions_are_refused_whatever_the_parser_let_pass),
        cmocka_unit_test(an_answer_ends_where_its_head_says),
        cmocka_unit_test(an_answer_to_head_has_no_body),
        cmocka_unit_test(a_switch_needs_a_request_and_an_offer),
        cmocka_unit_test(a_raw_stream_without_length_is_a_tunnel_where_docker_hijacks),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
