// Streams are streams: a side that does not read holds the other back, within 1 MiB per connection, in
// both directions and for every framing; and when it reads again, not a byte is missing (HTTP.md, DESIGN §2
// and §8.6).
#include <malloc.h>

#include "support/flood.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

// Sanitizers have an allocator of their own, of which this sees nothing.
int64_t heap_bytes() {
    const struct mallinfo2 info = ::mallinfo2();
    return static_cast<int64_t>(info.uordblks + info.hblkhd);
}

// Takes what was said of a message and shows its body alone.
class Body {
  public:
    explicit Body(bool chunked) : chunked_(chunked) {}
    // Adds raw bytes; false when they are not what is due.
    bool add(std::string_view bytes, const Known& known) {
        if (!head_over_) {
            head_ += bytes;
            const size_t end = head_.find("\r\n\r\n");
            if (end == std::string::npos) return true;
            head_over_ = true;
            const std::string rest = head_.substr(end + 4);
            return body(rest, known);
        }
        return body(bytes, known);
    }
    uint64_t size() const { return at_; }
    bool ended() const { return ended_; }

  private:
    bool data(std::string_view bytes, const Known& known) {
        const bool good = known.holds(at_, bytes);
        at_ += bytes.size();
        return good;
    }
    bool body(std::string_view bytes, const Known& known) {
        if (!chunked_) return data(bytes, known);
        raw_ += bytes;
        std::string_view rest = raw_;
        bool good = true;
        while (good && !rest.empty() && !ended_) {
            if (left_ == 0) {
                const size_t line = rest.find("\r\n");
                if (line == std::string_view::npos) break;
                if (line == 0) {  // after a chunk's data
                    rest.remove_prefix(2);
                    continue;
                }
                left_ = std::stoul(std::string(rest.substr(0, line)), nullptr, 16);
                rest.remove_prefix(line + 2);
                ended_ = left_ == 0;
                continue;
            }
            const std::string_view piece = rest.substr(0, left_);
            good = data(piece, known);
            left_ -= piece.size();
            rest.remove_prefix(piece.size());
        }
        raw_ = std::string(rest);
        return good;
    }

    bool chunked_;
    bool head_over_ = false;
    bool ended_ = false;
    std::string head_;
    std::string raw_;
    uint64_t at_ = 0;
    size_t left_ = 0;
};

constexpr Stall stalls[] = {
    {"an upload of known length to a stalled upstream is held back", true, Framing::length},
    {"a chunked upload to a stalled upstream is held back", true, Framing::chunked},
    {"an upload in large chunks to a stalled upstream is held back", true, Framing::chunked,
     4 * mib},
    {"an upload in small chunks to a stalled upstream is held back", true, Framing::chunked, 100},
    {"an upload in chunks of one byte to a stalled upstream is held back", true, Framing::chunked,
     1},
    {"input through a tunnel to a stalled upstream is held back", true, Framing::tunnel},
    {"an upload to a stalled upstream is held back over unix sockets", true, Framing::length, 0,
     true},
    {"an answer of known length to a stalled client is held back", false, Framing::length},
    {"a chunked answer to a stalled client is held back", false, Framing::chunked},
    {"an answer in large chunks to a stalled client is held back", false, Framing::chunked,
     4 * mib},
    {"an answer in small chunks to a stalled client is held back", false, Framing::chunked, 100},
    {"an answer in chunks of one byte to a stalled client is held back", false, Framing::chunked,
     1},
    {"an answer that ends with its connection is held back", false, Framing::until_close},
    {"output through a tunnel to a stalled client is held back", false, Framing::tunnel},
    {"an answer to a stalled client is held back over unix sockets", false, Framing::length, 0,
     true},
};

void check_stall(Stage& stage, const Stall& row) {
    const Known known;
    begin(stage, row, much);
    Peer& from = row.up ? stage.client : stage.upstream;
    Peer& to = row.up ? stage.upstream : stage.client;
    const int64_t heap_before = heap_bytes();
    Source source(row, much);
    press(stage, from, source, known);
    assert_true(source.made() < much);
    // All of it: slabs, queues, and whatever else was needed; less what this test holds itself.
    const int64_t heap = heap_bytes() - heap_before - static_cast<int64_t>(source.held_bytes());
    if (heap > static_cast<int64_t>(mib))
        print_error("%lld bytes of heap for %llu of body\n", static_cast<long long>(heap),
                    static_cast<unsigned long long>(source.made()));
    assert_true(heap <= static_cast<int64_t>(mib));
    assert_true(stage.rig().loop().slabs().held() <= slabs_of_1_mib);

    // It reads again: everything comes, in order.
    Body body(row.framing == Framing::chunked || row.framing == Framing::until_close);
    Body plain(false);
    Body& got = row.framing == Framing::tunnel || row.framing == Framing::length ? plain : body;
    assert_true(got.add("\r\n\r\n", known));
    const size_t stop_at = 8 * mib;
    for (int idle = 0; idle < 50;) {
        if (row.framing != Framing::length && source.made() > stop_at) source.stop();
        const size_t sent = source.send(from, known);
        stage.rig().settle();
        to.read();
        if (!got.add(to.received, known)) fail_test("bytes are missing or out of order");
        idle = sent == 0 && to.received.empty() ? idle + 1 : 0;
        to.received.clear();
        if (source.over() && got.size() == source.made()) break;
    }
    assert_int_equal(got.size(), source.made());
    assert_true(source.over());
    if (row.framing == Framing::until_close) {
        stage.upstream_fin();
        to.read();
        assert_true(got.add(to.received, known));
    }
    if (&got == &body) assert_true(got.ended());
    assert_int_equal(stage.rig().loop().slabs().held(), 0);
}

}  // namespace

int main() {
    Cases cases;
    cases.add(stalls, check_stall);
    return cases.run("back-pressure");
}
