// A client, the real proxy and an upstream, as most loopback tests need them: one of each, with what
// they got as readable text. Owns the rig and every socket, so that a test that fails leaves nothing
// open; the rig is made at the first use, after the test has set `options`.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "support/busy_threads.hh"
#include "support/rig.hh"
#include "support/wire_text.hh"

namespace becaused::test {

class Stage {
  public:
    RigOptions options;
    Rig& rig();

    // Connects the client if need be, sends all of `bytes` from it, and lets the proxy work.
    void send(std::string_view bytes);
    // Takes the proxy's next upstream connection; false when there is none.
    bool accept();
    // Sends all of `bytes` from the upstream, and lets the proxy work.
    void answer(std::string_view bytes);
    // A FIN from either; what the proxy does then.
    void client_fin();
    void upstream_fin();

    // No password is checked before work_on(), which waits until all of them are.
    void hold_workers();
    void work_on();

    // What came since the last call, as it came.
    std::string client_bytes();
    std::string upstream_bytes();
    // The same, `readable`.
    std::string client_got() { return readable(client_bytes()); }
    std::string upstream_got() { return readable(upstream_bytes()); }
    // Is this side's connection over, and how? "open", "fin", "reset".
    std::string client_state();
    std::string upstream_state();

    // rig.summary() without what llhttp calls a fault; connections between two exchanges sorted.
    std::string records();
    // The last exchange's record.
    std::string exchange();
    // Closes the client's socket, and the records then.
    std::string leave();

    Peer client;
    Peer upstream;
    Peer second;  // another client
    std::vector<Peer> more;

  private:
    std::unique_ptr<BusyThreads> busy_;  // goes after the rig, whose loop it is on
    std::unique_ptr<Rig> rig_;
    size_t client_shown_ = 0;
    size_t upstream_shown_ = 0;

  public:
    ~Stage();
};

}  // namespace becaused::test
