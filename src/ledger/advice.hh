// What a person is told to do about an end, behind the sentence that says why: whether it is safe to try
// again, and what to look at. Goes into answers and streams, not into records, whose reader has the
// facts. One table beside the table of reasons (vocabulary.hh); nothing here has state.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ledger/vocabulary.hh"

namespace becaused {

// How far the request had come.
enum class Reached : uint8_t {
    nothing,    // no byte of it was handed to the upstream's socket
    read_only,  // some did, of a request that changes nothing (GET, HEAD, OPTIONS)
    upstream,   // some did, and what became of them is not known here
};

// " Nothing reached dockerd: it is safe to try again. Look at ...": begins with a blank, to follow a
// sentence.
void append_advice(std::string& out, Reason reason, Reached reached);
// What to look at, a whole sentence; never empty.
std::string_view look_at(Reason reason);

}  // namespace becaused
