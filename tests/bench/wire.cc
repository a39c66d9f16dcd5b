#include "wire.hh"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>

namespace bench {

void die(const std::string& what) {
    std::fprintf(stderr, "%s: %s\n", program_invocation_short_name, what.c_str());
    std::exit(2);
}

void die_errno(const std::string& what) { die(what + ": " + std::strerror(errno)); }

std::uint64_t parse_number(std::string_view text, std::string_view name) {
    std::uint64_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        die(std::string(name) + ": \"" + std::string(text) + "\" is not a number");
    }
    return value;
}

namespace {

constexpr std::string_view tcp_scheme = "tcp://";
constexpr std::string_view unix_scheme = "unix://";

Address tcp_address(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon == std::string_view::npos) die("no port in tcp://" + std::string(text));
    const std::uint64_t port = parse_number(text.substr(colon + 1), "port");
    sockaddr_in in{};
    in.sin_family = AF_INET;
    in.sin_port = htons(static_cast<std::uint16_t>(port));
    const std::string host(text.substr(0, colon));
    if (port > 65535 || inet_pton(AF_INET, host.c_str(), &in.sin_addr) != 1) {
        die("not an IPv4 address and port: " + std::string(text));
    }
    Address address;
    std::memcpy(&address.storage, &in, sizeof in);
    address.length = sizeof in;
    return address;
}

Address unix_address(std::string_view path) {
    sockaddr_un un{};
    un.sun_family = AF_UNIX;
    if (path.empty() || path.size() >= sizeof un.sun_path) {
        die("a unix socket's path has 1 to 107 bytes: " + std::string(path));
    }
    path.copy(un.sun_path, path.size());
    Address address;
    std::memcpy(&address.storage, &un, sizeof un);
    address.length = sizeof un;
    return address;
}

int open_socket(const Address& address) {
    const int kind = SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC;
    const int fd = socket(address.storage.ss_family, kind, 0);
    if (fd < 0) die_errno("socket");
    return fd;
}

const sockaddr* as_sockaddr(const Address& address) {
    return reinterpret_cast<const sockaddr*>(&address.storage);
}

// Nagle would hold back a request's second part until the first is acknowledged, and a machine's
// default congestion control (bbr) would pace what never leaves the machine.
void send_at_once(int fd) {
    const int on = 1;
    constexpr std::string_view control = "reno";
    if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) != 0) die_errno("TCP_NODELAY");
    if (setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, control.data(), control.size()) != 0) {
        die_errno("TCP_CONGESTION");
    }
}

}  // namespace

Address parse_address(std::string_view text) {
    if (text.starts_with(tcp_scheme)) return tcp_address(text.substr(tcp_scheme.size()));
    if (text.starts_with(unix_scheme)) return unix_address(text.substr(unix_scheme.size()));
    die("an address is tcp://IP:PORT or unix:///path, not \"" + std::string(text) + "\"");
}

int listen_on(const Address& address) {
    const int fd = open_socket(address);
    if (address.is_tcp()) {
        const int on = 1;
        if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0)
            die_errno("SO_REUSEADDR");
        send_at_once(fd);  // what is accepted inherits it
    } else {
        const char* path = reinterpret_cast<const sockaddr_un*>(&address.storage)->sun_path;
        if (unlink(path) != 0 && errno != ENOENT) die_errno(std::string("unlink ") + path);
    }
    if (bind(fd, as_sockaddr(address), address.length) != 0) die_errno("bind");
    if (listen(fd, 4096) != 0) die_errno("listen");
    return fd;
}

int accept_from(int listener) {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED) die_errno("accept");
    return fd;
}

int connect_to(const Address& address) {
    const int fd = open_socket(address);
    if (address.is_tcp()) send_at_once(fd);
    if (connect(fd, as_sockaddr(address), address.length) != 0 && errno != EINPROGRESS) {
        die_errno("connect");
    }
    return fd;
}

std::int64_t now_ns() {
    timespec now{};
    clock_gettime(CLOCK_MONOTONIC, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
}

Poller::Poller() : fd_(epoll_create1(EPOLL_CLOEXEC)), events_{} {
    if (fd_ < 0) die_errno("epoll_create1");
}

Poller::~Poller() { close(fd_); }

void Poller::add(int fd, std::uint32_t events, void* owner) const {
    epoll_event event{.events = events, .data = {.ptr = owner}};
    if (epoll_ctl(fd_, EPOLL_CTL_ADD, fd, &event) != 0) die_errno("epoll_ctl add");
}

void Poller::change(int fd, std::uint32_t events, void* owner) const {
    epoll_event event{.events = events, .data = {.ptr = owner}};
    if (epoll_ctl(fd_, EPOLL_CTL_MOD, fd, &event) != 0) die_errno("epoll_ctl mod");
}

std::span<epoll_event> Poller::wait(int timeout_ms) {
    const int count = epoll_wait(fd_, events_, static_cast<int>(std::size(events_)), timeout_ms);
    if (count < 0 && errno != EINTR) die_errno("epoll_wait");
    return {events_, static_cast<std::size_t>(count < 0 ? 0 : count)};
}

}  // namespace bench
