// Streams are streams: a side that does not read holds the other back, within 1 MiB per connection, in
// both directions and for every framing; and when it reads again, not a byte is missing (HTTP.md, DESIGN §2
// and §8.6).
#include <malloc.h>

#include <array>

#include "support/answers.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

constexpr size_t mib = 1U << 20;
constexpr size_t slabs_of_1_mib = 4;
// More than all the kernel's buffers on the way and ours together.
constexpr size_t much = 48 * mib;

// A stream of known bytes without end: byte i of it can be told from byte i alone.
class Known {
  public:
    // The next `count` bytes from `at`.
    std::string_view part(uint64_t at, size_t count) const {
        const size_t from = at % period;
        return std::string_view(text_).substr(from, std::min(count, text_.size() - from));
    }
    bool holds(uint64_t at, std::string_view bytes) const {
        while (!bytes.empty()) {
            const std::string_view expected = part(at, bytes.size());
            if (bytes.substr(0, expected.size()) != expected) return false;
            at += expected.size();
            bytes.remove_prefix(expected.size());
        }
        return true;
    }

  private:
    static constexpr size_t period = 65'521;  // a prime: no slab or read is a multiple of it
    std::string text_ = pattern(period) + pattern(period);
};

size_t heap_bytes() {
    const struct mallinfo2 info = ::mallinfo2();
    return info.uordblks + info.hblkhd;
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

enum class Framing : uint8_t { length, chunked, until_close, tunnel };

struct Stall {
    std::string_view name;
    bool up;  // the upstream stalls; else the client does
    Framing framing;
    size_t chunk = 16 * 1024;  // data per chunk, for chunked
    bool unix_sockets = false;
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

// What the source still has to send: its body, in its framing.
class Source {
  public:
    Source(const Stall& row, uint64_t size) : row_(row), size_(size) {}
    // Sends until the socket takes no more; how many raw bytes that was.
    size_t send(Peer& peer, const Known& known) {
        size_t total = 0;
        for (;;) {
            if (pending_.empty() && !fill(known)) return total;
            const size_t count = peer.send(pending_);
            total += count;
            pending_.erase(0, count);
            if (!pending_.empty()) return total;
        }
    }
    uint64_t made() const { return at_; }
    bool over() const { return pending_.empty() && at_ == size_ && ended_; }
    void stop() { size_ = at_; }
    size_t held_bytes() const { return pending_.capacity(); }

  private:
    bool fill(const Known& known) {
        if (at_ == size_) {
            if (ended_) return false;
            ended_ = true;
            if (row_.framing == Framing::chunked) pending_ = "0\r\n\r\n";
            return !pending_.empty();
        }
        const bool chunked = row_.framing == Framing::chunked;
        const size_t most = chunked ? row_.chunk : 64 * 1024;
        // Small chunks by the thousand, or the test would spend its time in system calls.
        while (at_ < size_ && pending_.size() < 64 * 1024) {
            const size_t count = static_cast<size_t>(std::min<uint64_t>(most, size_ - at_));
            char line[24];
            if (chunked) {
                std::snprintf(line, sizeof line, "%zx\r\n", count);
                pending_ += line;
            }
            for (size_t done = 0; done < count;) {
                const std::string_view part = known.part(at_, count - done);
                pending_ += part;
                at_ += part.size();
                done += part.size();
            }
            if (chunked) pending_ += "\r\n";
        }
        return true;
    }

    Stall row_;
    uint64_t size_;
    uint64_t at_ = 0;
    bool ended_ = false;
    std::string pending_;
};

// Brings the exchange to where its body begins.
void begin(Stage& stage, const Stall& row, uint64_t size) {
    stage.options.unix_client = stage.options.unix_upstream = row.unix_sockets;
    const std::string length = "Content-Length: " + std::to_string(size) + "\r\n\r\n";
    const std::string chunks = "Transfer-Encoding: chunked\r\n\r\n";
    if (row.framing == Framing::tunnel) {
        stage.send("POST /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n");
        assert_true(stage.accept());
        stage.upstream_bytes();
        stage.answer("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n");
        stage.client_bytes();
    } else if (row.up) {
        stage.send("POST /a HTTP/1.1\r\nHost: a\r\n" +
                   (row.framing == Framing::length ? length : chunks));
        assert_true(stage.accept());
        stage.upstream_bytes();
    } else {
        stage.send(BECAUSED_GET);
        assert_true(stage.accept());
        stage.upstream_bytes();
        stage.answer("HTTP/1.1 200 OK\r\n" + (row.framing == Framing::length ? length
                                              : row.framing == Framing::chunked
                                                  ? chunks
                                                  : std::string("\r\n")));
        stage.client_bytes();
    }
    stage.client.received.clear();
    stage.upstream.received.clear();
}

// Sends until nothing is taken any more.
uint64_t press(Stage& stage, Peer& from, Source& source, const Known& known) {
    uint64_t sent = 0;
    for (int idle = 0; idle < 4 && !source.over();) {
        const size_t count = source.send(from, known);
        stage.rig().settle();
        sent += count;
        idle = count == 0 ? idle + 1 : 0;
    }
    return sent;
}

void check_stall(Stage& stage, const Stall& row) {
    const Known known;
    begin(stage, row, much);
    Peer& from = row.up ? stage.client : stage.upstream;
    Peer& to = row.up ? stage.upstream : stage.client;
    const size_t heap_before = heap_bytes();
    Source source(row, much);
    press(stage, from, source, known);
    assert_true(source.made() < much);
    // All of it: slabs, queues, and whatever else was needed; less what this test holds itself.
    const size_t heap = heap_bytes() - heap_before - source.held_bytes();
    if (heap > mib + mib / 2)
        print_error("%zu bytes of heap for %llu of body\n", heap,
                    static_cast<unsigned long long>(source.made()));
    assert_true(heap <= mib + mib / 2);
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

// ---- few bytes that wait beside many that pass ---------------------------------------------------

// A slab's worth of an upload through another exchange: `stage.more` are its client and its upstream.
void open_bulk(Stage& stage) {
    stage.more.push_back(stage.rig().connect());
    assert_true(stage.more[0].send("POST /bulk HTTP/1.1\r\nHost: a\r\nContent-Length: "
                                   "1000000000\r\n\r\n") > 0);
    stage.more.push_back(stage.rig().accept());
    assert_true(stage.more[1].open());
}
void pass_bulk(Stage& stage) {
    const std::string block = times(300'000, "x");
    std::string_view rest = block;
    for (int i = 0; i < 100 && !rest.empty(); ++i) {
        rest.remove_prefix(stage.more[0].send(rest));
        stage.rig().settle();
        stage.more[1].read();
        stage.more[1].received.clear();
    }
    assert_true(rest.empty());
}

// A byte sent ahead of its turn must not keep the slab that everyone reads into.
void bytes_sent_ahead_one_by_one_keep_no_slab_each(Stage& stage) {
    stage.send(BECAUSED_GET);
    assert_true(stage.accept());
    open_bulk(stage);
    for (int i = 0; i < 30; ++i) {
        stage.send("x");
        pass_bulk(stage);
    }
    assert_true(stage.rig().loop().slabs().held() <= slabs_of_1_mib);
}

// Lines of a log for a client that stopped reading, beside a busy push.
void small_messages_for_a_stalled_client_keep_no_slab_each(Stage& stage) {
    stage.send(BECAUSED_GET);
    assert_true(stage.accept());
    stage.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string block = chunked(times(64'000, "x"), 64'000);
    const std::string_view one = std::string_view(block).substr(0, block.size() - 5);
    size_t sent = one.size();
    while (sent == one.size()) {  // until the proxy reads no more
        sent = stage.upstream.send(one);
        stage.rig().settle();
    }
    // Room for a few lines again, which then wait.
    std::string rest(one.substr(sent));
    while (stage.client.received.size() < 200'000) {
        stage.rig().settle();
        stage.client.read();
        rest.erase(0, stage.upstream.send(rest));
    }
    open_bulk(stage);
    const size_t before = stage.rig().loop().slabs().held();
    for (int i = 0; i < 30; ++i) {
        stage.answer("5\r\nline\n\r\n");
        pass_bulk(stage);
    }
    assert_true(stage.rig().loop().slabs().held() <= before + 2);
}

// ---- many at once --------------------------------------------------------------------------------

// More stalled uploads than there are slabs for: they wait, nobody is lost, and all of them end well.
void more_stalled_uploads_than_slabs_wait_for_each_other(Stage& stage) {
    stage.options.slabs = 8;
    constexpr size_t uploads = 6;
    constexpr size_t size = 8 * mib;
    const Known known;
    const Stall row{"", true, Framing::length};
    std::vector<Source> sources;
    for (size_t i = 0; i < uploads; ++i) {
        stage.more.push_back(stage.rig().connect());
        assert_true(stage.more.back().send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: " +
                                           std::to_string(size) + "\r\n\r\n") > 0);
        stage.more.push_back(stage.rig().accept());
        assert_true(stage.more.back().open());
        stage.more.back().read();
        stage.more.back().received.clear();
        sources.emplace_back(row, size);
    }
    for (size_t i = 0; i < uploads; ++i) press(stage, stage.more[2 * i], sources[i], known);
    assert_true(stage.rig().loop().slabs().alive() <= 9);
    std::array<uint64_t, uploads> got{}, done;
    done.fill(size);
    for (int idle = 0; idle < 50;) {
        bool moved = false;
        for (size_t i = 0; i < uploads; ++i) {
            sources[i].send(stage.more[2 * i], known);
            stage.rig().settle();
            Peer& to = stage.more[2 * i + 1];
            to.read();
            assert_true(known.holds(got[i], to.received));
            got[i] += to.received.size();
            moved = moved || !to.received.empty();
            to.received.clear();
        }
        idle = moved ? 0 : idle + 1;
        if (got == done) return;
    }
    fail_test("an upload stands still");
}

// Takes slabs away from the pool and gives them back at the end of the test.
class Taken {
  public:
    explicit Taken(SlabPool& pool) : pool_(pool) {}
    Taken(const Taken&) = delete;
    Taken& operator=(const Taken&) = delete;
    ~Taken() { give_back(); }
    bool one() {
        Slab* slab = pool_.take();
        if (slab != nullptr) slabs_.push_back(slab);
        return slab != nullptr;
    }
    void give_back() {
        for (Slab* slab : slabs_)
            if (--slab->references == 0) pool_.give_back(slab);
        slabs_.clear();
    }

  private:
    SlabPool& pool_;
    std::vector<Slab*> slabs_;
};

void a_request_beyond_the_memory_budget_is_told(Stage& stage) {
    SlabPool& pool = stage.rig().loop().slabs();
    Taken taken(pool);
    while (!pool.scarce()) assert_true(taken.one());
    stage.send(BECAUSED_GET);
    OwnAnswer due{503, "memory_shed",
                  "becaused's memory budget is used up: try again in a moment."};
    due.close = false;
    due.extra = "Retry-After: 1\r\n";
    assert_own_answer(stage, due);
    assert_false(stage.accept());
    taken.give_back();
    stage.send(next);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), next_got);
    stage.answer(no_content);
    assert_text_equal(stage.records(),
                      "exchange memory_shed by=proxy phase=gate op=allocate status=503\n" +
                          std::string(complete_204));
}

void a_request_that_finds_no_slab_at_all_waits_for_one(Stage& stage) {
    Taken taken(stage.rig().loop().slabs());
    while (taken.one()) {
    }
    stage.send(next);
    assert_false(stage.accept());
    assert_text_equal(stage.client_bytes(), "");
    taken.give_back();
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), next_got);
    stage.answer(no_content);
    assert_text_equal(stage.client_got(), no_content_got);
}

// ---- whose fault a stall is ----------------------------------------------------------------------

// The kernel may still move some bytes into the peer's buffers, in its own time: progress, to a clock.
void wait_for_the_end(Stage& stage) {
    for (int i = 0; i < 20 && stage.exchange().empty(); ++i) stage.rig().advance(30'000);
}

void an_upstream_that_stops_reading_is_named(Stage& stage) {
    const Known known;
    const Stall row{"", true, Framing::length};
    begin(stage, row, much);
    Source source(row, much);
    press(stage, stage.client, source, known);
    wait_for_the_end(stage);
    const std::string record = stage.exchange();
    assert_text_equal(field_of(record, "reason"), "upstream_stalled_reading");
    assert_text_equal(field_of(record, "by"), "upstream");
    assert_text_equal(field_of(record, "status"), "504");
}

void a_client_that_stops_reading_is_named(Stage& stage) {
    const Known known;
    const Stall row{"", false, Framing::length};
    stage.send("GET /version HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_true(stage.accept());
    stage.answer("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(much) + "\r\n\r\n");
    Source source(row, much);
    press(stage, stage.upstream, source, known);
    wait_for_the_end(stage);
    const std::string record = stage.exchange();
    assert_text_equal(field_of(record, "reason"), "client_stalled_reading");
    assert_text_equal(field_of(record, "by"), "client");
    assert_text_equal(stage.upstream_state(), "reset");
}

// The first byte's clock starts when the last byte of the request is taken, not with the last that moved
// before it.
void the_first_byte_is_due_after_a_queue_is_drained(Stage& stage) {
    const std::string body = times(8 * mib, "x");
    stage.send("POST /exec/e/resize HTTP/1.1\r\nHost: a\r\nContent-Length: " +
               std::to_string(body.size()) + "\r\n\r\n");
    assert_true(stage.accept());
    std::string_view rest = body;
    for (int i = 0; i < 1000 && !rest.empty(); ++i) {
        rest.remove_prefix(stage.client.send(rest));
        stage.rig().settle();
        // Up to the last bytes, which are left in the queue.
        if (!rest.empty() && i % 4 == 3) stage.upstream_bytes();
    }
    assert_true(rest.empty());
    for (int i = 0; i < 100; ++i) stage.upstream_bytes();
    stage.rig().advance(29'000);
    assert_text_equal(stage.client_bytes(), "");
    stage.rig().advance(2'000);
    assert_text_equal(field_of(stage.exchange(), "reason"), "upstream_silent");
}

}  // namespace

int main() {
    Cases cases;
    cases.add(stalls, check_stall);
    cases.add(SCENARIO(bytes_sent_ahead_one_by_one_keep_no_slab_each));
    cases.add(SCENARIO(small_messages_for_a_stalled_client_keep_no_slab_each));
    cases.add(SCENARIO(more_stalled_uploads_than_slabs_wait_for_each_other));
    cases.add(SCENARIO(a_request_beyond_the_memory_budget_is_told));
    cases.add(SCENARIO(a_request_that_finds_no_slab_at_all_waits_for_one));
    cases.add(SCENARIO(an_upstream_that_stops_reading_is_named));
    cases.add(SCENARIO(a_client_that_stops_reading_is_named));
    cases.add(SCENARIO(the_first_byte_is_due_after_a_queue_is_drained));
    return cases.run("back-pressure");
}
