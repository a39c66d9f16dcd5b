// The bytes of a head: line ends, control bytes, names, folds (each is a published attack or a parser's
// known leniency), limits, and where a head ends.
#include "http/parser.hh"

#include "support/http_text.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace std::string_view_literals;
using test_support::Row;

namespace {

constexpr Row field_rows[] = {
    {"plain get", "", "GET / 1.1 host=a path=/ | Host: a"},
    {"bare LF after a field", "X: y\nZ: z\r\n",
     "400 client_malformed @29 a line ends in a bare LF"},
    {"bare CR in a value", "X: a\rb\r\n", "400 client_malformed @29 a bare CR"},
    {"bare CR hides a field (CVE-2023-30589)", "X:\rTransfer-Encoding: chunked\r\n",
     "400 client_malformed @27 a bare CR"},
    {"CR CR LF", "X: a\r\r\n", "400 client_malformed @29 a bare CR"},
    {"CR LF CR X does not end a head (CVE-2025-23167)", "\r\rX: y\r\n",
     "400 client_malformed @25 a bare CR"},
    {"NUL in a value", "X: a\000b\r\n"sv, "400 client_malformed @29 a NUL byte"},
    {"NUL in a name", "X\000: a\r\n"sv, "400 client_malformed @26 a NUL byte"},
    {"control byte 0x01 in a value", "X: \001\r\n", "400 client_malformed @28 a control byte"},
    {"control byte 0x1f in a value", "X: a\037\r\n", "400 client_malformed @29 a control byte"},
    {"DEL in a value", "X: a\177\r\n", "400 client_malformed @29 a control byte"},
    {"tab inside a value", "X: a\tb\r\n", "GET / 1.1 host=a path=/ | Host: a; X: a\tb"},
    {"white space around a value", "X: \t a b \t\r\n", "GET / 1.1 host=a path=/ | Host: a; X: a b"},
    {"no white space before a value", "X:a\r\n", "GET / 1.1 host=a path=/ | Host: a; X: a"},
    {"empty value", "X:\r\nY: \t\r\n", "GET / 1.1 host=a path=/ | Host: a; X: ; Y: "},
    {"bytes over 0x7f in a value", "X: \303\251\377\r\n",
     "GET / 1.1 host=a path=/ | Host: a; X: \303\251\377"},
    {"bytes over 0x7f in a name", "\303\251: a\r\n",
     "400 client_malformed @25 a field name is not a token"},
    {"space before the colon", "X : a\r\n",
     "400 client_malformed @26 white space in or after a field name"},
    {"tab before the colon", "X\t: a\r\n",
     "400 client_malformed @26 white space in or after a field name"},
    {"space inside a name", "Content Length: 3\r\n",
     "400 client_malformed @32 white space in or after a field name"},
    {"empty name", ": a\r\n", "400 client_malformed @25 a field has no name"},
    {"name of only a colon line", ":\r\n", "400 client_malformed @25 a field has no name"},
    {"name that is no token", "X(: a\r\n", "400 client_malformed @26 a field name is not a token"},
    {"every token byte in a name", "!#$%&'*+-.^_`|~0aZ: a\r\n",
     "GET / 1.1 host=a path=/ | Host: a; !#$%&'*+-.^_`|~0aZ: a"},
    {"line without a colon", "X\r\n", "400 client_malformed @26 a field line has no colon"},
    {"folded line, space", "X: a\r\n b\r\n", "400 client_malformed @31 a folded line"},
    {"folded line, tab", "X: a\r\n\tb\r\n", "400 client_malformed @31 a folded line"},
    {"folded Transfer-Encoding", "Transfer-Encoding:\r\n chunked\r\n",
     "400 client_malformed @45 a folded line"},
    {"folded Content-Length (CVE-2024-27982)", "Content-Length:\r\n 3\r\n",
     "400 client_malformed @42 a folded line"},
    {"line of white space only", " \r\n", "400 client_malformed @25 a folded line"},
};

constexpr Row whole_rows[] = {
    {"bare LF after the request line", "GET / HTTP/1.1\nHost: a\r\n\r\n",
     "400 client_malformed @14 a line ends in a bare LF"},
    {"bare LF as the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\n",
     "400 client_malformed @25 a line ends in a bare LF"},
    {"bare LF everywhere", "GET / HTTP/1.1\nHost: a\n\n",
     "400 client_malformed @14 a line ends in a bare LF"},
    {"bare CR in the request line", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n",
     "400 client_malformed @5 a bare CR"},
    {"NUL in the target", "GET /\000 HTTP/1.1\r\nHost: a\r\n\r\n"sv,
     "400 client_malformed @5 a NUL byte"},
    {"white space before the first field", "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
     "400 client_malformed @16 white space before the first field"},
    {"leading empty line that nobody skipped", "\r\n",
     "400 client_malformed @0 an empty line instead of a head"},
    {"empty head", "", "400 client_malformed @0 the head is cut short"},
    {"head without its empty line", "GET / HTTP/1.1\r\nHost: a\r\n",
     "400 client_malformed @25 the head is cut short"},
    {"bytes after the empty line", "GET / HTTP/1.1\r\nHost: a\r\n\r\nX",
     "400 client_malformed @27 bytes after the empty line"},
    {"HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", "GET / 1.0 host= path=/ | "},
    {"HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\n",
     "505 request_unsupported @6 an HTTP version other than 1.0 and 1.1"},
    {"absolute form without Host", "GET http://b/ HTTP/1.1\r\n\r\n",
     "400 client_malformed @26 Host is missing"},
    {"absolute form in HTTP/1.0", "GET http://b/ HTTP/1.0\r\n\r\n", "GET / 1.0 host=b path=/ | "},
};

std::string request(std::string_view bytes) {
    HeadParser parser;
    return test_support::text_of_request(parser, bytes);
}

std::string incomplete(std::string_view bytes) {
    const auto fault = refuse_incomplete_request(bytes);
    return fault ? test_support::text_of(*fault) : std::string("wait");
}

void heads_are_read_or_refused_as_the_table_says(void**) {
    test_support::check_rows(field_rows, "GET / HTTP/1.1\r\nHost: a\r\n", "\r\n", request);
    test_support::check_rows(whole_rows, "", "", request);
}

// Which of the two readers refused: records name it.
void a_fault_names_llhttps_error_or_the_guard(void**) {
    HeadParser parser;
    RequestHead head;
    const auto error_of = [&](std::string_view bytes) {
        const auto fault = parser.parse_request(bytes, head);
        return std::string(fault ? fault->parser_error : "accepted");
    };
    assert_text_equal(error_of("GET / HTTP/1.1\r\n\r\n"), "guard");
    assert_text_equal(error_of("GET /a#b\"c HTTP/1.1\r\nHost: a\r\n\r\n"), "guard");
    assert_text_equal(error_of("BREW / HTTP/1.1\r\nHost: a\r\n\r\n"), "HPE_INVALID_METHOD");
    assert_text_equal(error_of("GET / HTTP/1.1\r\nHost: a\r\nX : b\r\n\r\n"),
                      "HPE_INVALID_HEADER_TOKEN");
    // A fault leaves nothing behind.
    assert_text_equal(error_of("GET / HTTP/1.1\r\nHost: a\r\n\r\n"), "accepted");
    assert_text_equal(test_support::text_of(head), "GET / 1.1 host=a path=/ | Host: a");
}

void facts_of_the_head_before_are_forgotten(void**) {
    HeadParser parser;
    RequestHead head;
    for (const std::string_view before :
         {"POST http://b/?q HTTP/1.0\r\nConnection: close, TE\r\nContent-Length: 3\r\n\r\n",
          "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nTE: trailers\r\n"
          "Transfer-Encoding: chunked\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n",
          "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\n\r\n",
          "GET / HTTP/1.1\r\nHost: a\r\n\r\n"})
        assert_false(parser.parse_request(before, head).has_value());
    assert_text_equal(test_support::text_of(head), "GET / 1.1 host=a path=/ | Host: a");
}

void targets_over_8_kib_are_414(void**) {
    const std::string most = "/" + std::string(target_limit_bytes - 1, 'a');
    const std::string end = " HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_text_contains(request("GET " + most + end), "1.1 host=a");
    assert_text_equal(request("GET " + most + "a" + end),
                      "414 client_head_too_large @4 the request target is over 8 KiB");
    assert_text_equal(incomplete("GET " + most), "wait");
    assert_text_equal(incomplete("GET " + most + "a"),
                      "414 client_head_too_large @4 the request target is over 8 KiB");
}

void heads_over_64_kib_are_431(void**) {
    const std::string start = "GET / HTTP/1.1\r\nHost: a\r\nX: ";
    const std::string room(head_limit_bytes - start.size() - 4, 'x');
    assert_text_contains(request(start + room + "\r\n\r\n"), "X: xxx");
    assert_text_equal(request(start + room + "x\r\n\r\n"),
                      "431 client_head_too_large @65536 the head is over 64 KiB");
    assert_text_equal(incomplete(start + room + "\r\n\r"), "wait");
    assert_text_equal(incomplete(start + room + "x\r\n\r"),
                      "431 client_head_too_large @65536 the head is over 64 KiB");
}

void more_than_1024_fields_are_431(void**) {
    std::string head = "GET / HTTP/1.1\r\nHost: a\r\n";
    for (size_t i = 1; i < field_limit; ++i) head += "X: a\r\n";
    assert_text_contains(request(head + "\r\n"), "GET / 1.1 host=a");
    assert_text_equal(request(head + "X: a\r\n\r\n"),
                      "431 client_head_too_large @6163 more than 1024 field lines");
}

// docker sends this with 80 registries in its config.json.
void a_head_of_16_kib_is_normal(void**) {
    const std::string value(16 * 1024, 'A');
    assert_text_equal(
        request("POST /build HTTP/1.1\r\nHost: a\r\nX-Registry-Config: " + value + "\r\n\r\n"),
        "POST /build 1.1 host=a path=/build | Host: a; X-Registry-Config: " + value);
}

void an_incomplete_head_is_refused_once_it_cannot_be_mended(void**) {
    constexpr Row rows[] = {
        {"nothing", "", "wait"},
        {"half of an empty line", "\r", "wait"},
        {"method", "GET", "wait"},
        {"unknown methods are judged when whole", "BREW /", "wait"},
        {"target", "GET /a", "wait"},
        {"line but its LF", "GET / HTTP/1.1\r", "wait"},
        {"fields", "GET / HTTP/1.1\r\nHost: a\r\nX: b\r", "wait"},
        {"TLS", "\026\003\001\002", "400 client_malformed @0 the method is not a token"},
        {"white space first", " GET", "400 client_malformed @0 the method is not a token"},
        {"HTTP/0.9", "GET /\r\n", "400 client_malformed @5 the request line has no HTTP version"},
        {"HTTP/2 preface", "PRI * HTTP/2.0\r\n",
         "505 request_unsupported @6 an HTTP version other than 1.0 and 1.1"},
        {"bare LF", "GET / HTTP/1.1\n", "400 client_malformed @14 a line ends in a bare LF"},
        {"bare CR", "GET / HTTP/1.1\r\nX: a\rb", "400 client_malformed @20 a bare CR"},
        {"NUL", "GET / HTTP/1.1\r\nX\0"sv, "400 client_malformed @17 a NUL byte"},
    };
    test_support::check_rows(rows, "", "", incomplete);
    assert_text_equal(incomplete(std::string(65, 'A')),
                      "501 request_unsupported @0 the method is not one that is known");
    // Only the end is looked at, however the bytes were cut before.
    const std::string long_head = "GET / HTTP/1.1\r\nX: " + std::string(2000, 'x') + "\r\nY: ";
    for (size_t size = 0; size <= long_head.size(); ++size)
        assert_text_equal(incomplete(std::string_view(long_head).substr(0, size)), "wait");
    assert_text_equal(incomplete(long_head + "\001"), "400 client_malformed @2024 a control byte");
}

// However a head is cut, its end is found at the same place.
void the_end_of_a_head_is_found(void**) {
    constexpr Row rows[] = {
        {"whole", "GET / HTTP/1.1\r\nA: b\r\n\r\n", "24"},
        {"body bytes follow", "GET / HTTP/1.1\r\n\r\nA: b\r\n\r\n", "18"},
        {"no field", "A\r\n\r\n", "5"},
        {"empty line only", "\r\n", "2"},
        {"LF only", "A\nB\n\nC", "5"},
        {"LF at once", "\n", "1"},
        {"CR LF LF", "A\r\n\nB", "4"},
        {"LF CR LF", "A\n\r\nB", "4"},
        {"CR LF CR X", "A\r\n\rX\r\n", "none"},
        {"CR CR LF", "A\r\n\r\r\n", "none"},
        {"one line end", "A\r\n", "none"},
        {"no line end", "A", "none"},
        {"nothing", "", "none"},
    };
    for (size_t first = 0; first < 24; ++first) {
        test_support::check_rows(rows, "", "", [first](std::string_view bytes) {
            const size_t cut = std::min(first, bytes.size());
            auto end = find_head_end(bytes.substr(0, cut), 0);
            if (!end) end = find_head_end(bytes, cut);
            return end ? std::to_string(*end) : std::string("none");
        });
    }
}

void one_leading_empty_line_is_skipped(void**) {
    assert_int_equal(leading_empty_line("\r\nGET"), 2);
    assert_int_equal(leading_empty_line("\r\n"), 2);
    assert_int_equal(leading_empty_line("\r"), 0);
    assert_int_equal(leading_empty_line("\nGET"), 0);
    assert_int_equal(leading_empty_line("GET\r\n"), 0);
    assert_int_equal(leading_empty_line(""), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(heads_are_read_or_refused_as_the_table_says),
        cmocka_unit_test(a_fault_names_llhttps_error_or_the_guard),
        cmocka_unit_test(facts_of_the_head_before_are_forgotten),
        cmocka_unit_test(targets_over_8_kib_are_414),
        cmocka_unit_test(heads_over_64_kib_are_431),
        cmocka_unit_test(more_than_1024_fields_are_431),
        cmocka_unit_test(a_head_of_16_kib_is_normal),
        cmocka_unit_test(an_incomplete_head_is_refused_once_it_cannot_be_mended),
        cmocka_unit_test(the_end_of_a_head_is_found),
        cmocka_unit_test(one_leading_empty_line_is_skipped),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
