// What fields of requests mean: framing, Connection, Upgrade, TE, Expect, Max-Forwards. In the
// expected text, fields that stay on this hop are in parentheses.
#include "http/parser.hh"

#include "support/http_text.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace std::string_view_literals;
using test_support::Row;

namespace {

constexpr Row framing_rows[] = {
    {"length", "Content-Length: 3\r\n",
     "POST / 1.1 host=a path=/ length=3 | Host: a; Content-Length: 3"},
    {"length zero", "Content-Length: 0\r\n",
     "POST / 1.1 host=a path=/ length=0 | Host: a; Content-Length: 0"},
    {"length with leading zeros", "Content-Length: 007\r\n",
     "POST / 1.1 host=a path=/ length=7 | Host: a; Content-Length: 007"},
    {"largest length", "Content-Length: 9223372036854775807\r\n",
     "POST / 1.1 host=a path=/ length=9223372036854775807 | Host: a; Content-Length: "
     "9223372036854775807"},
    {"length of 64 bits", "Content-Length: 9223372036854775808\r\n",
     "400 client_malformed @42 Content-Length is not a number of at most 63 bits"},
    {"length over 64 bits", "Content-Length: 18446744073709551619\r\n",
     "400 client_malformed @42 Content-Length is not a number of at most 63 bits"},
    {"length with a sign", "Content-Length: +3\r\n",
     "400 client_malformed @42 Content-Length is not a number of at most 63 bits"},
    {"negative length", "Content-Length: -3\r\n",
     "400 client_malformed @42 Content-Length is not a number of at most 63 bits"},
    {"hexadecimal length", "Content-Length: 0x3\r\n",
     "400 client_malformed @42 Content-Length is not a number of at most 63 bits"},
    {"length with a space inside", "Content-Length: 1 2\r\n",
     "400 client_malformed @42 Content-Length is not a number of at most 63 bits"},
    {"length that is no number", "Content-Length: 3a\r\n",
     "400 client_malformed @42 Content-Length is not a number of at most 63 bits"},
    {"empty length", "Content-Length:\r\n",
     "400 client_malformed @41 Content-Length is not a number of at most 63 bits"},
    {"equal lengths in a list", "Content-Length: 3, 3\r\n",
     "400 client_ambiguous_framing @42 Content-Length is a list"},
    {"equal lengths in two lines", "Content-Length: 3\r\nContent-Length: 3\r\n",
     "400 client_ambiguous_framing @61 Content-Length is repeated"},
    {"different lengths", "Content-Length: 3\r\ncontent-length: 4\r\n",
     "400 client_ambiguous_framing @61 Content-Length is repeated"},
    {"chunked", "Transfer-Encoding: chunked\r\n",
     "POST / 1.1 host=a path=/ chunked | Host: a; (Transfer-Encoding: chunked)"},
    {"chunked in other letters", "transfer-encoding: CHUNKED\r\n",
     "POST / 1.1 host=a path=/ chunked | Host: a; (transfer-encoding: CHUNKED)"},
    {"chunked and white space", "Transfer-Encoding: \tchunked \t\r\n",
     "POST / 1.1 host=a path=/ chunked | Host: a; (Transfer-Encoding: chunked)"},
    {"length, then chunked", "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n",
     "400 client_ambiguous_framing @64 Content-Length beside Transfer-Encoding"},
    {"chunked, then length", "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n",
     "400 client_ambiguous_framing @70 Content-Length beside Transfer-Encoding"},
    {"gzip, chunked", "Transfer-Encoding: gzip, chunked\r\n",
     "501 request_unsupported @45 a transfer coding other than chunked"},
    {"gzip", "Transfer-Encoding: gzip\r\n",
     "501 request_unsupported @45 a transfer coding other than chunked"},
    {"identity", "Transfer-Encoding: identity\r\n",
     "501 request_unsupported @45 a transfer coding other than chunked"},
    {"xchunked", "Transfer-Encoding: xchunked\r\n",
     "501 request_unsupported @45 a transfer coding other than chunked"},
    {"chunked, identity", "Transfer-Encoding: chunked, identity\r\n",
     "501 request_unsupported @45 a transfer coding other than chunked"},
    {"chunked twice in a list", "Transfer-Encoding: chunked, chunked\r\n",
     "400 client_ambiguous_framing @45 Transfer-Encoding is not exactly chunked"},
    {"chunked twice in two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
     "400 client_ambiguous_framing @73 Transfer-Encoding is repeated"},
    {"chunked, then gzip in two lines", "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n",
     "400 client_ambiguous_framing @73 Transfer-Encoding is repeated"},
    {"comma, then chunked", "Transfer-Encoding: ,chunked\r\n",
     "400 client_ambiguous_framing @45 Transfer-Encoding is not exactly chunked"},
    {"chunked, then comma", "Transfer-Encoding: chunked,\r\n",
     "400 client_ambiguous_framing @45 Transfer-Encoding is not exactly chunked"},
    {"chunked with a parameter", "Transfer-Encoding: chunked;a=b\r\n",
     "400 client_ambiguous_framing @45 Transfer-Encoding is not exactly chunked"},
    {"chunked in quotes", "Transfer-Encoding: \"chunked\"\r\n",
     "400 client_ambiguous_framing @45 Transfer-Encoding is not exactly chunked"},
    {"vertical tab before chunked", "Transfer-Encoding: \013chunked\r\n",
     "400 client_malformed @45 a control byte"},
    {"empty coding", "Transfer-Encoding:\r\n",
     "400 client_ambiguous_framing @44 Transfer-Encoding is not exactly chunked"},
    {"empty coding and length", "Transfer-Encoding:\r\nContent-Length: 3\r\n",
     "400 client_ambiguous_framing @44 Transfer-Encoding is not exactly chunked"},
    {"underscores do not frame", "Content_Length: 3\r\n",
     "POST / 1.1 host=a path=/ | Host: a; Content_Length: 3"},
};

constexpr Row meaning_rows[] = {
    {"close", "Connection: close\r\n",
     "GET / 1.1 host=a path=/ close | Host: a; (Connection: close)"},
    {"close in a list", "Connection: foo, CLOSE ,,bar\r\n",
     "GET / 1.1 host=a path=/ close | Host: a; (Connection: foo, CLOSE ,,bar)"},
    {"close beside a tab", "Connection:\tclose\t\r\n",
     "GET / 1.1 host=a path=/ close | Host: a; (Connection: close)"},
    {"close in the second line", "Connection: keep-alive\r\nConnection: close\r\n",
     "GET / 1.1 host=a path=/ close keep-alive | Host: a; (Connection: keep-alive); "
     "(Connection: close)"},
    {"disclose is not close", "Connection: disclose, close-x\r\n",
     "GET / 1.1 host=a path=/ | Host: a; (Connection: disclose, close-x)"},
    {"named field stays on the hop", "Connection: X-Mine\r\nx-mine: 1\r\nX-Mine2: 2\r\n",
     "GET / 1.1 host=a path=/ | Host: a; (Connection: X-Mine); (x-mine: 1); X-Mine2: 2"},
    {"named end-to-end fields go on",
     "Connection: Host, Content-Length, Authorization, X-Registry-Auth, X-Forwarded-For, "
     "Cookie\r\nContent-Length: 0\r\nAuthorization: b\r\nX-Registry-Auth: c\r\n"
     "X-Forwarded-For: d\r\nCookie: e\r\n",
     "GET / 1.1 host=a path=/ length=0 | Host: a; (Connection: Host, Content-Length, "
     "Authorization, X-Registry-Auth, X-Forwarded-For, Cookie); Content-Length: 0; "
     "Authorization: b; X-Registry-Auth: c; X-Forwarded-For: d; Cookie: e"},
    {"Connection naming a Transfer-Encoding",
     "Connection: Transfer-Encoding\r\nTransfer-Encoding: chunked\r\n",
     "GET / 1.1 host=a path=/ chunked | Host: a; (Connection: Transfer-Encoding); "
     "(Transfer-Encoding: chunked)"},
    {"fields that always stay on the hop",
     "Keep-Alive: 5\r\nProxy-Connection: close\r\nTE: gzip\r\nUpgrade: x\r\n"
     "Proxy-Authorization: y\r\nHTTP2-Settings: z\r\n",
     "GET / 1.1 host=a path=/ | Host: a; (Keep-Alive: 5); (Proxy-Connection: close); (TE: "
     "gzip); (Upgrade: x); (Proxy-Authorization: y); (HTTP2-Settings: z)"},
    {"option that is no token", "Connection: a b\r\n",
     "400 client_malformed @37 a Connection option is not a token"},
    {"option in quotes", "Connection: \"close\"\r\n",
     "400 client_malformed @37 a Connection option is not a token"},
    {"upgrade", "Connection: Upgrade\r\nUpgrade: tcp\r\n",
     "GET / 1.1 host=a path=/ upgrade to=tcp | Host: a; (Connection: Upgrade); (Upgrade: "
     "tcp)"},
    {"upgrade among options, to a list", "Connection: foo, upgrade\r\nUpgrade: h2c, tcp/1\r\n",
     "GET / 1.1 host=a path=/ upgrade to=h2c, tcp/1 | Host: a; (Connection: foo, upgrade); "
     "(Upgrade: h2c, tcp/1)"},
    {"Upgrade without Connection", "Upgrade: tcp\r\n",
     "GET / 1.1 host=a path=/ | Host: a; (Upgrade: tcp)"},
    {"Connection: upgrade without Upgrade", "Connection: upgrade\r\n",
     "GET / 1.1 host=a path=/ upgrade | Host: a; (Connection: upgrade)"},
    {"two Upgrade fields", "Connection: upgrade\r\nUpgrade: tcp\r\nUpgrade: h2c\r\n",
     "400 client_malformed @69 Upgrade is repeated"},
    {"Upgrade that is no protocol", "Connection: upgrade\r\nUpgrade: a b\r\n",
     "400 client_malformed @55 Upgrade is not a list of protocols"},
    {"empty Upgrade", "Connection: upgrade\r\nUpgrade:\r\n",
     "400 client_malformed @54 Upgrade is not a list of protocols"},
    {"TE: trailers", "TE: gzip;q=0.5, trailers\r\nConnection: TE\r\n",
     "GET / 1.1 host=a path=/ te trailers | Host: a; (TE: gzip;q=0.5, trailers); "
     "(Connection: TE)"},
    {"expect", "Expect: 100-Continue\r\n",
     "GET / 1.1 host=a path=/ expect | Host: a; Expect: 100-Continue"},
    {"another expectation", "Expect: 200-ok\r\n",
     "417 request_unsupported @33 an expectation other than 100-continue"},
    {"two expectations", "Expect: 100-continue, x\r\n",
     "417 request_unsupported @33 an expectation other than 100-continue"},
    {"empty expectation", "Expect:\r\n",
     "417 request_unsupported @32 an expectation other than 100-continue"},
    {"Max-Forwards elsewhere means nothing", "Max-Forwards: x\r\n",
     "GET / 1.1 host=a path=/ | Host: a; Max-Forwards: x"},
};

constexpr Row whole_rows[] = {
    {"no Host", "GET / HTTP/1.1\r\n\r\n", "400 client_malformed @18 Host is missing"},
    {"two Hosts", "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
     "400 client_malformed @31 Host is repeated"},
    {"two Hosts in HTTP/1.0", "GET / HTTP/1.0\r\nHost: a\r\nHost: a\r\n\r\n",
     "400 client_malformed @31 Host is repeated"},
    {"second Host in other letters", "GET / HTTP/1.1\r\nHost: a\r\nhOST: b\r\n\r\n",
     "400 client_malformed @31 Host is repeated"},
    {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n", "GET / 1.1 host= path=/ | Host: "},
    {"upgrade in HTTP/1.0", "GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n",
     "GET / 1.0 host= path=/ upgrade | (Connection: upgrade); (Upgrade: tcp)"},
    {"TE in HTTP/1.0", "GET / HTTP/1.0\r\nTE: trailers\r\n\r\n",
     "GET / 1.0 host= path=/ | (TE: trailers)"},
    {"expect in HTTP/1.0 is ignored", "GET / HTTP/1.0\r\nExpect: 100-continue\r\n\r\n",
     "GET / 1.0 host= path=/ | (Expect: 100-continue)"},
    {"another expectation in HTTP/1.0", "GET / HTTP/1.0\r\nExpect: x\r\n\r\n",
     "GET / 1.0 host= path=/ | (Expect: x)"},
    {"Max-Forwards on OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 3\r\n\r\n",
     "OPTIONS * 1.1 host=a path=* hops=3 | Host: a; Max-Forwards: 3"},
    {"Max-Forwards on TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n",
     "TRACE / 1.1 host=a path=/ hops=0 | Host: a; Max-Forwards: 0"},
    {"huge Max-Forwards",
     "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 99999999999999999999\r\n\r\n",
     "TRACE / 1.1 host=a path=/ hops=9223372036854775807 | Host: a; Max-Forwards: "
     "99999999999999999999"},
    {"Max-Forwards that is no number", "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: -1\r\n\r\n",
     "400 client_malformed @41 Max-Forwards is not a number"},
    {"Max-Forwards twice",
     "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\nMax-Forwards: 2\r\n\r\n",
     "400 client_malformed @58 Max-Forwards is repeated"},
};

std::string request(std::string_view bytes) {
    HeadParser parser;
    return test_support::text_of_request(parser, bytes);
}

void framing_fields_are_read_or_refused_as_the_table_says(void**) {
    test_support::check_rows(framing_rows, "POST / HTTP/1.1\r\nHost: a\r\n", "\r\n", request);
}

void fields_mean_what_the_table_says(void**) {
    test_support::check_rows(meaning_rows, "GET / HTTP/1.1\r\nHost: a\r\n", "\r\n", request);
    test_support::check_rows(whole_rows, "", "", request);
}

// A client that lists names only to make us compare them is refused.
void connection_options_are_limited(void**) {
    std::string head = "GET / HTTP/1.1\r\nHost: a\r\nConnection: a";
    for (int i = 1; i < 64; ++i) head += ",a";
    assert_text_contains(request(head + "\r\n\r\n"), "GET / 1.1 host=a");
    assert_text_equal(request(head + ",b\r\n\r\n"),
                      "400 client_malformed @37 more than 64 Connection options");
    assert_text_equal(request(head + "\r\nConnection: b\r\n\r\n"),
                      "400 client_malformed @178 more than 64 Connection options");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(framing_fields_are_read_or_refused_as_the_table_says),
        cmocka_unit_test(fields_mean_what_the_table_says),
        cmocka_unit_test(connection_options_are_limited),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
