#include "channel.hh"

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <utility>

#include "wire.hh"

namespace bench {

namespace {

// One for the whole run. TLS 1.2: the newest that every proxy under test speaks.
SSL_CTX* context() {
    static SSL_CTX* const only = [] {
        SSL_CTX* made = SSL_CTX_new(TLS_client_method());
        if (made == nullptr) die("OpenSSL gives no context");
        SSL_CTX_set_max_proto_version(made, TLS1_2_VERSION);
        SSL_CTX_set_mode(made, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER |
                                   SSL_MODE_RELEASE_BUFFERS);
        // A close without close_notify is the other side's end, as it is on a plain socket.
        SSL_CTX_set_options(made, SSL_OP_IGNORE_UNEXPECTED_EOF);
        return made;
    }();
    return only;
}

int as_count(std::size_t bytes) { return static_cast<int>(std::min<std::size_t>(bytes, INT_MAX)); }

}  // namespace

Channel::Channel(int fd, Kind kind) : fd_(fd), kind_(kind) {
    if (kind != Kind::tls) return;
    tls_ = SSL_new(context());
    if (tls_ == nullptr || SSL_set_fd(tls_, fd) != 1) die("OpenSSL takes no socket");
    SSL_set_connect_state(tls_);
}

Channel::Channel(Channel&& other) noexcept
    : fd_(std::exchange(other.fd_, -1)),
      kind_(other.kind_),
      tls_(std::exchange(other.tls_, nullptr)) {}

Channel& Channel::operator=(Channel&& other) noexcept {
    end();
    fd_ = std::exchange(other.fd_, -1);
    kind_ = other.kind_;
    tls_ = std::exchange(other.tls_, nullptr);
    return *this;
}

bool Channel::shaking_hands() const { return tls_ != nullptr && SSL_is_init_finished(tls_) == 0; }

ssize_t Channel::receive(std::span<char> buffer) {
    if (tls_ == nullptr) return recv(fd_, buffer.data(), buffer.size(), 0);
    ERR_clear_error();
    return tls_result(SSL_read(tls_, buffer.data(), as_count(buffer.size())));
}

ssize_t Channel::drop(std::size_t bytes) { return recv(fd_, nullptr, bytes, MSG_TRUNC); }

ssize_t Channel::send(std::string_view bytes, bool more_follows) {
    if (tls_ == nullptr) {
        const int more = more_follows ? MSG_MORE : 0;
        return ::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL | more);
    }
    ERR_clear_error();
    return tls_result(SSL_write(tls_, bytes.data(), as_count(bytes.size())));
}

ssize_t Channel::tls_result(int result) {
    if (result > 0) return result;
    switch (SSL_get_error(tls_, result)) {
        case SSL_ERROR_WANT_READ:
        case SSL_ERROR_WANT_WRITE: errno = EAGAIN; return -1;
        case SSL_ERROR_ZERO_RETURN: return 0;
        case SSL_ERROR_SYSCALL:
            if (errno == 0) errno = ECONNRESET;
            return -1;
        default: errno = EPROTO; return -1;
    }
}

void Channel::end() {
    if (tls_ != nullptr) SSL_free(tls_);
    tls_ = nullptr;
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
}

}  // namespace bench
