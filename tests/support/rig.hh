// The real proxy between raw sockets, driven by hand: a House on its loop, clients and an upstream that
// are plain non-blocking sockets of the test, time that stands still until told. One thread, no sleeps:
// what was sent is handled when `settle` returns.
//
// Loopback TCP and unix sockets deliver inside the sender's system call, so a handful of turns without
// waiting sees everything. Owns all it makes; destroying a Rig stops the house and checks that nothing is left:
// every record filed, every slab home, every descriptor closed.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "proxy/house.hh"
#include "support/kept_records.hh"

namespace becaused::test {

// One end of a connection, in the test's hands. Moves; closes when destroyed.
class Peer {
  public:
    Peer() = default;
    explicit Peer(int fd);
    Peer(Peer&& other) noexcept;
    Peer& operator=(Peer&& other) noexcept;
    ~Peer();

    // Sends all of it, or as much as the socket takes without waiting; returns how much.
    size_t send(std::string_view bytes);
    // Everything that can be read now is added to `received`.
    void read();
    std::string received;  // all bytes so far
    bool eof = false;      // FIN seen
    int error = 0;         // errno of a failed read: ECONNRESET, ...

    void finish();  // FIN (shutdown)
    void reset();   // RST on TCP; close with unread data pending on unix sockets
    void close();
    // Takes no more than about this much (SO_RCVBUF); before data flows.
    void shrink_receive_buffer(int bytes);
    bool open() const { return fd_ >= 0; }
    int fd() const { return fd_; }

  private:
    int fd_ = -1;
};

// Keeps records as they were written.
class Records final : public RecordSink {
  public:
    void record(std::string_view line) override {
        keep_records(line);
        lines.emplace_back(line.substr(0, line.size() - 1));
    }
    std::vector<std::string> lines;
};

// Nothing is judged and no handshake is one too many, unless a test says so: time stands still here.
inline Settings unguarded() {
    Settings settings;
    settings.profile = "any";
    settings.handshake_rate = {};
    return settings;
}

struct RigOptions {
    bool unix_client = false;
    bool unix_upstream = false;
    bool with_upstream = true;    // false: nobody listens there
    bool plain_listener = false;  // TCP listeners stay plain whatever the settings say of TLS
    bool tls_upstream = false;    // tls://; the test answers with a TlsPeer
    std::string upstream_host = "127.0.0.1";
    // Listen and upstream are filled in; BECAUSED_SPLICE in the environment sets `splice`, for the tests
    // that run once more with it.
    Settings settings = unguarded();
    size_t slabs = 64;
    std::string upstream_path;
    int upstream_backlog = 64;   // 0: one connection waits to be accepted, the next finds no room
    std::string access;          // an access file's text (support/people.hh); empty: everybody may
    bool proxied = false;        // every connection begins with a PROXY header
    bool asks_upstream = false;  // the authorisation service is at the upstream's address
};

class Rig {
  public:
    explicit Rig(RigOptions options = {});
    Rig(const Rig&) = delete;
    Rig& operator=(const Rig&) = delete;
    ~Rig();

    // A client connection that the proxy has accepted.
    Peer connect();
    // A connection of somebody else's to the upstream, which takes a place in its backlog.
    Peer connect_past_the_proxy();
    // The next upstream connection that the proxy opened, or a closed Peer.
    Peer accept();
    // The same two without turning the loop.
    Peer connect_now();
    Peer accept_now();
    // Turns the loop until nothing more happens without time passing.
    void settle();
    // One turn of the loop.
    void turn();
    // Moves time in steps of the wheel's tick, settling after each.
    void advance(uint64_t ms);
    // Moves time by so much at once and rings what is due; settles nothing.
    void skip(uint64_t ms);
    // Waits until another thread has something for the loop (names are resolved there), for at most a
    // second, and settles.
    void wait_for_work();
    // Waits until no worker thread has anything left to do for the loop; for some seconds at most.
    void wait_for_workers();
    // House::guard with the text of an access file: who may come in, and what they may do, from here on.
    void guard(const std::string& access);
    // House::stop.
    void stop();
    // Stops the upstream's listener (connects are refused from here on), and opens it again.
    void stop_upstream();
    void start_upstream();
    // Ends everything now and checks that nothing is left; the destructor does it else.
    void finish();

    House& house() { return *house_; }
    Loop& loop() { return *loop_; }
    Ledger& ledger() { return *ledger_; }
    const Settings& settings() const { return settings_; }
    // Where the rig's sockets and files are.
    const std::string& directory() const { return directory_; }

    // Records so far. `take_records` empties the list.
    std::vector<std::string>& records() { return records_.lines; }
    std::vector<std::string> take_records();
    // summary_of the records so far.
    std::string summary();
    // One record's line with what differs from run to run made plain: ids become connection or exchange
    // numbers in order of appearance (#1, #2, ...), times "T", ports "P", trace ids "X".
    static std::vector<std::string> normalized(const std::vector<std::string>& lines);

  private:
    void stop_house();

    Settings settings_;
    RigOptions options_;
    std::string directory_;
    int upstream_fd_ = -1;
    int upstream_port_fd_ = -1;  // holds the port
    uint16_t upstream_port_ = 0;
    int descriptors_before_ = 0;
    std::unique_ptr<Loop> loop_;
    std::unique_ptr<Ledger> ledger_;
    std::unique_ptr<House> house_;
    Records records_;
    bool finished_ = false;
};

// One line of words per record, in the order filed, for tables:
// "exchange client_reset by=client phase=response_body op=read errno=ECONNRESET status=200"
// "client partner(upstream_reset) by=nobody phase=response_body op=none"
// "upstream upstream_reset by=upstream phase=response_body op=read errno=ECONNRESET"
// clock rings add "clock=NAME/SETTING_MS".
std::string summary_of(const std::vector<std::string>& lines);

// The value of `"key":value` in a record, without quotes; empty when absent. Nested objects: "clock.name".
std::string field_of(const std::string& record, std::string_view key);

// Descriptors that this process has open.
int count_descriptors();
// Peers that hold a descriptor.
int count_peers();

}  // namespace becaused::test
