#include "base/clock.hh"

#include <ctime>

namespace becaused {

namespace {

uint64_t read_ns(clockid_t id) {
    timespec at{};
    ::clock_gettime(id, &at);
    return static_cast<uint64_t>(at.tv_sec) * 1'000'000'000U + static_cast<uint64_t>(at.tv_nsec);
}

}  // namespace

void Clock::read() {
    now_ns_ = read_ns(CLOCK_MONOTONIC);
    stale_ = false;
    if (wall_base_ns_ == 0 || now_ns_ - wall_read_at_ns_ > 1'000 * ns_per_ms) {
        wall_base_ns_ = read_ns(CLOCK_REALTIME) - now_ns_;
        wall_read_at_ns_ = now_ns_;
    }
}

void Clock::freeze(uint64_t now_ns, uint64_t wall_ns) {
    frozen_ = true;
    stale_ = false;
    now_ns_ = now_ns;
    wall_base_ns_ = wall_ns - now_ns;
}

}  // namespace becaused
