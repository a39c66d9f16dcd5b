#include "net/listener.hh"

#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "net/address.hh"
#include "net/bind.hh"

namespace becaused {

namespace {

constexpr uint64_t back_off_ns = 200 * ns_per_ms;

Status failed(const std::string& text, const std::string& what, int error) {
    return Status::failed("listen: " + text + ": " + what + ": " + std::strerror(error));
}

}  // namespace

Listener::~Listener() { CHECK(poll_ == nullptr); }

Status Listener::open_tcp(const Endpoint& at, uint32_t backlog, const SocketOptions& options,
                          const std::string& text) {
    Result<int> fd = bind_tcp(at, options, false, text);
    return fd.ok() ? begin(fd.value(), backlog, text) : fd.status();
}

Status Listener::open_unix(const std::string& path, uint32_t mode, const std::string& group,
                           uint32_t backlog, const std::string& text) {
    Result<UnixPlace> place = bind_unix(path, mode, group, text);
    if (!place.ok()) return place.status();
    path_ = path;
    path_inode_ = place.value().inode;
    return begin(place.value().fd, backlog, text);
}

Status Listener::adopt(int fd, const std::string& path, uint32_t backlog, const std::string& text) {
    path_ = path;
    return begin(fd, backlog, text);
}

Status Listener::begin(int fd, uint32_t backlog, const std::string& text) {
    if (::listen(fd, static_cast<int>(backlog)) != 0) {
        const int error = errno;
        ::close(fd);
        return failed(text, "listen", error);
    }
    auto* poll = new uv_poll_t;
    int error = ::uv_poll_init(loop_.uv(), poll, fd);
    if (error != 0) {
        delete poll;
        ::close(fd);
        return failed(text, "watch", -error);
    }
    poll->data = this;
    fd_ = fd;
    poll_ = poll;
    error = ::uv_poll_start(poll_, UV_READABLE, poll_cb);
    if (error != 0) {
        close();
        return failed(text, "watch", -error);
    }
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length) == 0)
        entrance_.local = endpoint_of(reinterpret_cast<sockaddr*>(&bound));
    if (!path_.empty()) entrance_.local.path = &path_;
    take_spare();
    return Status::fine();
}

void Listener::close() {
    if (poll_ == nullptr) return;
    Wheel::disarm(*this);
    ignored(::uv_poll_stop(poll_), "stop never fails");
    ::uv_close(reinterpret_cast<uv_handle_t*>(poll_),
               [](uv_handle_t* handle) { delete reinterpret_cast<uv_poll_t*>(handle); });
    poll_ = nullptr;
    ::close(fd_);
    fd_ = -1;
    if (spare_ >= 0) ::close(spare_);
    spare_ = -1;
    if (path_inode_ != 0) left_error_ = unlink_unix(path_, path_inode_);
}

void Listener::poll_cb(uv_poll_t* handle, int, int) noexcept {
    static_cast<Listener*>(handle->data)->accept_some();
}

void Listener::accept_some() {
    for (int i = 0; i < accept_budget && poll_ != nullptr; ++i) {
        sockaddr_storage from{};
        socklen_t length = sizeof from;
        const int fd = ::accept4(fd_, reinterpret_cast<sockaddr*>(&from), &length,
                                 SOCK_NONBLOCK | SOCK_CLOEXEC);
        if (fd >= 0) {
            sink_.on_accept(*this, fd, endpoint_of(reinterpret_cast<sockaddr*>(&from)), 0);
            continue;
        }
        const int error = errno;
        switch (error) {
            case EAGAIN: return;
            case EMFILE:
            case ENFILE:
                // Said even when nobody waits: the kernel looks for a descriptor first.
                switch (accept_on_spare(-error)) {
                    case Spare::accepted: continue;
                    case Spare::nobody_waits: return;
                    case Spare::none_left: back_off(); return;
                }
                return;
            case ENOBUFS:
            case ENOMEM: back_off(); return;
            default: continue;  // accept(2): errors of the connection that is no more
        }
    }
}

// Gives the spare descriptor up for one accept, so that the client hears of it at once, and takes it
// back.
Listener::Spare Listener::accept_on_spare(int error) {
    if (spare_ < 0) return Spare::none_left;
    ::close(spare_);
    spare_ = -1;
    sockaddr_storage from{};
    socklen_t length = sizeof from;
    const int fd =
        ::accept4(fd_, reinterpret_cast<sockaddr*>(&from), &length, SOCK_NONBLOCK | SOCK_CLOEXEC);
    const bool nobody_waits = fd < 0 && errno == EAGAIN;
    if (fd >= 0) sink_.on_accept(*this, fd, endpoint_of(reinterpret_cast<sockaddr*>(&from)), error);
    take_spare();
    if (fd >= 0) return Spare::accepted;
    return nobody_waits ? Spare::nobody_waits : Spare::none_left;
}

// A socket, since there may be no file to open: an empty root has no /dev/null.
void Listener::take_spare() { spare_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0); }

// The backlog stays readable: polling on would spin. Look again in a moment. Until then the handle watches
// for what never comes on a listening socket, because a loop without an active handle ends.
void Listener::back_off() {
    ignored(::uv_poll_start(poll_, UV_PRIORITIZED, poll_cb), "it was watched until now");
    loop_.wheel().arm(*this, loop_.now_ns() + back_off_ns);
}

void Listener::on_ring() {
    if (spare_ < 0) take_spare();
    const int error = ::uv_poll_start(poll_, UV_READABLE, poll_cb);
    if (error != 0) loop_.wheel().arm(*this, loop_.now_ns() + back_off_ns);
}

}  // namespace becaused
