// One scenario, run over and over: each call of wrapped.txt (and the slab pool) fails once, at its
// first occurrence, at its second, until a run makes no such call any more. Whatever failed, the run
// must end in order: every record filed with a reason, nothing left open, and the next request served.
#pragma once

#include <string>
#include <vector>

#include "support/rig.hh"
#include "sweep/faults.hh"

namespace becaused::test {

struct Scenario {
    const char* name;
    RigOptions options;
    // Plays it once. Any call may fail meanwhile: nothing may be expected to work, and every wait is
    // bounded. What the test holds is closed when it returns.
    void (*play)(Rig& rig);
    // Rig::summary() of the run in which nothing fails; the order of lines does not matter.
    const char* clean;
    // What a client gets that comes afterwards; null: a GET without TLS is tried.
    std::string (*fresh)(Rig& rig) = nullptr;
};

// How often each call was made to fail, by all sweeps so far; the last one counts slabs refused.
struct Fired {
    uint64_t by_call[call_count] = {};
    uint64_t slabs = 0;
    uint64_t runs = 0;
};
const Fired& fired();

// Runs it without a failure, then with each. What went wrong, one line each; empty: nothing.
std::vector<std::string> sweep(const Scenario& scenario);

// An upstream that answers every request without a body the same way, on as many connections as come;
// but for those to /unanswered.
class Origin {
  public:
    explicit Origin(Rig& rig, std::string answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
        : rig_(rig), answer_(std::move(answer)) {}
    Origin(const Origin&) = delete;
    Origin& operator=(const Origin&) = delete;
    // Lets the proxy and the upstream get on with it until nothing more happens.
    void serve();
    size_t requests() const { return requests_; }
    std::vector<Peer>& peers() { return peers_; }

  private:
    Rig& rig_;
    std::string answer_;
    std::vector<Peer> peers_;
    size_t requests_ = 0;
};

// Settles; a slab that the pool refused comes back then, and what waited for it goes on.
void settle(Rig& rig);
// FIN, if there is still a connection.
void half_close(Peer& peer);

}  // namespace becaused::test
