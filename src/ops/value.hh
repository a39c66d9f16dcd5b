// The texts that values have in flags, environment and files, and back: durations, sizes, counts,
// booleans. Pure functions; a failure says what is wrong with the text, and its caller adds where
// it stood. The text of a value is exact: parsing it gives the value again.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hh"

namespace becaused {

// Milliseconds of `500ms`, `2s`, `1h30m`; 0 for `off`. A bare number is refused, so that nobody has
// to guess a unit; so is a zero, because `off` says what it means.
Result<uint64_t> parse_duration(std::string_view text);
// Bytes of `512B`, `64KiB`, `8MiB`, `1GiB`. Decimal units are refused.
Result<uint64_t> parse_size(std::string_view text);
Result<uint64_t> parse_count(std::string_view text);
// `true` or `false`, also 1 and 0 as environments often have them.
Result<bool> parse_boolean(std::string_view text);

std::string duration_text(uint64_t ms);
std::string size_text(uint64_t bytes);
// As a string of TOML, in quotes.
std::string in_quotes(std::string_view text);

// Without the white space and line ends around it.
std::string_view stripped(std::string_view text);
// The stripped parts of `text` between `separator`s; empty ones are left out.
std::vector<std::string_view> split(std::string_view text, char separator);

}  // namespace becaused
