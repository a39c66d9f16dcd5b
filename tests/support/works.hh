// A program with workers before an upstream that answers by itself, and what its tests ask of them: who
// they are, what they hold, what they have on record. For cmocka_unit_test_setup_teardown: the test's state is
// a Works. Include before support/cmocka.hh.
#pragma once

#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "support/origin.hh"
#include "support/program.hh"
#include "support/cmocka.hh"

namespace becaused::test {

// A site whose upstream answers by itself.
struct Works {
    Site site;
    std::unique_ptr<Origin> origin = std::make_unique<Origin>(site.path("origin"));
    std::vector<Peer> clients;

    Program& serve(int workers, std::vector<std::string> more = {}) {
        std::vector<std::string> words = {"--upstream", "unix://" + site.path("origin"),
                                          "--workers",  std::to_string(workers),
                                          "--state",    site.path("state")};
        words.insert(words.end(), more.begin(), more.end());
        return site.serve(words);
    }
};

inline int open_works(void** state) {
    *state = new Works;
    return 0;
}
inline int close_works(void** state) {
    delete static_cast<Works*>(*state);
    return 0;
}
inline Works& works_of(void** state) { return *static_cast<Works*>(*state); }

inline void ask(Peer& client, const std::string& target) {
    client.send("GET " + target + " HTTP/1.1\r\nHost: docker\r\n\r\n");
}

// The whole answer to `target` has come.
inline void await_answer(Peer& client, const std::string& target) {
    await(client, "\r\n\r\n" + target);
}

// One connection for each of these requests, "/PREFIX/0" and so on, answered and closed.
inline void visit(const std::string& address, const std::string& prefix, int count,
                  const std::string& end = "") {
    for (int i = 0; i < count; ++i) {
        Peer client = connect_to(address);
        assert_int_equal(client.error, 0);
        const std::string target = prefix + std::to_string(i) + end;
        ask(client, target);
        await_answer(client, target);
    }
}

// Requests "/hold/0" and so on, each on its own connection, that the upstream has and does not answer.
inline void hold(Works& works, Program& program, size_t count) {
    const std::string address = ready_addresses(program).at(0);
    for (size_t i = 0; i < count; ++i) {
        works.clients.push_back(connect_to(address));
        ask(works.clients.back(), "/hold/" + std::to_string(i));
    }
    for (int waited_ms = 0; works.origin->held() < count; waited_ms += 10) {
        if (waited_ms > patience_ms) fail_test("requests never came to the upstream");
        ::usleep(10'000);
    }
}

// Its worker's end is the connection's, too.
inline void await_end_or_answer(Peer& client) {
    client.read();
    for (int waited_ms = 0; client.received.empty() && !client.eof && client.error == 0;
         ++waited_ms) {
        if (waited_ms > patience_ms) fail_test("neither an answer nor an end");
        ::usleep(1'000);
        client.read();
    }
}

// The clients hear what becomes of them, and go; how many were answered.
inline size_t leave(Works& works) {
    size_t answered = 0;
    for (Peer& client : works.clients) {
        await_end_or_answer(client);
        answered += client.received.empty() ? 0 : 1;
        client.close();
    }
    return answered;
}

inline std::string pid_words(int number, int count) {
    return "becaused: worker " + std::to_string(number) + " of " + std::to_string(count) +
           " is pid ";
}

// The newest process of this number, once it has had so many.
inline pid_t pid_of(Program& program, int number, int count, int nth = 1) {
    const std::string words = pid_words(number, count);
    for (int waited_ms = 0; waited_ms <= patience_ms; waited_ms += 10) {
        const std::string& err = program.err();
        size_t at = err.find(words);
        for (int i = 1; i < nth && at != std::string::npos; ++i) at = err.find(words, at + 1);
        if (at != std::string::npos && err.find('\n', at) != std::string::npos)
            return std::stoi(err.substr(at + words.size()));
        ::usleep(10'000);
    }
    print_error("%s\n", program.err().c_str());
    fail_test("a worker was never started");
}

inline void stop(Program& program, int code = 0) {
    program.signal(SIGTERM);
    const int ended = program.wait();
    if (ended != code) print_error("%s\n", program.err().c_str());
    assert_int_equal(ended, code);
}

inline std::string last_line(Program& program) {
    const std::vector<std::string> lines = lines_of(program.err());
    return lines.empty() ? "" : lines.back();
}

inline std::string life_of(const std::string& line) { return field_of(line, "id").substr(0, 8); }

inline std::set<std::string> lives_in(const std::vector<std::string>& lines) {
    std::set<std::string> lives;
    for (const std::string& line : lines) lives.insert(life_of(line));
    return lives;
}

inline std::map<std::string, int> targets_in(const std::vector<std::string>& lines) {
    std::map<std::string, int> targets;
    for (const std::string& line : lines)
        if (field_of(line, "event") == "exchange") ++targets[field_of(line, "target")];
    return targets;
}

inline void assert_each_once(const std::vector<std::string>& lines, size_t count) {
    std::set<std::string> ids;
    for (const std::string& line : lines) {
        assert_true(line.starts_with('{') && line.ends_with('}'));
        assert_true(ids.insert(field_of(line, "event") + field_of(line, "id")).second);
    }
    const auto targets = targets_in(lines);
    assert_int_equal(targets.size(), count);
    for (const auto& [target, times] : targets) assert_int_equal(times, 1);
}

// Its own count of all of them together.
inline void assert_counted(Program& program, const std::vector<std::string>& lines,
                           const std::string& reasons) {
    const auto exchanges = std::ranges::count_if(
        lines, [](const std::string& line) { return field_of(line, "event") == "exchange"; });
    assert_text_equal(last_line(program),
                      "becaused: stopped; " + std::to_string(exchanges) + " requests, " +
                          std::to_string(lines.size() - static_cast<size_t>(exchanges)) +
                          " connections, 0 lost, 0 records dropped; requests ended: " + reasons);
}

inline std::string said(Site& site, std::vector<std::string> arguments, int code = 0) {
    Program& program = site.start(std::move(arguments));
    assert_int_equal(program.wait(), code);
    return program.out() + program.err();
}

}  // namespace becaused::test
