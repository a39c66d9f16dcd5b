// Keeps libuv's worker threads busy until told, so that what is given to them waits in their queue.
// Outlives the loop's interest in it: the loop must have turned after `release`, or be gone.
#pragma once

#include <uv.h>

#include <array>

#include "net/loop.hh"

namespace becaused::test {

class BusyThreads {
  public:
    explicit BusyThreads(Loop& loop) {
        ::uv_sem_init(&gate_, 0);
        for (uv_work_t& work : works_) {
            work.data = &gate_;
            ::uv_queue_work(
                loop.uv(), &work,
                [](uv_work_t* request) { ::uv_sem_wait(static_cast<uv_sem_t*>(request->data)); },
                [](uv_work_t*, int) {});
        }
    }
    BusyThreads(const BusyThreads&) = delete;
    BusyThreads& operator=(const BusyThreads&) = delete;
    ~BusyThreads() { ::uv_sem_destroy(&gate_); }

    void release() {
        if (released_) return;
        released_ = true;
        for (size_t i = 0; i < works_.size(); ++i) ::uv_sem_post(&gate_);
    }

  private:
    std::array<uv_work_t, 4> works_{};  // libuv's default number of threads
    uv_sem_t gate_{};
    bool released_ = false;
};

}  // namespace becaused::test
