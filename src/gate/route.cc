#include "gate/route.hh"

#include <algorithm>

namespace becaused {

bool matches(std::string_view pattern, std::string_view path) {
    // On a mismatch the last `*` takes one more byte, and where it may not (a slash), the last `**`
    // does. What stood before that `**` need not be tried again, since it can take anything: at most
    // path times path steps, whatever a client sends.
    constexpr size_t none = std::string_view::npos;
    size_t star = none, star_at = 0, deep = none, deep_at = 0;
    size_t at = 0;
    for (size_t next = 0;;) {
        if (next < pattern.size() && pattern[next] == '*') {
            const bool is_deep = next + 1 < pattern.size() && pattern[next + 1] == '*';
            next += is_deep ? 2 : 1;
            if (is_deep) deep = next, deep_at = at, star = none;
            else star = next, star_at = at;
            continue;
        }
        if (next == pattern.size() && at == path.size()) return true;
        if (next < pattern.size() && at < path.size() && pattern[next] == path[at]) {
            ++next, ++at;
        } else if (star != none && star_at < path.size() && path[star_at] != '/') {
            next = star, at = ++star_at;
        } else if (deep != none && deep_at < path.size()) {
            next = deep, at = ++deep_at, star = none;
        } else {
            return false;
        }
    }
}

std::string_view name(Danger danger) {
    switch (danger) {
        case Danger::none: return "none";
        case Danger::reads: return "reads";
        case Danger::changes: return "changes";
        case Danger::host: return "host";
    }
    return "?";
}

std::string_view name(Payload payload) {
    switch (payload) {
        case Payload::none: return "none";
        case Payload::stream: return "stream";
        case Payload::json: return "JSON";
        case Payload::container_create:
        case Payload::container_update:
        case Payload::exec_create:
        case Payload::volume_create:
        case Payload::network_create:
        case Payload::network_connect:
        case Payload::network_disconnect: return "JSON, judged";
    }
    return "?";
}

std::string_view protocol(Tunnel tunnel) {
    switch (tunnel) {
        case Tunnel::none: return "";
        case Tunnel::tcp: return "tcp";
        case Tunnel::h2c: return "h2c";
        case Tunnel::websocket: return "websocket";
    }
    return "";
}

Route route_of(const RouteRow* row, const RouteSettings& own, std::string_view method,
               std::string_view path) {
    Route route;
    if (row != nullptr)
        route = {row->route_class,
                 row->hijackable,
                 row->ping,
                 row->registry,
                 row->tunnel != Tunnel::none,
                 UINT64_MAX,
                 row->answer,
                 row->calls};
    const auto fits = [&](const auto& pattern) {
        return (pattern.method.empty() || pattern.method == method) &&
               matches(pattern.pattern, path);
    };
    const auto patience = std::ranges::find_if(own.routes, fits);
    if (patience != own.routes.end()) route.route_class = patience->route_class;
    const auto limit = std::ranges::find_if(own.body_limits, fits);
    if (limit != own.body_limits.end()) route.body_limit_bytes = limit->bytes;
    return route;
}

}  // namespace becaused
