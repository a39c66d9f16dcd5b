// Signals as events of the loop. Owns its handles; close() before the loop ends.
#pragma once

#include <uv.h>

#include <array>

#include "net/loop.hh"

namespace becaused {

class SignalSink {
  public:
    virtual void on_signal(int number) = 0;

  protected:
    ~SignalSink() = default;
};

class Signals {
  public:
    Signals(Loop& loop, SignalSink& sink) : loop_(loop), sink_(sink) {}
    Signals(const Signals&) = delete;
    Signals& operator=(const Signals&) = delete;

    // SIGTERM, SIGINT and SIGHUP. They do not keep the loop running. Failed: close() all the same.
    Status open();
    void close();

  private:
    static void signal_cb(uv_signal_t* handle, int number) noexcept;

    Loop& loop_;
    SignalSink& sink_;
    size_t open_ = 0;  // of handles_
    std::array<uv_signal_t, 3> handles_{};
};

}  // namespace becaused
