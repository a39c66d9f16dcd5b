#include "net/worker.hh"

#include "base/check.hh"

namespace becaused {

void Work::work_cb(uv_work_t* request) noexcept { static_cast<Work*>(request->data)->run(); }
void Work::after_cb(uv_work_t* request, int) noexcept { static_cast<Work*>(request->data)->done(); }

void Work::begin(Loop& loop) {
    request_.data = this;
    // Fails only without a callback (libuv's documentation).
    CHECK(::uv_queue_work(loop.uv(), &request_, work_cb, after_cb) == 0);
}

}  // namespace becaused
