#include "gate/route.hh"

#include <algorithm>

namespace becaused {

namespace {

struct Row {
    std::string_view method;  // empty: any
    std::string_view pattern;
    RouteClass route_class;
    bool hijackable = false;
    bool ping = false;
};

// First match wins. Docker's Engine API v1.41, grouped by what comes after the version.
constexpr Row rows[] = {
    {"", "/_ping", RouteClass::quick, false, true},
    {"POST", "/containers/**/attach", RouteClass::tunnel, true},
    {"GET", "/containers/**/attach/ws", RouteClass::tunnel},
    {"POST", "/containers/**/wait", RouteClass::follow},
    {"GET", "/containers/**/logs", RouteClass::follow},
    {"GET", "/containers/**/stats", RouteClass::follow},
    {"", "/containers/**/archive", RouteClass::transfer},
    {"GET", "/containers/**/export", RouteClass::transfer},
    // stop -t N and restart answer when the container is gone: silent for as long as the user said.
    {"POST", "/containers/**/stop", RouteClass::transfer},
    {"POST", "/containers/**/restart", RouteClass::transfer},
    {"POST", "/containers/prune", RouteClass::build},
    {"POST", "/containers/**/start", RouteClass::transfer},
    {"POST", "/containers/**", RouteClass::transfer},
    {"DELETE", "/containers/**", RouteClass::transfer},
    {"", "/containers/**", RouteClass::quick},
    {"POST", "/exec/*/start", RouteClass::tunnel, true},
    {"", "/exec/**", RouteClass::quick},
    {"POST", "/images/create", RouteClass::transfer},
    {"POST", "/images/load", RouteClass::transfer},
    {"GET", "/images/get", RouteClass::transfer},
    {"GET", "/images/**/get", RouteClass::transfer},
    {"POST", "/images/**/push", RouteClass::transfer},
    {"POST", "/images/prune", RouteClass::build},
    {"DELETE", "/images/**", RouteClass::transfer},
    {"", "/images/**", RouteClass::quick},
    {"POST", "/build", RouteClass::build},
    {"POST", "/build/prune", RouteClass::build},
    {"POST", "/commit", RouteClass::build},
    {"POST", "/session", RouteClass::session},
    {"POST", "/grpc", RouteClass::tunnel},
    {"GET", "/events", RouteClass::follow},
    {"GET", "/services/**/logs", RouteClass::follow},
    {"GET", "/tasks/**/logs", RouteClass::follow},
    {"POST", "/networks/prune", RouteClass::build},
    {"POST", "/volumes/prune", RouteClass::build},
    {"GET", "/version", RouteClass::quick},
    {"GET", "/info", RouteClass::quick},
    {"POST", "/auth", RouteClass::transfer},
    {"GET", "/system/df", RouteClass::transfer},
    {"GET", "/distribution/**", RouteClass::transfer},
    {"GET", "/networks/**", RouteClass::quick},
    {"GET", "/volumes/**", RouteClass::quick},
};

// Does the row's literal start rule the path out? Cheap: most rows end here.
bool may_match(std::string_view pattern, std::string_view path) {
    const size_t literal = std::min(pattern.find('*'), pattern.size());
    return path.substr(0, literal) == pattern.substr(0, literal);
}

}  // namespace

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

std::string_view without_version(std::string_view path) {
    if (path.size() < 4 || path[0] != '/' || path[1] != 'v') return path;
    size_t at = 2;
    while (at < path.size() && ((path[at] >= '0' && path[at] <= '9') || path[at] == '.')) ++at;
    if (at == 2 || at == path.size() || path[at] != '/') return path;
    return path.substr(at);
}

Route find_route(const std::vector<RoutePattern>& own, std::string_view method,
                 std::string_view path) {
    path = without_version(path);
    Route route;
    for (const Row& row : rows) {
        if (!row.method.empty() && row.method != method) continue;
        if (!may_match(row.pattern, path) || !matches(row.pattern, path)) continue;
        route = {row.route_class, row.hijackable, row.ping};
        break;
    }
    for (const RoutePattern& pattern : own) {
        if (!pattern.method.empty() && pattern.method != method) continue;
        if (!matches(pattern.pattern, path)) continue;
        route.route_class = pattern.route_class;
        break;
    }
    return route;
}

}  // namespace becaused
