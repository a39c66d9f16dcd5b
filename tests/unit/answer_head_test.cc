// Heads of answers: what passes, and what is 502. In the expected text, fields that stay on this hop
// are in parentheses.
#include "http/parser.hh"

#include "support/http_text.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace std::string_view_literals;
using test_support::Row;

namespace {

constexpr Row status_rows[] = {
    {"plain", "HTTP/1.1 200 OK", "200 'OK' 1.1 | "},
    {"HTTP/1.0", "HTTP/1.0 200 OK", "200 'OK' 1.0 | "},
    {"no reason, with its space", "HTTP/1.1 200 ", "200 '' 1.1 | "},
    {"no reason, no space", "HTTP/1.1 200", "200 '' 1.1 | "},
    {"reason of several words", "HTTP/1.1 404 Not \tFound \303\251",
     "404 'Not \tFound \303\251' 1.1 | "},
    {"status 100", "HTTP/1.1 100 Continue", "100 'Continue' 1.1 | "},
    {"status 599", "HTTP/1.1 599 x", "599 'x' 1.1 | "},
    {"status 000", "HTTP/1.1 000 x", "502 upstream_malformed @9 the status is not in 100 to 599"},
    {"status 099", "HTTP/1.1 099 x", "502 upstream_malformed @9 the status is not in 100 to 599"},
    {"status 600", "HTTP/1.1 600 x", "502 upstream_malformed @9 the status is not in 100 to 599"},
    {"status 999", "HTTP/1.1 999 x", "502 upstream_malformed @9 the status is not in 100 to 599"},
    {"status of one digit", "HTTP/1.1 2 x",
     "502 upstream_malformed @8 the status is not three digits"},
    {"status 11", "HTTP/1.1 11 x", "502 upstream_malformed @8 the status is not three digits"},
    {"status 20", "HTTP/1.1 20 x", "502 upstream_malformed @8 the status is not three digits"},
    {"status of four digits", "HTTP/1.1 2000 x",
     "502 upstream_malformed @8 the status is not three digits"},
    {"status with a letter", "HTTP/1.1 20x x",
     "502 upstream_malformed @8 the status is not three digits"},
    {"signed status", "HTTP/1.1 +20 x", "502 upstream_malformed @8 the status is not three digits"},
    {"no status", "HTTP/1.1", "502 upstream_malformed @8 the status is not three digits"},
    {"two spaces before the status", "HTTP/1.1  200 OK",
     "502 upstream_malformed @8 the status is not three digits"},
    {"tab before the status", "HTTP/1.1\t200 OK",
     "502 upstream_malformed @8 the status is not three digits"},
    {"tab after the status", "HTTP/1.1 200\tOK",
     "502 upstream_malformed @8 the status is not three digits"},
    {"HTTP/0.9", "HTTP/0.9 200 OK",
     "502 upstream_malformed @0 the status line does not begin with HTTP/1.0 or HTTP/1.1"},
    {"HTTP/1.2", "HTTP/1.2 200 OK",
     "502 upstream_malformed @0 the status line does not begin with HTTP/1.0 or HTTP/1.1"},
    {"HTTP/2.0", "HTTP/2.0 200 OK",
     "502 upstream_malformed @0 the status line does not begin with HTTP/1.0 or HTTP/1.1"},
    {"ICY", "ICY 200 OK",
     "502 upstream_malformed @0 the status line does not begin with HTTP/1.0 or HTTP/1.1"},
    {"RTSP", "RTSP/1.0 200 OK",
     "502 upstream_malformed @0 the status line does not begin with HTTP/1.0 or HTTP/1.1"},
    {"lower case", "http/1.1 200 OK",
     "502 upstream_malformed @0 the status line does not begin with HTTP/1.0 or HTTP/1.1"},
    {"no HTTP at all", "<html>",
     "502 upstream_malformed @0 the status line does not begin with HTTP/1.0 or HTTP/1.1"},
    {"control byte in the reason", "HTTP/1.1 200 O\001K",
     "502 upstream_malformed @14 a control byte"},
    {"NUL in the reason", "HTTP/1.1 200 O\000K"sv, "502 upstream_malformed @14 a NUL byte"},
    {"DEL in the reason", "HTTP/1.1 200 O\177K", "502 upstream_malformed @14 a control byte"},
    {"bare CR in the reason", "HTTP/1.1 200 O\rK", "502 upstream_malformed @14 a bare CR"},
    {"bare LF after the status line", "HTTP/1.1 200 OK\nX: a",
     "502 upstream_malformed @15 a line ends in a bare LF"},
};

constexpr Row field_rows[] = {
    {"folded line", "X: a\r\n b\r\n", "502 upstream_malformed @23 a folded line"},
    {"white space before the first field", " X: a\r\n",
     "502 upstream_malformed @17 white space before the first field"},
    {"space before the colon", "X : a\r\n",
     "502 upstream_malformed @18 white space in or after a field name"},
    {"empty name", ": a\r\n", "502 upstream_malformed @17 a field has no name"},
    {"name that is no token", "X@: a\r\n",
     "502 upstream_malformed @18 a field name is not a token"},
    {"NUL in a value", "X: \000\r\n"sv, "502 upstream_malformed @20 a NUL byte"},
    {"bare CR in a value", "X: a\rb\r\n", "502 upstream_malformed @21 a bare CR"},
    {"length", "Content-Length: 5\r\n", "200 'OK' 1.1 length=5 | Content-Length: 5"},
    {"length zero", "Content-Length: 0\r\n", "200 'OK' 1.1 length=0 | Content-Length: 0"},
    {"equal lengths", "Content-Length: 5\r\nContent-Length: 5\r\n",
     "502 upstream_malformed @52 Content-Length is repeated"},
    {"different lengths", "Content-Length: 5\r\nContent-Length: 6\r\n",
     "502 upstream_malformed @52 Content-Length is repeated"},
    {"equal lengths in a list", "Content-Length: 5, 5\r\n",
     "502 upstream_malformed @33 Content-Length is a list"},
    {"length over 63 bits", "Content-Length: 9223372036854775808\r\n",
     "502 upstream_malformed @33 Content-Length is not a number of at most 63 bits"},
    {"negative length", "Content-Length: -1\r\n",
     "502 upstream_malformed @33 Content-Length is not a number of at most 63 bits"},
    {"chunked", "Transfer-Encoding: chunked\r\n",
     "200 'OK' 1.1 chunked | (Transfer-Encoding: chunked)"},
    {"chunked and a tab", "Transfer-Encoding: chunked\t\r\n",
     "200 'OK' 1.1 chunked | (Transfer-Encoding: chunked)"},
    {"chunked and length", "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
     "502 upstream_malformed @61 Content-Length beside Transfer-Encoding"},
    {"length and chunked", "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
     "502 upstream_malformed @55 Content-Length beside Transfer-Encoding"},
    {"gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n",
     "502 upstream_malformed @36 a transfer coding other than chunked"},
    {"identity", "Transfer-Encoding: identity\r\n",
     "502 upstream_malformed @36 a transfer coding other than chunked"},
    {"empty coding", "Transfer-Encoding:\r\n",
     "502 upstream_malformed @35 Transfer-Encoding is not exactly chunked"},
    {"chunked twice", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
     "502 upstream_malformed @64 Transfer-Encoding is repeated"},
    {"close beside a tab", "Connection: close\t\r\n", "200 'OK' 1.1 close | (Connection: close)"},
    {"named field stays on the hop",
     "Connection: X-Mine, Set-Cookie\r\nX-Mine: 1\r\nSet-Cookie: a\r\nSet-Cookie: b\r\n",
     "200 'OK' 1.1 | (Connection: X-Mine, Set-Cookie); (X-Mine: 1); Set-Cookie: a; "
     "Set-Cookie: b"},
    {"option that is no token", "Connection: a b\r\n",
     "502 upstream_malformed @29 a Connection option is not a token"},
    {"fields that always stay on the hop",
     "Keep-Alive: 5\r\nProxy-Authenticate: x\r\nProxy-Connection: close\r\n",
     "200 'OK' 1.1 | (Keep-Alive: 5); (Proxy-Authenticate: x); (Proxy-Connection: close)"},
    {"duplicate fields stay in order", "Warning: b\r\nwarning: a\r\nWarning: c\r\n",
     "200 'OK' 1.1 | Warning: b; warning: a; Warning: c"},
};

constexpr Row whole_rows[] = {
    {"leading empty line", "\r\n", "502 upstream_malformed @0 an empty line instead of a head"},
    {"bare LF after a field", "HTTP/1.1 200 OK\r\nX: a\n\r\n",
     "502 upstream_malformed @21 a line ends in a bare LF"},
    {"bare LF as the empty line", "HTTP/1.1 200 OK\r\n\n",
     "502 upstream_malformed @17 a line ends in a bare LF"},
    {"bare LF everywhere", "HTTP/1.1 200 OK\n\n",
     "502 upstream_malformed @15 a line ends in a bare LF"},
    {"bytes after the empty line", "HTTP/1.1 200 OK\r\n\r\nX",
     "502 upstream_malformed @19 bytes after the empty line"},
    {"chunked in HTTP/1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
     "200 'OK' 1.0 chunked | (Transfer-Encoding: chunked)"},
    {"204 with a length", "HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n",
     "204 'No Content' 1.1 length=5 | Content-Length: 5"},
    {"304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n",
     "304 'Not Modified' 1.1 length=5 | Content-Length: 5"},
    {"100 with a length", "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n",
     "100 'Continue' 1.1 length=5 | Content-Length: 5"},
    {"101", "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n",
     "101 'UPGRADED' 1.1 upgrade to=tcp | (Connection: Upgrade); (Upgrade: tcp)"},
    {"101 without Upgrade", "HTTP/1.1 101 x\r\n\r\n", "101 'x' 1.1 | "},
    {"101 without Connection", "HTTP/1.1 101 x\r\nUpgrade: tcp\r\n\r\n",
     "101 'x' 1.1 | (Upgrade: tcp)"},
    {"101 with two Upgrade fields",
     "HTTP/1.1 101 x\r\nConnection: upgrade\r\nUpgrade: tcp\r\nUpgrade: h2c\r\n\r\n",
     "101 'x' 1.1 upgrade | (Connection: upgrade); (Upgrade: tcp); (Upgrade: h2c)"},
    {"426 offers", "HTTP/1.1 426 Upgrade Required\r\nConnection: upgrade\r\nUpgrade: h2c\r\n\r\n",
     "426 'Upgrade Required' 1.1 upgrade to=h2c | (Connection: upgrade); (Upgrade: h2c)"},
};

std::string response(std::string_view bytes) {
    HeadParser parser;
    return test_support::text_of_response(parser, bytes);
}

void status_lines_are_read_or_refused_as_the_table_says(void**) {
    test_support::check_rows(status_rows, "", "\r\n\r\n", response);
}

void answer_fields_are_read_or_refused_as_the_table_says(void**) {
    test_support::check_rows(field_rows, "HTTP/1.1 200 OK\r\n", "\r\n", response);
    test_support::check_rows(whole_rows, "", "", response);
}

void an_answer_head_over_64_kib_is_refused(void**) {
    const std::string start = "HTTP/1.1 200 OK\r\nX: ";
    const std::string room(head_limit_bytes - start.size() - 4, 'x');
    assert_text_contains(response(start + room + "\r\n\r\n"), "200 'OK' 1.1 | X: xxx");
    assert_text_equal(response(start + room + "x\r\n\r\n"),
                      "502 upstream_head_too_large @65536 the head is over 64 KiB");
    const auto cut = refuse_incomplete_response(start + room + "xxxx");
    assert_true(cut.has_value());
    assert_text_equal(test_support::text_of(*cut),
                      "502 upstream_head_too_large @65536 the head is over 64 KiB");
}

void an_incomplete_answer_is_refused_once_it_cannot_be_one(void**) {
    constexpr Row rows[] = {
        {"nothing", "", "wait"},
        {"first letters", "HT", "wait"},
        {"version", "HTTP/1.", "wait"},
        {"status line", "HTTP/1.1 200 OK\r\nX: a\r", "wait"},
        {"not HTTP", "SSH-2.0-OpenSSH\r\n",
         "502 upstream_malformed @0 the status line does not begin with HTTP/1.0 or HTTP/1.1"},
        {"control byte", "HTTP/1.1 200 O\001K", "502 upstream_malformed @14 a control byte"},
    };
    test_support::check_rows(rows, "", "", [](std::string_view bytes) {
        const auto fault = refuse_incomplete_response(bytes);
        return fault ? test_support::text_of(*fault) : std::string("wait");
    });
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(status_lines_are_read_or_refused_as_the_table_says),
        cmocka_unit_test(answer_fields_are_read_or_refused_as_the_table_says),
        cmocka_unit_test(an_answer_head_over_64_kib_is_refused),
        cmocka_unit_test(an_incomplete_answer_is_refused_once_it_cannot_be_one),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
