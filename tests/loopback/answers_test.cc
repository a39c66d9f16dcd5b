// Answers that are as they should be: framing, fields, and what becomes of the upstream connection
// (HTTP.md, RFC 9110 §6 and §15, RFC 9112 §6.3 and §9).
#include "support/answers.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

#define GET BECAUSED_GET
#define HEAD_OF "HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n"
#define VIA "Via: 1.1 becaused\r\n"
#define VIA_1_0 "Via: 1.0 becaused\r\n"
#define OK "HTTP/1.1 200 OK\r\n"

constexpr Answered framings[] = {
    {"an answer of its length passes", GET, OK "Content-Length: 2\r\n\r\nok",
     OK "Content-Length: 2\r\n" VIA "\r\nok"},
    {"an answer of length 0 passes", GET, OK "Content-Length: 0\r\n\r\n",
     OK "Content-Length: 0\r\n" VIA "\r\n"},
    {"an answer's length loses its leading zeros", GET, OK "content-length: 002\r\n\r\nok",
     OK "content-length: 2\r\n" VIA "\r\nok"},
    {"a chunked answer passes as chunks", GET,
     OK "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
     OK "Transfer-Encoding: chunked\r\n" VIA "\r\n[ok]"},
    {"an empty chunked answer passes", GET, OK "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     OK "Transfer-Encoding: chunked\r\n" VIA "\r\n[]"},
    {"chunked in an answer has no case", GET,
     OK "transfer-encoding: Chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
     OK "Transfer-Encoding: chunked\r\n" VIA "\r\n[ok]"},
    {"a tab after chunked does not make an answer last until close", GET,
     OK "Transfer-Encoding: chunked\t\r\n\r\n2\r\nok\r\n0\r\n\r\n",
     OK "Transfer-Encoding: chunked\r\n" VIA "\r\n[ok]"},
    {"an answer that ends with its connection becomes chunked", GET, OK "\r\nok",
     OK "Transfer-Encoding: chunked\r\n" VIA "\r\n[ok]", Then::finished},
    {"an empty answer that ends with its connection becomes chunked", GET, OK "\r\n",
     OK "Transfer-Encoding: chunked\r\n" VIA "\r\n[]", Then::finished},
    {"Connection: close from the upstream ends its connection, not the client's", GET,
     OK "Content-Length: 2\r\nConnection: close\r\n\r\nok", OK "Content-Length: 2\r\n" VIA "\r\nok",
     Then::ended},
    {"Connection: close in a list ends the upstream connection", GET,
     OK "Content-Length: 2\r\nConnection: x, Close\r\n\r\nok",
     OK "Content-Length: 2\r\n" VIA "\r\nok", Then::ended},
    {"Connection: close with a tab ends the upstream connection", GET,
     OK "Content-Length: 2\r\nConnection: close\t\r\n\r\nok",
     OK "Content-Length: 2\r\n" VIA "\r\nok", Then::ended},
    {"a chunked answer with Connection: close keeps the client", GET,
     OK "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n2\r\nok\r\n0\r\n\r\n",
     OK "Transfer-Encoding: chunked\r\n" VIA "\r\n[ok]", Then::ended},
    {"an HTTP/1.0 answer of its length ends the upstream connection", GET,
     "HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok", OK "Content-Length: 2\r\n" VIA_1_0 "\r\nok",
     Then::ended},
    {"an HTTP/1.0 answer with keep-alive keeps the upstream connection", GET,
     "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive\r\n\r\nok",
     OK "Content-Length: 2\r\n" VIA_1_0 "\r\nok"},
    {"close wins over keep-alive in an HTTP/1.0 answer", GET,
     "HTTP/1.0 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive, close\r\n\r\nok",
     OK "Content-Length: 2\r\n" VIA_1_0 "\r\nok", Then::ended},
    {"an HTTP/1.0 answer without a length becomes chunked", GET, "HTTP/1.0 200 OK\r\n\r\nok",
     OK "Transfer-Encoding: chunked\r\n" VIA_1_0 "\r\n[ok]", Then::finished},
};

constexpr Answered bodyless[] = {
    {"204 has no body", GET, "HTTP/1.1 204 No Content\r\n\r\n",
     "HTTP/1.1 204 No Content\r\n" VIA "\r\n"},
    {"204 loses its Content-Length", GET, "HTTP/1.1 204 No Content\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 204 No Content\r\n" VIA "\r\n"},
    {"204 loses its Transfer-Encoding", GET,
     "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
     "HTTP/1.1 204 No Content\r\n" VIA "\r\n"},
    {"304 has no body", GET, "HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\n\r\n",
     "HTTP/1.1 304 Not Modified\r\nETag: \"e\"\r\n" VIA "\r\n"},
    {"304 keeps the length of what it does not send", GET,
     "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
     "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n" VIA "\r\n"},
    {"304 with Transfer-Encoding has no body", GET,
     "HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
     "HTTP/1.1 304 Not Modified\r\n" VIA "\r\n"},
    {"an answer to HEAD has no body", HEAD_OF, OK "\r\n", OK VIA "\r\n"},
    {"an answer to HEAD keeps its length", HEAD_OF, OK "Content-Length: 1234\r\n\r\n",
     OK "Content-Length: 1234\r\n" VIA "\r\n"},
    {"an answer to HEAD keeps the length 0", HEAD_OF, OK "Content-Length: 0\r\n\r\n",
     OK "Content-Length: 0\r\n" VIA "\r\n"},
    {"an answer to HEAD keeps the largest length there is", HEAD_OF,
     OK "Content-Length: 9223372036854775807\r\n\r\n",
     OK "Content-Length: 9223372036854775807\r\n" VIA "\r\n"},
    {"a chunked answer to HEAD has no body", HEAD_OF, OK "Transfer-Encoding: chunked\r\n\r\n",
     OK VIA "\r\n"},
    {"an error in answer to HEAD has no body", HEAD_OF,
     "HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n\r\n",
     "HTTP/1.1 404 Not Found\r\nContent-Length: 99\r\n" VIA "\r\n"},
    {"205 of length 0 passes", GET, "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 205 Reset Content\r\nContent-Length: 0\r\n" VIA "\r\n"},
};

constexpr Answered heads[] = {
    {"fields pass byte-exact and in order", GET,
     OK "x-B: 1\r\nX-a:2\r\nContent-Length: 0\r\nX-b: \t3\r\nE:\r\n_: \x80\xff\r\n\r\n",
     OK "x-B: 1\r\nX-a:2\r\nContent-Length: 0\r\nX-b: \t3\r\nE:\r\n_: \x80\xff\r\n" VIA "\r\n"},
    {"white space after a value of an answer is no part of it", GET,
     OK "X: y \t\r\nContent-Length: 0\r\n\r\n", OK "X: y\r\nContent-Length: 0\r\n" VIA "\r\n"},
    {"cookies stay apart", GET,
     OK "Set-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\nSet-Cookie: a\r\n\r\n",
     OK "Set-Cookie: a\r\nSet-Cookie: b\r\nContent-Length: 0\r\nSet-Cookie: a\r\n" VIA "\r\n"},
    {"dockerd's own fields pass", GET,
     OK "Api-Version: 1.41\r\nDocker-Experimental: false\r\nOstype: linux\r\n"
        "Server: Docker/20.10.24 (linux)\r\nDate: x\r\nContent-Length: 0\r\n\r\n",
     OK "Api-Version: 1.41\r\nDocker-Experimental: false\r\nOstype: linux\r\n"
        "Server: Docker/20.10.24 (linux)\r\nDate: x\r\nContent-Length: 0\r\n" VIA "\r\n"},
    {"compressed bytes pass as they are", GET,
     OK "Content-Encoding: gzip\r\nContent-Length: 4\r\n\r\n\x1f\x8b\x08\x01",
     OK "Content-Encoding: gzip\r\nContent-Length: 4\r\n" VIA "\r\n\x1f\x8b\x08\x01"},
    {"hop-by-hop fields of an answer go no further", GET,
     OK "Keep-Alive: timeout=5\r\nProxy-Connection: close\r\nProxy-Authenticate: Basic\r\n"
        "TE: gzip\r\nUpgrade: h2c\r\nTrailer: X\r\nContent-Length: 0\r\n\r\n",
     OK "Content-Length: 0\r\n" VIA "\r\n"},
    {"fields that an answer's Connection names go no further", GET,
     OK "X-Mine: 1\r\nConnection: X-Mine, keep-alive\r\nY: 2\r\nContent-Length: 0\r\nx-mine: "
        "3\r\n\r\n",
     OK "Y: 2\r\nContent-Length: 0\r\n" VIA "\r\n"},
    {"end-to-end fields go on although an answer's Connection names them", GET,
     OK "Connection: content-length, content-type, date\r\nContent-Length: 2\r\n"
        "Content-Type: text/plain\r\nDate: x\r\n\r\nok",
     OK "Content-Length: 2\r\nContent-Type: text/plain\r\nDate: x\r\n" VIA "\r\nok"},
    {"Trailer passes where trailers may follow", GET,
     OK "Trailer: X\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     OK "Trailer: X\r\nTransfer-Encoding: chunked\r\n" VIA "\r\n[]"},
    {"Via of an answer is extended", GET, OK "Via: 1.0 x\r\nContent-Length: 0\r\n\r\n",
     OK "Via: 1.0 x\r\nContent-Length: 0\r\n" VIA "\r\n"},
    {"an empty reason passes", GET, "HTTP/1.1 200 \r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 200 \r\nContent-Length: 0\r\n" VIA "\r\n"},
    {"a status without the space after it passes", GET, "HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 200 \r\nContent-Length: 0\r\n" VIA "\r\n"},
    {"a reason of other letters passes", GET,
     "HTTP/1.1 200 D'accord \xc3\xa9\t!\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 200 D'accord \xc3\xa9\t!\r\nContent-Length: 0\r\n" VIA "\r\n"},
    {"an unknown status passes", GET, "HTTP/1.1 299 X\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 299 X\r\nContent-Length: 0\r\n" VIA "\r\n"},
    {"status 599 passes", GET, "HTTP/1.1 599 X\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 599 X\r\nContent-Length: 0\r\n" VIA "\r\n"},
    {"status 401 passes untouched", GET,
     "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 401 Unauthorized\r\nWWW-Authenticate: Basic\r\nContent-Length: 0\r\n" VIA "\r\n"},
    {"a redirect passes unfollowed", GET,
     "HTTP/1.1 301 Moved Permanently\r\nLocation: /b\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 301 Moved Permanently\r\nLocation: /b\r\nContent-Length: 0\r\n" VIA "\r\n"},
    {"an upstream's 408 passes", GET, "HTTP/1.1 408 X\r\nContent-Length: 0\r\n\r\n",
     "HTTP/1.1 408 X\r\nContent-Length: 0\r\n" VIA "\r\n"},
    {"an upstream's 502 passes", GET, "HTTP/1.1 502 X\r\nContent-Length: 2\r\n\r\nno",
     "HTTP/1.1 502 X\r\nContent-Length: 2\r\n" VIA "\r\nno"},
};

// Nobody asked for these bytes: the answer before them is whole, they are nobody's answer, and the
// connection that they came on carries no other request.
#define EVIL "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil"
constexpr Answered extra[] = {
    {"a byte after an answer's length is nobody's", GET, OK "Content-Length: 2\r\n\r\nok!",
     OK "Content-Length: 2\r\n" VIA "\r\nok", Then::broken},
    {"a line end after an answer's length is nobody's", GET, OK "Content-Length: 2\r\n\r\nok\r\n",
     OK "Content-Length: 2\r\n" VIA "\r\nok", Then::broken},
    {"a second answer is nobody's", GET, OK "Content-Length: 2\r\n\r\nok" EVIL,
     OK "Content-Length: 2\r\n" VIA "\r\nok", Then::broken},
    {"a second answer after the last chunk is nobody's", GET,
     OK "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n" EVIL,
     OK "Transfer-Encoding: chunked\r\n" VIA "\r\n[ok]", Then::broken},
    {"a body after 204 is nobody's", GET, "HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok",
     "HTTP/1.1 204 No Content\r\n" VIA "\r\n", Then::broken},
    {"chunks after 204 are nobody's", GET,
     "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "HTTP/1.1 204 No Content\r\n" VIA "\r\n", Then::broken},
    {"a second answer after 204 is nobody's", GET, "HTTP/1.1 204 No Content\r\n\r\n" EVIL,
     "HTTP/1.1 204 No Content\r\n" VIA "\r\n", Then::broken},
    {"a body after 304 is nobody's", GET,
     "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n\r\nok",
     "HTTP/1.1 304 Not Modified\r\nContent-Length: 2\r\n" VIA "\r\n", Then::broken},
    {"a body in answer to HEAD is nobody's", HEAD_OF, OK "Content-Length: 2\r\n\r\nok",
     OK "Content-Length: 2\r\n" VIA "\r\n", Then::broken},
    {"chunks in answer to HEAD are nobody's", HEAD_OF,
     OK "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n", OK VIA "\r\n", Then::broken},
    {"an interim answer after the answer is nobody's", GET,
     OK "Content-Length: 0\r\n\r\nHTTP/1.1 100 Continue\r\n\r\n",
     OK "Content-Length: 0\r\n" VIA "\r\n", Then::broken},
};

// A connection that waits in the pool and says something breaks there, by name.
void bytes_on_an_idle_upstream_connection_end_it(Stage& stage) {
    stage.send(GET);
    assert_true(stage.accept());
    stage.answer(no_content);
    stage.client_bytes();
    stage.answer(EVIL);
    assert_text_equal(stage.upstream_state(), "reset");
    stage.send(next);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), "GET /next HTTP/1.1\r\nHost: a\r\n{+}\r\n");
    stage.answer(no_content);
    assert_text_equal(stage.client_got(), no_content_got);
    assert_text_equal(stage.leave(),
                      std::string(complete_204) +
                          "upstream upstream_malformed by=upstream phase=keepalive op=parse\n" +
                          std::string(complete_204) +
                          "client client_closed_idle by=nobody phase=keepalive op=none\n");
}

// The extra bytes and the next request come in the same turn, the bytes first.
void bytes_just_before_the_next_request_are_not_its_answer(Stage& stage) {
    stage.send(GET);
    assert_true(stage.accept());
    stage.answer(no_content);
    stage.client_bytes();
    assert_int_equal(stage.upstream.send(EVIL), sizeof EVIL - 1);
    stage.send(next);
    assert_text_equal(stage.client_bytes(), "");
    assert_true(stage.accept());
    stage.answer(no_content);
    assert_text_equal(stage.client_got(), no_content_got);
}

void an_upstream_that_closes_its_idle_connection_harms_nobody(Stage& stage) {
    stage.send(GET);
    assert_true(stage.accept());
    stage.answer(no_content);
    stage.upstream_fin();
    assert_text_equal(stage.upstream_state(), "fin");
    stage.send(next);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), next_got);
    assert_text_equal(stage.records(),
                      std::string(complete_204) +
                          "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n");
}

// dockerd's /wait sends its head at once and its body at the container's end.
void a_head_passes_before_its_body(Stage& stage) {
    stage.send(GET);
    assert_true(stage.accept());
    stage.answer(OK "Transfer-Encoding: chunked\r\n\r\n");
    assert_text_equal(stage.client_bytes(), OK "Transfer-Encoding: chunked\r\n" VIA "\r\n");
    stage.answer("2\r\nok\r\n");
    assert_text_equal(stage.client_bytes(), "2\r\nok\r\n");
    stage.answer("0\r\n\r\n");
    assert_text_equal(stage.client_bytes(), "0\r\n\r\n");
}

void an_answer_of_every_byte_passes(Stage& stage) {
    std::string body;
    for (int byte = 0; byte < 256; ++byte) body += static_cast<char>(byte);
    stage.send(GET);
    assert_true(stage.accept());
    stage.answer(OK "Content-Length: 256\r\n\r\n" + body);
    assert_text_equal(stage.client_got(), OK "Content-Length: 256\r\n" VIA "\r\n" + body);
}

void an_answer_that_ends_with_its_connection_passes_piece_by_piece(Stage& stage) {
    stage.send(GET);
    assert_true(stage.accept());
    stage.answer(OK "\r\n");
    assert_text_equal(stage.client_bytes(), OK "Transfer-Encoding: chunked\r\n" VIA "\r\n");
    stage.answer("some");
    assert_text_equal(stage.client_bytes(), "4\r\nsome\r\n");
    stage.answer("thing");
    assert_text_equal(stage.client_bytes(), "5\r\nthing\r\n");
    stage.upstream_fin();
    assert_text_equal(stage.client_bytes(), "0\r\n\r\n");
    assert_text_equal(stage.client_state(), "open");
    assert_text_equal(stage.records(),
                      complete("200") + "upstream complete by=nobody phase=done op=none\n");
}

}  // namespace

int main() {
    Cases cases;
    cases.add(framings, check_answered);
    cases.add(bodyless, check_answered);
    cases.add(heads, check_answered);
    cases.add(extra, check_answered);
    cases.add(SCENARIO(bytes_on_an_idle_upstream_connection_end_it));
    cases.add(SCENARIO(bytes_just_before_the_next_request_are_not_its_answer));
    cases.add(SCENARIO(an_upstream_that_closes_its_idle_connection_harms_nobody));
    cases.add(SCENARIO(a_head_passes_before_its_body));
    cases.add(SCENARIO(an_answer_of_every_byte_passes));
    cases.add(SCENARIO(an_answer_that_ends_with_its_connection_passes_piece_by_piece));
    return cases.run("answers");
}
