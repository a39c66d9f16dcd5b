// What a gateway adds, replaces and takes away: Via, X-Forwarded-*, Forwarded, ids, hop-by-hop fields,
// Max-Forwards, TE and trailers (HTTP.md, RFC 9110 §7.6, RFC 7239, W3C Trace Context).
#include "support/answers.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

#define TRACE "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
// A client that brings its own ids, so that every byte of what goes on is known.
#define IDS "X-Request-Id: mine\r\ntraceparent: " TRACE "\r\n"
#define HEAD "GET / HTTP/1.1\r\nHost: a\r\n" IDS
#define ADDED                                                                    \
    "Via: 1.1 becaused\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: a\r\n" \
    "X-Forwarded-Proto: http\r\nForwarded: for=127.0.0.1;host=a;proto=http\r\n\r\n"

struct Row {
    std::string_view name;
    std::string_view sent;
    std::string_view got;  // to the byte
    bool trusted = false;
};

constexpr Row untrusted[] = {
    {"what a gateway adds is added last", HEAD "X: y\r\n\r\n", HEAD "X: y\r\n" ADDED},
    {"Via is appended to the client's", HEAD "Via: 1.1 x\r\nY: z\r\nvia: 1.0 w (c)\r\n\r\n",
     HEAD "Via: 1.1 x\r\nY: z\r\nvia: 1.0 w (c)\r\n" ADDED},
    {"X-Forwarded-For of a client is replaced", HEAD "X-Forwarded-For: 1.2.3.4\r\n\r\n",
     HEAD ADDED},
    {"X-Forwarded-For of a client is replaced in every line and spelling",
     HEAD "x-forwarded-for: 1.2.3.4\r\nX: y\r\nX-FORWARDED-FOR: 5.6.7.8\r\n\r\n",
     HEAD "X: y\r\n" ADDED},
    {"X-Forwarded-Host of a client is replaced", HEAD "X-Forwarded-Host: evil\r\n\r\n", HEAD ADDED},
    {"X-Forwarded-Proto of a client is replaced", HEAD "X-Forwarded-Proto: https\r\n\r\n",
     HEAD ADDED},
    {"other X-Forwarded fields of a client are dropped",
     HEAD "X-Forwarded-Port: 443\r\nX-Forwarded-Prefix: /x\r\nX-Forwarded-User: root\r\n\r\n",
     HEAD ADDED},
    {"X-Real-IP of a client is dropped", HEAD "x-real-ip: 1.2.3.4\r\n\r\n", HEAD ADDED},
    {"Forwarded of a client is replaced",
     HEAD "Forwarded: for=1.2.3.4;proto=https\r\nforwarded: for=_x\r\n\r\n", HEAD ADDED},
    {"names that only look like them pass", HEAD "X-Forwarde: 1\r\nForwardedFor: 2\r\n\r\n",
     HEAD "X-Forwarde: 1\r\nForwardedFor: 2\r\n" ADDED},
    {"hop-by-hop fields go no further",
     HEAD "Keep-Alive: 5\r\nProxy-Connection: close\r\nProxy-Authorization: b\r\n"
          "Proxy-Authenticate: c\r\nX: y\r\nHTTP2-Settings: d\r\nTrailer: e\r\n\r\n",
     HEAD "X: y\r\n" ADDED},
    {"fields that Connection names go no further",
     HEAD "X-Mine: 1\r\nConnection: keep-alive, x-mine\r\nY: 2\r\nX-MINE: 3\r\n\r\n",
     HEAD "Y: 2\r\n" ADDED},
    {"fields that a second Connection names go no further",
     HEAD "Connection: x-a\r\nX-A: 1\r\nConnection: x-b,,x-c\r\nX-B: 2\r\nX-C: 3\r\nX-D: 4\r\n\r\n",
     HEAD "X-D: 4\r\n" ADDED},
    {"credentials go on although Connection names them",
     HEAD "Connection: authorization, cookie, x-registry-auth\r\nAuthorization: b\r\n"
          "Cookie: c\r\nX-Registry-Auth: d\r\n\r\n",
     HEAD "Authorization: b\r\nCookie: c\r\nX-Registry-Auth: d\r\n" ADDED},
    {"what we add is added although Connection names it",
     HEAD "Connection: via, x-forwarded-for, forwarded, x-request-id, traceparent\r\n\r\n",
     HEAD ADDED},
    {"TE: trailers is passed on, named by our own Connection",
     HEAD "TE: trailers\r\nConnection: TE\r\n\r\n",
     HEAD "TE: trailers\r\nConnection: TE\r\n" ADDED},
    {"other transfer codings in TE go no further",
     HEAD "TE: gzip;q=0.5, trailers, deflate\r\nConnection: x, te\r\n\r\n",
     HEAD "TE: trailers\r\nConnection: TE\r\n" ADDED},
    {"TE without trailers goes no further", HEAD "TE: gzip\r\nConnection: TE\r\n\r\n", HEAD ADDED},
    {"Max-Forwards of OPTIONS counts down",
     "OPTIONS /a HTTP/1.1\r\nHost: a\r\n" IDS "max-forwards: 5\r\n\r\n",
     "OPTIONS /a HTTP/1.1\r\nHost: a\r\n" IDS "max-forwards: 4\r\n" ADDED},
    {"Max-Forwards of TRACE counts down to 0",
     "TRACE /a HTTP/1.1\r\nHost: a\r\n" IDS "Max-Forwards: 1\r\n\r\n",
     "TRACE /a HTTP/1.1\r\nHost: a\r\n" IDS "Max-Forwards: 0\r\n" ADDED},
    {"Max-Forwards beyond any number counts down from the largest",
     "OPTIONS * HTTP/1.1\r\nHost: a\r\n" IDS "Max-Forwards: 99999999999999999999\r\n\r\n",
     "OPTIONS * HTTP/1.1\r\nHost: a\r\n" IDS "Max-Forwards: 9223372036854775806\r\n" ADDED},
    {"Max-Forwards of GET passes as it came", HEAD "Max-Forwards: 05\r\n\r\n",
     HEAD "Max-Forwards: 05\r\n" ADDED},
    {"tracestate goes with a valid traceparent", HEAD "tracestate: v=1\r\n\r\n",
     HEAD "tracestate: v=1\r\n" ADDED},
};

constexpr Row trusted[] = {
    {"trusted: X-Forwarded-For is extended", HEAD "X-Forwarded-For: 1.2.3.4\r\n\r\n",
     HEAD "X-Forwarded-For: 1.2.3.4, 127.0.0.1\r\nVia: 1.1 becaused\r\nX-Forwarded-Host: a\r\n"
          "X-Forwarded-Proto: http\r\nForwarded: for=127.0.0.1;host=a;proto=http\r\n\r\n",
     true},
    {"trusted: the last line of X-Forwarded-For is extended",
     HEAD "X-Forwarded-For: 1.2.3.4\r\nx-forwarded-for: 5.6.7.8\r\n\r\n",
     HEAD "X-Forwarded-For: 1.2.3.4\r\nx-forwarded-for: 5.6.7.8, 127.0.0.1\r\n"
          "Via: 1.1 becaused\r\nX-Forwarded-Host: a\r\n"
          "X-Forwarded-Proto: http\r\nForwarded: for=127.0.0.1;host=a;proto=http\r\n\r\n",
     true},
    {"trusted: X-Forwarded-Host and -Proto are kept",
     HEAD "X-Forwarded-Host: h\r\nX-Forwarded-Proto: https\r\n\r\n",
     HEAD "X-Forwarded-Host: h\r\nX-Forwarded-Proto: https\r\nVia: 1.1 becaused\r\n"
          "X-Forwarded-For: 127.0.0.1\r\nForwarded: for=127.0.0.1;host=a;proto=http\r\n\r\n",
     true},
    {"trusted: Forwarded is extended", HEAD "Forwarded: for=_x;proto=https\r\n\r\n",
     HEAD "Forwarded: for=_x;proto=https, for=127.0.0.1;host=a;proto=http\r\nVia: 1.1 becaused\r\n"
          "X-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: a\r\nX-Forwarded-Proto: http\r\n\r\n",
     true},
    {"trusted: other claims are kept", HEAD "X-Forwarded-Port: 443\r\nX-Real-IP: 1.2.3.4\r\n\r\n",
     HEAD "X-Forwarded-Port: 443\r\nX-Real-IP: 1.2.3.4\r\n" ADDED, true},
    {"trusted: without claims ours are made", HEAD "\r\n", HEAD ADDED, true},
};

void check(Stage& stage, const Row& row) {
    stage.options.settings.trust_forwarded = row.trusted;
    stage.send(row.sent);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_bytes(), row.got);
    stage.answer(no_content);
    assert_text_equal(stage.records(), complete_204);
    const std::string record = stage.exchange();
    assert_text_equal(field_of(record, "request_id"), "mine");
    assert_text_equal(field_of(record, "trace_id"), "4bf92f3577b34da6a3ce929d0e0e4736");
}

// ---- ids ----------------------------------------------------------------------------------------

// Kept when valid, else made; what was sent is what the record says.
struct Id {
    std::string_view name;
    std::string_view lines;  // X-Request-Id lines of the client
    bool kept = false;
};
constexpr Id request_ids[] = {
    {"a client's X-Request-Id is kept", "X-Request-Id: 7f-A.b~9/=+\r\n", true},
    {"an X-Request-Id of 128 bytes is kept",
     "x-request-id: 0123456789012345678901234567890123456789012345678901234567890123"
     "0123456789012345678901234567890123456789012345678901234567890123\r\n",
     true},
    {"an X-Request-Id of 129 bytes is replaced",
     "X-Request-Id: 0123456789012345678901234567890123456789012345678901234567890123"
     "01234567890123456789012345678901234567890123456789012345678901234\r\n"},
    {"an empty X-Request-Id is replaced", "X-Request-Id:\r\n"},
    {"an X-Request-Id with a space is replaced", "X-Request-Id: a b\r\n"},
    {"an X-Request-Id with a quote is replaced", "X-Request-Id: a\"b\r\n"},
    {"an X-Request-Id with a comma is replaced", "X-Request-Id: a,b\r\n"},
    {"an X-Request-Id with a backslash is replaced", "X-Request-Id: a\\b\r\n"},
    {"an X-Request-Id beyond ASCII is replaced", "X-Request-Id: \xc3\xa9\r\n"},
    {"two X-Request-Ids are replaced by one", "X-Request-Id: a\r\nx-request-id: b\r\n"},
    {"a missing X-Request-Id is made", ""},
};
void check_request_id(Stage& stage, const Id& row) {
    const std::string lines(row.lines);
    stage.send("GET / HTTP/1.1\r\nHost: a\r\n" + lines + "traceparent: " TRACE "\r\n\r\n");
    assert_true(stage.accept());
    const std::string got = stage.upstream_bytes();
    stage.answer(no_content);
    const std::string record = stage.exchange();
    const std::string added(ADDED);
    if (row.kept) {
        const std::string value =
            lines.substr(lines.find(' ') + 1, lines.size() - lines.find(' ') - 3);
        assert_text_equal(
            got, "GET / HTTP/1.1\r\nHost: a\r\n" + lines + "traceparent: " TRACE "\r\n" + added);
        assert_text_equal(field_of(record, "request_id"), value);
        return;
    }
    assert_text_equal(got, "GET / HTTP/1.1\r\nHost: a\r\ntraceparent: " TRACE "\r\n" +
                               added.substr(0, added.size() - 2) +
                               "X-Request-Id: " + field_of(record, "id") + "\r\n\r\n");
    assert_text_equal(field_of(record, "request_id"), field_of(record, "id"));
}

constexpr Id traces[] = {
    {"a client's traceparent is kept", "traceparent: " TRACE "\r\ntracestate: x=y\r\n", true},
    {"a traceparent of a later version is kept",
     "traceparent: cc-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01-more\r\n", true},
    {"a traceparent in capitals is replaced",
     "traceparent: 00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01\r\n"},
    {"a traceparent without a trace is replaced",
     "traceparent: 00-00000000000000000000000000000000-00f067aa0ba902b7-01\r\n"},
    {"a traceparent without a parent is replaced",
     "traceparent: 00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01\r\n"},
    {"a traceparent of version ff is replaced",
     "traceparent: ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01\r\n"},
    {"a traceparent that is too long is replaced", "traceparent: " TRACE "-x\r\n"},
    {"a traceparent that is too short is replaced", "traceparent: 00-4bf9-00f0-01\r\n"},
    {"an empty traceparent is replaced", "traceparent:\r\n"},
    {"two traceparents are replaced by one",
     "traceparent: " TRACE "\r\ntraceparent: " TRACE "\r\n"},
    {"tracestate goes with its invalid traceparent", "traceparent: x\r\ntracestate: x=y\r\n"},
    {"tracestate without a traceparent goes", "tracestate: x=y\r\n"},
    {"a missing traceparent is made", ""},
};
// Lower hex digits, not all of them 0 (W3C Trace Context §3.2.2).
bool is_id(std::string_view text, size_t size) {
    return text.size() == size &&
           text.find_first_not_of("0123456789abcdef") == std::string_view::npos &&
           text.find_first_not_of('0') != std::string_view::npos;
}
void check_trace(Stage& stage, const Id& row) {
    const std::string lines(row.lines);
    stage.send("GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n" + lines + "\r\n");
    assert_true(stage.accept());
    std::string got = stage.upstream_bytes();
    stage.answer(no_content);
    const std::string trace = field_of(stage.exchange(), "trace_id");
    const std::string head = "GET / HTTP/1.1\r\nHost: a\r\nX-Request-Id: mine\r\n";
    const std::string added(ADDED);
    if (row.kept) {
        assert_text_equal(got, head + lines + added);
        assert_text_equal(trace, "4bf92f3577b34da6a3ce929d0e0e4736");
        return;
    }
    // A made one: a valid trace that no other request has.
    assert_true(is_id(trace, 32));
    assert_true(trace != "4bf92f3577b34da6a3ce929d0e0e4736");
    const std::string before =
        head + added.substr(0, added.size() - 2) + "traceparent: 00-" + trace;
    assert_text_equal(got.substr(0, before.size()), before);
    const std::string after = got.substr(before.size());
    assert_int_equal(after.size(), 24);
    assert_true(is_id(after.substr(1, 16), 16));
    assert_text_equal(after, "-" + after.substr(1, 16) + "-01\r\n\r\n");
}

void made_traces_differ(Stage& stage) {
    stage.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(stage.accept());
    stage.answer(no_content);
    const std::string first = field_of(stage.exchange(), "trace_id");
    stage.send("GET / HTTP/1.1\r\nHost: a\r\n\r\n");
    stage.answer(no_content);
    assert_true(first != field_of(stage.exchange(), "trace_id"));
}

// ---- who we are ---------------------------------------------------------------------------------

void a_unix_client_has_no_address(Stage& stage) {
    stage.options.unix_client = true;
    stage.send(HEAD "X-Forwarded-For: 1.2.3.4\r\n\r\n");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_bytes(), HEAD
                      "Via: 1.1 becaused\r\nX-Forwarded-Host: a\r\nX-Forwarded-Proto: http\r\n"
                      "Forwarded: for=unknown;host=a;proto=http\r\n\r\n");
}

void a_trusted_unix_client_keeps_its_claims(Stage& stage) {
    stage.options.unix_client = true;
    stage.options.settings.trust_forwarded = true;
    stage.send(HEAD "X-Forwarded-For: 1.2.3.4\r\n\r\n");
    assert_true(stage.accept());
    assert_text_equal(
        stage.upstream_bytes(), HEAD
        "X-Forwarded-For: 1.2.3.4\r\nVia: 1.1 becaused\r\nX-Forwarded-Host: a\r\n"
        "X-Forwarded-Proto: http\r\nForwarded: for=unknown;host=a;proto=http\r\n\r\n");
}

void via_carries_the_name_that_was_set(Stage& stage) {
    stage.options.settings.via_name = "vm-7";
    stage.send(HEAD "\r\n");
    assert_true(stage.accept());
    assert_true(stage.upstream_bytes().find("\r\nVia: 1.1 vm-7\r\n") != std::string::npos);
    stage.answer(no_content);
    assert_text_equal(stage.client_bytes(), "HTTP/1.1 204 No Content\r\nVia: 1.1 vm-7\r\n\r\n");
}

// ---- the last hop -------------------------------------------------------------------------------

void options_that_ends_here_is_answered_here(Stage& stage) {
    stage.send(std::string("OPTIONS * HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\n\r\n") +
               std::string(next));
    assert_text_equal(stage.client_bytes(),
                      "HTTP/1.1 200 OK\r\nAllow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS\r\n"
                      "Content-Length: 0\r\n"
                      "Proxy-Status: becaused; details=\"Max-Forwards ended here\"\r\n\r\n");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), next_got);
    stage.answer(no_content);
    assert_text_equal(stage.records(), complete("200") + std::string(complete_204));
}

void trace_that_ends_here_is_not_reflected(Stage& stage) {
    stage.send("TRACE / HTTP/1.1\r\nHost: a\r\nMax-Forwards: 0\r\nCookie: secret\r\n\r\n");
    assert_false(stage.accept());
    OwnAnswer due{501, "request_unsupported", "TRACE that ends here is not reflected"};
    due.close = false;
    assert_own_answer(stage, due);
    assert_text_equal(stage.records(),
                      "exchange request_unsupported by=client phase=gate op=judge status=501\n");
}

// ---- trailers on the way back -------------------------------------------------------------------

#define TRAILED(fields) \
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n" fields "\r\n"
#define CHUNKED "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nVia: 1.1 becaused\r\n\r\n[ok]"
#define WELCOME "GET /a HTTP/1.1\r\nHost: a\r\nTE: trailers\r\nConnection: TE\r\n\r\n"
constexpr Answered answer_trailers[] = {
    {"trailers go to whom they are welcome", WELCOME, TRAILED("X-b:  1\r\nX-A:2\r\nX-b: \xff\r\n"),
     CHUNKED "X-b:  1\r\nX-A:2\r\nX-b: \xff\r\n"},
    {"trailers are welcome without Connection too",
     "GET /a HTTP/1.1\r\nHost: a\r\nTE: trailers\r\n\r\n", TRAILED("X: y\r\n"), CHUNKED "X: y\r\n"},
    {"trailers are dropped where nobody asked for them", BECAUSED_GET, TRAILED("X: y\r\n"),
     CHUNKED},
    {"trailers are dropped where TE does not say trailers",
     "GET /a HTTP/1.1\r\nHost: a\r\nTE: gzip\r\n\r\n", TRAILED("X: y\r\n"), CHUNKED},
    {"what belongs in a head is dropped from an answer's trailers", WELCOME,
     TRAILED("Set-Cookie: a\r\nX: y\r\nContent-Type: b\r\nApi-Version: 9\r\nLocation: c\r\n"
             "WWW-Authenticate: d\r\nProxy-Status: e\r\nCache-Control: f\r\n"),
     CHUNKED "X: y\r\n"},
};

}  // namespace

int main() {
    Cases cases;
    cases.add(untrusted, check);
    cases.add(trusted, check);
    cases.add(request_ids, check_request_id);
    cases.add(traces, check_trace);
    cases.add(answer_trailers, check_answered);
    cases.add(SCENARIO(made_traces_differ));
    cases.add(SCENARIO(a_unix_client_has_no_address));
    cases.add(SCENARIO(a_trusted_unix_client_keeps_its_claims));
    cases.add(SCENARIO(via_carries_the_name_that_was_set));
    cases.add(SCENARIO(options_that_ends_here_is_answered_here));
    cases.add(SCENARIO(trace_that_ends_here_is_not_reflected));
    return cases.run("gateway fields");
}
