// More clients than the program may have, more sockets than descriptors: each refusal has its record, the
// loop does not spin, and what is freed is used at once.
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>

#include "support/program.hh"

#include "support/cmocka.hh"

using namespace becaused::test;

namespace {

constexpr std::string_view ping = "GET /_ping HTTP/1.1\r\nHost: docker\r\n\r\n";

size_t count_of(const std::vector<std::string>& records, std::string_view summary) {
    size_t count = 0;
    for (const std::string& line : records)
        if (summary_of({line}) == summary) ++count;
    return count;
}

// Waits for records with that summary until there are `count`.
void await_records(Site& site, std::string_view summary, size_t count) {
    size_t enough = count;
    while (true) {
        const std::vector<std::string> records = site.records(enough);
        if (count_of(records, summary) >= count) return;
        enough = records.size() + 1;
    }
}

constexpr std::string_view no_descriptor =
    "client fd_exhausted by=proxy phase=accept op=accept errno=EMFILE\n";
constexpr std::string_view opened_and_closed = "client probe by=nobody phase=keepalive op=none\n";

// Silent clients until no descriptor is left; the first of them all came before.
std::vector<Peer> use_up_descriptors(Site& site, Program& program) {
    std::vector<Peer> clients;
    for (int i = 0; i < 60; ++i) clients.push_back(site.connect(program));
    // Those that were refused were reset; the others are what fills the table.
    await_records(site, no_descriptor, 20);
    std::vector<Peer> kept;
    for (Peer& client : clients) {
        client.read();
        if (client.error == 0 && !client.eof) kept.push_back(std::move(client));
        else assert_int_equal(client.error, ECONNRESET);
    }
    return kept;
}

void descriptors_that_run_out_are_on_record_and_cost_no_cpu(void** state) {
    Site& site = site_of(state);
    Start start;
    start.descriptors = 40;
    Program& program = site.serve(start);
    std::vector<Peer> kept = use_up_descriptors(site, program);
    assert_true(kept.size() >= 10 && kept.size() <= 40);
    await_records(site, no_descriptor, 60 - kept.size());
    assert_int_equal(site.records(0).size(), 60 - kept.size());

    // Nothing happens now, and nothing is done: half a second costs it no more than a few ticks.
    const uint64_t before_ms = program.cpu_ms();
    ::poll(nullptr, 0, 500);
    assert_true(program.cpu_ms() - before_ms <= 50);

    // One more is refused as well, and a freed place is taken by the next.
    Peer refused = site.connect(program);
    await_end(refused);
    assert_int_equal(refused.error, ECONNRESET);
    const size_t silent = kept.size();
    kept.clear();
    await_records(site, opened_and_closed, silent);
    Peer client = site.connect(program);
    Peer upstream;
    site.exchange(client, upstream);
    client.close();
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 0);
    const std::vector<std::string> records = site.records(0);
    assert_int_equal(count_of(records, no_descriptor), 61 - silent);
    assert_int_equal(count_of(records, opened_and_closed), silent);
    assert_int_equal(records.size(), 61 + 3);  // and one request with its two connections
}

// What shells give by default is too little for the clients that the settings allow.
void as_many_descriptors_as_its_clients_need_are_asked_for(void** state) {
    Site& site = site_of(state);
    const struct {
        const char* clients;
        rlim_t had;
    } rows[] = {{"100", 1224}, {"4096", 2000}};
    for (const auto& row : rows) {
        Program& program = site.start(Start{
            .arguments = {"run", "--listen", "tcp://127.0.0.1:0", "--upstream", "tcp://127.0.0.1:1",
                          "--state", "off", "--max-connections", row.clients},
            .descriptors = 256,
            .most_descriptors = 2000});
        program.await_err("ready on ");
        rlimit limit{};
        assert_int_equal(::prlimit(program.pid(), RLIMIT_NOFILE, nullptr, &limit), 0);
        assert_int_equal(limit.rlim_cur, row.had);
        program.signal(SIGTERM);
        assert_int_equal(program.wait(), 0);
    }
}

// Not even the spare one: the client waits in the kernel's queue, nobody spins, and a program without any
// connection lives on. The wait ends with the shortage.
void without_any_descriptor_it_waits_for_one(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve();
    rlimit before{};
    assert_int_equal(::prlimit(program.pid(), RLIMIT_NOFILE, nullptr, &before), 0);
    const rlimit none{3, before.rlim_max};
    assert_int_equal(::prlimit(program.pid(), RLIMIT_NOFILE, &none, nullptr), 0);
    Peer client = site.connect(program);
    const uint64_t before_ms = program.cpu_ms();
    ::poll(nullptr, 0, 500);
    assert_true(program.cpu_ms() - before_ms <= 50);
    assert_false(program.ended());
    assert_int_equal(::prlimit(program.pid(), RLIMIT_NOFILE, &before, nullptr), 0);
    Peer upstream;
    site.exchange(client, upstream);
    client.close();
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 0);
    assert_int_equal(site.records(0).size(), 3);
}

void a_request_without_a_descriptor_for_its_upstream_is_told(void** state) {
    Site& site = site_of(state);
    Start start{{"--retry-backoff", "1ms"}};
    start.descriptors = 40;
    Program& program = site.serve(start);
    Peer client = site.connect(program);
    std::vector<Peer> kept = use_up_descriptors(site, program);
    client.send(ping);
    await(client, "\r\n\r\n");
    assert_text_contains(client.received, "HTTP/1.1 503 Service Unavailable\r\n");
    await(client, "becaused has no file descriptor left (EMFILE).");
    await_records(site,
                  "exchange fd_exhausted by=proxy phase=connect op=connect errno=EMFILE"
                  " status=503\n",
                  1);
    kept.clear();
    client.close();
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 0);
}

void a_descriptor_freed_while_a_request_waits_lets_it_through(void** state) {
    Site& site = site_of(state);
    Start start{{"--connect-tries", "20", "--retry-backoff", "100ms"}};
    start.descriptors = 40;
    Program& program = site.serve(start);
    Peer client = site.connect(program);
    std::vector<Peer> kept = use_up_descriptors(site, program);
    client.send(ping);
    await_records(site, "upstream fd_exhausted by=proxy phase=connect op=connect errno=EMFILE\n",
                  1);
    kept.clear();
    Peer upstream = site.accept();
    await(upstream, "\r\n\r\n");
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    await(client, "\r\n\r\nok");
    client.close();
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 0);
}

void one_client_too_many_is_told_and_the_next_is_served(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve({"--max-connections", "1"});
    Peer first = site.connect(program);
    Peer upstream;
    site.exchange(first, upstream);
    Peer second = site.connect(program);
    second.send(ping);
    await_end(second);
    assert_text_contains(second.received, "HTTP/1.1 503 Service Unavailable\r\n");
    assert_text_contains(second.received, "becaused has as many connections as it may have (1).");
    second.close();
    await_records(site, "exchange accept_limit by=proxy phase=gate op=accept status=503\n", 1);
    first.close();
    await_records(site, "client client_closed_idle by=nobody phase=keepalive op=none\n", 1);
    Peer third = site.connect(program);
    site.exchange(third, upstream);
    third.close();
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 0);
}

// Those who are to be told are few: beyond them a connection is reset at once.
void far_too_many_clients_are_reset_and_on_record(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve({"--max-connections", "1"});
    std::vector<Peer> clients;
    for (int i = 0; i < 100; ++i) clients.push_back(site.connect(program));
    constexpr std::string_view refused = "client accept_limit by=proxy phase=accept op=accept\n";
    await_records(site, refused, 35);
    assert_int_equal(site.records(0).size(), 35);  // of 1 + 64
    size_t reset = 0;
    for (Peer& client : clients) {
        client.read();
        if (client.error == ECONNRESET) ++reset;
    }
    assert_int_equal(reset, 35);
    clients.clear();
    await_records(site, opened_and_closed, 65);
    Peer client = site.connect(program);
    Peer upstream;
    site.exchange(client, upstream);
    client.close();
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 0);
}

}  // namespace

int main() {
#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, open_site, close_site)
    const CMUnitTest tests[] = {
        ON_SITE(descriptors_that_run_out_are_on_record_and_cost_no_cpu),
        ON_SITE(as_many_descriptors_as_its_clients_need_are_asked_for),
        ON_SITE(without_any_descriptor_it_waits_for_one),
        ON_SITE(a_request_without_a_descriptor_for_its_upstream_is_told),
        ON_SITE(a_descriptor_freed_while_a_request_waits_lets_it_through),
        ON_SITE(one_client_too_many_is_told_and_the_next_is_served),
        ON_SITE(far_too_many_clients_are_reset_and_on_record),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
