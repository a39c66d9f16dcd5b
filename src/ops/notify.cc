#include "ops/notify.hh"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <charconv>
#include <cstddef>
#include <cstdlib>
#include <cstring>

#include "base/status.hh"

namespace becaused {

namespace {

uint64_t number_in(const char* name) {
    const char* text = std::getenv(name);
    if (text == nullptr) return 0;
    uint64_t number = 0;
    const char* end = text + std::strlen(text);
    const auto [stop, error] = std::from_chars(text, end, number);
    return error == std::errc() && stop == end ? number : 0;
}

}  // namespace

bool notify(std::string_view state) {
    const char* path = std::getenv("NOTIFY_SOCKET");
    if (path == nullptr || (*path != '/' && *path != '@')) return false;
    const size_t size = std::strlen(path);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    if (size < 2 || size >= sizeof address.sun_path) return false;
    std::memcpy(address.sun_path, path, size);
    if (*path == '@') address.sun_path[0] = '\0';  // an abstract one (unix(7))
    const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return false;
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + size);
    const bool sent = ::sendto(fd, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                               reinterpret_cast<const sockaddr*>(&address),
                               length) == static_cast<ssize_t>(state.size());
    ignored(::close(fd), "it was sent, or it was not");
    return sent;
}

uint64_t notify_watchdog_ms() {
    const uint64_t pid = number_in("WATCHDOG_PID");
    const bool ours = pid == 0 || pid == static_cast<uint64_t>(::getpid());
    const bool heard = std::getenv("NOTIFY_SOCKET") != nullptr;
    return ours && heard ? number_in("WATCHDOG_USEC") / 1000 : 0;
}

}  // namespace becaused
