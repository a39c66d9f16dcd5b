// The known name that a mistyped one was probably meant to be.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace becaused {

// The closest of `names` by edit distance, or empty when none is close enough to be a typing error.
std::string_view nearest(std::string_view typed, std::span<const std::string_view> names);

// "; did you mean NAME?", or empty. `prefix` is put before the name, as in "--".
std::string suggestion(std::string_view typed, std::span<const std::string_view> names,
                       std::string_view prefix = "");

}  // namespace becaused
