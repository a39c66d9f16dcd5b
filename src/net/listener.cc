#include "net/listener.hh"

#include <grp.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "net/address.hh"

namespace becaused {

namespace {

constexpr uint64_t back_off_ns = 200 * ns_per_ms;

Status failed(const std::string& text, const std::string& what, int error) {
    return Status::failed("listen: " + text + ": " + what + ": " + std::strerror(error));
}

sockaddr_un unix_address(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size());
    return address;
}

// Does someone accept connections on that path? A socket file without a listener refuses.
bool alive(const sockaddr_un& address) {
    const int probe = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (probe < 0) return true;
    const int result =
        ::connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const bool refused = result != 0 && errno == ECONNREFUSED;
    ::close(probe);
    return !refused;
}

Status give_to_group(const std::string& path, const std::string& group, const std::string& text) {
    if (group.empty()) return Status::fine();
    char* end = nullptr;
    gid_t id = static_cast<gid_t>(std::strtoul(group.c_str(), &end, 10));
    if (*end != '\0') {
        const struct group* found = ::getgrnam(group.c_str());
        if (found == nullptr)
            return Status::failed("listen: " + text + ": there is no group \"" + group + "\"");
        id = found->gr_gid;
    }
    if (::chown(path.c_str(), static_cast<uid_t>(-1), id) != 0)
        return failed(text, "cannot give the socket to group " + group, errno);
    return Status::fine();
}

}  // namespace

Listener::~Listener() { CHECK(poll_ == nullptr); }

Status Listener::open_tcp(const Endpoint& at, uint32_t backlog, const SocketOptions& options,
                          const std::string& text) {
    sockaddr_storage address{};
    const socklen_t length = fill_sockaddr(at, address);
    const int fd = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return failed(text, "no socket", errno);
    const int on = 1;
    int error = ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 ? 0 : -errno;
    if (error == 0 && at.kind == Endpoint::Kind::ip6) {
        const bool any = at.address == std::array<uint8_t, 16>{};
        const int only = any ? 0 : 1;
        error = ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) == 0 ? 0 : -errno;
    }
    if (error == 0) error = apply_socket_options(fd, options);
    if (error == 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0)
        error = -errno;
    if (error != 0) {
        ::close(fd);
        const bool in_use = error == -EADDRINUSE;
        return failed(text, in_use ? "another process listens there" : "bind", -error);
    }
    return begin(fd, backlog, text);
}

Status Listener::open_unix(const std::string& path, uint32_t mode, const std::string& group,
                           uint32_t backlog, const std::string& text) {
    if (path.size() >= sizeof(sockaddr_un::sun_path))
        return Status::failed("listen: " + text +
                              ": the path is longer than a unix socket's may be");
    const sockaddr_un address = unix_address(path);
    struct stat there {};
    if (::lstat(path.c_str(), &there) == 0) {
        if (!S_ISSOCK(there.st_mode))
            return Status::failed("listen: " + text + ": there is a file that is not a socket");
        if (alive(address))
            return Status::failed("listen: " + text + ": another process listens there");
        if (::unlink(path.c_str()) != 0) return failed(text, "cannot replace a dead socket", errno);
    }
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return failed(text, "no socket", errno);
    // Nobody may connect between bind and chmod.
    const mode_t before = ::umask(0177);
    const int bound = ::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
    const int error = errno;
    ::umask(before);
    if (bound != 0) {
        ::close(fd);
        return failed(text, "bind", error);
    }
    path_ = path;
    if (::lstat(path.c_str(), &there) == 0) path_inode_ = there.st_ino;
    Status status = give_to_group(path, group, text);
    if (status.ok() && ::chmod(path.c_str(), mode) != 0) status = failed(text, "chmod", errno);
    if (status.ok()) return begin(fd, backlog, text);
    ::close(fd);
    ignored(::unlink(path.c_str()), "the error that is returned says more");
    return status;
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
        local_ = endpoint_of(reinterpret_cast<sockaddr*>(&bound));
    if (!path_.empty()) local_.path = &path_;
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
    struct stat there {};
    const bool ours =
        !path_.empty() && ::lstat(path_.c_str(), &there) == 0 && there.st_ino == path_inode_;
    if (ours) ignored(::unlink(path_.c_str()), "a stale socket file is replaced at the next start");
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
