// group: connections that all do the same, what they are to do, and what came of it.
//
// Settings are fixed before the start; Clients write the results. Owns no socket.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "body.hh"
#include "histogram.hh"
#include "pace.hh"

namespace bench {

enum class Kind { get, version, post, connect, down, down_chunked, up, up_chunked };

struct Group {
    // "KIND:CONNECTIONS" or "KIND:CONNECTIONS:BYTES", as in load.cc's head.
    static Group parse(std::string_view text);

    std::string name;
    Kind kind = Kind::get;
    std::uint64_t connections = 0;
    std::uint64_t body_bytes = 0;  // of the body that travels, whichever way
    bool sends_body = false;
    bool tunnel = false;  // all its requests are sent inside a tunnel
    std::string opening;  // the exchange before the run: a tunnel's upgrade, else a small GET
    std::string head;
    Body body;
    std::unique_ptr<Pace> pace;  // null: the next request follows the answer

    bool opens_first = false;  // each connection makes one exchange more, before the run begins

    std::uint64_t request_limit = UINT64_MAX;
    std::int64_t deadline_ns = 0;  // no request starts after it

    std::uint64_t started = 0;
    std::uint64_t answered = 0;
    std::uint64_t errors = 0;
    std::string first_error;
    std::int64_t last_answer_ns = 0;
    Histogram latency;
};

}  // namespace bench
