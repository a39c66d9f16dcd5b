// What one of several workers may use of what the settings allow all of them together. Pure but for the
// number of cores.
#pragma once

#include <cstdint>

#include "proxy/settings.hh"

namespace becaused {

inline constexpr uint32_t most_workers = 64;

// How many the settings ask for; `auto`: as many as the cores that this process may use.
uint32_t worker_count(const Settings& settings);

// Divided: clients, handshakes, memory, idle upstream connections, and the rate of all together. What is
// counted by address or by identity is not: each worker counts for itself, since a client's connections
// may all have come to one of them.
Settings share_of(const Settings& settings, uint32_t workers);

}  // namespace becaused
