// Requests as the upstream gets them, byte for byte.
#include "http/forward.hh"

#include "support/http_text.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using test_support::Row;

namespace {

constexpr std::string_view trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

Hop plain_hop() {
    Hop hop;
    hop.client_address = "192.0.2.1";
    hop.request_id = "made";
    hop.traceparent = trace;
    return hop;
}

std::string forwarded(std::string_view bytes, const Hop& hop) {
    HeadParser parser;
    RequestHead head;
    BodyFraming framing;
    auto fault = parser.parse_request(bytes, head);
    if (!fault) fault = decide_request_body(head, framing);
    if (fault) return test_support::text_of(*fault);
    std::string out = "before|";
    write_request_head(head, framing, hop, "fallback", out);
    assert_text_equal(out.substr(0, 7), "before|");
    return out.substr(7);
}

// What follows the fields of a request for Host "a" that brought none of this along.
#define ADDED                                                                    \
    "Via: 1.1 becaused\r\nX-Forwarded-For: 192.0.2.1\r\nX-Forwarded-Host: a\r\n" \
    "X-Forwarded-Proto: http\r\nForwarded: for=192.0.2.1;host=a;proto=http\r\n"
#define IDS                  \
    "X-Request-Id: made\r\n" \
    "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n"

void check(std::span<const Row> rows, const Hop& hop) {
    test_support::check_rows(rows, "", "",
                             [&](std::string_view bytes) { return forwarded(bytes, hop); });
}

void a_request_goes_on_byte_exact_but_for_the_hop(void**) {
    constexpr Row rows[] = {
        {"smallest", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\n" ADDED IDS},
        {"order, spelling, duplicates and white space stay; Host comes first",
         "GET /a%2fb?c=d HTTP/1.1\r\nx-B: 1\r\nhost: a\r\nX-a:2\r\nACCEPT: \t3\r\nx-b: \r\nX-b:\r\n"
         "_: \xff\r\n\r\n",
         "GET /a%2fb?c=d HTTP/1.1\r\nHost: a\r\nx-B: 1\r\nX-a:2\r\nACCEPT: \t3\r\nx-b: \r\nX-b:\r\n"
         "_: \xff\r\n" ADDED IDS},
        {"white space at the end of a value is not part of it",
         "GET / HTTP/1.1\r\nHost: a \r\nX: b \t\r\nY: c\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nX: b\r\nY: c\r\n" ADDED IDS},
        {"hop-by-hop fields stay",
         "GET / HTTP/1.1\r\nHost: a\r\nKeep-Alive: 5\r\nX: 1\r\nConnection: keep-alive, X-Mine\r\n"
         "Proxy-Connection: close\r\nX-Mine: 2\r\nProxy-Authorization: b\r\nTE: gzip\r\nUpgrade: "
         "c\r\n"
         "Trailer: d\r\nY: 3\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nX: 1\r\nY: 3\r\n" ADDED IDS},
        {"end-to-end fields go on although named",
         "POST / HTTP/1.1\r\nHost: a\r\nConnection: host, content-length, authorization, cookie, "
         "via\r\n"
         "Content-Length: 3\r\nAuthorization: b\r\nCookie: c\r\nVia: 1.0 d\r\n\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nAuthorization: b\r\nCookie: c\r\n"
         "Via: 1.0 d\r\n" ADDED IDS},
        {"Via is appended", "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 x\r\nA: b\r\nVia: 1.0 y\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nVia: 1.1 x\r\nA: b\r\nVia: 1.0 y\r\n" ADDED IDS},
        {"absolute form", "GET http://B:81/c?d HTTP/1.1\r\nHost: a\r\n\r\n",
         "GET /c?d HTTP/1.1\r\nHost: B:81\r\nVia: 1.1 becaused\r\nX-Forwarded-For: 192.0.2.1\r\n"
         "X-Forwarded-Host: B:81\r\nX-Forwarded-Proto: http\r\n"
         "Forwarded: for=192.0.2.1;host=\"B:81\";proto=http\r\n" IDS},
        {"asterisk", "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
         "OPTIONS * HTTP/1.1\r\nHost: a\r\n" ADDED IDS},
        {"HTTP/1.0 without Host", "GET / HTTP/1.0\r\nConnection: keep-alive\r\nExpect: b\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: fallback\r\nVia: 1.0 becaused\r\nX-Forwarded-For: 192.0.2.1\r\n"
         "X-Forwarded-Proto: http\r\nForwarded: for=192.0.2.1;proto=http\r\n" IDS},
        {"empty Host", "GET / HTTP/1.1\r\nHost:\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: \r\nVia: 1.1 becaused\r\nX-Forwarded-For: 192.0.2.1\r\n"
         "X-Forwarded-Proto: http\r\nForwarded: for=192.0.2.1;proto=http\r\n" IDS},
    };
    check(rows, plain_hop());
}

void framing_is_the_proxys_own(void**) {
    constexpr Row rows[] = {
        {"length", "POST / HTTP/1.1\r\ncontent-length:  0012\r\nHost: a\r\nX: b\r\n\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\ncontent-length: 12\r\nX: b\r\n" ADDED IDS},
        {"length zero", "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n" ADDED IDS},
        {"no length is invented", "POST / HTTP/1.1\r\nHost: a\r\n\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\n" ADDED IDS},
        {"chunked",
         "POST / HTTP/1.1\r\nHost: a\r\ntransfer-encoding: CHUNKED\t\r\nTrailer: X\r\n\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nTrailer: X\r\nTransfer-Encoding: chunked\r\n" ADDED IDS},
        {"expectation",
         "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nExpect: 100-Continue\r\nContent-Length: 1\r\n" ADDED IDS},
    };
    check(rows, plain_hop());
}

// The framing decision wins over the field that came.
void a_length_never_goes_beside_chunks(void**) {
    HeadParser parser;
    RequestHead head;
    std::string out;
    assert_false(
        parser.parse_request("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n", head)
            .has_value());
    write_request_head(head, {BodyKind::chunked, 0}, plain_hop(), "f", out);
    assert_text_equal(out,
                      "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n" ADDED IDS);
}

void upgrades_and_te_are_asked_for_anew(void**) {
    constexpr Row rows[] = {
        {"upgrade",
         "POST / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: tcp\r\nA: b\r\n\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: tcp\r\nA: b\r\nConnection: Upgrade\r\n" ADDED IDS},
        {"upgrade with a body, h2c settings stay",
         "POST / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n"
         "HTTP2-Settings: x\r\nContent-Length: 2\r\n\r\n",
         "POST / HTTP/1.1\r\nHost: a\r\nUpgrade: h2c\r\nContent-Length: 2\r\nConnection: "
         "Upgrade\r\n" ADDED IDS},
        {"Upgrade that Connection does not name",
         "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: tcp\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\n" ADDED IDS},
        {"trailers",
         "GET / HTTP/1.1\r\nHost: a\r\nTE: gzip, trailers\r\nConnection: TE, close\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n" ADDED IDS},
        {"both",
         "GET / HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE, upgrade\r\nUpgrade: "
         "x\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nUpgrade: x\r\nTE: trailers\r\nConnection: Upgrade, "
         "TE\r\n" ADDED IDS},
    };
    check(rows, plain_hop());
}

void max_forwards_counts_down_where_it_means_something(void**) {
    constexpr Row rows[] = {
        {"OPTIONS", "OPTIONS / HTTP/1.1\r\nHost: a\r\nmax-forwards: 010\r\n\r\n",
         "OPTIONS / HTTP/1.1\r\nHost: a\r\nmax-forwards: 9\r\n" ADDED IDS},
        {"TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1\r\n\r\n",
         "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n" ADDED IDS},
        {"none left", "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n",
         "TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n" ADDED IDS},
        {"GET", "GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1x\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 1x\r\n" ADDED IDS},
    };
    check(rows, plain_hop());
}

constexpr std::string_view claiming =
    "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\nB: c\r\nx-forwarded-for: 2.2.2.2\r\n"
    "X-Forwarded-Host: d\r\nX-Forwarded-Proto: e\r\nX-Forwarded-Port: 1\r\nX-Real-IP: 3.3.3.3\r\n"
    "Forwarded: for=f\r\nForwarded: for=g\r\n\r\n";

void what_clients_claim_about_themselves_is_replaced(void**) {
    const Row rows[] = {
        {"claims", claiming, "GET / HTTP/1.1\r\nHost: a\r\nB: c\r\n" ADDED IDS},
    };
    check(rows, plain_hop());
}

void a_trusted_clients_claims_are_extended(void**) {
    const Row rows[] = {
        {"claims", claiming,
         "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\nB: c\r\n"
         "x-forwarded-for: 2.2.2.2, 192.0.2.1\r\nX-Forwarded-Host: d\r\nX-Forwarded-Proto: e\r\n"
         "X-Forwarded-Port: 1\r\nX-Real-IP: 3.3.3.3\r\nForwarded: for=f\r\n"
         "Forwarded: for=g, for=192.0.2.1;host=a;proto=http\r\nVia: 1.1 becaused\r\n" IDS},
        {"empty claim", "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For:\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 192.0.2.1\r\nVia: 1.1 becaused\r\n"
         "X-Forwarded-Host: a\r\nX-Forwarded-Proto: http\r\n"
         "Forwarded: for=192.0.2.1;host=a;proto=http\r\n" IDS},
        {"no claim", "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\n" ADDED IDS},
    };
    Hop hop = plain_hop();
    hop.trust_forwarded = true;
    check(rows, hop);
}

void addresses_are_written_as_each_field_wants_them(void**) {
    const std::string_view get = "GET / HTTP/1.1\r\nHost: [::1]:80\r\nX-Forwarded-For: x\r\n\r\n";
    Hop hop = plain_hop();
    hop.scheme = "https";
    hop.via_name = "edge";
    hop.client_address = "2001:db8::1";
    assert_text_equal(forwarded(get, hop),
                      "GET / HTTP/1.1\r\nHost: [::1]:80\r\nVia: 1.1 edge\r\n"
                      "X-Forwarded-For: 2001:db8::1\r\nX-Forwarded-Host: [::1]:80\r\n"
                      "X-Forwarded-Proto: https\r\n"
                      "Forwarded: for=\"[2001:db8::1]\";host=\"[::1]:80\";proto=https\r\n" IDS);
    hop.client_address = "unix";
    assert_text_equal(forwarded(get, hop),
                      "GET / HTTP/1.1\r\nHost: [::1]:80\r\nVia: 1.1 edge\r\n"
                      "X-Forwarded-Host: [::1]:80\r\nX-Forwarded-Proto: https\r\n"
                      "Forwarded: for=unknown;host=\"[::1]:80\";proto=https\r\n" IDS);
    hop.trust_forwarded = true;
    assert_text_contains(forwarded(get, hop), "X-Forwarded-For: x\r\n");
}

void valid_ids_are_kept_and_others_replaced(void**) {
    constexpr Row rows[] = {
        {"kept",
         "GET / HTTP/1.1\r\nHost: a\r\nx-request-id: mine\r\nTRACEPARENT: "
         "01-11111111111111111111111111111111-2222222222222222-00-more\r\ntracestate: a=b\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nx-request-id: mine\r\nTRACEPARENT: "
         "01-11111111111111111111111111111111-2222222222222222-00-more\r\ntracestate: a=b\r\n" ADDED
         "\r\n"},
        {"not valid",
         "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: a b\r\ntraceparent: 00-1-2-3\r\n"
         "tracestate: a=b\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\n" ADDED IDS},
        {"repeated",
         "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: b\r\nX-Request-Id: b\r\nX-Request-Id: "
         "b\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\n" ADDED IDS},
        {"named in Connection",
         "GET / HTTP/1.1\r\nHost: a\r\nConnection: X-Request-Id\r\nX-Request-Id: b\r\n\r\n",
         "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: b\r\n" ADDED
         "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n\r\n"},
    };
    check(rows, plain_hop());
    Hop hop = plain_hop();
    hop.request_id = hop.traceparent = "";
    assert_text_equal(forwarded("GET / HTTP/1.1\r\nHost: a\r\n\r\n", hop),
                      "GET / HTTP/1.1\r\nHost: a\r\n" ADDED "\r\n");
}

void the_id_that_was_sent_is_told(void**) {
    HeadParser parser;
    RequestHead head;
    std::string out;
    const auto sent = [&](std::string_view bytes) {
        assert_false(parser.parse_request(bytes, head).has_value());
        return std::string(write_request_head(head, {}, plain_hop(), "f", out).request_id);
    };
    assert_text_equal(sent("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n\r\n"), "mine");
    assert_text_equal(sent("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: \r\n\r\n"), "made");
}

void ids_are_judged(void**) {
    assert_true(valid_request_id("a"));
    assert_true(valid_request_id("7b1b3f0a-5d2e_4c55.8a55/0:1=2+3@4"));
    assert_true(valid_request_id(std::string(128, 'x')));
    for (const std::string_view id :
         {"", "a b", "a,b", "a;b", "a\"b", "a'b", "a\\b", "a\tb", "\xc3\xa9"})
        assert_false(valid_request_id(id));
    assert_false(valid_request_id(std::string(129, 'x')));

    const std::string good(trace);
    assert_true(valid_traceparent(good));
    for (size_t at = 0; at < good.size(); ++at) {
        std::string bad = good;
        bad[at] = 'F';  // capitals are not allowed
        assert_false(valid_traceparent(bad));
    }
    assert_false(valid_traceparent("00-00000000000000000000000000000000-00f067aa0ba902b7-01"));
    assert_false(valid_traceparent("00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"));
    assert_false(valid_traceparent("ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"));
    assert_false(valid_traceparent(good + "-x"));
    assert_true(valid_traceparent("01" + good.substr(2) + "-x"));
    assert_false(valid_traceparent("01" + good.substr(2) + "x"));
    assert_false(valid_traceparent(good.substr(0, 54)));
    assert_false(valid_traceparent(""));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_request_goes_on_byte_exact_but_for_the_hop),
        cmocka_unit_test(framing_is_the_proxys_own),
        cmocka_unit_test(a_length_never_goes_beside_chunks),
        cmocka_unit_test(upgrades_and_te_are_asked_for_anew),
        cmocka_unit_test(max_forwards_counts_down_where_it_means_something),
        cmocka_unit_test(what_clients_claim_about_themselves_is_replaced),
        cmocka_unit_test(a_trusted_clients_claims_are_extended),
        cmocka_unit_test(addresses_are_written_as_each_field_wants_them),
        cmocka_unit_test(valid_ids_are_kept_and_others_replaced),
        cmocka_unit_test(the_id_that_was_sent_is_told),
        cmocka_unit_test(ids_are_judged),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
