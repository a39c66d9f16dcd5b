// Connections: kept, closed, pipelined; whose turn it is (HTTP.md, RFC 9112 §9).
#include "support/answers.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

#define VIA "Via: 1.1 becaused\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"
#define GOT(path) "GET " path " HTTP/1.1\r\nHost: a\r\n{+}\r\n"
#define OK(body) "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" body
#define OK_GOT(body) "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n" VIA "\r\n" body
#define CLOSED_GOT(body) \
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: close\r\n" VIA "\r\n" body
constexpr std::string_view gone_idle =
    "client client_closed_idle by=nobody phase=keepalive op=none\n";
constexpr std::string_view gone_done = "client complete by=nobody phase=done op=none\n";

// ---- close --------------------------------------------------------------------------------------

// What asks for a close is answered with one, and what comes behind it is not read as a request.
struct Closing {
    std::string_view name;
    std::string_view connection;  // field lines
};
constexpr Closing closings[] = {
    {"Connection: close is honoured", "Connection: close\r\n"},
    {"close has no case", "Connection: CLOSE\r\n"},
    {"close is honoured at the end of a list", "Connection: x, close\r\n"},
    {"close is honoured at the start of a list", "Connection: close, x\r\n"},
    {"close is honoured in a list without spaces", "Connection: x,close,y\r\n"},
    {"close is honoured beside empty elements", "Connection: ,, close,\r\n"},
    {"close is honoured after a tab", "Connection:\tclose\r\n"},
    {"close is honoured before a tab", "Connection: close\t\r\n"},
    {"close is honoured between tabs in a list", "Connection: x,\tclose\t,y\r\n"},
    {"close is honoured in a second line", "Connection: x\r\nConnection: close\r\n"},
    {"close wins over keep-alive", "Connection: keep-alive, close\r\n"},
    {"close wins over a later keep-alive", "Connection: close\r\nConnection: keep-alive\r\n"},
};
void check_closing(Stage& stage, const Closing& row) {
    stage.send("GET / HTTP/1.1\r\nHost: a\r\n" + std::string(row.connection) + "\r\n" +
               std::string(smuggled));
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), GOT("/"));
    stage.answer(OK("1"));
    assert_text_equal(stage.client_bytes(), CLOSED_GOT("1"));
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.upstream_bytes(), "");
    assert_false(stage.rig().accept().open());
    assert_text_equal(stage.leave(), complete("200") + std::string(gone_done));
}

// These ask for nothing of the kind.
constexpr Forwarded kept[] = {
    {"a connection without a word is kept", GET("/"), GOT("/")},
    {"Connection: keep-alive keeps the connection",
     "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive\r\n\r\n", GOT("/")},
    {"a name that begins with close is not close",
     "GET / HTTP/1.1\r\nHost: a\r\nConnection: closed, close-notify\r\n\r\n", GOT("/")},
    {"an empty Connection keeps the connection", "GET / HTTP/1.1\r\nHost: a\r\nConnection:\r\n\r\n",
     GOT("/")},
    {"Proxy-Connection: close is not Connection: close",
     "GET / HTTP/1.1\r\nHost: a\r\nProxy-Connection: close\r\n\r\n", GOT("/")},
    {"Keep-Alive: timeout=0 is only a hint",
     "GET / HTTP/1.1\r\nHost: a\r\nKeep-Alive: timeout=0\r\n\r\n", GOT("/")},
};

void a_close_with_a_body_behind_it_still_answers(Stage& stage) {
    stage.send("POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: 3\r\n\r\nabc");
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.answer(OK("1"));
    assert_text_equal(stage.client_bytes(), CLOSED_GOT("1"));
    assert_text_equal(stage.client_state(), "fin");
}

void max_requests_closes_after_the_last(Stage& stage) {
    stage.options.settings.max_requests = 2;
    stage.send(GET("/1") GET("/2") GET("/3"));
    assert_true(stage.accept());
    stage.answer(OK("1"));
    stage.answer(OK("2"));
    assert_text_equal(stage.client_bytes(), OK_GOT("1") CLOSED_GOT("2"));
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.upstream_got(), GOT("/1") GOT("/2"));
    assert_text_equal(stage.leave(), complete("200") + complete("200") +
                                         "client max_requests by=nobody phase=done op=none\n");
}

// ---- reuse and pipelining -----------------------------------------------------------------------

void a_hundred_requests_share_two_connections(Stage& stage) {
    for (int i = 0; i < 100; ++i) {
        stage.send(GET("/"));
        if (i == 0) assert_true(stage.accept());
        assert_text_equal(stage.upstream_got(), GOT("/"));
        stage.answer(OK("1"));
        assert_text_equal(stage.client_bytes(), OK_GOT("1"));
    }
    assert_false(stage.rig().accept().open());
    assert_text_equal(field_of(stage.rig().records().front(), "client_id"),
                      field_of(stage.rig().records().back(), "client_id"));
    stage.leave();
    assert_text_equal(field_of(stage.rig().records().back(), "exchanges"), "100");
}

void another_client_uses_the_same_upstream_connection(Stage& stage) {
    stage.send(GET("/1"));
    assert_true(stage.accept());
    stage.answer(OK("1"));
    assert_text_equal(stage.upstream_got(), GOT("/1"));
    stage.second = stage.rig().connect();
    assert_true(stage.second.send(GET("/2")) > 0);
    assert_text_equal(stage.upstream_got(), GOT("/2"));
    stage.answer(OK("2"));
    stage.second.read();
    assert_text_equal(stage.second.received, OK_GOT("2"));
    assert_text_equal(stage.client_bytes(), OK_GOT("1"));
}

void clients_at_the_same_time_have_connections_of_their_own(Stage& stage) {
    stage.send(GET("/1"));
    assert_true(stage.accept());
    stage.second = stage.rig().connect();
    assert_true(stage.second.send(GET("/2")) > 0);
    stage.more.push_back(stage.rig().accept());
    Peer& other = stage.more.back();
    assert_true(other.open());
    // The later one is answered first.
    assert_true(other.send(OK("2")) > 0);
    stage.rig().settle();
    stage.second.read();
    assert_text_equal(stage.second.received, OK_GOT("2"));
    assert_text_equal(stage.client_bytes(), "");
    stage.answer(OK("1"));
    assert_text_equal(stage.client_bytes(), OK_GOT("1"));
}

// The last bytes of an answer may fill the client's queue. That holds nobody back any more: the
// connection's next request belongs to somebody else.
void an_answer_that_waits_for_its_client_holds_no_upstream_connection_back(Stage& stage) {
    constexpr size_t least = 300'000;
    constexpr size_t most = 900'000;
    stage.options.unix_client = true;  // whose kernel takes little
    size_t shared = 0;
    for (size_t size = least; size < most; size += 10'000) {
        Peer slow = stage.rig().connect();
        slow.send(GET("/long"));
        if (!stage.upstream.open()) assert_true(stage.accept());
        assert_text_contains(stage.upstream_got(), "GET /long ");
        stage.answer("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(size) + "\r\n\r\n" +
                     std::string(size, 'x'));
        Peer quick = stage.rig().connect();
        quick.send(GET("/short"));
        const std::string got = stage.upstream_got();
        if (got.empty()) assert_true(stage.accept());  // it still has some of the long answer
        else ++shared;
        stage.answer(OK("1"));
        quick.read();
        assert_text_equal(quick.received, OK_GOT("1"));
    }
    assert_true(shared > 0);
}

void pipelined_requests_go_up_one_at_a_time(Stage& stage) {
    stage.send(GET("/1") GET("/2") GET("/3"));
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), GOT("/1"));
    stage.answer(OK("1"));
    assert_text_equal(stage.upstream_got(), GOT("/2"));
    assert_text_equal(stage.client_bytes(), OK_GOT("1"));
    stage.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    stage.answer("1\r\n2\r\n0\r\n\r\n");
    assert_text_equal(stage.client_got(),
                      "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n" VIA "\r\n[2]");
    assert_text_equal(stage.upstream_got(), GOT("/3"));
    stage.answer(OK("3"));
    assert_text_equal(stage.client_bytes(), OK_GOT("3"));
    assert_text_equal(stage.leave(),
                      complete("200") + complete("200") + complete("200") + std::string(gone_idle));
}

void pipelined_bodies_end_where_they_end(Stage& stage) {
    stage.send(
        "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc"
        "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ndef\r\n0\r\n\r\n"
        "POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n" GET("/4"));
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(),
                      "POST /1 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n{+}\r\nabc");
    stage.answer(OK("1"));
    assert_text_equal(stage.upstream_got(),
                      "POST /2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{+}\r\n[def]");
    stage.answer(OK("2"));
    assert_text_equal(stage.upstream_got(),
                      "POST /3 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n{+}\r\n");
    stage.answer(OK("3"));
    assert_text_equal(stage.upstream_got(), GOT("/4"));
    stage.answer(OK("4"));
    assert_text_equal(stage.client_bytes(), OK_GOT("1") OK_GOT("2") OK_GOT("3") OK_GOT("4"));
}

void a_thousand_pipelined_requests_are_answered_in_order(Stage& stage) {
    // 27 KB of requests: more than one answer away, less than what may wait.
    std::string all;
    for (int i = 0; i < 1000; ++i)
        all += "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n\r\n";
    stage.send(all);
    assert_true(stage.accept());
    for (int i = 0; i < 1000; ++i) {
        assert_text_equal(stage.upstream_got(),
                          "GET /" + std::to_string(i) + " HTTP/1.1\r\nHost: a\r\n{+}\r\n");
        stage.answer(OK("1"));
        assert_text_equal(stage.client_bytes(), OK_GOT("1"));
    }
}

// Beyond 64 KiB the client is not read until there is room again: nothing is lost.
void what_waits_behind_a_request_is_bounded(Stage& stage) {
    const std::string request = GET("/");
    const std::string all = times(6000, request);
    stage.client = stage.rig().connect();
    size_t sent = stage.client.send(all);
    stage.rig().settle();
    assert_true(stage.accept());
    assert_true(stage.rig().loop().slabs().held() <= 2);
    for (int i = 0; i < 6000; ++i) {
        assert_text_equal(stage.upstream_got(), GOT("/"));
        stage.answer(OK("1"));
        assert_text_equal(stage.client_bytes(), OK_GOT("1"));
        if (sent < all.size()) sent += stage.client.send(std::string_view(all).substr(sent));
    }
    assert_int_equal(sent, all.size());
    assert_text_equal(stage.upstream_bytes(), "");
}

void a_refused_request_in_a_pipeline_ends_it_after_the_answers_before(Stage& stage) {
    stage.send(std::string(GET("/1") "GET /\x01 HTTP/1.1\r\nHost: a\r\n\r\n") +
               std::string(smuggled));
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), GOT("/1"));
    assert_text_equal(stage.client_bytes(), "");
    stage.answer(OK("1"));
    const std::string bytes = stage.client_bytes();
    const size_t first = sizeof OK_GOT("1") - 1;
    assert_text_equal(bytes.substr(0, first), OK_GOT("1"));
    const std::string record = field_of(stage.exchange(), "id");
    OwnAnswer due{400, "client_malformed", "a control byte"};
    due.record = record;
    assert_text_equal(bytes.substr(first), own_answer(due));
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.upstream_bytes(), "");
    assert_text_equal(stage.leave(),
                      complete("200") +
                          "exchange client_malformed by=client phase=request_head op=parse "
                          "status=400\n"
                          "client client_malformed by=client phase=request_head op=parse\n");
}

void an_own_answer_in_a_pipeline_keeps_it_going(Stage& stage) {
    stage.send(GET("/1") GET("/2"));
    assert_true(stage.accept());
    stage.answer("nonsense\r\n\r\n");
    OwnAnswer due{502, "upstream_malformed",
                  "the status line does not begin with HTTP/1.0 or HTTP/1.1"};
    due.close = false;
    assert_own_answer(stage, due);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), GOT("/2"));
    stage.answer(OK("2"));
    assert_text_equal(stage.client_bytes(), OK_GOT("2"));
}

void an_empty_line_between_requests_is_skipped(Stage& stage) {
    stage.send(GET("/1") "\r\n" GET("/2"));
    assert_true(stage.accept());
    stage.answer(OK("1"));
    stage.answer(OK("2"));
    assert_text_equal(stage.client_bytes(), OK_GOT("1") OK_GOT("2"));
    assert_text_equal(stage.upstream_got(), GOT("/1") GOT("/2"));
}

void a_lone_empty_line_between_requests_is_no_request(Stage& stage) {
    stage.send(GET("/1"));
    assert_true(stage.accept());
    stage.answer(OK("1"));
    assert_text_equal(stage.client_bytes(), OK_GOT("1"));
    stage.send("\r");
    stage.send("\n");
    assert_text_equal(stage.leave(), complete("200") + std::string(gone_idle));
}

void an_empty_line_in_two_pieces_is_skipped(Stage& stage) {
    stage.send("\r");
    stage.send("\n" GET("/1"));
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), GOT("/1"));
}

void half_an_empty_line_is_refused(Stage& stage) {
    stage.send("\r");
    assert_text_equal(stage.client_bytes(), "");
    stage.send(GET("/1"));
    assert_own_answer(stage, {400, "client_malformed", "a bare CR"});
    assert_false(stage.accept());
}

}  // namespace

int main() {
    Cases cases;
    cases.add(closings, check_closing);
    cases.add(kept, check_forwarded);
    cases.add(SCENARIO(a_close_with_a_body_behind_it_still_answers));
    cases.add(SCENARIO(max_requests_closes_after_the_last));
    cases.add(SCENARIO(a_hundred_requests_share_two_connections));
    cases.add(SCENARIO(another_client_uses_the_same_upstream_connection));
    cases.add(SCENARIO(clients_at_the_same_time_have_connections_of_their_own));
    cases.add(SCENARIO(an_answer_that_waits_for_its_client_holds_no_upstream_connection_back));
    cases.add(SCENARIO(pipelined_requests_go_up_one_at_a_time));
    cases.add(SCENARIO(pipelined_bodies_end_where_they_end));
    cases.add(SCENARIO(a_thousand_pipelined_requests_are_answered_in_order));
    cases.add(SCENARIO(what_waits_behind_a_request_is_bounded));
    cases.add(SCENARIO(a_refused_request_in_a_pipeline_ends_it_after_the_answers_before));
    cases.add(SCENARIO(an_own_answer_in_a_pipeline_keeps_it_going));
    cases.add(SCENARIO(an_empty_line_between_requests_is_skipped));
    cases.add(SCENARIO(a_lone_empty_line_between_requests_is_no_request));
    cases.add(SCENARIO(an_empty_line_in_two_pieces_is_skipped));
    cases.add(SCENARIO(half_an_empty_line_is_refused));
    return cases.run("keep-alive");
}
