#include "ops/patience.hh"

#include <array>

#include "gate/identity.hh"
#include "http/octets.hh"
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

// WORD [METHOD] PATTERN, separated by blanks.
struct Ruled {
    std::string_view word;
    std::string method;
    std::string pattern;
};

// `wanted`: what it is not, and how to write it.
Result<Ruled> parse_ruled(std::string_view text, std::string_view wanted) {
    std::vector<std::string_view> words;
    for (const std::string_view part : split(text, ' '))
        for (const std::string_view word : split(part, '\t')) words.push_back(word);
    if (words.size() < 2 || words.size() > 3)
        return Status::failed(phrase('"', text, "\" is no ", wanted));
    Ruled ruled{words.front(), "", std::string(words.back())};
    if (words.size() == 3) ruled.method = words[1];
    if (ruled.method.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") != std::string::npos)
        return Status::failed(phrase('"', ruled.method, "\" is no method: write it like POST"));
    if (ruled.pattern.front() != '/')
        return Status::failed(
            phrase('"', ruled.pattern, "\" is no path pattern: it begins with /"));
    return ruled;
}

}  // namespace

bool has_classes(ClockName clock) {
    switch (clock) {
        case ClockName::tls_handshake:
        case ClockName::request_head:
        case ClockName::request_head_total:
        case ClockName::keepalive:
        case ClockName::auth:
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
    Result<Ruled> ruled =
        parse_ruled(text, "route: write CLASS [METHOD] PATTERN, like build POST /plugins/**");
    if (!ruled.ok()) return ruled.status();
    Result<RouteClass> route_class = parse_class(ruled.value().word);
    if (!route_class.ok()) return route_class.status();
    return RoutePattern{std::move(ruled.value().method), std::move(ruled.value().pattern),
                        route_class.value()};
}

Result<BodyLimit> parse_body_limit(std::string_view text) {
    Result<Ruled> ruled =
        parse_ruled(text, "limit: write SIZE [METHOD] PATTERN, like 2GiB POST /build");
    if (!ruled.ok()) return ruled.status();
    Result<uint64_t> bytes = parse_size(ruled.value().word);
    if (!bytes.ok()) return bytes.status();
    return BodyLimit{std::move(ruled.value().method), std::move(ruled.value().pattern),
                     bytes.value()};
}

std::string body_limit_text(const BodyLimit& limit) {
    return phrase(size_text(limit.bytes), limit.method.empty() ? "" : " ", limit.method, ' ',
                  limit.pattern);
}

Result<RateClass> parse_rate_class(std::string_view text) {
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos)
        return Status::failed(phrase('"', text, "\" has no rate: write NAME=RATE, like ci=100/s"));
    const std::string_view name = trimmed(text.substr(0, equals));
    if (!is_grant_name(name)) return Status::failed(phrase('"', name, "\" is no class's name"));
    Result<Rate> rate = parse_rate(trimmed(text.substr(equals + 1)));
    if (!rate.ok()) return rate.status();
    return RateClass{std::string(name), rate.value()};
}

std::string rate_class_text(const RateClass& rate_class) {
    return phrase(rate_class.name, '=', rate_text(rate_class.rate));
}

std::string route_text(const RoutePattern& route) {
    return phrase(name(route.route_class), route.method.empty() ? "" : " ", route.method, ' ',
                  route.pattern);
}

}  // namespace becaused
