// A descriptor of somebody else's that is watched for what there is to read. It does not keep the loop
// running, and never reads, nor closes the descriptor.
#pragma once

#include <uv.h>

#include "base/status.hh"
#include "net/loop.hh"

namespace becaused {

class ReadableSink {
  public:
    // There is something, or the other end is gone. Asked again while that is so.
    virtual void on_readable() = 0;

  protected:
    ~ReadableSink() = default;
};

class Readable {
  public:
    Readable(Loop& loop, ReadableSink& sink) : loop_(loop), sink_(sink) {}
    Readable(const Readable&) = delete;
    Readable& operator=(const Readable&) = delete;
    ~Readable() { CHECK(poll_ == nullptr); }

    Status open(int fd);
    // Before the descriptor is closed. The loop has to run once more after it.
    void close();

  private:
    static void poll_cb(uv_poll_t* handle, int status, int events) noexcept;

    Loop& loop_;
    ReadableSink& sink_;
    uv_poll_t* poll_ = nullptr;  // deletes itself when closed
};

}  // namespace becaused
