// channel: one socket of the bench, plain or inside TLS, with the words of recv(2) and send(2).
//
// Owns its descriptor and, for TLS, OpenSSL's state. A TLS handshake happens inside the first calls:
// until it is over both say EAGAIN, and both are to be called again when the socket is readable.
// The other side's certificate is not judged: what a proxy costs is measured, not whom it trusts.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <span>
#include <string_view>

struct ssl_st;

namespace bench {

class Channel {
  public:
    enum class Kind { tcp, unix, tls };

    Channel() = default;
    Channel(int fd, Kind kind);
    ~Channel() { end(); }
    Channel(const Channel&) = delete;
    Channel& operator=(const Channel&) = delete;
    Channel(Channel&& other) noexcept;
    Channel& operator=(Channel&& other) noexcept;

    [[nodiscard]] int fd() const { return fd_; }
    [[nodiscard]] bool open() const { return fd_ >= 0; }
    // Whether the kernel may throw bytes away unread (MSG_TRUNC).
    [[nodiscard]] bool can_drop() const { return kind_ == Kind::tcp; }
    // Whether a send that took less than all has filled the socket; TLS sends record by record.
    [[nodiscard]] bool short_means_full() const { return tls_ == nullptr; }
    [[nodiscard]] bool shaking_hands() const;

    // -1 sets errno, 0 is the other side's end.
    [[nodiscard]] ssize_t receive(std::span<char> buffer);
    [[nodiscard]] ssize_t drop(std::size_t bytes);
    [[nodiscard]] ssize_t send(std::string_view bytes, bool more_follows);
    void end();

  private:
    ssize_t tls_result(int result);

    int fd_ = -1;
    Kind kind_ = Kind::tcp;
    ssl_st* tls_ = nullptr;
};

}  // namespace bench
