#include "net/bind.hh"

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

Result<int> bind_tcp(const Endpoint& at, const SocketOptions& options, bool shared,
                     const std::string& text) {
    sockaddr_storage address{};
    const socklen_t length = fill_sockaddr(at, address);
    const int fd = ::socket(address.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) return failed(text, "no socket", errno);
    const int on = 1;
    int error = ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) == 0 ? 0 : -errno;
    if (error == 0 && shared && ::setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
        error = -errno;
    if (error == 0 && at.kind == Endpoint::Kind::ip6) {
        const bool any = at.address == std::array<uint8_t, 16>{};
        const int only = any ? 0 : 1;
        error = ::setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &only, sizeof only) == 0 ? 0 : -errno;
    }
    if (error == 0) error = apply_socket_options(fd, options);
    if (error == 0 && ::bind(fd, reinterpret_cast<const sockaddr*>(&address), length) != 0)
        error = -errno;
    if (error == 0) return fd;
    ::close(fd);
    const bool in_use = error == -EADDRINUSE;
    return failed(text, in_use ? "another process listens there" : "bind", -error);
}

Result<UnixPlace> bind_unix(const std::string& path, uint32_t mode, const std::string& group,
                            const std::string& text) {
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
    UnixPlace place{fd, 0};
    if (::lstat(path.c_str(), &there) == 0) place.inode = there.st_ino;
    Status status = give_to_group(path, group, text);
    if (status.ok() && ::chmod(path.c_str(), mode) != 0) status = failed(text, "chmod", errno);
    if (status.ok()) return place;
    ::close(fd);
    ignored(::unlink(path.c_str()), "the error that is returned says more");
    return status;
}

int unlink_unix(const std::string& path, uint64_t inode) {
    struct stat there {};
    if (::lstat(path.c_str(), &there) != 0 || there.st_ino != inode) return 0;
    return ::unlink(path.c_str()) == 0 || errno == ENOENT ? 0 : -errno;
}

}  // namespace becaused
