// `becaused why`: reads records and says in plain sentences what ended, and why. It needs nothing
// but the lines: it runs beside a living proxy, after one, or on another machine.
#pragma once

#include <span>
#include <string>

namespace becaused {

// `arguments`: what follows `why`. Returns the exit code.
int why(std::span<const std::string> arguments);

}  // namespace becaused
