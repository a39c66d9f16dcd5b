#include "support/in_flight.hh"

#include <arpa/inet.h>
#include <dirent.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

#include "base/check.hh"

namespace becaused::test {

namespace {

// One end of a connection.
struct End {
    int fd;
    int state;  // TCP_ESTABLISHED and so on, of netinet/tcp.h
    uint16_t port;
    uint16_t peer_port;
};

uint16_t port_of(const sockaddr_in& address) { return ntohs(address.sin_port); }

// Nothing for what is no TCP socket, or one without a connection.
std::optional<End> end_of(int fd) {
    sockaddr_in own{};
    socklen_t length = sizeof own;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&own), &length) != 0) return std::nullopt;
    if (own.sin_family != AF_INET) return std::nullopt;
    tcp_info info{};
    socklen_t info_length = sizeof info;
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &info_length) != 0) return std::nullopt;
    sockaddr_in peer{};
    length = sizeof peer;
    const bool connected = ::getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &length) == 0;
    if (!connected && info.tcpi_state != TCP_SYN_SENT) return std::nullopt;
    return End{fd, info.tcpi_state, port_of(own), port_of(peer)};
}

int count_of(int fd, unsigned long what) {
    int count = 0;
    return ::ioctl(fd, what, &count) == 0 ? count : 0;
}
// Bytes (and a FIN) that the other end has not acknowledged.
bool unacknowledged(const End& end) {
    return end.state != TCP_CLOSE && count_of(end.fd, SIOCOUTQ) > 0;
}
bool unread(const End& end) { return count_of(end.fd, SIOCINQ) > 0; }

std::vector<End> all_ends() {
    std::vector<End> ends;
    DIR* directory = ::opendir("/proc/self/fd");
    CHECK(directory != nullptr);
    while (const dirent* entry = ::readdir(directory)) {
        if (entry->d_name[0] == '.') continue;
        if (const auto end = end_of(std::atoi(entry->d_name))) ends.push_back(*end);
    }
    ::closedir(directory);
    return ends;
}

std::optional<End> other_end_of(const End& end) {
    for (const End& other : all_ends())
        if (other.port == end.peer_port && other.peer_port == end.port) return other;
    return std::nullopt;
}

// What is on its way to the other end of `end`, or to itself from one that is closed; null: nothing.
const char* under_way(const End& end, const End* other) {
    if (end.state == TCP_SYN_SENT) return "a SYN";
    if (other != nullptr)
        return unacknowledged(end) && !unread(*other) ? "bytes or a FIN" : nullptr;
    const bool told = end.state == TCP_CLOSE || end.state == TCP_CLOSE_WAIT ||
                      end.state == TCP_LAST_ACK || end.state == TCP_CLOSING ||
                      end.state == TCP_TIME_WAIT;
    return !told && !unread(end) ? "the end of a closed socket" : nullptr;
}

}  // namespace

std::string in_flight() {
    std::vector<End> ends = all_ends();
    const auto by_port = [](const End& a, const End& b) {
        return a.port != b.port ? a.port < b.port : a.peer_port < b.peer_port;
    };
    std::ranges::sort(ends, by_port);
    for (const End& end : ends) {
        const End mirror{-1, 0, end.peer_port, end.port};
        const auto other = std::ranges::lower_bound(ends, mirror, by_port);
        const bool here = other != ends.end() && !by_port(mirror, *other);
        const char* what = under_way(end, here ? &*other : nullptr);
        if (what != nullptr)
            return std::string(what) + " from port " + std::to_string(end.port) + " to " +
                   std::to_string(end.peer_port) + (here ? "" : ", which is not open here");
    }
    return {};
}

bool undelivered(int fd) {
    const std::optional<End> end = end_of(fd);
    if (!end) return false;
    const std::optional<End> other = other_end_of(*end);
    return unacknowledged(*end) || (other && unacknowledged(*other));
}

bool other_end_is_open(int fd) {
    const std::optional<End> end = end_of(fd);
    return !end || other_end_of(*end).has_value();
}

}  // namespace becaused::test
