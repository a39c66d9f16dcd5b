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
    bool accepted = false;  // an upstream connection ever
    bool accepts = true;    // false: the upstream leaves connections in its backlog
    std::string complaint;  // what a step saw that must not be; fails the cell

    // Turns the loop, takes what the proxy dialled: the newest connection becomes `upstream`.
    void settle();
};

using Step = std::function<void(Scene&)>;

struct Cell {
    const char* name;
    unsigned wiring;
    Step reach;
    Step event;
    // Rig::summary() once everyone has left, in the order filed.
    std::string records;
    // What the client had been told when the event was over, and how its connection stood:
    //   "200 whole, open"   "200 cut, FIN"      every message, then the end (see below)
    //   "504 upstream_silent close, FIN"        an answer of becaused's own, by its reason
    //   "103, 101 'bytes', RST"                 interim answers; a tunnel's bytes
    //   "200 unframed 'bytes', RST"             a body that ends with its connection
    // Ends: open; FIN; RST; left (the peer itself closed); `cut off`: RST on TCP, where unix sockets
    // have nothing but a FIN.
    std::string client;
    // The same for every upstream connection, oldest first: "GET whole, left; GET whole, open".
    // "none": nothing was ever accepted.
    std::string upstream;
    std::function<void(RigOptions&)> options = nullptr;
};

// Plays every cell on each of its wirings. Prints all that differ, then fails once.
void check_cells(const std::vector<Cell>& cells);

inline std::string times(size_t count, const std::string& line) {
    std::string lines;
    for (size_t i = 0; i < count; ++i) lines += line;
    return lines;
}

// One after the other.
template <typename... Steps>
Step in_turn(Steps... steps) {
    return [=](Scene& scene) { (steps(scene), ...); };
}

// Nothing more happens.
inline void nothing(Scene&) {}

// `during` with no more than `count` further descriptors for the whole process; then they are back.
Step with_descriptors(int count, Step during);
// `during` while all slabs are in use and the current one has room left; then they come back.
Step with_scarce_memory(Step during);
// `during` while there is no room to read into; then there is.
Step with_no_memory(Step during);

// Peers' doings. All settle.
void client_connects(Scene& scene);
Step client_says(std::string bytes);
Step upstream_says(std::string bytes);
// Sends for as long as anything is taken; `bytes` over and over.
void client_fills_all_buffers(Scene& scene);
void upstream_fills_all_buffers(Scene& scene);
void client_reads(Scene& scene);
void upstream_reads(Scene& scene);
void client_finishes(Scene& scene);    // FIN; goes on reading
void upstream_finishes(Scene& scene);  // FIN; goes on reading
void client_leaves(Scene& scene);      // closes, having read all
void upstream_leaves(Scene& scene);    // closes, having read all
// Closes with bytes unread: RST on TCP; ECONNRESET on unix sockets if there were any.
void client_resets(Scene& scene);
void upstream_resets(Scene& scene);
// The upstream takes no more (SHUT_RD): writes to it fail on unix sockets, TCP notices nothing.
void upstream_stops_reading(Scene& scene);
// Nobody listens where the upstream was; and again somebody does.
void upstream_goes_down(Scene& scene);
void upstream_comes_up(Scene& scene);
// The upstream's backlog is full and nobody accepts (RigOptions::upstream_backlog is to be 0).
void upstream_is_busy(Scene& scene);

// Time and the operator.
// `ms` of silence: nothing may be filed until the last tick of it.
Step silence(uint64_t ms);
// As above, where bytes are queued: a sink's progress is looked for a few times within the limit, so
// the clock may ring late by a quarter of it; later still if the kernel found some room after all.
Step stalled(uint64_t ms);
Step pass(uint64_t ms);
void stop(Scene& scene);        // the first: drains
void stop_twice(Scene& scene);  // the second: ends all at once
// The peer's machine is gone: whatever is sent there from now on vanishes (TCP).
Step vanishes(Peer Scene::*peer);
// Waits in real time, ten seconds at most, for the first record.
void await_a_record(Scene& scene);
// The first stop, and then the drain clock's default.
Step drain_rings();
// The records so far belong to the way into the phase.
inline void forget(Scene& scene) { scene.rig.take_records(); }

// (phase, reason) pairs that the cells expect, for the list of what was reached.
struct Pair {
    std::string kind;  // exchange, client, upstream
    std::string phase;
    std::string reason;
    auto operator<=>(const Pair&) const = default;
};
std::vector<Pair> pairs_of(const std::vector<Cell>& cells);

}  // namespace becaused::test
