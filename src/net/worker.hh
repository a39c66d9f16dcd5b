// Work that would hold the loop up (a password's hash), on libuv's threads. Owned by whoever made it; it
// must live until done() was called.
#pragma once

#include <uv.h>

#include "net/loop.hh"

namespace becaused {

class Work {
  public:
    Work() = default;
    Work(const Work&) = delete;
    Work& operator=(const Work&) = delete;

    // Queues it: run() on some thread, then done() on the loop's. Keeps the loop running meanwhile.
    void begin(Loop& loop);

  protected:
    ~Work() = default;

  private:
    // On another thread: touches nothing that the loop uses.
    virtual void run() noexcept = 0;
    // May delete the object.
    virtual void done() = 0;

    static void work_cb(uv_work_t* request) noexcept;
    static void after_cb(uv_work_t* request, int status) noexcept;

    uv_work_t request_{};
};

}  // namespace becaused
