// Answers that end before they are whole, once their head is with the client: what is missing must show
// (HTTP.md, RFC 9112 §8).
#include "support/answers.hh"
#include "support/chunk_flaws.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

#define OK "HTTP/1.1 200 OK\r\n"

// The client has the head, and bytes of the body: what is missing must show.
struct Cut {
    std::string_view name;
    std::string_view answer;
    std::string_view got;  // readable
    bool reset = false;
};
#define LENGTH_10 OK "Content-Length: 10\r\n"
#define CHUNKED OK "Transfer-Encoding: chunked\r\n"
#define VIA "Via: 1.1 becaused\r\n"
constexpr Cut cuts[] = {
    {"a close before a body of known length is a cut", LENGTH_10 "\r\n", LENGTH_10 VIA "\r\n"},
    {"a close inside a body of known length is a cut", LENGTH_10 "\r\nabc",
     LENGTH_10 VIA "\r\nabc"},
    {"a close one byte before a body's end is a cut", LENGTH_10 "\r\n123456789",
     LENGTH_10 VIA "\r\n123456789"},
    {"a reset inside a body of known length is a cut", LENGTH_10 "\r\nabc", LENGTH_10 VIA "\r\nabc",
     true},
    {"a close before the first chunk is a cut", CHUNKED "\r\n", CHUNKED VIA "\r\n[ (cut)"},
    {"a close in a chunk size is a cut", CHUNKED "\r\n3\r\nabc\r\n1", CHUNKED VIA "\r\n[abc (cut)"},
    {"a close after a chunk size is a cut", CHUNKED "\r\n3\r\nabc\r\n3\r\n",
     CHUNKED VIA "\r\n[abc (cut)"},
    {"a close in chunk data is a cut", CHUNKED "\r\n5\r\nabc", CHUNKED VIA "\r\n[abc (cut)"},
    {"a close after chunk data is a cut", CHUNKED "\r\n3\r\nabc", CHUNKED VIA "\r\n[abc (cut)"},
    {"a close between chunks is a cut", CHUNKED "\r\n3\r\nabc\r\n", CHUNKED VIA "\r\n[abc (cut)"},
    {"a close in the last chunk's size is a cut", CHUNKED "\r\n3\r\nabc\r\n0",
     CHUNKED VIA "\r\n[abc (cut)"},
    {"a close after the last chunk's size is a cut", CHUNKED "\r\n3\r\nabc\r\n0\r\n",
     CHUNKED VIA "\r\n[abc (cut)"},
    {"a close in an answer's trailer is a cut", CHUNKED "\r\n3\r\nabc\r\n0\r\nX: y\r\n",
     CHUNKED VIA "\r\n[abc (cut)"},
    {"a close in the last empty line is a cut", CHUNKED "\r\n3\r\nabc\r\n0\r\n\r",
     CHUNKED VIA "\r\n[abc (cut)"},
    {"a reset between chunks is a cut", CHUNKED "\r\n3\r\nabc\r\n", CHUNKED VIA "\r\n[abc (cut)",
     true},
    {"a reset of a body that ends with its connection is a cut", OK "\r\nabc",
     CHUNKED VIA "\r\n[abc (cut)", true},
};

void check_cut(Stage& stage, const Cut& row) {
    stage.send(BECAUSED_GET);
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.answer(row.answer);
    if (row.reset) stage.upstream.reset();
    else stage.upstream_fin();
    assert_text_equal(stage.client_got(), row.got);
    assert_text_equal(stage.client_state(), "fin");
    const std::string reason = row.reset ? "upstream_reset" : "upstream_closed";
    const std::string error = row.reset ? " errno=ECONNRESET" : "";
    assert_text_equal(stage.leave(),
                      "exchange " + reason + " by=upstream phase=response_body op=read" + error +
                          " status=200\nclient partner(" + reason +
                          ") by=nobody phase=response_body op=none\nupstream " + reason +
                          " by=upstream phase=response_body op=read" + error + "\n");
}

void check_flaw(Stage& stage, const ChunkFlaw& flaw) {
    stage.send(BECAUSED_GET);
    assert_true(stage.accept());
    stage.answer(std::string(CHUNKED "\r\n") + std::string(flaw.body));
    assert_text_equal(stage.client_got(),
                      std::string(CHUNKED VIA "\r\n[") + std::string(flaw.good) + " (cut)");
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(field_of(stage.exchange(), "detail"), flaw.detail);
    assert_text_equal(
        stage.leave(),
        "exchange upstream_malformed by=upstream phase=response_body op=parse status=200\n"
        "client partner(upstream_malformed) by=nobody phase=response_body op=none\n"
        "upstream upstream_malformed by=upstream phase=response_body op=parse\n");
}

// What an upstream may add to its chunks is bounded, as a client's is.
struct Bound {
    std::string_view name;
    std::string (*body)();
    std::string_view detail = {};  // empty: it passes
};
constexpr Bound bounds[] = {
    {"a chunk extension of 1 KiB in an answer passes",
     [] { return "3;" + times(1024, "e") + "\r\nabc\r\n0\r\n\r\n"; }},
    {"a chunk extension over 1 KiB cuts the answer",
     [] { return "3;" + times(1025, "e") + "\r\nabc\r\n0\r\n\r\n"; },
     "a chunk extension is over 1 KiB"},
    {"chunk extensions over 16 KiB together cut the answer",
     [] { return times(5462, "3;eee\r\nabc\r\n") + "0\r\n\r\n"; },
     "the chunk extensions are over 16 KiB"},
    {"trailers of 8 KiB in an answer pass",
     [] { return "3\r\nabc\r\n0\r\nX: " + times(8187, "y") + "\r\n\r\n"; }},
    {"trailers over 8 KiB cut the answer",
     [] { return "3\r\nabc\r\n0\r\nX: " + times(8188, "y") + "\r\n\r\n"; },
     "the trailers are over 8 KiB"},
};
void check_bound(Stage& stage, const Bound& bound) {
    stage.send(BECAUSED_GET);
    assert_true(stage.accept());
    stage.answer(CHUNKED "\r\n" + bound.body());
    const std::string got = stage.client_got();
    if (bound.detail.empty()) {
        assert_text_equal(got, CHUNKED VIA "\r\n[abc]");
        assert_text_equal(stage.client_state(), "open");
        return;
    }
    assert_true(got.ends_with(" (cut)"));
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(field_of(stage.exchange(), "detail"), bound.detail);
}

// Pipelined requests behind a cut answer are not answered: their client reconnects.
void nothing_follows_a_cut_answer(Stage& stage) {
    stage.send(std::string(BECAUSED_GET) + std::string(next));
    assert_true(stage.accept());
    stage.answer(LENGTH_10 "\r\nabc");
    stage.upstream_fin();
    assert_text_equal(stage.client_got(), LENGTH_10 VIA "\r\nabc");
    assert_text_equal(stage.client_state(), "fin");
    assert_false(stage.rig().accept().open());
}

}  // namespace

int main() {
    Cases cases;
    cases.add(cuts, check_cut);
    cases.add(bounds, check_bound);
    for (const ChunkFlaw& flaw : chunk_flaws)
        cases.add(std::string(flaw.name) + " cuts the answer",
                  [&flaw](Stage& stage) { check_flaw(stage, flaw); });
    cases.add(SCENARIO(nothing_follows_a_cut_answer));
    return cases.run("cut answers");
}
