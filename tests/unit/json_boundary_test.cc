// Where an error message may stand in a stream of JSON messages: between two of them, and nowhere else.
#include "http/json_boundary.hh"

#include <nlohmann/json.hpp>

#include "support/boundaries.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;
using namespace std::string_view_literals;
using test_support::Row;

namespace {

void check(std::span<const Row> rows) {
    test_support::check_rows(rows, "", "", [](std::string_view bytes) {
        const std::string flaw = cut_flaw(JsonBoundary(), bytes);
        return flaw.empty() ? marked(JsonBoundary(), bytes) : flaw;
    });
}

void messages_end_where_their_object_does(void**) {
    constexpr Row rows[] = {
        {"nothing came", "", "^"},
        {"one message", "{}", "^{}^"},
        {"as dockerd writes them", "{\"a\":1}\r\n{\"b\":2}\r\n",
         "^{\"a\":1}^\r^\n^{\"b\":2}^\r^\n^"},
        {"no white space between", "{}{}", "^{}^{}^"},
        {"white space of every kind", " \t\r\n{}", "^ ^\t^\r^\n^{}^"},
        {"objects in objects", "{\"a\":{\"b\":{}}}", "^{\"a\":{\"b\":{}}}^"},
        {"arrays in objects", "{\"a\":[[],[{}]]}", "^{\"a\":[[],[{}]]}^"},
        {"cut inside", "{\"status\":\"Pushing\"", "^{\"status\":\"Pushing\""},
    };
    check(rows);
}

void what_stands_in_strings_ends_nothing(void**) {
    constexpr Row rows[] = {
        {"brackets", "{\"a\":\"}]{[\"}", "^{\"a\":\"}]{[\"}^"},
        {"an escaped quote", "{\"a\":\"\\\"}\"}", "^{\"a\":\"\\\"}\"}^"},
        {"an escaped backslash before the end", "{\"a\":\"\\\\\"}", "^{\"a\":\"\\\\\"}^"},
        {"three backslashes and a quote", "{\"a\":\"\\\\\\\"}\"}", "^{\"a\":\"\\\\\\\"}\"}^"},
        {"\\u escapes", "{\"a\":\"\\u0022}\"}", "^{\"a\":\"\\u0022}\"}^"},
        {"a key with a bracket", "{\"}\":1}", "^{\"}\":1}^"},
        {"bytes above 0x7f", "{\"a\":\"\xc3\xa9\xa2\xdc}\"}", "^{\"a\":\"\xc3\xa9\xa2\xdc}\"}^"},
        {"newlines in a string", "{\"a\":\"\n}\"}", "^{\"a\":\"\n}\"}^"},
        {"cut in a string", "{\"a\":\"x", "^{\"a\":\"x"},
        {"cut in an escape", "{\"a\":\"x\\", "^{\"a\":\"x\\"},
    };
    check(rows);
}

void what_is_no_object_is_another_kind_of_stream(void**) {
    constexpr Row rows[] = {
        {"text", "Get http://x: no such host\n{}", "^Get http://x: no such host\n{}"},
        {"an array", "[{}]\n", "^[{}]\n"},
        {"a number", "1 {}", "^1 {}"},
        {"a string", "\"{}\"{}", "^\"{}\"{}"},
        {"a JSON text sequence (RFC 7464)", "\x1e{}\n{}", "^\x1e{}\n{}"},
        {"a bracket too many", "{}}{}", "^{}^}{}"},
        {"a byte order mark", "\xef\xbb\xbf{}", "^\xef\xbb\xbf{}"},
        {"a NUL", "{}\0{}"sv, "^{}^\0{}"sv},
    };
    check(rows);
}

// The reader of eight bytes at a time stops at the same byte as one of single bytes would. Bytes next to
// the searched ones (0x21 beside the quote, 0xa2 above it by 0x80) are where such readers err.
void long_strings_end_at_their_quote_wherever_it_stands(void**) {
    for (size_t length = 0; length < 40; ++length) {
        for (const std::string_view inside :
             {"", "\\\"", "\\\\", "!\xa2#", "[\xdc]", "\x01\x80\xff"}) {
            const std::string plain(length, '}');
            const std::string message = "{\"" + plain + std::string(inside) + plain + "\":1}";
            JsonBoundary whole;
            whole.passed(message);
            assert_true(whole.at_boundary());
            assert_text_equal(cut_flaw(JsonBoundary(), message), "");
            assert_text_equal(marked(JsonBoundary(), message), "^" + message + "^");
        }
    }
}

void depth_is_bounded(void**) {
    JsonBoundary follower;
    const std::string deep(100'000, '[');
    follower.passed("{");
    follower.passed(deep);
    follower.passed(std::string(deep.size(), ']'));
    assert_false(follower.at_boundary());
    follower.passed("}");
    assert_true(follower.at_boundary());
}

void an_error_message_is_what_dockers_clients_print(void**) {
    std::string out = "before ";
    append_error_message(out, "it \"broke\"\n\xff");
    assert_text_equal(out,
                      "before {\"errorDetail\":{\"message\":\"it \\\"broke\\\"\\n\xef\xbf\xbd\"},"
                      "\"error\":\"it \\\"broke\\\"\\n\xef\xbf\xbd\"}\r\n");
    const auto message = nlohmann::json::parse(out.substr(7));
    assert_text_equal(message["errorDetail"]["message"].get<std::string>(),
                      message["error"].get<std::string>());
    JsonBoundary follower;
    follower.passed(out.substr(7));
    assert_true(follower.at_boundary());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(messages_end_where_their_object_does),
        cmocka_unit_test(what_stands_in_strings_ends_nothing),
        cmocka_unit_test(what_is_no_object_is_another_kind_of_stream),
        cmocka_unit_test(long_strings_end_at_their_quote_wherever_it_stands),
        cmocka_unit_test(depth_is_bounded),
        cmocka_unit_test(an_error_message_is_what_dockers_clients_print),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
