// A beat every so often, for as long as the loop turns: it shows somebody else that it does. It does not keep
// the loop running.
#pragma once

#include <uv.h>

#include "net/loop.hh"

namespace becaused {

class HeartbeatSink {
  public:
    virtual void on_beat() = 0;

  protected:
    ~HeartbeatSink() = default;
};

class Heartbeat {
  public:
    Heartbeat(Loop& loop, HeartbeatSink& sink) : loop_(loop), sink_(sink) {}
    Heartbeat(const Heartbeat&) = delete;
    Heartbeat& operator=(const Heartbeat&) = delete;
    ~Heartbeat() { CHECK(!begun_); }

    // The first one after `period_ms`.
    void start(uint64_t period_ms);
    // The loop has to run once more after it.
    void close();

  private:
    static void timer_cb(uv_timer_t* handle) noexcept;

    Loop& loop_;
    HeartbeatSink& sink_;
    uv_timer_t timer_{};
    bool begun_ = false;
};

}  // namespace becaused
