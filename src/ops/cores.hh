// How many cores' worth of time this process may have: those that it may run on, or fewer where a
// container's quota gives it less. Where something cannot be read, it sets no limit.
#pragma once

#include <cstdint>
#include <string>

namespace becaused {

// At least 1; a part of a core counts as one. `proc` and `cgroups`: where these file systems are mounted.
uint32_t usable_cores(const std::string& proc = "/proc",
                      const std::string& cgroups = "/sys/fs/cgroup");

}  // namespace becaused
