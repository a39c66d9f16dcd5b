// Date and time as tokens and settings write them: RFC 3339 §5.6, as strict as PASETO's claims ask
// (an upper-case T and Z, an offset always). Times are milliseconds since 1970 in UTC. Pure.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <string_view>

namespace becaused {

// Later than any time that can be written.
inline constexpr int64_t never_ms = std::numeric_limits<int64_t>::max();

// "2026-11-21T12:00:00Z", "2026-11-21T13:00:00.25+01:00". Nothing for any other text, for days that no
// calendar has, and for the leap second :60. Digits after the milliseconds are left out.
std::optional<int64_t> parse_datetime(std::string_view text);

// "2026-11-21T12:00:00Z"; milliseconds are left out. `ms`: of the years 0 to 9999.
std::string datetime_text(int64_t ms);

}  // namespace becaused
