// The sign that a process's loop turns, for whoever looks after it: a worker's parent (ops/crew.hh), or the
// service manager that started the only process (ops/notify.hh). Where nobody does, nothing runs.
#pragma once

#include "net/heartbeat.hh"
#include "ops/notify.hh"
#include "ops/station.hh"

namespace becaused {

class LifeSign final : private HeartbeatSink {
  public:
    LifeSign(Loop& loop, const Station* station) : station_(station), heart_(loop, *this) {}
    void start() {
        const uint64_t period_ms =
            station_ != nullptr ? station_->beat_ms : notify_watchdog_ms() / 2;
        if (period_ms > 0) heart_.start(period_ms);
    }
    void close() { heart_.close(); }

  private:
    void on_beat() override {
        if (station_ != nullptr) station_->beats->fetch_add(1, std::memory_order_relaxed);
        else ignored(notify("WATCHDOG=1") ? 0 : 1, "the next one comes");
    }

    const Station* station_;
    Heartbeat heart_;
};

}  // namespace becaused
