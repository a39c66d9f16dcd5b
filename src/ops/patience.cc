#include "ops/patience.hh"

#include <array>

#include "ops/nearest.hh"
#include "ops/phrase.hh"
#include "ops/value.hh"

namespace becaused {

namespace {

// 30 days: what is meant to be longer is meant to be off.
constexpr uint64_t longest_ms = uint64_t{30} * 86'400'000;

std::array<std::string_view, clock_count> clock_names() {
    std::array<std::string_view, clock_count> names;
    for (size_t i = 0; i < clock_count; ++i) names[i] = name(static_cast<ClockName>(i));
    return names;
}

std::array<std::string_view, route_class_count> class_names() {
    std::array<std::string_view, route_class_count> names;
    for (size_t i = 0; i < route_class_count; ++i) names[i] = name(static_cast<RouteClass>(i));
    return names;
}

Result<RouteClass> parse_class(std::string_view text) {
    const std::optional<RouteClass> found = find_route_class(text);
    if (found) return *found;
    std::string all;
    for (const std::string_view known : class_names())
        all += phrase(all.empty() ? "" : ", ", known);
    return Status::failed(
        phrase('"', text, "\" is no route class", suggestion(text, class_names()), " (", all, ')'));
}

}  // namespace

bool has_classes(ClockName clock) {
    switch (clock) {
        case ClockName::tls_handshake:
        case ClockName::request_head:
        case ClockName::request_head_total:
        case ClockName::keepalive:
        case ClockName::upstream_idle: return false;
        case ClockName::boot_hold:
        case ClockName::connect:
        case ClockName::connect_unix:
        case ClockName::request_body:
        case ClockName::first_byte:
        case ClockName::response_body:
        case ClockName::tunnel:
        case ClockName::half_open:
        case ClockName::linger:
        case ClockName::drain:
        case ClockName::max_age: return true;
    }
    return true;
}

Result<ClockSetting> parse_clock(std::string_view name, std::string_view value) {
    ClockSetting setting;
    const size_t dot = name.find('.');
    if (dot != std::string_view::npos) {
        Result<RouteClass> route_class = parse_class(name.substr(0, dot));
        if (!route_class.ok()) return route_class.status();
        setting.route_class = route_class.value();
    }
    const std::string_view clock = dot == std::string_view::npos ? name : name.substr(dot + 1);
    const std::optional<ClockName> found = find_clock(clock);
    if (!found)
        return Status::failed(
            phrase('"', clock, "\" is no clock", suggestion(clock, clock_names())));
    if (setting.route_class && !has_classes(*found))
        return Status::failed(phrase(clock, " runs where no route is known yet: set it without \"",
                                     name.substr(0, dot + 1), '"'));
    setting.clock = *found;
    Result<uint64_t> ms = parse_duration(value);
    if (!ms.ok()) return ms.status();
    if (ms.value() > longest_ms)
        return Status::failed(phrase('"', value, "\" is out of range: at most ",
                                     duration_text(longest_ms), ", or off"));
    setting.ms = static_cast<uint32_t>(ms.value());
    return setting;
}

Result<RoutePattern> parse_route(std::string_view text) {
    std::string blanks(text);
    for (char& c : blanks)
        if (c == '\t') c = ' ';
    const std::vector<std::string_view> words = split(blanks, ' ');
    if (words.size() < 2 || words.size() > 3)
        return Status::failed(
            phrase('"', text,
                   "\" is no route: write CLASS [METHOD] PATTERN, like build POST /plugins/**"));
    Result<RouteClass> route_class = parse_class(words.front());
    if (!route_class.ok()) return route_class.status();
    RoutePattern route;
    route.route_class = route_class.value();
    route.pattern = words.back();
    if (words.size() == 3) route.method = words[1];
    if (route.method.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos)
        return Status::failed(phrase('"', route.method, "\" is no method: write it like POST"));
    if (route.pattern.front() != '/')
        return Status::failed(
            phrase('"', route.pattern, "\" is no path pattern: it begins with /"));
    return route;
}

std::string route_text(const RoutePattern& route) {
    return phrase(name(route.route_class), route.method.empty() ? "" : " ", route.method, ' ',
                  route.pattern);
}

}  // namespace becaused
