// `becaused run`: builds the proxy from its settings and serves until it is told to stop.
#pragma once

#include "ops/station.hh"
#include "proxy/settings.hh"

namespace becaused {

// Returns the process's exit code: 0 when all ended well, 1 when it could not start or go on. `station`: of
// one of several workers, which says only what concerns itself and takes orders instead of signals; null:
// the only process.
int run(const Settings& settings, const Station* station = nullptr);

}  // namespace becaused
