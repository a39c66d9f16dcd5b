#include "support/origin.hh"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>

#include "base/check.hh"

namespace becaused::test {

Origin::Origin(const std::string& path) {
    listener_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::snprintf(address.sun_path, sizeof address.sun_path, "%s", path.c_str());
    CHECK(::bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof address) == 0);
    CHECK(::listen(listener_, 512) == 0);
    wake_ = ::eventfd(0, EFD_CLOEXEC);
    CHECK(wake_ >= 0);
    thread_ = std::thread([this] { run(); });
}

Origin::~Origin() {
    over_ = true;
    CHECK(::eventfd_write(wake_, 1) == 0);
    thread_.join();
    for (const Connection& connection : connections_) ::close(connection.fd);
    ::close(listener_);
    ::close(wake_);
}

void Origin::release() {
    released_ = true;
    CHECK(::eventfd_write(wake_, 1) == 0);
}

void Origin::run() {
    while (!over_) {
        std::vector<pollfd> looks = {{wake_, POLLIN, 0}, {listener_, POLLIN, 0}};
        for (const Connection& connection : connections_)
            looks.push_back({connection.fd, POLLIN, 0});
        if (::poll(looks.data(), looks.size(), -1) <= 0) continue;
        eventfd_t count = 0;
        if (looks[0].revents != 0) ::eventfd_read(wake_, &count);
        for (size_t i = 0; i + 2 < looks.size(); ++i)
            if (looks[i + 2].revents != 0) read_some(connections_[i]);
        std::erase_if(connections_, [](const Connection& one) { return one.fd < 0; });
        if (released_) release_held();
        if (looks[1].revents != 0) accept_one();
    }
}

void Origin::accept_one() {
    const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (fd >= 0) connections_.push_back({fd, {}, {}});
}

void Origin::read_some(Connection& connection) {
    char piece[16384];
    const ssize_t count = ::read(connection.fd, piece, sizeof piece);
    if (count <= 0) {
        if (!connection.held.empty()) --held_;
        ::close(connection.fd);
        connection.fd = -1;
        return;
    }
    connection.received.append(piece, static_cast<size_t>(count));
    for (size_t end = 0; (end = connection.received.find("\r\n\r\n")) != std::string::npos;) {
        const size_t begin = connection.received.find(' ') + 1;
        const std::string target =
            connection.received.substr(begin, connection.received.find(' ', begin) - begin);
        connection.received.erase(0, end + 4);
        answer(connection, target);
    }
}

void Origin::answer(Connection& connection, const std::string& target) {
    const std::string text =
        "HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(target.size()) + "\r\n\r\n" + target;
    if (target.find("hold") != std::string::npos && !released_) {
        connection.held = text;
        ++held_;
        return;
    }
    CHECK(::send(connection.fd, text.data(), text.size(), MSG_NOSIGNAL) ==
          static_cast<ssize_t>(text.size()));
}

void Origin::release_held() {
    for (Connection& connection : connections_) {
        if (connection.held.empty()) continue;
        // Whoever asked may be gone.
        if (::send(connection.fd, connection.held.data(), connection.held.size(), MSG_NOSIGNAL) < 0)
            continue;
        connection.held.clear();
        --held_;
    }
}

}  // namespace becaused::test
