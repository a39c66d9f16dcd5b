// Request lines and Host: what passes, and what each refusal says. The upstream never sees a refused one.
#include "http/parser.hh"

#include "support/http_text.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace std::string_view_literals;
using test_support::Row;

namespace {

constexpr Row line_rows[] = {
    {"query", "GET /a/b?c=d&e HTTP/1.1",
     "GET /a/b?c=d&e 1.1 host=a path=/a/b query=c=d&e | Host: a"},
    {"empty query", "GET /? HTTP/1.1", "GET /? 1.1 host=a path=/ | Host: a"},
    {"second question mark", "GET /a?b?c HTTP/1.1",
     "GET /a?b?c 1.1 host=a path=/a query=b?c | Host: a"},
    {"escapes in the path", "GET /%2f%5Bx HTTP/1.1",
     "GET /%2f%5Bx 1.1 host=a path=/%2f%5Bx | Host: a"},
    {"dot segments are the gate's", "GET //a/../b HTTP/1.1",
     "GET //a/../b 1.1 host=a path=//a/../b | Host: a"},
    {"what browsers leave raw in queries", "GET /?a[]={b|c}^`\\ HTTP/1.1",
     "GET /?a[]={b|c}^`\\ 1.1 host=a path=/ query=a[]={b|c}^`\\ | Host: a"},
    {"HTTP/1.0 with Host", "GET / HTTP/1.0", "GET / 1.0 host=a path=/ | Host: a"},
    {"two spaces after the method", "GET  / HTTP/1.1",
     "400 client_malformed @4 more than one space in the request line"},
    {"two spaces before the version", "GET /  HTTP/1.1",
     "400 client_malformed @5 more than one space in the request line"},
    {"space in the target", "GET /a b HTTP/1.1",
     "400 client_malformed @6 more than one space in the request line"},
    {"tab instead of a space", "GET\t/ HTTP/1.1",
     "400 client_malformed @0 the method is not a token"},
    {"tab before the version", "GET /\tHTTP/1.1",
     "400 client_malformed @14 the request line has no HTTP version"},
    {"space before the method", " GET / HTTP/1.1",
     "400 client_malformed @0 the method is not a token"},
    {"space after the version", "GET / HTTP/1.1 ",
     "400 client_malformed @15 the request line does not end in an HTTP version"},
    {"no target", "GET HTTP/1.1", "400 client_malformed @12 the request line has no HTTP version"},
    {"method only", "GET", "400 client_malformed @3 the request line has no target"},
    {"HTTP/0.9 without a version", "GET /",
     "400 client_malformed @5 the request line has no HTTP version"},
    {"HTTP/0.9", "GET / HTTP/0.9",
     "505 request_unsupported @6 an HTTP version other than 1.0 and 1.1"},
    {"HTTP/1.2", "GET / HTTP/1.2",
     "505 request_unsupported @6 an HTTP version other than 1.0 and 1.1"},
    {"HTTP/2.0", "GET / HTTP/2.0",
     "505 request_unsupported @6 an HTTP version other than 1.0 and 1.1"},
    {"HTTP/3.0", "GET / HTTP/3.0",
     "505 request_unsupported @6 an HTTP version other than 1.0 and 1.1"},
    {"PRI in HTTP/1.1", "PRI /a HTTP/1.1",
     "501 request_unsupported @0 the method is not one that is known"},
    {"HTTP/1.10", "GET / HTTP/1.10",
     "400 client_malformed @6 the request line does not end in an HTTP version"},
    {"HTTP/11", "GET / HTTP/11",
     "400 client_malformed @6 the request line does not end in an HTTP version"},
    {"HTTP/1,1", "GET / HTTP/1,1",
     "400 client_malformed @6 the request line does not end in an HTTP version"},
    {"http in lower case", "GET / http/1.1",
     "400 client_malformed @6 the request line does not end in an HTTP version"},
    {"RTSP", "DESCRIBE / RTSP/1.0",
     "400 client_malformed @11 the request line does not end in an HTTP version"},
    {"RTSP's method in HTTP", "DESCRIBE / HTTP/1.1",
     "501 request_unsupported @0 the method is not one that is known"},
    {"ICE", "SOURCE / ICE/1.0",
     "400 client_malformed @9 the request line does not end in an HTTP version"},
    {"unknown method", "BREW / HTTP/1.1",
     "501 request_unsupported @0 the method is not one that is known"},
    {"method in lower case", "get / HTTP/1.1",
     "501 request_unsupported @0 the method is not one that is known"},
    {"method that is no token", "G(T / HTTP/1.1",
     "400 client_malformed @0 the method is not a token"},
    {"method of 65 bytes",
     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1",
     "501 request_unsupported @0 the method is not one that is known"},
    {"CONNECT", "CONNECT a:80 HTTP/1.1",
     "501 request_unsupported @0 CONNECT makes this a forward proxy"},
    {"CONNECT with a path", "CONNECT / HTTP/1.1",
     "501 request_unsupported @0 CONNECT makes this a forward proxy"},
    {"M-SEARCH", "M-SEARCH / HTTP/1.1", "M-SEARCH / 1.1 host=a path=/ | Host: a"},
    {"asterisk", "OPTIONS * HTTP/1.1", "OPTIONS * 1.1 host=a path=* | Host: a"},
    {"asterisk without OPTIONS", "GET * HTTP/1.1",
     "400 client_malformed @4 `*` as request target without OPTIONS"},
    {"asterisk with more", "OPTIONS *a HTTP/1.1",
     "400 client_malformed @8 the request target is neither a path nor an http URL"},
    {"fragment", "GET /a#b HTTP/1.1", "400 client_malformed @6 a fragment in the request target"},
    {"fragment in the query", "GET /?a#b HTTP/1.1",
     "400 client_malformed @7 a fragment in the request target"},
    {"quote in the path", "GET /\"a\" HTTP/1.1",
     "400 client_malformed @5 a quote in the request target"},
    {"quote in the query", "GET /?a=\"b\" HTTP/1.1",
     "400 client_malformed @8 a quote in the request target"},
    {"angle brackets in the query", "GET /?<a> HTTP/1.1",
     "400 client_malformed @6 a byte in the request target that belongs escaped"},
    {"backslash in the path", "GET /a\\b HTTP/1.1",
     "400 client_malformed @6 a byte in the request target that belongs escaped"},
    {"brace in the path", "GET /{a} HTTP/1.1",
     "400 client_malformed @5 a byte in the request target that belongs escaped"},
    {"cut escape in the path", "GET /a%2 HTTP/1.1",
     "400 client_malformed @6 a cut escape in the request target's path"},
    {"escape that is not hexadecimal", "GET /%zz HTTP/1.1",
     "400 client_malformed @5 a cut escape in the request target's path"},
    {"byte over 0x7f in the target", "GET /\303\251 HTTP/1.1",
     "400 client_malformed @5 a non-ASCII byte in the request target"},
    {"DEL in the target", "GET /\177 HTTP/1.1", "400 client_malformed @5 a control byte"},
    {"target without a slash", "GET a HTTP/1.1",
     "400 client_malformed @4 the request target is neither a path nor an http URL"},
    {"target that is an authority", "GET a:80 HTTP/1.1",
     "400 client_malformed @4 the request target is neither a path nor an http URL"},
    {"absolute form overrides Host", "GET http://B:81/c?d HTTP/1.1",
     "GET /c?d 1.1 host=B:81 path=/c query=d | Host: a"},
    {"absolute form with https", "GET HTTPS://b/ HTTP/1.1", "GET / 1.1 host=b path=/ | Host: a"},
    {"absolute form without a path", "GET http://b HTTP/1.1", "GET / 1.1 host=b path=/ | Host: a"},
    {"absolute form without a path, OPTIONS", "OPTIONS http://b HTTP/1.1",
     "OPTIONS * 1.1 host=b path=* | Host: a"},
    {"absolute form with a query only", "GET http://b?c HTTP/1.1",
     "400 client_malformed @12 the request target has no path"},
    {"absolute form without a host", "GET http:///a HTTP/1.1",
     "400 client_malformed @11 the request target's host is not valid"},
    {"absolute form with user information", "GET http://u:p@b/ HTTP/1.1",
     "400 client_malformed @14 user information in the request target"},
    {"absolute form with another scheme", "GET ftp://b/ HTTP/1.1",
     "400 client_malformed @4 the request target is neither a path nor an http URL"},
    {"absolute form with a bad host", "GET http://a,b/ HTTP/1.1",
     "400 client_malformed @11 the request target's host is not valid"},
    {"absolute form with a fragment", "GET http://b/#c HTTP/1.1",
     "400 client_malformed @13 a fragment in the request target"},
};

constexpr Row host_rows[] = {
    {"Host with a port", "a.b-c_d~:2375",
     "GET / 1.1 host=a.b-c_d~:2375 path=/ | Host: a.b-c_d~:2375"},
    {"Host with an empty port", "a:", "GET / 1.1 host=a: path=/ | Host: a:"},
    {"Host of a unix socket", "%2Fvar%2Frun%2Fdocker.sock",
     "GET / 1.1 host=%2Fvar%2Frun%2Fdocker.sock path=/ | Host: %2Fvar%2Frun%2Fdocker.sock"},
    {"Host with IPv4", "127.0.0.1:80", "GET / 1.1 host=127.0.0.1:80 path=/ | Host: 127.0.0.1:80"},
    {"Host with IPv6", "[2001:db8::1]:80",
     "GET / 1.1 host=[2001:db8::1]:80 path=/ | Host: [2001:db8::1]:80"},
    {"Host with a space", "a b", "400 client_malformed @22 Host is not valid"},
    {"Host with a comma", "a,b", "400 client_malformed @22 Host is not valid"},
    {"Host with a slash", "a/b", "400 client_malformed @22 Host is not valid"},
    {"Host with user information", "u@b", "400 client_malformed @22 Host is not valid"},
    {"Host with a quote", "\"a\"", "400 client_malformed @22 Host is not valid"},
    {"Host with a question mark", "a?b", "400 client_malformed @22 Host is not valid"},
    {"Host with a semicolon", "a;b", "400 client_malformed @22 Host is not valid"},
    {"Host with a byte over 0x7f", "\303\251", "400 client_malformed @22 Host is not valid"},
    {"Host with a cut escape", "a%2", "400 client_malformed @22 Host is not valid"},
    {"Host with a port too large", "a:65536", "400 client_malformed @22 Host is not valid"},
    {"Host with a long port", "a:000080", "400 client_malformed @22 Host is not valid"},
    {"Host with a port that is no number", "a:8o", "400 client_malformed @22 Host is not valid"},
    {"Host with a port only", ":80", "400 client_malformed @22 Host is not valid"},
    {"Host with two ports", "a:80:81", "400 client_malformed @22 Host is not valid"},
    {"Host with open brackets", "[::1", "400 client_malformed @22 Host is not valid"},
    {"Host with bad IPv6", "[::g]", "400 client_malformed @22 Host is not valid"},
    {"Host with a zone", "[fe80::1%25eth0]", "400 client_malformed @22 Host is not valid"},
    {"Host with bytes after IPv6", "[::1]a", "400 client_malformed @22 Host is not valid"},
    {"bare IPv6 as Host", "::1", "400 client_malformed @22 Host is not valid"},
};

std::string request(std::string_view bytes) {
    HeadParser parser;
    return test_support::text_of_request(parser, bytes);
}

void request_lines_are_read_or_refused_as_the_table_says(void**) {
    test_support::check_rows(line_rows, "", "\r\nHost: a\r\n\r\n", request);
}

void hosts_are_read_or_refused_as_the_table_says(void**) {
    test_support::check_rows(host_rows, "GET / HTTP/1.1\r\nHost: ", "\r\n\r\n", request);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(request_lines_are_read_or_refused_as_the_table_says),
        cmocka_unit_test(hosts_are_read_or_refused_as_the_table_says),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
