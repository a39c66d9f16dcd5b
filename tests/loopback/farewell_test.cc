// What a client's FIN or reset means between requests, inside one, and while an answer is due; with and
// without allow_half_close.
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

void a_client_that_leaves_between_requests_leaves_cleanly(Stage& stage) {
    stage.send(GET("/"));
    assert_true(stage.accept());
    stage.answer(OK("1"));
    stage.client_fin();
    assert_text_equal(stage.client_bytes(), OK_GOT("1"));
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.upstream_state(), "open");
    assert_text_equal(stage.records(), complete("200") + std::string(gone_idle));
}

void a_client_that_says_nothing_is_a_probe(Stage& stage) {
    stage.client = stage.rig().connect();
    stage.client_fin();
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.records(), "client probe by=nobody phase=keepalive op=none\n");
}

void a_fin_while_an_answer_is_pending_is_a_farewell(Stage& stage) {
    stage.send("POST /images/x/push HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n");
    assert_true(stage.accept());
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(stage.leave(),
                      "exchange client_closed by=client phase=first_byte op=read status=499\n"
                      "client client_closed by=client phase=first_byte op=read\n"
                      "upstream partner(client_closed) by=nobody phase=first_byte op=none\n");
}

void a_fin_while_an_answer_is_coming_is_a_farewell(Stage& stage) {
    stage.send(GET("/"));
    assert_true(stage.accept());
    stage.answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab");
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(stage.leave(),
                      "exchange client_closed by=client phase=response_body op=read status=200\n"
                      "client client_closed by=client phase=response_body op=read\n"
                      "upstream partner(client_closed) by=nobody phase=response_body op=none\n");
}

void a_reset_while_an_answer_is_pending_ends_the_upstreams_work(Stage& stage) {
    stage.send(GET("/"));
    assert_true(stage.accept());
    stage.client.reset();
    stage.rig().settle();
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(
        stage.records(),
        "exchange client_reset by=client phase=first_byte op=read errno=ECONNRESET status=499\n"
        "client client_reset by=client phase=first_byte op=read errno=ECONNRESET\n"
        "upstream partner(client_reset) by=nobody phase=first_byte op=none\n");
}

void a_fin_inside_a_head_is_a_cut(Stage& stage) {
    stage.send("GET / HTTP/1.1\r\nHost: a\r\n");
    stage.client_fin();
    assert_false(stage.accept());
    assert_text_equal(stage.client_bytes(), "");
    assert_text_equal(stage.leave(),
                      "exchange client_closed by=client phase=request_head op=read status=499\n"
                      "client client_closed by=client phase=request_head op=read\n");
}

// With allow_half_close a client may say that it sends no more and still hear its answer.
void allow(Stage& stage) { stage.options.settings.allow_half_close = true; }

void allow_half_close_answers_after_a_fin(Stage& stage) {
    allow(stage);
    stage.send(GET("/"));
    assert_true(stage.accept());
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "open");
    stage.answer(OK("1"));
    assert_text_equal(stage.client_bytes(), CLOSED_GOT("1"));
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.records(), complete("200") + std::string(gone_done));
}

void allow_half_close_answers_a_request_and_fin_at_once(Stage& stage) {
    allow(stage);
    stage.client = stage.rig().connect();
    assert_true(stage.client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc") >
                0);
    stage.client_fin();
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(),
                      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n{+}\r\nabc");
    stage.answer(OK("1"));
    assert_text_equal(stage.client_bytes(), CLOSED_GOT("1"));
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.records(), complete("200") + std::string(gone_done));
}

void allow_half_close_answers_a_fin_inside_the_answer(Stage& stage) {
    allow(stage);
    stage.send(GET("/"));
    assert_true(stage.accept());
    stage.answer("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nab");
    stage.client_fin();
    stage.answer("c");
    assert_true(stage.client_bytes().ends_with("\r\n\r\nabc"));
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.records(), complete("200") + std::string(gone_done));
}

void allow_half_close_forgives_no_cut_body(Stage& stage) {
    allow(stage);
    stage.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab");
    assert_true(stage.accept());
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(field_of(stage.exchange(), "reason"), "client_closed");
}

void allow_half_close_forgives_no_cut_body_sent_at_once(Stage& stage) {
    allow(stage);
    stage.client = stage.rig().connect();
    assert_true(stage.client.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nab") > 0);
    stage.client_fin();
    assert_text_equal(field_of(stage.exchange(), "reason"), "client_closed");
}

void allow_half_close_forgives_no_cut_head(Stage& stage) {
    allow(stage);
    stage.send("GET / HTTP/1.1\r\nHost: a\r\n");
    stage.client_fin();
    assert_false(stage.accept());
    assert_text_equal(field_of(stage.exchange(), "reason"), "client_closed");
}

}  // namespace

int main() {
    Cases cases;
    cases.add(SCENARIO(a_client_that_leaves_between_requests_leaves_cleanly));
    cases.add(SCENARIO(a_client_that_says_nothing_is_a_probe));
    cases.add(SCENARIO(a_fin_while_an_answer_is_pending_is_a_farewell));
    cases.add(SCENARIO(a_fin_while_an_answer_is_coming_is_a_farewell));
    cases.add(SCENARIO(a_reset_while_an_answer_is_pending_ends_the_upstreams_work));
    cases.add(SCENARIO(a_fin_inside_a_head_is_a_cut));
    cases.add(SCENARIO(allow_half_close_answers_after_a_fin));
    cases.add(SCENARIO(allow_half_close_answers_a_request_and_fin_at_once));
    cases.add(SCENARIO(allow_half_close_answers_a_fin_inside_the_answer));
    cases.add(SCENARIO(allow_half_close_forgives_no_cut_body));
    cases.add(SCENARIO(allow_half_close_forgives_no_cut_body_sent_at_once));
    cases.add(SCENARIO(allow_half_close_forgives_no_cut_head));
    return cases.run("farewells");
}
