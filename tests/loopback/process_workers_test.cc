// `--workers N`: several processes that look like one. They share the ports, the records' file, the
// operators' socket and the end; what one of them loses is told, and the others go on.
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <set>

#include "support/sanitizers.hh"
#include "support/works.hh"

#include "support/cmocka.hh"

using namespace becaused::test;
using Json = nlohmann::json;

namespace {

void three_hundred_connections_are_spread_and_told_once_each(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(3);
    visit(ready_addresses(program).at(0), "/", 300);
    stop(program);
    const std::vector<std::string> records = works.site.records(0);
    assert_each_once(records, 300);
    assert_int_equal(lives_in(records).size(), 3);
    assert_counted(program, records, "300 complete");
}

// All that one process would say, and who they are. The first one goes ahead.
void what_is_said_is_said_once(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(2);
    const std::string address = ready_addresses(program).at(0);
    const std::string first = std::to_string(pid_of(program, 1, 2));
    const std::string second = std::to_string(pid_of(program, 2, 2));
    stop(program);
    assert_text_equal(program.err(),
                      "becaused: worker 1 of 2 is pid " + first +
                          "\n"
                          "becaused: worker 2 of 2 is pid " +
                          second +
                          "\n"
                          "becaused: ready on " +
                          address + " in front of unix://" + works.site.path("origin") +
                          "\n"
                          "becaused: SIGTERM: accepting no more; finishing what runs (again: at "
                          "once)\n"
                          "becaused: stopped; 0 requests, 0 connections, 0 lost, 0 records "
                          "dropped\n");
}

void a_killed_worker_is_told_of_and_replaced_while_the_others_go_on(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(3);
    hold(works, program, 24);
    assert_int_equal(::kill(pid_of(program, 1, 3), SIGKILL), 0);
    pid_of(program, 1, 3, 2);
    program.await_err("ended: killed by SIGKILL; the next one starts now\n");
    program.await_err(" were open: on the records now as previous_life\n");
    works.origin->release();
    size_t answered = 0;
    for (size_t i = 0; i < works.clients.size(); ++i) {
        Peer& client = works.clients[i];
        await_end_or_answer(client);
        if (client.received.empty()) continue;
        await_answer(client, "/hold/" + std::to_string(i));
        ++answered;
    }
    assert_true(answered > 0 && answered < 24);
    visit(ready_addresses(program).at(0), "/after/", 60);
    stop(program);

    const std::vector<std::string> records = works.site.records(0);
    assert_each_once(records, 84);
    assert_int_equal(lives_in(records).size(), 4);
    size_t told = 0;
    for (const std::string& line : records) {
        if (field_of(line, "reason") != "previous_life") continue;
        if (field_of(line, "event") == "exchange") ++told;
        assert_text_contains(field_of(line, "because"), ": killed by SIGKILL.");
    }
    assert_int_equal(told, 24 - answered);
    assert_text_contains(program.err(), "stopped; 84 requests, ");
    assert_text_contains(program.err(), "; requests ended: " + std::to_string(60 + answered) +
                                            " complete, " + std::to_string(told) +
                                            " previous_life\n");
}

void a_worker_that_ends_again_and_again_ends_them_all(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(2);
    for (int nth = 1; nth <= 6; ++nth)
        assert_int_equal(::kill(pid_of(program, 2, 2, nth), SIGKILL), 0);
    assert_int_equal(program.wait(), 1);
    assert_text_contains(program.err(),
                         "ended: killed by SIGKILL; the next one starts in 100 ms\n");
    assert_text_contains(program.err(),
                         "ended: killed by SIGKILL; the next one starts in 800 ms\n");
    assert_text_contains(program.err(),
                         "ended: killed by SIGKILL, the 6th time in a row within 10 s of its "
                         "start: giving up\n");
}

// Also what was signalled to the workers themselves, as a terminal does, changes nothing.
void sigterm_drains_all_of_them(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(3);
    const std::string address = ready_addresses(program).at(0);
    hold(works, program, 12);
    Peer idle = connect_to(address);
    for (int number = 1; number <= 3; ++number)
        assert_int_equal(::kill(pid_of(program, number, 3), SIGINT), 0);
    program.signal(SIGTERM);
    program.await_err("accepting no more; finishing what runs (again: at once)\n");
    await_end(idle);
    assert_int_equal(connect_to(address).error, ECONNREFUSED);
    assert_false(program.ended());
    works.origin->release();
    for (size_t i = 0; i < works.clients.size(); ++i)
        await_answer(works.clients[i], "/hold/" + std::to_string(i));
    assert_int_equal(program.wait(), 0);
    assert_counted(program, works.site.records(0), "12 complete");
}

void a_second_signal_cuts_all_of_them(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(3);
    hold(works, program, 12);
    program.signal(SIGTERM);
    program.await_err("accepting no more");
    program.signal(SIGTERM);
    for (Peer& client : works.clients) await_end(client);
    assert_int_equal(program.wait(), 1);
    assert_counted(program, works.site.records(0), "12 shutdown");
}

// Standard error is open for as long as any of them lives: wait() reads it to its end.
void no_worker_outlives_a_killed_parent(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(3);
    hold(works, program, 12);
    program.signal(SIGKILL);
    for (Peer& client : works.clients) await_end(client);
    assert_int_equal(program.wait(), 128 + SIGKILL);
    assert_text_contains(program.err(),
                         "becaused: the parent process is gone: ending what is left at once\n");
    const std::vector<std::string> records = works.site.records(0);
    assert_each_once(records, 12);
    for (const std::string& line : records)
        if (field_of(line, "event") == "exchange")
            assert_text_equal(field_of(line, "reason"), "shutdown");
    // And the place is free again.
    stop(works.serve(2));
}

void a_port_in_use_is_an_error_said_once(void** state) {
    Works& works = works_of(state);
    const std::string taken = ready_addresses(works.serve(2)).at(0);
    const std::string alone =
        ready_addresses(works.site.serve({"--upstream", "unix://" + works.site.path("origin")}))
            .at(0);
    for (const auto& [address, workers] :
         {std::pair(taken, "2"), std::pair(taken, "1"), std::pair(alone, "2")}) {
        Program& late = works.site.start({"run", "--listen", address, "--upstream",
                                          "unix://" + works.site.path("origin"), "--workers",
                                          workers, "--state", "off"});
        assert_int_equal(late.wait(), 1);
        assert_text_equal(late.err(), "becaused: listen: " + address +
                                          ": another process listens there: Address already in "
                                          "use\n");
    }
}

void a_unix_socket_is_shared_and_goes_with_them(void** state) {
    Works& works = works_of(state);
    const std::string address = "unix://" + works.site.path("door");
    Program& program = works.serve(3, {"--listen", address + "?mode=0620"});
    struct stat found {};
    assert_int_equal(::stat(works.site.path("door").c_str(), &found), 0);
    assert_int_equal(found.st_mode & 0777U, 0620);
    visit(address, "/", 50);
    assert_int_equal(::kill(pid_of(program, 2, 3), SIGKILL), 0);
    pid_of(program, 2, 3, 2);
    visit(address, "/again/", 50);
    Program& late = works.site.start({"run", "--listen", address, "--upstream",
                                      "unix://" + works.site.path("origin"), "--workers", "2",
                                      "--state", "off"});
    assert_int_equal(late.wait(), 1);
    assert_text_equal(late.err(),
                      "becaused: listen: " + address + ": another process listens there\n");
    stop(program);
    assert_int_equal(::stat(works.site.path("door").c_str(), &found), -1);
    assert_each_once(works.site.records(0), 100);
}

void operators_see_and_end_what_any_of_them_has_open(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(3);
    hold(works, program, 12);
    const std::string place = works.site.path("state");
    const std::vector<std::string> open =
        lines_of(said(works.site, {"why", "--live", "--json", "--state", place}));
    assert_int_equal(open.size(), 36);
    assert_true(lives_in(open).size() > 1);
    assert_text_contains(said(works.site, {"why", "--live", "--state", place}),
                         "Open: 12 requests, 24 connections.\n");
    size_t ended = 0;
    for (const std::string& line : open) {
        if (field_of(line, "kind") != "exchange") continue;
        assert_text_contains(said(works.site, {"kill", field_of(line, "id"), "--state", place}),
                             "Ended " + field_of(line, "id") + ": GET /hold/");
        ++ended;
    }
    assert_int_equal(ended, 12);
    for (Peer& client : works.clients)
        await(client, "An operator ended it before the answer began.");
    works.clients.clear();
    assert_text_equal(said(works.site, {"kill", "5f3a09c1-42", "--state", place}, 1),
                      "becaused: kill: nothing that is open is called 5f3a09c1-42 (becaused why ID "
                      "tells of what has ended)\n");
    stop(program);
    assert_counted(program, works.site.records(0), "12 admin_kill");
    struct stat found {};
    assert_int_equal(::stat(works.site.path("state/becaused.admin").c_str(), &found), -1);
}

std::string operators_address(Program& program) {
    constexpr std::string_view words = "becaused: operators ask at ";
    const size_t at = program.err().find(words) + words.size();
    return program.err().substr(at, program.err().find('\n', at) - at);
}

std::string own_address(const Peer& peer) {
    sockaddr_in address{};
    socklen_t length = sizeof address;
    assert_int_equal(::getsockname(peer.fd(), reinterpret_cast<sockaddr*>(&address), &length), 0);
    return "127.0.0.1:" + std::to_string(ntohs(address.sin_port));
}

// Until it has so many.
void await_child(const Program& program, std::ptrdiff_t count) {
    const std::string pid = std::to_string(program.pid());
    for (int waited_ms = 0; waited_ms < patience_ms; waited_ms += 10) {
        std::ifstream file("/proc/" + pid + "/task/" + pid + "/children");
        if (std::distance(std::istream_iterator<pid_t>(file), {}) == count) return;
        ::usleep(10'000);
    }
    fail_test("it never had so many children");
}

void a_port_for_operators_answers_to_this_machines_names_only(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(2, {"--admin", "tcp://127.0.0.1:0"});
    const std::string address = operators_address(program);
    assert_text_equal(said(works.site, {"why", "--live", "--admin", address}),
                      "Nothing is open.\n");
    for (const auto& [host, status] :
         {std::pair("rebound.example", "403 Forbidden"), std::pair("localhost", "200 OK")}) {
        Peer client = connect_to(address);
        client.send("GET /live HTTP/1.1\r\nHost: " + std::string(host) + "\r\n\r\n");
        await_end(client);
        assert_text_contains(client.received, std::string("HTTP/1.1 ") + status + "\r\n");
    }
    for (const auto& [request, status] :
         {std::pair("GET /", "404 Not Found"), std::pair("POST /live", "405 Method Not Allowed")}) {
        Peer client = connect_to(address);
        client.send(std::string(request) + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
        await_end(client);
        assert_text_contains(client.received, std::string("HTTP/1.1 ") + status + "\r\n");
    }
    stop(program);
}

// Whoever names another host is told so, and on record, as with a single process: with its own address, in
// words that a page in a browser brought about.
void a_host_of_somebody_else_is_on_record_as_with_one_process(void** state) {
    for (const int workers : {1, 2}) {
        Works& works = works_of(state);
        Program& program =
            works.serve(workers, {"--admin", "tcp://127.0.0.1:0", "--records",
                                  works.site.path("records." + std::to_string(workers))});
        const std::string address = operators_address(program);
        Peer client = connect_to(address);
        const std::string peer = own_address(client);
        client.send("GET /live HTTP/1.1\r\nHost: rebou");
        if (workers > 1) await_child(program, 3);  // the one that reads the question
        client.send("nd.example\r\n\r\n");
        await_end(client);
        assert_text_equal(client.received,
                          "HTTP/1.1 403 Forbidden\r\nContent-Type: application/json\r\n"
                          "Connection: close\r\nContent-Length: 59\r\n\r\n"
                          "{\"message\":\"the Host is none of this machine's own names\"}\n");
        client.close();
        stop(program);
        const std::vector<std::string> records =
            works.site.records(1, "records." + std::to_string(workers));
        assert_int_equal(records.size(), 1);
        Json record = Json::parse(records[0]);
        for (const char* own : {"id", "time", "opened", "age_ms", "silence_ms"}) record.erase(own);
        assert_text_equal(record.dump(),
                          Json({{"v", 1},
                                {"event", "connection"},
                                {"side", "operator"},
                                {"transport", "tcp"},
                                {"peer", peer},
                                {"local", address.substr(6)},
                                {"reason", "complete"},
                                {"class", "clean"},
                                {"by", "nobody"},
                                {"phase", "done"},
                                {"op", "none"},
                                {"exchanges", 1},
                                {"bytes", {{"in", 45}, {"out", client.received.size()}}},
                                {"because", "Finished."}})
                              .dump());
    }
}

// One text of a file and of those that were put aside.
std::vector<std::string> all_records(const Site& site, int most) {
    std::vector<std::string> all;
    for (int number = most; number >= 0; --number) {
        const std::string plain = number == 0 ? "records" : "records." + std::to_string(number);
        // gzread takes what is not compressed as it is.
        const bool packed = std::filesystem::exists(site.path(plain + ".gz"));
        gzFile file = ::gzopen(site.path(packed ? plain + ".gz" : plain).c_str(), "rb");
        if (file == nullptr) continue;
        std::string text;
        char piece[4096];
        for (int count = 0; (count = ::gzread(file, piece, sizeof piece)) > 0;)
            text.append(piece, static_cast<size_t>(count));
        assert_int_equal(::gzclose(file), Z_OK);
        for (std::string& line : lines_of(text)) all.push_back(std::move(line));
    }
    return all;
}

void a_file_that_is_put_aside_by_any_of_them_loses_no_line(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(3, {"--records-max-size", "4KiB", "--records-keep", "900"});
    visit(ready_addresses(program).at(0), "/", 500);
    stop(program);
    assert_true(std::filesystem::exists(works.site.path("records.2.gz")) ||
                std::filesystem::exists(works.site.path("records.2")));
    const std::vector<std::string> records = all_records(works.site, 900);
    assert_each_once(records, 500);
    assert_int_equal(lives_in(records).size(), 3);
    assert_counted(program, records, "500 complete");
}

void a_file_that_was_moved_away_is_left_by_all_of_them(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(3);
    const std::string address = ready_addresses(program).at(0);
    visit(address, "/before/", 60);
    works.site.records(120);
    std::filesystem::rename(works.site.path("records"), works.site.path("old"));
    program.signal(SIGHUP);
    works.site.await_file("records");
    visit(address, "/after/", 60);
    stop(program);
    const std::vector<std::string> before = works.site.records(0, "old");
    std::vector<std::string> all = works.site.records(0);
    assert_int_equal(targets_in(all).count("/before/59"), 0);
    all.insert(all.end(), before.begin(), before.end());
    assert_each_once(all, 120);
}

// A pipe takes 4 KiB at once: these lines need more than one write(2) each.
void lines_on_a_pipe_are_whole(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(3, {"--records", "-"});
    visit(ready_addresses(program).at(0), "/", 200, std::string(3'000, 'x'));
    stop(program);
    const std::vector<std::string> records = lines_of(program.out());
    assert_each_once(records, 200);
    assert_counted(program, records, "200 complete");
}

void half_a_line_of_others_is_ended_first(void** state) {
    Works& works = works_of(state);
    works.site.write_file("records", "{\"half\":\"a li");
    Program& program = works.serve(2);
    visit(ready_addresses(program).at(0), "/", 10);
    stop(program);
    std::vector<std::string> lines = works.site.records(0);
    assert_text_equal(lines[0], "{\"half\":\"a li");
    lines.erase(lines.begin());
    assert_each_once(lines, 10);
}

// Whatever their number was, and is.
void what_they_left_is_told_by_fewer_and_by_more(void** state) {
    Works& works = works_of(state);
    const auto kill_all = [&](Program& program, int count) {
        hold(works, program, 12);
        program.signal(SIGSTOP);
        for (int number = 1; number <= count; ++number)
            assert_int_equal(::kill(pid_of(program, number, count), SIGKILL), 0);
        program.signal(SIGKILL);
        assert_int_equal(program.wait(), 128 + SIGKILL);
        works.clients.clear();
    };
    const auto told = [&] {
        size_t count = 0;
        for (const std::string& line : works.site.records(0))
            count += field_of(line, "reason") == "previous_life" ? 1 : 0;
        return count;
    };
    kill_all(works.serve(3), 3);
    stop(works.serve(1));
    assert_int_equal(told(), 36);
    works.origin = nullptr;
    ::unlink(works.site.path("origin").c_str());
    works.origin = std::make_unique<Origin>(works.site.path("origin"));
    Program& one = works.serve(1);
    hold(works, one, 5);
    one.signal(SIGKILL);
    assert_int_equal(one.wait(), 128 + SIGKILL);
    works.clients.clear();
    stop(works.serve(2));
    assert_int_equal(told(), 36 + 15);
    stop(works.serve(2));
    assert_int_equal(works.site.records(0).size(), 36 + 15);
}

void the_state_of_one_crew_is_not_anothers(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(2);
    Program& late = works.site.start({"run", "--listen", "tcp://127.0.0.1:0", "--upstream",
                                      "unix://" + works.site.path("origin"), "--workers", "2",
                                      "--state", works.site.path("state")});
    assert_int_equal(late.wait(), 1);
    assert_text_equal(late.err(), "becaused: state: " + works.site.path("state") +
                                      ": in use by the becaused with pid " +
                                      std::to_string(program.pid()) +
                                      "; give each its own --state DIR\n");
    stop(program);
}

// A worker that cannot start has said why; the others are not even tried.
void what_is_wrong_is_said_once(void** state) {
    Works& works = works_of(state);
    works.site.write_file("access", "nonsense");
    Program& program = works.site.start({"run", "--listen", "tcp://127.0.0.1:0", "--upstream",
                                         "unix://" + works.site.path("origin"), "--workers", "4",
                                         "--access", works.site.path("access")});
    assert_int_equal(program.wait(), 1);
    const std::vector<std::string> lines = lines_of(program.err());
    assert_int_equal(lines.size(), 1);
    assert_true(lines[0].starts_with("becaused: access: "));
}

void what_has_one_order_has_one_process(void** state) {
    Works& works = works_of(state);
    const std::vector<std::string> base = {
        "check", "--listen", "tcp://127.0.0.1:0", "--upstream", "unix:///x", "--workers", "2"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), base.begin(), base.end());
        return more;
    };
    assert_text_equal(said(works.site, with({"--records-key-file", "/x"}), 2),
                      "becaused: workers: 2, but records_key_file chains each record to the one "
                      "before it: give workers 1\n");
    assert_text_equal(said(works.site, with({"--mode", "learn", "--learn", "/x"}), 2),
                      "becaused: workers: 2, but mode learn is for one process: give workers 1\n");
    assert_text_equal(said(works.site, with({"--workers", "65"}), 2),
                      "becaused: --workers: given twice\n");
}

// Their parent holds a socket for each of them.
void too_few_descriptors_for_them_is_one_line(void** state) {
    Works& works = works_of(state);
    Program& program = works.site.start(
        Start{.arguments = {"run", "--listen", "tcp://127.0.0.1:0", "--upstream",
                            "unix://" + works.site.path("origin"), "--workers", "64"},
              .descriptors = 40});
    assert_int_equal(program.wait(), 1);
    assert_text_equal(program.err(),
                      "becaused: listen: tcp://127.0.0.1:0: no socket: Too many open files\n");
}

// Eight questions are under way, each half asked: the ninth operator is told, and all are on record.
void an_operator_too_many_is_told_so_and_on_record(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(2);
    const std::string address = "unix://" + works.site.path("state/becaused.admin");
    std::vector<Peer> askers;
    for (int i = 0; i < 8; ++i) {
        askers.push_back(connect_to(address));
        askers.back().send("GET /li");
    }
    const std::string text =
        said(works.site, {"why", "--live", "--state", works.site.path("state")}, 1);
    const std::string id =
        text.substr(text.find("(record ") + 8, text.rfind(')') - text.find("(record ") - 8);
    assert_text_equal(
        text,
        "becaused: why: becaused: becaused has as many connections as it may have (8)."
        " (record " +
            id + ")\n");
    askers.clear();
    const std::vector<std::string> records = works.site.records(9);
    assert_text_equal(said(works.site, {"why", "--live", "--state", works.site.path("state")}),
                      "Nothing is open.\n");
    stop(program);
    assert_text_equal(field_of(records.at(0), "id"), id);
    assert_text_equal(field_of(records.at(0), "reason"), "accept_limit");
    assert_text_equal(field_of(records.at(0), "side"), "operator");
    for (size_t i = 1; i < records.size(); ++i) {
        assert_text_equal(field_of(records[i], "reason"), "client_closed");
        assert_text_equal(field_of(records[i], "phase"), "request_head");
    }
    // The question that was answered at last went to both of them.
    assert_int_equal(works.site.records(0).size(), 9 + 2);
}

// Each has a limit of its own, and refuses by itself.
void the_limit_on_clients_is_shared_out(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(2, {"--max-connections", "8"});
    const std::string address = ready_addresses(program).at(0);
    std::vector<Peer> clients;
    for (int i = 0; i < 60; ++i) {
        clients.push_back(connect_to(address));
        ask(clients.back(), "/" + std::to_string(i));
    }
    size_t served = 0;
    for (Peer& client : clients) {
        await(client, "\r\n\r\n");
        served += client.received.starts_with("HTTP/1.1 200 ") ? 1 : 0;
        if (!client.received.starts_with("HTTP/1.1 200 "))
            assert_true(client.received.starts_with("HTTP/1.1 503 "));
    }
    assert_int_equal(served, 8);
    clients.clear();
    stop(program);
}

}  // namespace

int main() {
#define AT_WORK(test) cmocka_unit_test_setup_teardown(test, open_works, close_works)
    const CMUnitTest tests[] = {
        AT_WORK(three_hundred_connections_are_spread_and_told_once_each),
        AT_WORK(what_is_said_is_said_once),
        AT_WORK(a_killed_worker_is_told_of_and_replaced_while_the_others_go_on),
        AT_WORK(a_worker_that_ends_again_and_again_ends_them_all),
        AT_WORK(sigterm_drains_all_of_them),
        AT_WORK(a_second_signal_cuts_all_of_them),
        AT_WORK(no_worker_outlives_a_killed_parent),
        AT_WORK(a_port_in_use_is_an_error_said_once),
        AT_WORK(a_unix_socket_is_shared_and_goes_with_them),
        AT_WORK(operators_see_and_end_what_any_of_them_has_open),
        AT_WORK(a_port_for_operators_answers_to_this_machines_names_only),
        AT_WORK(a_host_of_somebody_else_is_on_record_as_with_one_process),
        AT_WORK(a_file_that_is_put_aside_by_any_of_them_loses_no_line),
        AT_WORK(a_file_that_was_moved_away_is_left_by_all_of_them),
        AT_WORK(lines_on_a_pipe_are_whole),
        AT_WORK(half_a_line_of_others_is_ended_first),
        AT_WORK(what_they_left_is_told_by_fewer_and_by_more),
        AT_WORK(the_state_of_one_crew_is_not_anothers),
        AT_WORK(what_is_wrong_is_said_once),
        AT_WORK(what_has_one_order_has_one_process),
        AT_WORK(too_few_descriptors_for_them_is_one_line),
        AT_WORK(an_operator_too_many_is_told_so_and_on_record),
        AT_WORK(the_limit_on_clients_is_shared_out),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
