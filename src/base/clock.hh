// The injected now. The loop calls `turn()` once before each poll; the first reader of a turn pays one
// clock_gettime(2), everyone else reads a number. Tests freeze it and move it by hand.
// Monotonic times are nanoseconds since an arbitrary start; wall times are nanoseconds since 1970.
#pragma once

#include <cstdint>

namespace becaused {

inline constexpr uint64_t ns_per_ms = 1'000'000;

class Clock {
  public:
    uint64_t now_ns() {
        if (stale_) [[unlikely]]
            read();
        return now_ns_;
    }
    // The wall time that belongs to the monotonic time `at_ns`; follows steps of the system's clock
    // within a second.
    uint64_t wall_ns(uint64_t at_ns) const { return wall_base_ns_ + at_ns; }
    // What was read is old: the next now_ns() reads again.
    void turn() { stale_ = !frozen_; }

    // From here on only `advance` moves time (tests).
    void freeze(uint64_t now_ns, uint64_t wall_ns);
    void advance(uint64_t by_ns) { now_ns_ += by_ns; }
    bool frozen() const { return frozen_; }

  private:
    void read();

    uint64_t now_ns_ = 0;
    uint64_t wall_base_ns_ = 0;  // wall = base + monotonic
    uint64_t wall_read_at_ns_ = 0;
    bool stale_ = true;
    bool frozen_ = false;
};

}  // namespace becaused
