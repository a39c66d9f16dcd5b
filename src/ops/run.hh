// `becaused run`: builds the proxy from its settings and serves until it is told to stop.
#pragma once

#include "ops/config.hh"

namespace becaused {

// Returns the process's exit code: 0 when all ended well, 1 when it could not start or go on.
int run(const Settings& settings, const Config& config);

}  // namespace becaused
