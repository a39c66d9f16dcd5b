// wire: addresses, non-blocking sockets, the clock and the epoll handle, for both ends of the
// bench.
//
// Owns nothing but what its values hold. What fails here is the environment's fault (a port in
// use, no descriptors), so it ends the process with one line: nobody could mend it during a run.
#pragma once

#include <sys/epoll.h>
#include <sys/socket.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace bench {

[[noreturn]] void die(const std::string& what);
[[noreturn]] void die_errno(const std::string& what);

[[nodiscard]] std::uint64_t parse_number(std::string_view text, std::string_view name);

// An address as in DOCKER_HOST: tcp://127.0.0.1:PORT (IPv4 only) or unix:///path.
struct Address {
    sockaddr_storage storage{};
    socklen_t length = 0;
    [[nodiscard]] bool is_tcp() const { return storage.ss_family == AF_INET; }
};

[[nodiscard]] Address parse_address(std::string_view text);

[[nodiscard]] int listen_on(const Address& address);
[[nodiscard]] int accept_from(int listener);  // -1: nobody is waiting
// The connection may still be on its way: the first EPOLLOUT or failing call tells.
[[nodiscard]] int connect_to(const Address& address);

// Nanoseconds of CLOCK_MONOTONIC.
[[nodiscard]] std::int64_t now_ns();

class Poller {
  public:
    Poller();
    ~Poller();
    Poller(const Poller&) = delete;
    Poller& operator=(const Poller&) = delete;

    void add(int fd, std::uint32_t events, void* owner) const;
    void change(int fd, std::uint32_t events, void* owner) const;
    // Level-triggered events, at most 256; none after timeout_ms.
    [[nodiscard]] std::span<epoll_event> wait(int timeout_ms);

  private:
    int fd_;
    epoll_event events_[256];
};

}  // namespace bench
