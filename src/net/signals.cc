#include "net/signals.hh"

#include <csignal>

namespace becaused {

void Signals::signal_cb(uv_signal_t* handle, int number) noexcept {
    static_cast<Signals*>(handle->data)->sink_.on_signal(number);
}

Status Signals::open() {
    const int numbers[] = {SIGTERM, SIGINT, SIGHUP};
    for (const int number : numbers) {
        uv_signal_t& handle = handles_[open_];
        int error = ::uv_signal_init(loop_.uv(), &handle);
        if (error == 0) {
            ++open_;
            handle.data = this;
            ::uv_unref(reinterpret_cast<uv_handle_t*>(&handle));
            error = ::uv_signal_start(&handle, signal_cb, number);
        }
        if (error != 0)
            return Status::failed(std::string("signals cannot be watched: ") +
                                  ::uv_strerror(error));
    }
    return Status::fine();
}

void Signals::close() {
    while (open_ > 0) ::uv_close(reinterpret_cast<uv_handle_t*>(&handles_[--open_]), nullptr);
}

}  // namespace becaused
