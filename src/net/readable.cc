#include "net/readable.hh"

#include <string>

namespace becaused {

void Readable::poll_cb(uv_poll_t* handle, int, int) noexcept {
    static_cast<Readable*>(handle->data)->sink_.on_readable();
}

Status Readable::open(int fd) {
    auto* poll = new uv_poll_t;
    int error = ::uv_poll_init(loop_.uv(), poll, fd);
    if (error != 0) {
        delete poll;
        return Status::failed(std::string("cannot be watched: ") + ::uv_strerror(error));
    }
    poll->data = this;
    poll_ = poll;
    ::uv_unref(reinterpret_cast<uv_handle_t*>(poll_));
    error = ::uv_poll_start(poll_, UV_READABLE, poll_cb);
    if (error == 0) return Status::fine();
    close();
    return Status::failed(std::string("cannot be watched: ") + ::uv_strerror(error));
}

void Readable::close() {
    if (poll_ == nullptr) return;
    ignored(::uv_poll_stop(poll_), "stop never fails");
    ::uv_close(reinterpret_cast<uv_handle_t*>(poll_),
               [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); });
    poll_ = nullptr;
}

}  // namespace becaused
