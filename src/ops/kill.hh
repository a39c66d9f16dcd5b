// `becaused kill`: ends one open request or connection of a living proxy, by the id that records and
// `becaused why --live` give it.
#pragma once

#include <span>
#include <string>

namespace becaused {

// `arguments`: what follows `kill`. Returns the exit code.
int kill_open(std::span<const std::string> arguments);

}  // namespace becaused
