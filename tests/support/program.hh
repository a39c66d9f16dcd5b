// The built program as a process: started with arguments, an environment and limits of its own, watched
// through its standard streams, told by signals, ended by its pid. And a Site for one: a directory of its
// own, an upstream in the test's hands, clients, the records file.
//
// Every wait ends when the event comes, and fails the test after patience_ms. A failed assertion longjmps
// past destructors: keep the Site in the test's fixture.
#pragma once

#include <sys/types.h>

#include <list>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "support/rig.hh"

namespace becaused::test {

inline constexpr int patience_ms = 20'000;

struct Start {
    std::vector<std::string> arguments{};
    std::vector<std::string>
        environment{};              // "BECAUSED_LISTEN=..."; none of this process's BECAUSED_*
    std::string directory{};        // where it runs; empty: the site's
    unsigned descriptors = 0;       // RLIMIT_NOFILE; 0: as it is
    unsigned most_descriptors = 0;  // what it may raise that to; 0: no further
    int input = -1;                 // standard input; -1: /dev/null
    int output = -1;                // standard output; -1: captured in out()
    bool closed_streams = false;    // starts with 0, 1 and 2 closed
    unsigned user = 0;              // whose process it is, and the same group; 0: this one's
};

class Program {
  public:
    explicit Program(const Start& start);
    Program(const Program&) = delete;
    Program& operator=(const Program&) = delete;
    ~Program();  // kills it, if need be

    pid_t pid() const { return pid_; }
    void signal(int number) const;
    // What it has said so far.
    const std::string& out();
    const std::string& err();
    // Reads on until the fragment was said.
    void await_out(std::string_view fragment);
    void await_err(std::string_view fragment);
    // Its exit code once it has ended; 128 + N when a signal ended it. All it said is then read.
    int wait();
    bool ended();
    // User and system time that it has used.
    uint64_t cpu_ms() const;

  private:
    struct Stream {
        int fd = -1;
        std::string text;
    };
    bool read_streams(int ms);
    void await(Stream& stream, std::string_view fragment);

    pid_t pid_ = -1;
    int pidfd_ = -1;
    std::optional<int> code_;
    Stream out_;
    Stream err_;
};

class Site {
  public:
    Site();
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;
    ~Site();  // ends what was started, removes the directory

    // "DIRECTORY/name".
    std::string path(std::string_view name) const;
    void write_file(std::string_view name, std::string_view text);
    std::string read_file(std::string_view name) const;

    // Any command.
    Program& start(Start start);
    Program& start(std::vector<std::string> arguments) {
        return start(Start{std::move(arguments)});
    }
    // `run` before this site's upstream, on tcp://127.0.0.1:0, records in "records"; waits until it is
    // ready. `more` is added to the flags.
    Program& serve(std::vector<std::string> more = {});
    // The same with all of `start` but its first flags.
    Program& serve(Start start);

    // A client connection to the program's first listener.
    static Peer connect(Program& program);
    // The next connection that the program opened to the upstream.
    Peer accept();
    void stop_upstream();
    // One request through the program and its answer: "200 OK", 2 bytes. `upstream` is the connection to
    // go on with; where it is closed, the next one is accepted.
    void exchange(Peer& client, Peer& upstream, std::string_view target = "/_ping");

    // Until there is such a file.
    void await_file(std::string_view name);
    // Until some file's name here ends so.
    void await_ending(std::string_view end);
    // Whole lines in "records", once there are as many (at least), or of another file here.
    std::vector<std::string> records(size_t count, std::string_view name = "records");

  private:
    void keep_all_records() const;

    std::string directory_;
    std::set<std::string> written_;  // by the test
    int upstream_fd_ = -1;
    int watch_fd_ = -1;  // inotify on the directory
    std::list<Program> programs_;
};

// Reads until all of it has the fragment, or until the other side's FIN or reset.
void await(Peer& peer, std::string_view fragment);
void await_end(Peer& peer);

// The addresses in its ready line: "tcp://127.0.0.1:41234", "unix:///DIRECTORY/name".
std::vector<std::string> ready_addresses(Program& program);
// A connection to such an address; where it fails: a closed Peer with `error`.
Peer connect_to(const std::string& address);

// For cmocka_unit_test_setup_teardown: the test's state is a Site.
int open_site(void** state);
int close_site(void** state);
inline Site& site_of(void** state) { return *static_cast<Site*>(*state); }

// Lines of a text, without their newlines.
std::vector<std::string> lines_of(std::string_view text);
}  // namespace becaused::test
