// What a worker has of its parent's (ops/crew.hh): its number, its sockets, its place, and what all of them
// share. Handed over by fork(2); owned by the crew.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <vector>

#include "ops/baton.hh"
#include "ops/totals.hh"

namespace becaused {

struct Station {
    uint32_t number = 0;  // from 1 on
    uint32_t count = 0;
    int channel = -1;        // to the parent (ops/orders.hh)
    std::vector<int> ports;  // bound, in the order of the settings
    std::string state_directory;
    std::string state_name;    // of all; empty: there is no black box
    std::string last_end;      // how its predecessor ended: "killed by SIGKILL"; empty: had none
    Baton* baton = nullptr;    // turns at the records' file; null: no records
    Totals* totals = nullptr;  // shared with the parent, who reads them when we have ended
    // The same: grows for as long as the loop turns.
    std::atomic<uint64_t>* beats = nullptr;
    uint64_t beat_ms = 0;       // how often; 0: nobody looks
    bool says_for_all = false;  // what each of them would say is said by this one
};

}  // namespace becaused
