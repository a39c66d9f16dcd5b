#include "net/signals.hh"

#include <csignal>

namespace becaused {

void Signals::signal_cb(uv_signal_t* handle, int number) noexcept {
    static_cast<Signals*>(handle->data)->sink_.on_signal(number);
}

void Signals::open() {
    constexpr std::array<int, std::tuple_size_v<decltype(handles_)>> numbers = {SIGTERM, SIGINT,
                                                                                SIGHUP};
    for (size_t i = 0; i < handles_.size(); ++i) {
        CHECK(::uv_signal_init(loop_.uv(), &handles_[i]) == 0);
        handles_[i].data = this;
        CHECK(::uv_signal_start(&handles_[i], signal_cb, numbers[i]) == 0);
        ::uv_unref(reinterpret_cast<uv_handle_t*>(&handles_[i]));
    }
    open_ = true;
}

void Signals::close() {
    if (!open_) return;
    open_ = false;
    for (uv_signal_t& handle : handles_)
        ::uv_close(reinterpret_cast<uv_handle_t*>(&handle), nullptr);
}

}  // namespace becaused
