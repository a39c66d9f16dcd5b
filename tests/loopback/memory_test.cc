// Memory shared by all: few bytes that wait beside many that pass, more stalled sides than there is room
// for, and who is named when a side stops reading.
#include <array>

#include "support/flood.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

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
    // All there is, and the rest of the one that everybody reads into.
    void all() {
        for (std::span<char> room = pool_.room(); !room.empty(); room = pool_.room())
            read_.push_back(pool_.claim(room.size()));
    }
    void give_back() {
        read_.clear();
        for (Slab* slab : slabs_)
            if (--slab->references == 0) pool_.give_back(slab);
        slabs_.clear();
    }

  private:
    SlabPool& pool_;
    std::vector<Slab*> slabs_;
    std::vector<Slice> read_;
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

constexpr std::string_view shed_by_budget =
    "exchange memory_shed by=proxy phase=gate op=allocate status=503\n";

OwnAnswer shed() {
    OwnAnswer due{503, "memory_shed",
                  "becaused's memory budget is used up: try again in a moment."};
    due.close = false;
    due.extra = "Retry-After: 1\r\n";
    return due;
}

// Where others have it all, and for as long as they do: not a silence that its clock would call idle.
void a_request_that_finds_no_slab_at_all_is_told(Stage& stage) {
    Taken taken(stage.rig().loop().slabs());
    taken.all();
    stage.send(BECAUSED_GET);
    assert_own_answer(stage, shed());
    assert_false(stage.accept());
    taken.give_back();
    stage.send(next);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), next_got);
    stage.answer(no_content);
    assert_text_equal(stage.records(), std::string(shed_by_budget) + std::string(complete_204));
}

// More than is read at once there.
void so_is_a_long_head(Stage& stage) {
    Taken taken(stage.rig().loop().slabs());
    taken.all();
    const std::string field = "X-A: " + times(30'000, "a") + "\r\n";
    stage.send("GET /a HTTP/1.1\r\nHost: a\r\n" + field);
    stage.send("X-B: b\r\n\r\n");
    assert_own_answer(stage, shed());
    assert_text_equal(stage.records(), shed_by_budget);
    assert_int_equal(stage.rig().loop().slabs().alive(),
                     stage.rig().loop().slabs().limit() + 1);  // the one for copies
}

// Heads that never become whole have their share of the memory, an eighth: 1 MiB here.
void half_a_head_too_many_is_refused_and_says_so(Stage& stage) {
    stage.options.settings.memory_bytes = 8 * mib;
    const std::string half = "GET /a HTTP/1.1\r\nHost: a\r\nX-A: " + times(60'000, "a");
    for (int i = 0; i < 17; ++i) {
        stage.more.push_back(stage.rig().connect());
        assert_int_equal(stage.more.back().send(half), half.size());
        stage.rig().settle();
        stage.more.back().read();
        assert_text_equal(stage.more.back().received, "");
    }
    stage.send(half);
    OwnAnswer due = shed();
    due.close = true;
    assert_own_answer(stage, due);
    // Whole ones do not wait there, and those who leave give back what they had.
    stage.second = stage.rig().connect();
    stage.second.send(BECAUSED_GET);
    assert_true(stage.accept());
    stage.more.clear();
    stage.rig().settle();
    stage.more.push_back(stage.rig().connect());
    assert_int_equal(stage.more.back().send(half), half.size());
    stage.rig().settle();
    stage.more.back().read();
    assert_text_equal(stage.more.back().received, "");
}

// Its bytes are in the kernel, and nobody took them: neither side was silent.
void a_body_that_is_not_read_for_want_of_memory_is_our_debt(Stage& stage) {
    stage.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    assert_true(stage.accept());
    stage.upstream_bytes();
    Taken taken(stage.rig().loop().slabs());
    taken.all();
    stage.send("0123456789");
    stage.rig().advance(119'000);
    assert_text_equal(stage.records(), "");
    stage.rig().advance(5'000);
    assert_text_equal(summary_of({stage.exchange()}),
                      "exchange memory_shed by=proxy phase=request_body op=clock"
                      " clock=request_body/120000 status=503\n");
}

constexpr std::string_view get_version = "GET /version HTTP/1.1\r\nHost: a\r\n\r\n";

// Of a request that was let in before others had it all.
void a_small_answer_is_read_where_no_memory_is_left(Stage& stage) {
    stage.send(get_version);
    assert_true(stage.accept());
    stage.upstream_bytes();
    Taken taken(stage.rig().loop().slabs());
    taken.all();
    stage.answer(no_content);
    assert_text_equal(stage.client_got(), no_content_got);
    assert_text_equal(stage.records(), complete_204);
}

// It has begun, and the rest lies in the kernel.
void an_answer_that_is_not_read_for_want_of_memory_is_our_debt(Stage& stage) {
    stage.send(get_version);
    assert_true(stage.accept());
    stage.upstream_bytes();
    Taken taken(stage.rig().loop().slabs());
    taken.all();
    // In chunks: what is spliced needs no slab.
    stage.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" +
                 chunked(times(20'000, "x"), 20'000));
    const size_t passed = stage.client_bytes().size();
    assert_in_range(passed, 3'000, 6'000);
    stage.rig().advance(62'000);
    assert_text_equal(summary_of({stage.exchange()}),
                      "exchange memory_shed by=proxy phase=response_body op=clock"
                      " clock=response_body/60000 status=200\n");
}

// Nobody reads from it, so nothing else would show that it is gone.
void a_client_that_resets_while_it_waits_for_a_slab_is_found(Stage& stage) {
    stage.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n");
    assert_true(stage.accept());
    Taken taken(stage.rig().loop().slabs());
    taken.all();
    stage.send("01234");
    stage.client.reset();
    stage.rig().advance(1'500);
    assert_text_equal(summary_of({stage.exchange()}),
                      "exchange client_reset by=client phase=request_body op=probe"
                      " errno=ECONNRESET status=499\n");
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
    cases.add(SCENARIO(bytes_sent_ahead_one_by_one_keep_no_slab_each));
    cases.add(SCENARIO(small_messages_for_a_stalled_client_keep_no_slab_each));
    cases.add(SCENARIO(more_stalled_uploads_than_slabs_wait_for_each_other));
    cases.add(SCENARIO(a_request_beyond_the_memory_budget_is_told));
    cases.add(SCENARIO(a_request_that_finds_no_slab_at_all_is_told));
    cases.add(SCENARIO(so_is_a_long_head));
    cases.add(SCENARIO(half_a_head_too_many_is_refused_and_says_so));
    cases.add(SCENARIO(a_body_that_is_not_read_for_want_of_memory_is_our_debt));
    cases.add(SCENARIO(a_small_answer_is_read_where_no_memory_is_left));
    cases.add(SCENARIO(an_answer_that_is_not_read_for_want_of_memory_is_our_debt));
    cases.add(SCENARIO(a_client_that_resets_while_it_waits_for_a_slab_is_found));
    cases.add(SCENARIO(an_upstream_that_stops_reading_is_named));
    cases.add(SCENARIO(a_client_that_stops_reading_is_named));
    cases.add(SCENARIO(the_first_byte_is_due_after_a_queue_is_drained));
    return cases.run("memory");
}
