// A play on the rig that keeps its own books: what each peer sent and got, and when, by the rig's clock.
// What becaused writes into a record can be compared with them, whole.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "support/scene.hh"

namespace becaused::test {

// Bytes of one direction, and when the last of them moved; ms since the play began.
struct Moved {
    uint64_t bytes = 0;
    uint64_t last_ms = 0;
    bool any = false;
};

// One connection, seen from its peer.
struct Books {
    uint64_t opened_ms = 0;
    Moved in;           // from the peer to becaused
    Moved out;          // to the peer
    std::string peer;   // the peer's address as becaused should see it
    std::string local;  // becaused's own
    int exchanges = 0;  // requests begun on it
};

class Watch {
  public:
    explicit Watch(const RigOptions& options);

    void connect();
    void client_says(std::string_view bytes);
    void upstream_says(std::string_view bytes);
    // From here on it reads nothing, and the other side sends `bytes` over and over until nothing more is taken
    // anywhere.
    void client_stops_reading(std::string_view bytes);
    void upstream_stops_reading(std::string_view bytes);
    void client_finishes();
    void upstream_finishes();
    void client_resets();
    void upstream_resets();
    void stop();
    void operator_ends_it();
    void wait(uint64_t ms);
    // Both peers go, and three seconds pass.
    void everyone_leaves();
    // A request begins with the next byte from the client.
    void begin_exchange();

    Scene scene;
    uint64_t now_ms = 0;
    bool client_reads = true;
    bool upstream_reads = true;
    Books client;
    Books upstream;
    // The exchange's share of the above.
    uint64_t exchange_opened_ms = 0;
    uint64_t client_in_before = 0, client_out_before = 0;
    uint64_t upstream_in_before = 0, upstream_out_before = 0;

  private:
    void look();
    void fill(Peer& peer, Moved& in, std::string_view bytes);

    RigOptions options_;
};

// "2023-11-14T22:13:21.500Z" is 1500: the rig's time begins at 22:13:20.
uint64_t ms_of(const std::string& time);

}  // namespace becaused::test
