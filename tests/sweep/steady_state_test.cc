// What a small request on a connection that is there already costs (DESIGN §8.10): two reads, two
// writes, nothing else on the sockets, and no memory, its record in the journal included, chained and kept
// in the black box.
#include <poll.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <new>

#include "ops/journal.hh"
#include "support/boxes.hh"
#include "support/inside.hh"
#include "support/people.hh"
#include "support/rig.hh"
#include "sweep/faults.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

// gcc sees the delete inlined and the new not, and takes them for a mismatch.
#pragma GCC diagnostic ignored "-Wmismatched-new-delete"

// Through the counted malloc, also where a sanitizer has an operator new of its own.
void* operator new(size_t size) {
    void* memory = std::malloc(size == 0 ? 1 : size);
    if (memory == nullptr) std::abort();
    return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace {

constexpr std::string_view get_version = "GET /version HTTP/1.1\r\nHost: docker\r\n";
constexpr std::string_view answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr int requests_per_tick = 20;

class Steady {
  public:
    // `fields`: of each request, besides Host.
    explicit Steady(RigOptions options, std::string_view fields = "")
        : rig_(std::move(options)),
          journal_(rig_.loop(), 8U << 20),
          request_(std::string(get_version) + std::string(fields) + "\r\n") {
        char path[] = "/tmp/becaused-steady-XXXXXX";
        ::close(::mkstemp(path));
        path_ = path;
        CHECK(journal_.open(path_).ok());
        journal_.keep_in(box_.box(), {});
        journal_.chain_by(chain_);
        rig_.ledger().set_sink(&journal_);
        rig_.ledger().set_box(&box_.box());
        client_ = rig_.connect();
    }
    Steady(const Steady&) = delete;
    Steady& operator=(const Steady&) = delete;
    ~Steady() {
        rig_.ledger().set_sink(nullptr);
        write_out();
        journal_.close();
        ::unlink(path_.c_str());
    }

    // One exchange, and a tick of the wheel now and then; what the journal was given is written.
    void serve_one() {
        CHECK(client_.send(request_) == request_.size());
        rig_.settle();
        if (!upstream_.open()) upstream_ = rig_.accept_now();
        rig_.settle();
        upstream_.read();
        CHECK(upstream_.received.ends_with("\r\n\r\n"));
        upstream_.received.clear();
        CHECK(upstream_.send(answer) == answer.size());
        rig_.settle();
        client_.read();
        CHECK(client_.received.ends_with("\r\n\r\nok"));
        client_.received.clear();
        if (++served_ % requests_per_tick != 0) return;
        rig_.skip(100);
        write_out();
    }
    // Lets the journal grow as large as it gets before it is written.
    void fill_journal() {
        for (int i = 0; i < 3 * 64; ++i) {
            served_ = 1;  // no tick
            serve_one();
        }
        write_out();
    }
    size_t open_in_box() const {
        Result<LastLife> last = read_black_box(box_.image());
        CHECK(last.ok() && last.value().damaged() == 0 && last.value().left_out == 0);
        return last.value().exchanges.size() + last.value().connections.size();
    }
    size_t records() const {
        std::ifstream file(path_);
        size_t count = 0;
        for (std::string line; std::getline(file, line);) ++count;
        return count;
    }

  private:
    void write_out() {
        for (int i = 0; i < 100 && rig_.loop().uv()->active_reqs.count > 0; ++i)
            rig_.wait_for_work();
    }

    BoxInMemory box_{box::Shape{16, 32, 9U << 20}};
    Chain chain_{"a key of more than thirty-two bytes"};
    Rig rig_;
    Journal journal_;
    const std::string request_;
    std::string path_;
    Peer client_;
    Peer upstream_;
    int served_ = 0;
};

void check_costs(RigOptions options, std::string_view fields = "") {
    constexpr uint64_t requests = 1000;
    Steady steady(std::move(options), fields);
    steady.fill_journal();
    steady.fill_journal();
    for (int i = 0; i < 100; ++i) steady.serve_one();
    const size_t records = steady.records();
    const Costs before = costs();
    for (uint64_t i = 0; i < requests; ++i) steady.serve_one();
    const Costs after = costs();
    assert_int_equal(after.reads - before.reads, 2 * requests);
    assert_int_equal(after.writes - before.writes, 2 * requests);
    assert_int_equal(after.epoll_ctls - before.epoll_ctls, 0);
    assert_int_equal(after.allocations - before.allocations, 0);
    assert_int_equal(steady.records() - records, requests);
    assert_int_equal(steady.open_in_box(), 2);  // the client's connection and the upstream's
}

}  // namespace

static void small_gets_over_tcp_cost_four_calls_and_no_memory(void**) { check_costs({}); }
static void small_gets_over_unix_cost_four_calls_and_no_memory(void**) {
    RigOptions options;
    options.unix_client = options.unix_upstream = true;
    check_costs(options);
}

// Known, allowed, within every limit.
static void judged_gets_cost_no_more(void**) {
    RigOptions options;
    options.access = token_entry("runner", runner_token);
    options.settings.profile = "builder";
    options.settings.address_rate = options.settings.identity_rate =
        options.settings.total_rate = {1'000'000, 1, 0};
    check_costs(options, bearer_line(runner_token));
}

static void counted_gets_cost_no_more(void**) {
    RigOptions options;
    options.access = token_entry("runner", runner_token);
    options.settings.identity_exchanges = 4;
    check_costs(options, bearer_line(runner_token));
}

// Bulk whose reader keeps up: no read, no write, nothing armed anew, and no memory.
static void uncopied_bulk_is_neither_read_nor_written(void**) {
    const std::string piece(48 * 1024, 'x');
    for (const bool unix_client : {false, true}) {
        for (const bool unix_upstream : {false, true}) {
            RigOptions options;
            options.unix_client = unix_client;
            options.unix_upstream = unix_upstream;
            Rig rig(options);
            Peer client = rig.connect();
            client.send("GET /images/get HTTP/1.1\r\nHost: docker\r\n\r\n");
            Peer upstream = rig.accept();
            upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 99999999\r\n\r\n");
            rig.settle();
            client.read();
            Costs before;
            uint64_t calls_before = 0;
            for (int round = 0; round < 104; ++round) {
                if (round == 4) before = costs();
                if (round == 4) calls_before = calls(Call::splice);
                client.received.clear();
                assert_int_equal(upstream.send(piece), piece.size());
                for (int i = 0; i < 100 && client.received.size() < piece.size(); ++i) {
                    rig.settle();
                    client.read();
                    pollfd look{client.fd(), POLLIN, 0};
                    if (client.received.size() < piece.size()) ::poll(&look, 1, 10);
                }
                assert_int_equal(client.received.size(), piece.size());
            }
            const Costs after = costs();
            assert_int_equal(after.reads - before.reads, 0);
            assert_int_equal(after.writes - before.writes, 0);
            assert_int_equal(after.epoll_ctls - before.epoll_ctls, 0);
            assert_int_equal(after.allocations - before.allocations, 0);
            assert_true(calls(Call::splice) - calls_before >= 200);  // in and out
        }
    }
}

// A counter that counts nothing would make the tests above pass.
static void allocations_are_counted_inside_and_only_there(void**) {
    const uint64_t before = costs().allocations;
    delete[] new char[1000];
    assert_int_equal(costs().allocations - before, 0);
    {
        const Inside inside;
        char* volatile some = new char[1000];
        delete[] some;
        void* volatile more = std::calloc(10, 10);
        more = std::realloc(more, 1000);
        std::free(more);
    }
    assert_int_equal(costs().allocations - before, 3);
    // The first exchange makes a session, an exchange, a connection.
    RigOptions options;
    Steady steady(options);
    const uint64_t cold = costs().allocations;
    steady.serve_one();
    assert_true(costs().allocations > cold);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(small_gets_over_tcp_cost_four_calls_and_no_memory),
        cmocka_unit_test(small_gets_over_unix_cost_four_calls_and_no_memory),
        cmocka_unit_test(judged_gets_cost_no_more),
        cmocka_unit_test(counted_gets_cost_no_more),
        cmocka_unit_test(uncopied_bulk_is_neither_read_nor_written),
        cmocka_unit_test(allocations_are_counted_inside_and_only_there),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
