// The answers that becaused gives itself, whole.
#include "http/reply.hh"

#include "http/parser.hh"
#include "support/http_text.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace std::string_view_literals;

namespace {

std::string written(const Reply& reply) {
    std::string out = "before|";
    write_reply(reply, out);
    assert_text_equal(out.substr(0, 7), "before|");
    return out.substr(7);
}

Reply refused_upstream() {
    Reply reply;
    reply.reason = Reason::upstream_refused;
    reply.because = "The upstream refused the connection.";
    reply.record_id = "k3f9";
    return reply;
}

void a_reply_has_dockers_shape_and_names_its_record(void**) {
    assert_text_equal(
        written(refused_upstream()),
        "HTTP/1.1 502 Bad Gateway\r\n"
        "Content-Type: application/json\r\n"
        "Content-Length: 75\r\n"
        "Proxy-Status: becaused; error=connection_refused; "
        "details=\"upstream_refused k3f9\"\r\n"
        "Connection: close\r\n"
        "\r\n"
        "{\"message\":\"becaused: The upstream refused the connection. (record k3f9)\"}\n");
}

void a_reply_to_head_says_the_length_and_sends_no_body(void**) {
    Reply reply = refused_upstream();
    const std::string whole = written(reply);
    reply.head_method = true;
    assert_text_equal(written(reply), whole.substr(0, whole.find("\r\n\r\n") + 4));
}

void optional_fields_are_written(void**) {
    Reply reply = refused_upstream();
    reply.status = 503;
    reply.reason = Reason::upstream_booting;
    reply.details = "phase \"boot\"\\\x01\xff";
    reply.api_version = "1.41";
    reply.allow = "GET, HEAD";
    reply.retry_after_s = 2;
    reply.close = false;
    reply.because = "x";
    reply.record_id = "";
    assert_text_equal(written(reply),
                      "HTTP/1.1 503 Service Unavailable\r\n"
                      "Content-Type: application/json\r\n"
                      "Content-Length: 26\r\n"
                      "Proxy-Status: becaused; error=destination_unavailable; "
                      "details=\"phase \\\"boot\\\"\\\\??\"\r\n"
                      "Api-Version: 1.41\r\n"
                      "Allow: GET, HEAD\r\n"
                      "Retry-After: 2\r\n"
                      "\r\n"
                      "{\"message\":\"becaused: x\"}\n");
    reply.request_minor = 0;
    reply.keep_alive_1_0 = true;
    assert_text_contains(written(reply), "\r\nConnection: keep-alive\r\n");
    reply.close = true;
    assert_text_contains(written(reply), "\r\nConnection: close\r\n");
}

// RFC 9209 §2: a token of structured fields, or a string.
void the_proxys_name_is_the_one_that_was_set(void**) {
    Reply reply = refused_upstream();
    reply.proxy_name = "b-01";
    assert_text_contains(written(reply), "\r\nProxy-Status: b-01; error=connection_refused;");
    reply.proxy_name = "01";
    assert_text_contains(written(reply), "\r\nProxy-Status: \"01\"; error=connection_refused;");
}

// DOCKER.md: the body of a refused upgrade is hidden, an error frame is not.
void a_refusal_can_stand_in_the_tunnel(void**) {
    std::string out;
    write_refused_tunnel(refused_upstream(), "tcp", out);
    std::string expected =
        "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
        "Proxy-Status: becaused; error=connection_refused; "
        "details=\"upstream_refused k3f9\"\r\n"
        "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
    expected.append("\3\0\0\0\0\0\0\x3c", 8);
    expected += "becaused: The upstream refused the connection. (record k3f9)";
    assert_int_equal(out.size(), expected.size());
    assert_true(out == expected);
}

void a_reason_without_an_error_type_leaves_it_out(void**) {
    Reply reply = refused_upstream();
    reply.reason = Reason::partner;
    assert_text_contains(written(reply),
                         "\r\nProxy-Status: becaused; details=\"partner k3f9\"\r\n");
}

// Whatever reason: the reply is a head that our own strict parser reads, and the body has the length
// that the head says.
void every_reasons_reply_is_valid_http(void**) {
    HeadParser parser;
    for (size_t i = 0; i < reason_count; ++i) {
        Reply reply = refused_upstream();
        reply.reason = static_cast<Reason>(i);
        reply.status = row(reply.reason).status == 0 ? 500 : row(reply.reason).status;
        reply.because = row(reply.reason).sentence;
        const std::string whole = written(reply);
        const size_t end = find_head_end(whole, 0).value_or(0);
        ResponseHead head;
        assert_false(
            parser.parse_response(std::string_view(whole).substr(0, end), head).has_value());
        assert_int_equal(head.status, reply.status);
        assert_int_equal(head.content_length, whole.size() - end);
        assert_true(status_phrase(reply.status) != "Unknown");
    }
}

std::string message(std::string_view because) {
    Reply reply = refused_upstream();
    reply.because = because;
    reply.record_id = "";
    const std::string whole = written(reply);
    const size_t begin = whole.find("becaused: ", whole.find("\r\n\r\n")) + 10;
    return whole.substr(begin, whole.size() - begin - 3);
}

void messages_are_escaped_as_json(void**) {
    assert_text_equal(message("\"\\/"), "\\\"\\\\/");
    assert_text_equal(message("a\nb\rc\td"), "a\\nb\\rc\\td");
    assert_text_equal(message("\0\x01\x1f\x7f"sv), "\\u0000\\u0001\\u001f\\u007f");
    // Valid UTF-8 of each length passes.
    assert_text_equal(message("\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3"),
                      "\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\xb3");
    assert_text_equal(message("\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf"),
                      "\xed\x9f\xbf\xee\x80\x80\xf4\x8f\xbf\xbf");
}

// What is not UTF-8 becomes U+FFFD, byte by byte: overlong forms, surrogates, beyond U+10FFFF, cut.
void what_is_not_utf_8_is_replaced(void**) {
    struct Case {
        std::string_view bytes;
        int replaced;
    };
    for (const Case& bad :
         {Case{"\xff", 1}, Case{"\x80", 1}, Case{"\xc0\x80", 2}, Case{"\xc1\xbf", 2},
          Case{"\xe0\x80\x80", 3}, Case{"\xe0\x9f\xbf", 3}, Case{"\xed\xa0\x80", 3},
          Case{"\xf0\x80\x80\x80", 4}, Case{"\xf4\x90\x80\x80", 4}, Case{"\xf5\x80\x80\x80", 4},
          Case{"\xc3", 1}, Case{"\xe2\x82", 2}, Case{"\xf0\x9f\x90", 3}}) {
        std::string expected = "a";
        for (int i = 0; i < bad.replaced; ++i) expected += "\xef\xbf\xbd";
        assert_text_equal(message("a" + std::string(bad.bytes) + "b"), expected + "b");
        assert_text_equal(message("a" + std::string(bad.bytes)), expected);
    }
}

void statuses_have_phrases(void**) {
    assert_text_equal(status_phrase(200), "OK");
    assert_text_equal(status_phrase(431), "Request Header Fields Too Large");
    assert_text_equal(status_phrase(299), "Unknown");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_reply_has_dockers_shape_and_names_its_record),
        cmocka_unit_test(a_reply_to_head_says_the_length_and_sends_no_body),
        cmocka_unit_test(optional_fields_are_written),
        cmocka_unit_test(the_proxys_name_is_the_one_that_was_set),
        cmocka_unit_test(a_refusal_can_stand_in_the_tunnel),
        cmocka_unit_test(a_reason_without_an_error_type_leaves_it_out),
        cmocka_unit_test(every_reasons_reply_is_valid_http),
        cmocka_unit_test(messages_are_escaped_as_json),
        cmocka_unit_test(what_is_not_utf_8_is_replaced),
        cmocka_unit_test(statuses_have_phrases),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
