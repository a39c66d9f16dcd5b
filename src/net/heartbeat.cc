#include "net/heartbeat.hh"

namespace becaused {

void Heartbeat::timer_cb(uv_timer_t* handle) noexcept {
    static_cast<Heartbeat*>(handle->data)->sink_.on_beat();
}

void Heartbeat::start(uint64_t period_ms) {
    CHECK(!begun_);
    CHECK(::uv_timer_init(loop_.uv(), &timer_) == 0);
    begun_ = true;
    timer_.data = this;
    ::uv_unref(reinterpret_cast<uv_handle_t*>(&timer_));
    CHECK(::uv_timer_start(&timer_, timer_cb, period_ms, period_ms) == 0);
}

void Heartbeat::close() {
    if (begun_) ::uv_close(reinterpret_cast<uv_handle_t*>(&timer_), nullptr);
    begun_ = false;
}

}  // namespace becaused
