// Chunked request bodies: strict on the way in, our own chunks on the way on (HTTP.md, RFC 9112 §7.1).
#include "support/cases.hh"
#include "support/chunk_flaws.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

#define HEAD "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n"
#define GOT "POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{+}\r\n"

constexpr Forwarded passing[] = {
    {"one chunk passes", HEAD "\r\n3\r\nabc\r\n0\r\n\r\n", GOT "[abc]"},
    {"many chunks pass in order", HEAD "\r\n3\r\nabc\r\n1\r\nd\r\n2\r\nef\r\n0\r\n\r\n",
     GOT "[abcdef]"},
    {"an empty chunked body passes", HEAD "\r\n0\r\n\r\n", GOT "[]"},
    {"a last chunk of many zeros ends the body", HEAD "\r\n1\r\na\r\n0000000000000000\r\n\r\n",
     GOT "[a]"},
    {"a size with leading zeros passes", HEAD "\r\n0000000000000003\r\nabc\r\n0\r\n\r\n",
     GOT "[abc]"},
    {"hex digits pass in both cases", HEAD "\r\na\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n",
     GOT "[01234567890123456789a]"},
    {"data that looks like chunks is data", HEAD "\r\na\r\n\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n",
     GOT "[\r\n0\r\n\r\n0\r\n]"},
    {"data that looks like a request is data", HEAD "\r\n12\r\nGET / HTTP/1.1\r\n\r\n\r\n0\r\n\r\n",
     GOT "[GET / HTTP/1.1\r\n\r\n]"},
    {"a chunk extension is dropped", HEAD "\r\n3;a\r\nabc\r\n0\r\n\r\n", GOT "[abc]"},
    {"a chunk extension with a value is dropped", HEAD "\r\n3;a=b;c=d\r\nabc\r\n0;e\r\n\r\n",
     GOT "[abc]"},
    {"a quoted chunk extension is dropped", HEAD "\r\n3;a=\"b;c\\\" \t\xff\"\r\nabc\r\n0\r\n\r\n",
     GOT "[abc]"},
    {"white space around a chunk extension is dropped", HEAD "\r\n3 \t; a = b \r\nabc\r\n0\r\n\r\n",
     GOT "[abc]"},
    {"an empty chunk extension is dropped", HEAD "\r\n3;\r\nabc\r\n0;\r\n\r\n", GOT "[abc]"},
    {"trailers pass byte-exact and in order",
     HEAD "\r\n3\r\nabc\r\n0\r\nX-b:  1\r\nX-A:2\r\nX-b: \xff\r\n\r\n",
     GOT "[abc]X-b:  1\r\nX-A:2\r\nX-b: \xff\r\n"},
    {"an announced trailer passes with its announcement",
     HEAD "Trailer: Digest\r\n\r\n3\r\nabc\r\n0\r\nDigest: x\r\n\r\n",
     "POST / HTTP/1.1\r\nHost: a\r\nTrailer: Digest\r\nTransfer-Encoding: chunked\r\n{+}\r\n"
     "[abc]Digest: x\r\n"},
    {"credentials as trailers are dropped",
     HEAD "\r\n3\r\nabc\r\n0\r\nAuthorization: b\r\nX: y\r\nCookie: c\r\n"
          "X-Registry-Auth: d\r\n\r\n",
     GOT "[abc]X: y\r\n"},
    {"what this proxy adds to heads is dropped from trailers",
     HEAD "\r\n3\r\nabc\r\n0\r\nVia: 1.1 x\r\nX-Forwarded-For: 1.2.3.4\r\nForwarded: for=b\r\n"
          "X-Request-Id: c\r\ntraceparent: d\r\n\r\n",
     GOT "[abc]"},
    {"what says how to read the body is dropped from trailers",
     HEAD "\r\n3\r\nabc\r\n0\r\nContent-Type: b\r\nContent-Encoding: gzip\r\nContent-Range: c\r\n"
          "Expect: 100-continue\r\n\r\n",
     GOT "[abc]"},
};

// The head is on its way when a chunk shows to be bad: what was good goes on, never an end of the body,
// and the upstream connection is broken.
void check_flaw(Stage& stage, const ChunkFlaw& flaw) {
    stage.send(std::string(HEAD "\r\n") + std::string(flaw.body) + std::string(smuggled));
    assert_true(stage.accept());
    const std::string got = stage.upstream_got();
    const std::string expected = std::string(GOT) + "[" + std::string(flaw.good) + " (cut)";
    assert_text_equal(got, expected);
    assert_text_equal(stage.upstream_state(), "reset");
    assert_own_answer(stage, {400, "client_malformed", flaw.detail});
    assert_text_equal(stage.client_state(), "fin");
    assert_false(stage.rig().accept().open());
    assert_text_equal(stage.leave(),
                      "exchange client_malformed by=client phase=request_body op=parse status=400\n"
                      "client client_malformed by=client phase=request_body op=parse\n"
                      "upstream partner(client_malformed) by=nobody phase=request_body op=none\n");
}

void one_byte_chunks_pass(Stage& stage) {
    const std::string body = pattern(5000);
    stage.send(HEAD "\r\n" + chunked(body, 1));
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), GOT "[" + body + "]");
}

void a_large_chunk_passes(Stage& stage) {
    const std::string body = pattern(200'000);
    stage.send(HEAD "\r\n" + chunked(body, body.size()));
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), GOT "[" + body + "]");
}

void a_chunk_goes_on_before_it_is_whole(Stage& stage) {
    stage.send(HEAD "\r\n10\r\nabc");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), GOT "[abc (cut)");
    stage.send("def");
    assert_text_equal(stage.upstream_bytes(), "3\r\ndef\r\n");
}

// A client that leaves in the middle of its body never gets a last chunk sent in its name.
struct Left {
    std::string_view name;
    std::string_view body;
    std::string_view good;
};
constexpr Left lefts[] = {
    {"a client that leaves before the first chunk leaves a cut body", "", ""},
    {"a client that leaves in a chunk size leaves a cut body", "3\r\nabc\r\n1", "abc"},
    {"a client that leaves after a chunk size leaves a cut body", "3\r\nabc\r\n3\r\n", "abc"},
    {"a client that leaves in chunk data leaves a cut body", "3\r\nabc\r\n3\r\nde", "abcde"},
    {"a client that leaves after chunk data leaves a cut body", "3\r\nabc", "abc"},
    {"a client that leaves between chunks leaves a cut body", "3\r\nabc\r\n", "abc"},
    {"a client that leaves in the last chunk's size leaves a cut body", "3\r\nabc\r\n0", "abc"},
    {"a client that leaves after the last chunk's size leaves a cut body", "3\r\nabc\r\n0\r\n",
     "abc"},
    {"a client that leaves in a trailer leaves a cut body", "3\r\nabc\r\n0\r\nX: y", "abc"},
    {"a client that leaves before the last empty line leaves a cut body",
     "3\r\nabc\r\n0\r\nX: y\r\n", "abc"},
    {"a client that leaves inside the last empty line leaves a cut body", "3\r\nabc\r\n0\r\n\r",
     "abc"},
};

void check_left(Stage& stage, const Left& row) {
    stage.send(std::string(HEAD "\r\n") + std::string(row.body));
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), GOT "[" + std::string(row.good) + " (cut)");
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(stage.upstream_bytes(), "");
    assert_text_equal(stage.client_bytes(), "");
    assert_text_equal(stage.leave(),
                      "exchange client_closed by=client phase=request_body op=read status=499\n"
                      "client client_closed by=client phase=request_body op=read\n"
                      "upstream partner(client_closed) by=nobody phase=request_body op=none\n");
}

// The same with Content-Length.
void a_client_that_leaves_before_its_length_is_sent_leaves_a_cut_body(Stage& stage) {
    stage.send("POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(),
                      "POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n{+}\r\nabc");
    stage.client.reset();
    stage.rig().settle();
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(
        stage.leave(),
        "exchange client_reset by=client phase=request_body op=read errno=ECONNRESET status=499\n"
        "client client_reset by=client phase=request_body op=read errno=ECONNRESET\n"
        "upstream partner(client_reset) by=nobody phase=request_body op=none\n");
}

struct Bound {
    std::string_view name;
    std::string (*body)();
    int status = 204;  // 204: it passes
    std::string_view detail = {};
};
// One extension of `size` bytes before "\r\n", its semicolon not counted.
std::string extension(size_t size) { return "3;" + times(size, "e") + "\r\nabc\r\n"; }
// A trailer section of `size` bytes, the last empty line not counted.
std::string trailers(size_t size) {
    std::string text = "X: ";
    return text + times(size - text.size() - 2, "y") + "\r\n";
}
constexpr Bound bounds[] = {
    {"a chunk extension of 1 KiB passes", [] { return extension(1024) + "0\r\n\r\n"; }},
    {"a chunk extension over 1 KiB is refused", [] { return extension(1025) + "0\r\n\r\n"; }, 400,
     "a chunk extension is over 1 KiB"},
    {"white space before a chunk extension counts",
     [] { return "3" + times(1025, " ") + ";e\r\nabc\r\n0\r\n\r\n"; }, 400,
     "a chunk extension is over 1 KiB"},
    {"chunk extensions of 16 KiB together pass",
     [] { return times(16, extension(1024)) + "0\r\n\r\n"; }},
    {"chunk extensions over 16 KiB together are refused",
     [] { return times(16, extension(1024)) + extension(1) + "0\r\n\r\n"; }, 400,
     "the chunk extensions are over 16 KiB"},
    {"many small chunk extensions are refused together (CVE-2024-22019)",
     [] { return times(5462, "3;eee\r\nabc\r\n") + "0\r\n\r\n"; }, 400,
     "the chunk extensions are over 16 KiB"},
    {"trailers of 8 KiB pass", [] { return "0\r\n" + trailers(8192) + "\r\n"; }},
    {"trailers over 8 KiB are refused", [] { return "0\r\n" + trailers(8193) + "\r\n"; }, 431,
     "the trailers are over 8 KiB"},
    {"many small trailers are refused together",
     [] { return "0\r\n" + times(1639, "X:\r\nY:") + "\r\n\r\n"; }, 431,
     "the trailers are over 8 KiB"},
    {"an endless trailer is refused before its end", [] { return "0\r\nX: " + times(8193, "y"); },
     431, "the trailers are over 8 KiB"},
};

void check_bound(Stage& stage, const Bound& bound) {
    stage.send(HEAD "\r\n" + bound.body());
    assert_true(stage.accept());
    stage.upstream_bytes();
    if (bound.status != 204) {
        assert_own_answer(
            stage,
            {bound.status, bound.status == 431 ? "client_head_too_large" : "client_malformed",
             bound.detail});
        assert_text_equal(stage.upstream_state(), "reset");
        return;
    }
    stage.answer(no_content);
    assert_text_equal(stage.client_got(), no_content_got);
    assert_text_equal(stage.records(), complete_204);
}

void add_flaws(Cases& cases) {
    for (const ChunkFlaw& flaw : chunk_flaws)
        cases.add(std::string(flaw.name) + " is refused",
                  [&flaw](Stage& stage) { check_flaw(stage, flaw); });
}

}  // namespace

int main() {
    Cases cases;
    cases.add(passing, check_forwarded);
    add_flaws(cases);
    cases.add(lefts, check_left);
    cases.add(bounds, check_bound);
    cases.add(SCENARIO(one_byte_chunks_pass));
    cases.add(SCENARIO(a_large_chunk_passes));
    cases.add(SCENARIO(a_chunk_goes_on_before_it_is_whole));
    cases.add(SCENARIO(a_client_that_leaves_before_its_length_is_sent_leaves_a_cut_body));
    return cases.run("chunked bodies up");
}
