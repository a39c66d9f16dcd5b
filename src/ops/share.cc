#include "ops/share.hh"

#include <algorithm>

#include "ops/cores.hh"

namespace becaused {

namespace {

// At least one of what there is any of.
uint32_t part(uint32_t all, uint32_t workers) { return (all + workers - 1) / workers; }

}  // namespace

uint32_t worker_count(const Settings& settings) {
    if (settings.workers != 0) return settings.workers;
    return std::clamp(usable_cores(), 1U, most_workers);
}

Settings share_of(const Settings& settings, uint32_t workers) {
    constexpr uint64_t least_memory = 1U << 20;
    Settings share = settings;
    share.max_connections = part(settings.max_connections, workers);
    share.max_handshakes = part(settings.max_handshakes, workers);
    share.pool_size = part(settings.pool_size, workers);
    share.memory_bytes = std::max(settings.memory_bytes / workers, least_memory);
    if (settings.total_rate.on()) {
        // As many in a longer time: exact also where there are fewer than workers.
        share.total_rate.period_s *= workers;
        share.total_rate.burst = part(static_cast<uint32_t>(settings.total_rate.most()), workers);
    }
    return share;
}

}  // namespace becaused
