// The teardown matrix's stage: a Rig with one client and its upstream connections, small steps that
// bring it into a phase or make something happen there, and cells that say what must be on record
// afterwards and what each peer saw.
//
// A cell is played on a fresh Rig: reach, event, then both peers are read, then they leave, and three
// seconds pass. By then every record must have been filed and nothing may be left, whatever happened.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "support/rig.hh"

namespace becaused::test {

// Which transports a cell is played on, one after the other: client's and upstream's.
enum Wiring : unsigned {
    tcp = 1,
    unix_sockets = 2,
    tcp_to_unix = 4,
    unix_to_tcp = 8,
    both = tcp | unix_sockets,
    every = 15,
};

struct Scene {
    explicit Scene(const RigOptions& options) : rig(options) {}

    Rig rig;
    Peer client;
    Peer upstream;                // the connection in use, or used last
    std::vector<Peer> upstreams;  // those before it
    std::vector<Peer> bystanders;
    std::string complaint;  // what a step saw that must not be; fails the cell

    // Turns the loop, takes what the proxy dialled: the newest connection becomes `upstream`.
    void settle();
    // Forgets the records so far: they belong to the way into the phase.
    void forget() { rig.take_records(); }
};

using Step = std::function<void(Scene&)>;

struct Cell {
    const char* name;
    unsigned wiring;
    Step reach;
    Step event;
    // Rig::summary() once everyone has left, in the order filed.
    const char* records;
    // What the client had been told when the event was over, and how its connection stood:
    //   "200 whole, open"   "200 cut, FIN"      every message, then the end (see below)
    //   "504 upstream_silent close, FIN"        an answer of becaused's own, by its reason
    //   "103, 101 'bytes', RST"                 interim answers; a tunnel's bytes
    //   "200 unframed 'bytes', RST"             a body that ends with its connection
    // Ends: open; FIN; RST; left (the peer itself closed); `cut off`: RST on TCP, where unix sockets
    // have nothing but a FIN.
    const char* client;
    // The same for every upstream connection, oldest first: "GET whole, left; GET whole, open".
    // "none": nothing was ever accepted.
    const char* upstream;
    std::function<void(RigOptions&)> options = nullptr;
};

// Plays every cell on each of its wirings. Prints all that differ, then fails once.
void check_cells(const std::vector<Cell>& cells);

// One after the other.
template <typename... Steps>
Step in_turn(Steps... steps) {
    return [=](Scene& scene) { (steps(scene), ...); };
}

// Nothing more happens.
inline void nothing(Scene&) {}

// Peers' doings. All settle.
void client_connects(Scene& scene);
Step client_says(std::string bytes);
Step upstream_says(std::string bytes);
void client_reads(Scene& scene);
void upstream_reads(Scene& scene);
void client_finishes(Scene& scene);    // FIN; goes on reading
void upstream_finishes(Scene& scene);  // FIN; goes on reading
void client_leaves(Scene& scene);      // closes, having read all
void upstream_leaves(Scene& scene);    // closes, having read all
// Closes with bytes unread: RST on TCP; ECONNRESET on unix sockets if there were any.
void client_resets(Scene& scene);
void upstream_resets(Scene& scene);

// Time and the operator.
// `ms` of silence: nothing may be filed until the last tick of it.
Step silence(uint64_t ms);
Step pass(uint64_t ms);
void stop(Scene& scene);        // the first: drains
void stop_twice(Scene& scene);  // the second: ends all at once
inline void forget(Scene& scene) { scene.forget(); }

// (phase, reason) pairs that the cells expect, for the list of what was reached.
struct Pair {
    std::string kind;  // exchange, client, upstream
    std::string phase;
    std::string reason;
    auto operator<=>(const Pair&) const = default;
};
std::vector<Pair> pairs_of(const std::vector<Cell>& cells);

}  // namespace becaused::test
