// What an exchange knows of the calls in its tunnel: the reader of the calling side, what goes into the
// record, and the words of a refusal. Only tunnels that speak gRPC have one, on the heap; it goes when
// the record is filed.
#pragma once

#include <string>

#include "gate/calls.hh"
#include "http/h2_calls.hh"
#include "ledger/entry.hh"

namespace becaused {

struct CallWatch {
    explicit CallWatch(CallList from) : list(from) {
        facts.caller = from == CallList::grpc ? Side::client : Side::upstream;
    }

    CallList list;
    H2Calls reader;
    CallFacts facts;
    std::string refusal;  // the record's own words may lie here
    uint32_t denied = 0;  // the stream of the call that ended the tunnel; 0: none did
    bool lost = false;    // broken, where that is allowed: all passes unread
};

}  // namespace becaused
