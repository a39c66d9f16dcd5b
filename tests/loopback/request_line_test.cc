// The request line and Host: spaces, methods, targets, versions (HTTP.md, RFC 9112 §3).
#include "support/cases.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

constexpr std::string_view malformed = "client_malformed";
constexpr std::string_view unsupported = "request_unsupported";
constexpr std::string_view spaces = "more than one space in the request line";
constexpr std::string_view no_version = "the request line does not end in an HTTP version";
constexpr std::string_view other_version = "an HTTP version other than 1.0 and 1.1";
constexpr std::string_view unknown_method = "the method is not one that is known";
constexpr std::string_view escaped = "a byte in the request target that belongs escaped";
constexpr std::string_view cut_escape = "a cut escape in the request target's path";
constexpr std::string_view no_path = "the request target is neither a path nor an http URL";
constexpr std::string_view bad_target_host = "the request target's host is not valid";
constexpr std::string_view bad_host = "Host is not valid";

#define END "\r\nHost: a\r\n\r\n"

constexpr Refused line[] = {
    {"two spaces after the method are refused", "GET  / HTTP/1.1" END, 400, malformed, spaces},
    {"two spaces before the version are refused", "GET /  HTTP/1.1" END, 400, malformed, spaces},
    {"a space inside the target is refused", "GET /a b HTTP/1.1" END, 400, malformed, spaces},
    {"a tab after the method is refused", "GET\t/ HTTP/1.1" END, 400, malformed,
     "the method is not a token"},
    {"a tab before the version is refused", "GET /\tHTTP/1.1" END, 400, malformed,
     "the request line has no HTTP version"},
    {"a space after the version is refused", "GET / HTTP/1.1 " END, 400, malformed, no_version},
    {"a tab after the version is refused", "GET / HTTP/1.1\t" END, 400, malformed, no_version},
    {"a request line without a target is refused", "GET HTTP/1.1" END, 400, malformed,
     "the request line has no HTTP version"},
    {"a request line with an empty target is refused", "GET  HTTP/1.1" END, 400, malformed, spaces},
    {"a method alone is refused", "GET" END, 400, malformed, "the request line has no target"},
};

constexpr Refused versions[] = {
    {"HTTP/0.9 by its short form is refused", "GET /" END, 400, malformed,
     "the request line has no HTTP version"},
    {"HTTP/0.9 by its number is refused", "GET / HTTP/0.9" END, 505, unsupported, other_version},
    {"HTTP/1.2 is refused", "GET / HTTP/1.2" END, 505, unsupported, other_version},
    {"HTTP/2.0 is refused", "GET / HTTP/2.0" END, 505, unsupported, other_version},
    {"HTTP/3.0 is refused", "GET / HTTP/3.0" END, 505, unsupported, other_version},
    {"HTTP/2 is refused", "GET / HTTP/2" END, 400, malformed, no_version},
    {"HTTP/1 is refused", "GET / HTTP/1" END, 400, malformed, no_version},
    {"HTTP/1. is refused", "GET / HTTP/1." END, 400, malformed, no_version},
    {"HTTP/1.10 is refused", "GET / HTTP/1.10" END, 400, malformed, no_version},
    {"HTTP/01.1 is refused", "GET / HTTP/01.1" END, 400, malformed, no_version},
    {"HTTP/1.1x is refused", "GET / HTTP/1.1x" END, 400, malformed, no_version},
    {"HTTP/1,1 is refused", "GET / HTTP/1,1" END, 400, malformed, no_version},
    {"HTTP 1.1 is refused", "GET / HTTP 1.1" END, 400, malformed, no_version},
    {"http/1.1 in small letters is refused", "GET / http/1.1" END, 400, malformed, no_version},
    {"HTTPS/1.1 is refused", "GET / HTTPS/1.1" END, 400, malformed, no_version},
    {"RTSP/1.0 is refused", "SETUP /a RTSP/1.0" END, 400, malformed, no_version},
    {"a GET over RTSP/1.0 is refused", "GET / RTSP/1.0" END, 400, malformed, no_version},
    {"ICE/1.0 is refused", "SOURCE /a ICE/1.0" END, 400, malformed, no_version},
};

constexpr Refused methods[] = {
    {"a method that is no token is refused", "G@T / HTTP/1.1" END, 400, malformed,
     "the method is not a token"},
    {"a method with a non-ASCII byte is refused", "G\xc3\x89T / HTTP/1.1" END, 400, malformed,
     "the method is not a token"},
    {"a method that llhttp does not know is refused with 501", "FOO / HTTP/1.1" END, 501,
     unsupported, unknown_method},
    {"a method in small letters is another method", "get / HTTP/1.1" END, 501, unsupported,
     unknown_method},
    {"a method with a known one in front is another method", "GETS / HTTP/1.1" END, 501,
     unsupported, unknown_method},
    {"a method over 64 bytes is refused",
     "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA / HTTP/1.1" END, 501,
     unsupported, unknown_method},
    {"CONNECT is refused", "CONNECT a:80 HTTP/1.1" END, 501, unsupported,
     "CONNECT makes this a forward proxy"},
    {"CONNECT to a path is refused", "CONNECT /a HTTP/1.1" END, 501, unsupported,
     "CONNECT makes this a forward proxy"},
    {"the preface of HTTP/2 is refused", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 505, unsupported,
     other_version},
    {"PRI is refused in HTTP/1.1 too", "PRI * HTTP/1.1" END, 501, unsupported, unknown_method},
};

constexpr Refused targets[] = {
    {"a fragment is refused", "GET /a#b HTTP/1.1" END, 400, malformed,
     "a fragment in the request target"},
    {"a fragment after the query is refused", "GET /a?b#c HTTP/1.1" END, 400, malformed,
     "a fragment in the request target"},
    {"a fragment alone is refused", "GET #a HTTP/1.1" END, 400, malformed, no_path},
    {"a quote in the path is refused", "GET /\"a HTTP/1.1" END, 400, malformed,
     "a quote in the request target"},
    {"a quote in the query is refused", "GET /?\"a HTTP/1.1" END, 400, malformed,
     "a quote in the request target"},
    {"an angle bracket in the path is refused", "GET /<a HTTP/1.1" END, 400, malformed, escaped},
    {"an angle bracket in the query is refused", "GET /?>a HTTP/1.1" END, 400, malformed, escaped},
    {"a backslash in the path is refused", "GET /\\a HTTP/1.1" END, 400, malformed, escaped},
    {"a brace in the path is refused", "GET /{a} HTTP/1.1" END, 400, malformed, escaped},
    {"a bracket in the path is refused", "GET /[a] HTTP/1.1" END, 400, malformed, escaped},
    {"a caret in the path is refused", "GET /^a HTTP/1.1" END, 400, malformed, escaped},
    {"a bar in the path is refused", "GET /|a HTTP/1.1" END, 400, malformed, escaped},
    {"a non-ASCII byte in the path is refused", "GET /\xc3\xa9 HTTP/1.1" END, 400, malformed,
     "a non-ASCII byte in the request target"},
    {"a non-ASCII byte in the query is refused", "GET /?\xff HTTP/1.1" END, 400, malformed,
     "a non-ASCII byte in the request target"},
    {"a NUL in the target is refused", "GET /a\0b HTTP/1.1\r\nHost: a\r\n\r\n"sv, 400, malformed,
     "a NUL byte"},
    {"a control byte in the target is refused", "GET /a\x07z HTTP/1.1" END, 400, malformed,
     "a control byte"},
    {"DEL in the target is refused", "GET /a\x7fz HTTP/1.1" END, 400, malformed, "a control byte"},
    {"a tab in the target is refused", "GET /a\tz HTTP/1.1" END, 400, malformed, spaces},
    {"an escape cut after % is refused", "GET /a% HTTP/1.1" END, 400, malformed, cut_escape},
    {"an escape cut after one digit is refused", "GET /a%4 HTTP/1.1" END, 400, malformed,
     cut_escape},
    {"an escape without hex digits is refused", "GET /a%zz HTTP/1.1" END, 400, malformed,
     cut_escape},
    {"a path without a slash is refused", "GET a HTTP/1.1" END, 400, malformed, no_path},
    {"a query without a path is refused", "GET ?a HTTP/1.1" END, 400, malformed, no_path},
    {"GET * is refused", "GET * HTTP/1.1" END, 400, malformed,
     "`*` as request target without OPTIONS"},
    {"POST * is refused", "POST * HTTP/1.1" END, 400, malformed,
     "`*` as request target without OPTIONS"},
    {"OPTIONS ** is refused", "OPTIONS ** HTTP/1.1" END, 400, malformed, no_path},
    {"OPTIONS *a is refused", "OPTIONS *a HTTP/1.1" END, 400, malformed, no_path},
    {"an authority as target is refused", "GET a:80 HTTP/1.1" END, 400, malformed, no_path},
    {"a scheme other than http is refused", "GET ftp://a/ HTTP/1.1" END, 400, malformed, no_path},
    {"a file URL is refused", "GET file:///etc/passwd HTTP/1.1" END, 400, malformed, no_path},
    {"an absolute target without a host is refused", "GET http:///b HTTP/1.1" END, 400, malformed,
     bad_target_host},
    {"an absolute target of a scheme alone is refused", "GET http:// HTTP/1.1" END, 400, malformed,
     no_path},
    {"user information is refused", "GET http://u@a/ HTTP/1.1" END, 400, malformed,
     "user information in the request target"},
    {"user information with a password is refused", "GET http://u:p@a/ HTTP/1.1" END, 400,
     malformed, "user information in the request target"},
    {"an absolute target's bad port is refused", "GET http://a:b/ HTTP/1.1" END, 400, malformed,
     bad_target_host},
    {"an absolute target with a query and no path is refused", "GET http://a?b HTTP/1.1" END, 400,
     malformed, "the request target has no path"},
    {"an absolute target's fragment is refused", "GET http://a/b#c HTTP/1.1" END, 400, malformed,
     "a fragment in the request target"},
    {"a bad Host is refused beside an absolute target",
     "GET http://a/ HTTP/1.1\r\nHost: b c\r\n\r\n", 400, malformed, bad_host},
};

#define HOST(value) "GET / HTTP/1.1\r\nHost: " value "\r\n\r\n"
constexpr Refused hosts[] = {
    {"HTTP/1.1 without Host is refused", "GET / HTTP/1.1\r\n\r\n", 400, malformed,
     "Host is missing"},
    {"an absolute target does not replace Host", "GET http://a/ HTTP/1.1\r\n\r\n", 400, malformed,
     "Host is missing"},
    {"two Hosts are refused", "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, malformed,
     "Host is repeated"},
    {"two equal Hosts are refused", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n", 400, malformed,
     "Host is repeated"},
    {"two Hosts are refused in HTTP/1.0 too", "GET / HTTP/1.0\r\nHost: a\r\nhost: b\r\n\r\n", 400,
     malformed, "Host is repeated"},
    {"a Host with a space in it is refused", HOST("a b"), 400, malformed, bad_host},
    {"a Host with a comma in it is refused", HOST("a,b"), 400, malformed, bad_host},
    {"a Host with a slash in it is refused", HOST("a/b"), 400, malformed, bad_host},
    {"a Host with user information is refused", HOST("u@b"), 400, malformed, bad_host},
    {"a Host with a query is refused", HOST("a?b"), 400, malformed, bad_host},
    {"a Host with a fragment is refused", HOST("a#b"), 400, malformed, bad_host},
    {"a Host with a backslash is refused", HOST("a\\b"), 400, malformed, bad_host},
    {"a Host in quotes is refused", HOST("\"a\""), 400, malformed, bad_host},
    {"a Host with a non-ASCII byte is refused", HOST("\xc3\xa9"), 400, malformed, bad_host},
    {"a Host with a cut escape is refused", HOST("a%2"), 400, malformed, bad_host},
    {"a Host whose port is no number is refused", HOST("a:b"), 400, malformed, bad_host},
    {"a Host whose port is signed is refused", HOST("a:+80"), 400, malformed, bad_host},
    {"a Host whose port is over 65535 is refused", HOST("a:65536"), 400, malformed, bad_host},
    {"a Host with two ports is refused", HOST("a:80:81"), 400, malformed, bad_host},
    {"a Host of a port alone is refused", HOST(":80"), 400, malformed, bad_host},
    {"an unclosed IPv6 Host is refused", HOST("[::1"), 400, malformed, bad_host},
    {"an IPv6 Host that is none is refused", HOST("[::g]"), 400, malformed, bad_host},
    {"an IPv6 Host without brackets is refused", HOST("::1"), 400, malformed, bad_host},
    {"an IPv6 Host with a zone is refused", HOST("[fe80::1%25eth0]"), 400, malformed, bad_host},
    {"bytes after an IPv6 Host's bracket are refused", HOST("[::1]a"), 400, malformed, bad_host},
    {"a URL as Host is refused", HOST("http://a"), 400, malformed, bad_host},
};

#define AS_SENT(line) line "\r\nHost: a\r\n\r\n", line "\r\nHost: a\r\n{+}\r\n"
constexpr Forwarded passing[] = {
    {"a query passes as it came", AS_SENT("GET /a?b=c&d=%2f&e HTTP/1.1")},
    {"an empty query passes", AS_SENT("GET /a? HTTP/1.1")},
    {"a query with question marks passes", AS_SENT("GET /a?b?c HTTP/1.1")},
    {"JSON without quotes in a query passes", AS_SENT("GET /a?f={b:[c]}|^`\\ HTTP/1.1")},
    {"escapes pass undecoded, in either case", AS_SENT("GET /a%2Fb%2fc%C3%A9%41 HTTP/1.1")},
    {"an escaped NUL passes undecoded", AS_SENT("GET /a%00b HTTP/1.1")},
    {"every sub-delimiter in a path passes", AS_SENT("GET /-._~!$&'()*+,;=:@ HTTP/1.1")},
    {"a path of one slash passes", AS_SENT("DELETE / HTTP/1.1")},
    {"HEAD passes", AS_SENT("HEAD /_ping HTTP/1.1")},
    {"POST without a body passes without a length", AS_SENT("POST /a HTTP/1.1")},
    {"PATCH passes", AS_SENT("PATCH /a HTTP/1.1")},
    {"TRACE passes", AS_SENT("TRACE /a HTTP/1.1")},
    {"a WebDAV method passes", AS_SENT("PROPFIND /a HTTP/1.1")},
    {"OPTIONS * passes", AS_SENT("OPTIONS * HTTP/1.1")},
    {"OPTIONS with a path passes", AS_SENT("OPTIONS /a HTTP/1.1")},
    {"an absolute target becomes a path", "GET http://a/b?c HTTP/1.1" END,
     "GET /b?c HTTP/1.1\r\nHost: a\r\n{+}\r\n"},
    {"an absolute target overrides Host", "GET http://a/b HTTP/1.1\r\nHost: other:1\r\n\r\n",
     "GET /b HTTP/1.1\r\nHost: a\r\n{+}\r\n"},
    {"an absolute target's scheme has no case", "GET HTTP://a/b HTTP/1.1" END,
     "GET /b HTTP/1.1\r\nHost: a\r\n{+}\r\n"},
    {"an absolute https target becomes a path", "GET https://a/b HTTP/1.1" END,
     "GET /b HTTP/1.1\r\nHost: a\r\n{+}\r\n"},
    {"an absolute target without a path asks for /", "GET http://a HTTP/1.1" END,
     "GET / HTTP/1.1\r\nHost: a\r\n{+}\r\n"},
    {"OPTIONS of an absolute target without a path asks about *", "OPTIONS http://a HTTP/1.1" END,
     "OPTIONS * HTTP/1.1\r\nHost: a\r\n{+}\r\n"},
};

struct HostRow {
    std::string_view name;
    std::string_view host;
    std::string_view forwarded;  // host in the Forwarded field (RFC 7239 §4)
};
constexpr HostRow good_hosts[] = {
    {"a Host with a port passes", "a:2375", "\"a:2375\""},
    {"a Host with an empty port passes", "a:", "\"a:\""},
    {"an IPv4 Host passes", "192.0.2.1", "192.0.2.1"},
    {"an IPv6 Host passes", "[::1]:2375", "\"[::1]:2375\""},
    {"a Host keeps its case", "Docker.Example", "Docker.Example"},
    {"a Host with an underscore passes", "build_vm", "build_vm"},
};

void check_host(Stage& stage, const HostRow& row) {
    const std::string host(row.host);
    stage.send("GET / HTTP/1.1\r\nHost: " + host + "\r\nX-Request-Id: i\r\n\r\n");
    assert_true(stage.accept());
    const std::string got = stage.upstream_bytes();
    const size_t trace = got.find("traceparent: ");
    assert_text_equal(got.substr(0, trace),
                      "GET / HTTP/1.1\r\nHost: " + host + "\r\nX-Request-Id: i\r\n" +
                          "Via: 1.1 becaused\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: " +
                          host + "\r\nX-Forwarded-Proto: http\r\nForwarded: for=127.0.0.1;host=" +
                          std::string(row.forwarded) + ";proto=http\r\n");
}

// docker over a unix socket sends none or `docker`; an empty Host is valid where the target names nobody.
void an_empty_host_passes(Stage& stage) {
    stage.send("GET / HTTP/1.1\r\nHost:\r\nX-Request-Id: i\r\n\r\n");
    assert_true(stage.accept());
    const std::string got = stage.upstream_bytes();
    assert_text_equal(got.substr(0, got.find("traceparent: ")),
                      "GET / HTTP/1.1\r\nHost: \r\nX-Request-Id: i\r\nVia: 1.1 becaused\r\n"
                      "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Proto: http\r\n"
                      "Forwarded: for=127.0.0.1;proto=http\r\n");
}

// The line alone tells: nobody has to wait for a head that will be refused.
void a_bad_version_is_refused_before_the_head_is_whole(Stage& stage) {
    stage.send("GET / HTTP/2.0\r\n");
    assert_own_answer(stage, {505, unsupported, other_version});
    assert_false(stage.accept());
}

void a_method_that_is_no_token_is_refused_before_its_line_is_whole(Stage& stage) {
    stage.send("\x16\x03\x01");
    assert_own_answer(stage, {400, malformed, "the method is not a token"});
    assert_false(stage.accept());
}

}  // namespace

int main() {
    Cases cases;
    cases.add(line, check_refused);
    cases.add(versions, check_refused);
    cases.add(methods, check_refused);
    cases.add(targets, check_refused);
    cases.add(hosts, check_refused);
    cases.add(passing, check_forwarded);
    cases.add(good_hosts, check_host);
    cases.add(SCENARIO(an_empty_host_passes));
    cases.add(SCENARIO(a_bad_version_is_refused_before_the_head_is_whole));
    cases.add(SCENARIO(a_method_that_is_no_token_is_refused_before_its_line_is_whole));
    return cases.run("request line");
}
