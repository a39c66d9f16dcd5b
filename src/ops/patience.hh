// What people say about clocks and routes: `request_head=2s`, `transfer.response_body=20m`,
// `build POST /plugins/*/create`. Pure functions over the ledger's vocabulary.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/status.hh"
#include "ledger/vocabulary.hh"
#include "proxy/settings.hh"

namespace becaused {

struct ClockSetting {
    std::optional<RouteClass> route_class;  // none: all classes
    ClockName clock = ClockName::request_head;
    uint32_t ms = 0;  // 0: off
};

// `name` is NAME or CLASS.NAME.
Result<ClockSetting> parse_clock(std::string_view name, std::string_view value);

// False for clocks that run before a request has a route, or outside of any request: they cannot
// have a setting per class.
bool has_classes(ClockName clock);

// SIZE [METHOD] PATTERN, separated by blanks.
Result<BodyLimit> parse_body_limit(std::string_view text);
std::string body_limit_text(const BodyLimit& limit);

// NAME=RATE.
Result<RateClass> parse_rate_class(std::string_view text);
std::string rate_class_text(const RateClass& rate_class);

// CLASS [METHOD] PATTERN, separated by blanks.
Result<RoutePattern> parse_route(std::string_view text);
std::string route_text(const RoutePattern& route);

}  // namespace becaused
