// Interim answers and Expect: passed on at once and in order, never to HTTP/1.0 (HTTP.md, RFC 9110 §10.1.1,
// §15.2).
#include "support/answers.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

#define GET BECAUSED_GET
#define VIA "Via: 1.1 becaused\r\n"
#define OK "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define OK_GOT "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" VIA "\r\nok"

// check_answered wants the final status first; these rows say it themselves.
struct Interim {
    std::string_view name;
    std::string_view request;
    std::string_view interim;
    std::string_view got;  // before the final answer
};
constexpr Interim rows[] = {
    {"100 passes at once", GET, "HTTP/1.1 100 Continue\r\n\r\n",
     "HTTP/1.1 100 Continue\r\n" VIA "\r\n"},
    {"102 passes at once", GET, "HTTP/1.1 102 Processing\r\n\r\n",
     "HTTP/1.1 102 Processing\r\n" VIA "\r\n"},
    {"103 passes with its fields", GET,
     "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nlink: </b>\r\n\r\n",
     "HTTP/1.1 103 Early Hints\r\nLink: </a>; rel=preload\r\nlink: </b>\r\n" VIA "\r\n"},
    {"an unknown interim status passes", GET, "HTTP/1.1 199 X\r\n\r\n",
     "HTTP/1.1 199 X\r\n" VIA "\r\n"},
    {"several interim answers pass in order", GET,
     "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
     "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 102 Processing\r\n\r\n",
     "HTTP/1.1 100 Continue\r\n" VIA "\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n" VIA
     "\r\nHTTP/1.1 102 Processing\r\n" VIA "\r\nHTTP/1.1 102 Processing\r\n" VIA "\r\n"},
    {"an interim answer loses its Content-Length and waits for no body", GET,
     "HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n", "HTTP/1.1 100 Continue\r\n" VIA "\r\n"},
    {"an interim answer loses its Transfer-Encoding and waits for no body", GET,
     "HTTP/1.1 103 Early Hints\r\nTransfer-Encoding: chunked\r\n\r\n",
     "HTTP/1.1 103 Early Hints\r\n" VIA "\r\n"},
    {"Connection: close on an interim answer ends nothing", GET,
     "HTTP/1.1 102 Processing\r\nConnection: close, X-Mine\r\nX-Mine: y\r\n\r\n",
     "HTTP/1.1 102 Processing\r\n" VIA "\r\n"},
    {"interim answers to HEAD pass", "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n",
     "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n",
     "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n" VIA "\r\n"},
    {"an interim answer to an upgrade passes",
     "POST /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n",
     "HTTP/1.1 100 Continue\r\n\r\n", "HTTP/1.1 100 Continue\r\n" VIA "\r\n"},
    {"an HTTP/1.0 upstream's interim answer passes", GET, "HTTP/1.0 102 Processing\r\n\r\n",
     "HTTP/1.1 102 Processing\r\nVia: 1.0 becaused\r\n\r\n"},
};

void check_interim(Stage& stage, const Interim& row) {
    stage.send(row.request);
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.answer(row.interim);
    assert_text_equal(stage.client_bytes(), row.got);
    const bool head = row.request.starts_with("HEAD");
    stage.answer(head ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n" : OK);
    assert_text_equal(stage.client_bytes(),
                      head ? "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" VIA "\r\n" : OK_GOT);
    stage.send(next);
    assert_text_equal(stage.upstream_got(), next_got);
    assert_text_equal(stage.records(), complete("200"));
}

void an_interim_answer_in_one_piece_with_the_final_one_passes(Stage& stage) {
    stage.send(GET);
    assert_true(stage.accept());
    stage.answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\n\r\n" OK);
    assert_text_equal(stage.client_bytes(),
                      "HTTP/1.1 100 Continue\r\n" VIA "\r\nHTTP/1.1 103 X\r\n" VIA "\r\n" OK_GOT);
}

void interim_answers_are_not_for_http_1_0(Stage& stage) {
    stage.send("GET /a HTTP/1.0\r\nHost: a\r\n\r\n");
    assert_true(stage.accept());
    stage.answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 X\r\n\r\n");
    assert_text_equal(stage.client_bytes(), "");
    stage.answer(OK);
    assert_text_equal(stage.client_bytes(),
                      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n" VIA "\r\nok");
}

#define EXPECT "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"
#define EXPECT_GOT \
    "POST /a HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\nContent-Length: 3\r\n{+}\r\n"

// becaused says nothing of its own: the upstream's 100 or its refusal decides.
void the_upstream_answers_an_expectation(Stage& stage) {
    stage.send(EXPECT);
    assert_text_equal(stage.client_bytes(), "");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), EXPECT_GOT);
    assert_text_equal(stage.client_bytes(), "");
    stage.answer("HTTP/1.1 100 Continue\r\n\r\n");
    assert_text_equal(stage.client_bytes(), "HTTP/1.1 100 Continue\r\n" VIA "\r\n");
    stage.send("abc");
    assert_text_equal(stage.upstream_got(), "abc");
    stage.answer(no_content);
    assert_text_equal(stage.client_bytes(), no_content_got);
    assert_text_equal(stage.records(), complete_204);
}

void a_client_need_not_wait_for_100(Stage& stage) {
    stage.send(EXPECT "abc");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), EXPECT_GOT "abc");
    stage.answer("HTTP/1.1 100 Continue\r\n\r\n" OK);
    assert_text_equal(stage.client_bytes(), "HTTP/1.1 100 Continue\r\n" VIA "\r\n" OK_GOT);
}

// The client will not send the body, and whatever it sends next is not to be read as one: the
// connection ends after the answer, by a FIN.
void a_refused_expectation_ends_the_connection(Stage& stage) {
    stage.send(EXPECT);
    assert_true(stage.accept());
    stage.answer("HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n\r\nno");
    assert_text_equal(stage.client_bytes(),
                      "HTTP/1.1 417 Expectation Failed\r\nContent-Length: 2\r\n" VIA "\r\nno");
    stage.rig().advance(3'000);
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.leave(), complete("417") +
                                         "client complete by=nobody phase=done op=none\n"
                                         "upstream complete by=nobody phase=done op=none\n");
}

// The head does not end the interim phase: a bad final answer is still answered for.
void a_bad_answer_after_an_interim_one_is_502(Stage& stage) {
    stage.send(GET);
    assert_true(stage.accept());
    stage.answer("HTTP/1.1 100 Continue\r\n\r\n");
    assert_text_equal(stage.client_bytes(), "HTTP/1.1 100 Continue\r\n" VIA "\r\n");
    stage.answer("HTTP/1.1 20 OK\r\n\r\n");
    OwnAnswer due{502, "upstream_malformed", "the status is not three digits"};
    due.close = false;
    assert_own_answer(stage, due);
}

void a_bad_interim_answer_is_502(Stage& stage) {
    stage.send(GET);
    assert_true(stage.accept());
    stage.answer("HTTP/1.1 102 X\nX: y\r\n\r\n" OK);
    OwnAnswer due{502, "upstream_malformed", "a line ends in a bare LF"};
    due.close = false;
    assert_own_answer(stage, due);
    assert_text_equal(stage.upstream_state(), "reset");
}

void a_thousand_interim_answers_pass(Stage& stage) {
    stage.send(GET);
    assert_true(stage.accept());
    stage.answer(times(1000, "HTTP/1.1 102 X\r\n\r\n"));
    assert_text_equal(stage.client_bytes(), times(1000, "HTTP/1.1 102 X\r\n" VIA "\r\n"));
    stage.answer(OK);
    assert_text_equal(stage.client_bytes(), OK_GOT);
}

void an_interim_answer_passes_while_the_body_is_still_coming(Stage& stage) {
    stage.send("POST /a HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.answer("HTTP/1.1 102 Processing\r\n\r\n");
    assert_text_equal(stage.client_bytes(), "HTTP/1.1 102 Processing\r\n" VIA "\r\n");
    stage.send("3\r\ndef\r\n0\r\n\r\n");
    assert_text_equal(stage.upstream_bytes(), "3\r\ndef\r\n0\r\n\r\n");
    stage.answer(OK);
    assert_text_equal(stage.client_bytes(), OK_GOT);
}

}  // namespace

int main() {
    Cases cases;
    cases.add(rows, check_interim);
    cases.add(SCENARIO(an_interim_answer_in_one_piece_with_the_final_one_passes));
    cases.add(SCENARIO(interim_answers_are_not_for_http_1_0));
    cases.add(SCENARIO(the_upstream_answers_an_expectation));
    cases.add(SCENARIO(a_client_need_not_wait_for_100));
    cases.add(SCENARIO(a_refused_expectation_ends_the_connection));
    cases.add(SCENARIO(a_bad_answer_after_an_interim_one_is_502));
    cases.add(SCENARIO(a_bad_interim_answer_is_502));
    cases.add(SCENARIO(a_thousand_interim_answers_pass));
    cases.add(SCENARIO(an_interim_answer_passes_while_the_body_is_still_coming));
    return cases.run("interim answers");
}
