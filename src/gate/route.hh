// What a request is for, as far as its route tells: its patience class, and whether its answer may turn
// into a tunnel without an upgrade. From the one table of routes (gate/route_table.hh); settings put
// patterns before it. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "gate/route_table.hh"
#include "ledger/vocabulary.hh"

namespace becaused {

// A path pattern with its own patience. `*` matches within a segment, `**` any rest (slashes too:
// names in Docker's API may hold them).
struct RoutePattern {
    std::string method;   // empty: any
    std::string pattern;  // "/containers/*/wait"
    RouteClass route_class = RouteClass::quick;
};

// The largest body for paths that fit the pattern; the first that fits counts.
struct BodyLimit {
    std::string method;  // empty: any
    std::string pattern;
    uint64_t bytes = 0;
};

struct Route {
    RouteClass route_class = RouteClass::transfer;
    // dockerd may answer 200 with a raw stream and no length, and go on as a tunnel.
    bool hijackable = false;
    bool ping = false;
    bool registry = false;  // a 401 would be taken for the registry's
    bool upgrades = false;  // may become a tunnel
    uint64_t body_limit_bytes = UINT64_MAX;
    Answer answer = Answer::plain;
    CallList calls = CallList::none;  // of the tunnel that it may become
};

bool matches(std::string_view pattern, std::string_view path);

// The settings' patterns.
struct RouteSettings {
    std::vector<RoutePattern> routes;
    std::vector<BodyLimit> body_limits;
};

// `path`: decoded, without the version; `row`: the table's row for it, or null. Without one it is
// RouteClass::transfer: no limit on the first byte, a generous one on silence.
Route route_of(const RouteRow* row, const RouteSettings& own, std::string_view method,
               std::string_view path);

}  // namespace becaused
