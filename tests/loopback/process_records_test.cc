// Where records go, and that serving never waits for them: rotation, pipes that nobody reads, full disks.
// What is lost is counted and said. (With a black box the last records wait for the next start:
// process_kill.)
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>

#include "support/program.hh"

#include "support/cmocka.hh"

using namespace becaused::test;

namespace {

// Targets long enough that a few hundred records fill the smallest journal.
std::string long_target(int number) {
    std::string target = "/v1.41/containers/" + std::to_string(number) + "/json?all=";
    target.resize(480, 'x');
    return target;
}

void make_requests(Site& site, Peer& client, Peer& upstream, int count) {
    for (int i = 0; i < count; ++i) site.exchange(client, upstream, long_target(i));
}

// The number before `word` in the last line: "becaused: stopped; 3 requests, 4 connections, ...".
uint64_t said_at_the_end(Program& program, std::string_view word) {
    const std::vector<std::string> lines = lines_of(program.err());
    assert_true(!lines.empty());
    const std::string& last = lines.back();
    const size_t end = last.find(std::string(" ") + std::string(word));
    assert_true(end != std::string::npos);
    return std::stoull(last.substr(last.rfind(' ', end - 1) + 1));
}

size_t count_events(const std::vector<std::string>& records, std::string_view event) {
    const std::string mark = "\"event\":\"" + std::string(event) + '"';
    return static_cast<size_t>(std::ranges::count_if(
        records, [&](const std::string& line) { return line.find(mark) != std::string::npos; }));
}

// How many records its journal lines say were dropped.
uint64_t dropped_in(const std::vector<std::string>& records) {
    uint64_t sum = 0;
    for (const std::string& line : records)
        if (field_of(line, "event") == "journal") sum += std::stoull(field_of(line, "dropped"));
    return sum;
}

void assert_whole(const std::vector<std::string>& records) {
    for (const std::string& line : records) {
        assert_true(line.starts_with("{\"v\":1,\"event\":\""));
        assert_true(line.ends_with("}"));
        assert_text_equal(field_of(line, "v"), "1");  // it is JSON
        keep_records(line + '\n');                    // some came through pipes, into no file
    }
}

// Everything on a pipe until its writers are gone, or what is there now.
std::string read_pipe(int fd, bool to_the_end) {
    std::string text;
    char buffer[65536];
    pollfd look{fd, POLLIN, 0};
    while (::poll(&look, 1, to_the_end ? patience_ms : 0) > 0) {
        const ssize_t count = ::read(fd, buffer, sizeof buffer);
        if (count <= 0) break;
        text.append(buffer, static_cast<size_t>(count));
    }
    return text;
}

void stop(Program& program) {
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 0);
}

void hangup_reopens_the_file_and_loses_nothing(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve();
    Peer client = site.connect(program);
    Peer upstream;
    site.exchange(client, upstream, "/1");
    assert_int_equal(site.records(1).size(), 1);
    assert_int_equal(std::rename(site.path("records").c_str(), site.path("old").c_str()), 0);
    site.exchange(client, upstream, "/2");  // renamed, not yet told
    assert_int_equal(site.records(2, "old").size(), 2);
    program.signal(SIGHUP);
    site.await_file("records");  // at once, not with the next record
    site.exchange(client, upstream, "/3");
    const std::vector<std::string> fresh = site.records(1);
    assert_text_equal(field_of(fresh[0], "target"), "/3");
    client.close();
    stop(program);
    std::vector<std::string> all = site.records(2, "old");
    assert_int_equal(all.size(), 2);
    for (const std::string& line : site.records(3)) all.push_back(line);
    assert_whole(all);
    assert_text_equal(summary_of(all),
                      "exchange complete by=nobody phase=done op=none status=200\n"
                      "exchange complete by=nobody phase=done op=none status=200\n"
                      "exchange complete by=nobody phase=done op=none status=200\n"
                      "client client_closed_idle by=nobody phase=keepalive op=none\n"
                      "upstream shutdown_idle by=operator phase=keepalive op=none\n");
    struct stat file {};
    assert_int_equal(::stat(site.path("records").c_str(), &file), 0);
    assert_int_equal(file.st_mode & 0777U, 0640U & ~0022U);
}

void many_rotations_under_load_lose_nothing(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve();
    Peer client = site.connect(program);
    Peer upstream;
    constexpr int rotations = 5;
    constexpr int each = 200;
    for (int i = 0; i < rotations; ++i) {
        make_requests(site, client, upstream, each);
        const std::string old = "old" + std::to_string(i);
        assert_int_equal(std::rename(site.path("records").c_str(), site.path(old).c_str()), 0);
        program.signal(SIGHUP);
        site.await_file("records");
    }
    client.close();
    stop(program);
    size_t exchanges = count_events(site.records(0), "exchange");
    for (int i = 0; i < rotations; ++i) {
        const std::vector<std::string> old = site.records(0, "old" + std::to_string(i));
        assert_whole(old);
        exchanges += count_events(old, "exchange");
    }
    assert_int_equal(exchanges, rotations * each);
    assert_int_equal(said_at_the_end(program, "records dropped"), 0);
}

void a_file_that_cannot_be_reopened_is_said_and_the_old_one_goes_on(void** state) {
    Site& site = site_of(state);
    assert_int_equal(::mkdir(site.path("logs").c_str(), 0755), 0);
    Program& program = site.serve({"--records", site.path("logs/records")});
    assert_int_equal(std::rename(site.path("logs").c_str(), site.path("moved").c_str()), 0);
    program.signal(SIGHUP);
    program.await_err("becaused: records: " + site.path("logs/records") +
                      ": cannot be opened anew: No such file or directory");
    Peer client = site.connect(program);
    Peer upstream;
    site.exchange(client, upstream, "/1");
    client.close();
    stop(program);
    const std::vector<std::string> records = site.records(3, "moved/records");
    assert_int_equal(records.size(), 3);
    assert_text_equal(field_of(records[0], "target"), "/1");
}

void records_go_to_standard_output(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve({"--records", "-"});
    Peer client = site.connect(program);
    Peer upstream;
    site.exchange(client, upstream, "/1");
    program.await_out("\n");
    program.signal(SIGHUP);  // nothing to reopen
    site.exchange(client, upstream, "/2");
    program.await_out("\"target\":\"/2\"");
    client.close();
    stop(program);
    const std::vector<std::string> records = lines_of(program.out());
    assert_whole(records);
    assert_int_equal(records.size(), 4);
    // What it says to people is elsewhere.
    assert_text_contains(program.err(), "becaused: ready on ");
}

// The journal of 64 KiB, the pipe of 64 KiB and what is between them fill up: then records are dropped, and
// requests are served as before. Once there is a reader every record is there, or counted in a line.
void a_slow_reader_of_standard_output_costs_records_not_service(void** state) {
    Site& site = site_of(state);
    int ends[2];
    assert_int_equal(::pipe2(ends, O_CLOEXEC), 0);
    Program& program = site.serve(
        Start{.arguments = {"--records", "-", "--journal-queue", "64KiB"}, .output = ends[1]});
    // Shared with others, who did not ask for it to be non-blocking.
    assert_int_equal(::fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0);
    ::close(ends[1]);
    Peer client = site.connect(program);
    Peer upstream;
    make_requests(site, client, upstream, 600);
    program.await_err(
        "becaused: records: -: not taken fast enough, and the memory for them is full");
    // Read on, and soon there is room again, which the next record finds.
    std::string text;
    size_t requests = 600;
    pollfd look{ends[0], POLLIN, 0};
    for (; text.find("\"event\":\"journal\"") == std::string::npos; ++requests) {
        assert_true(requests < 2600);
        if (::poll(&look, 1, 10) > 0) text += read_pipe(ends[0], false);
        site.exchange(client, upstream, long_target(0));
    }
    client.close();
    program.signal(SIGTERM);
    text += read_pipe(ends[0], true);
    assert_int_equal(program.wait(), 0);
    ::close(ends[0]);
    const std::vector<std::string> records = lines_of(text);
    assert_whole(records);
    const uint64_t dropped = dropped_in(records);
    assert_true(dropped > 0);
    assert_int_equal(said_at_the_end(program, "records dropped"), dropped);
    assert_int_equal(records.size() - count_events(records, "journal") + dropped, requests + 2);
}

void a_reader_that_never_reads_does_not_keep_it_from_stopping(void** state) {
    Site& site = site_of(state);
    int ends[2];
    assert_int_equal(::pipe2(ends, O_CLOEXEC), 0);
    Program& program = site.serve(
        Start{.arguments = {"--records", "-", "--journal-queue", "1MiB", "--state", "off"},
              .output = ends[1]});
    ::close(ends[1]);
    Peer client = site.connect(program);
    Peer upstream;
    make_requests(site, client, upstream, 600);  // more than the pipe holds, less than the journal
    client.close();
    stop(program);
    const std::vector<std::string> records = lines_of(read_pipe(ends[0], true));
    ::close(ends[0]);
    // The pipe holds whole lines but perhaps its last; what is not in it was counted.
    const bool torn = !records.back().ends_with("}");
    const uint64_t read = records.size() - (torn ? 1 : 0);
    assert_int_equal(read + said_at_the_end(program, "records dropped"), 600 + 2);
}

void a_pipe_without_a_reader_is_served_before(void** state) {
    Site& site = site_of(state);
    assert_int_equal(::mkfifo(site.path("records").c_str(), 0600), 0);
    Program& program = site.serve({"--journal-queue", "64KiB"});
    Peer client = site.connect(program);
    Peer upstream;
    make_requests(site, client, upstream, 600);
    program.await_err("becaused: records: " + site.path("records") +
                      ": not taken fast enough, and the memory for them is full");
    // A reader comes late, goes and another comes: each finds what was kept for it.
    const int first = ::open(site.path("records").c_str(), O_RDONLY | O_CLOEXEC);
    std::string text = read_pipe(first, false);
    const int second = ::open(site.path("records").c_str(), O_RDONLY | O_CLOEXEC);
    ::close(first);
    make_requests(site, client, upstream, 10);
    client.close();
    program.signal(SIGTERM);
    text += read_pipe(second, true);
    assert_int_equal(program.wait(), 0);
    ::close(second);
    const std::vector<std::string> records = lines_of(text);
    assert_whole(records);
    const uint64_t dropped = dropped_in(records);
    assert_true(dropped > 0);
    assert_int_equal(records.size() - count_events(records, "journal") + dropped, 610 + 2);
    assert_int_equal(said_at_the_end(program, "records dropped"), dropped);
}

void a_reader_that_goes_away_is_said_and_harms_nobody(void** state) {
    Site& site = site_of(state);
    int ends[2];
    assert_int_equal(::pipe2(ends, O_CLOEXEC), 0);
    Program& program =
        site.serve(Start{.arguments = {"--records", "-", "--state", "off"}, .output = ends[1]});
    ::close(ends[1]);
    ::close(ends[0]);
    Peer client = site.connect(program);
    Peer upstream;
    site.exchange(client, upstream);
    program.await_err(
        "becaused: records: -: cannot be written: Broken pipe; they wait in memory and are tried"
        " again\n");
    make_requests(site, client, upstream, 10);
    client.close();
    stop(program);
    assert_int_equal(said_at_the_end(program, "records dropped"), 11 + 2);
}

void a_full_disk_is_said_once_and_what_is_lost_is_counted(void** state) {
    Site& site = site_of(state);
    Program& program =
        site.serve({"--records", "/dev/full", "--journal-queue", "64KiB", "--state", "off"});
    Peer client = site.connect(program);
    Peer upstream;
    make_requests(site, client, upstream, 300);
    constexpr std::string_view trouble =
        "becaused: records: /dev/full: cannot be written: No space left on device";
    program.await_err(trouble);
    program.await_err("becaused: records: /dev/full: not taken fast enough");
    client.close();
    stop(program);
    const std::string& err = program.err();
    assert_true(err.find(trouble) == err.rfind(trouble));
    assert_int_equal(said_at_the_end(program, "records dropped"), 300 + 2);
}

void half_a_line_left_by_the_last_life_is_ended_first(void** state) {
    Site& site = site_of(state);
    site.write_file("records", "{\"v\":1,\"event\":\"exch");
    Program& program = site.serve();
    Peer client = site.connect(program);
    Peer upstream;
    site.exchange(client, upstream, "/1");
    client.close();
    stop(program);
    std::vector<std::string> records = site.records(4);
    assert_int_equal(records.size(), 4);
    assert_text_equal(records[0], "{\"v\":1,\"event\":\"exch");
    records.erase(records.begin());
    assert_whole(records);
}

void a_start_is_recorded_when_asked_for(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve({"--record-request-start"});
    Peer client = site.connect(program);
    client.send(
        "POST /v1.41/containers/x/wait HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n");
    Peer upstream = site.accept();
    await(upstream, "\r\n\r\n");
    const std::vector<std::string> started = site.records(1);
    assert_int_equal(started.size(), 1);
    assert_text_equal(field_of(started[0], "event"), "request_start");
    assert_text_equal(field_of(started[0], "method"), "POST");
    assert_text_equal(field_of(started[0], "target"), "/v1.41/containers/x/wait");
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    await(client, "\r\n\r\nok");
    client.close();
    stop(program);
    const std::vector<std::string> records = site.records(4);
    assert_text_equal(field_of(records[1], "event"), "exchange");
    assert_text_equal(field_of(records[1], "id"), field_of(started[0], "id"));
    assert_text_equal(field_of(records[1], "client_id"), field_of(started[0], "client_id"));
}

}  // namespace

int main() {
#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, open_site, close_site)
    const CMUnitTest tests[] = {
        ON_SITE(hangup_reopens_the_file_and_loses_nothing),
        ON_SITE(many_rotations_under_load_lose_nothing),
        ON_SITE(a_file_that_cannot_be_reopened_is_said_and_the_old_one_goes_on),
        ON_SITE(records_go_to_standard_output),
        ON_SITE(a_slow_reader_of_standard_output_costs_records_not_service),
        ON_SITE(a_reader_that_never_reads_does_not_keep_it_from_stopping),
        ON_SITE(a_pipe_without_a_reader_is_served_before),
        ON_SITE(a_reader_that_goes_away_is_said_and_harms_nobody),
        ON_SITE(a_full_disk_is_said_once_and_what_is_lost_is_counted),
        ON_SITE(half_a_line_left_by_the_last_life_is_ended_first),
        ON_SITE(a_start_is_recorded_when_asked_for),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
