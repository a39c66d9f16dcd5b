// What the kernel knows of a connection's socket: why it ended, whether its peer still takes bytes,
// whether it is still there at all.
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/status.hh"
#include "net/conn.hh"
#include "net/tls.hh"

namespace becaused {

namespace {

constexpr int tcp_closed = 7;  // TCP_CLOSE of tcp_states.h: dead, by reset, timeout or both FINs

int set_option(int fd, int level, int name, int value) {
    return ::setsockopt(fd, level, name, &value, sizeof value) == 0 ? 0 : -errno;
}

Fault::What what_of(int error) {
    switch (error) {
        case UV_ECONNRESET:
        case UV_ECONNABORTED: return Fault::What::reset;
        case UV_EPIPE:
        case UV_ENOTCONN:
        case UV_EOF: return Fault::What::closed;
        case UV_ETIMEDOUT:
        case UV_EHOSTUNREACH:
        case UV_ENETUNREACH:
        case UV_ENETDOWN:
        case UV_EHOSTDOWN: return Fault::What::unreachable;
        default: return Fault::What::failed;
    }
}

}  // namespace

Ending connect_failed(int error) {
    const auto by_io = [error](Reason reason) {
        return Ending::by_io(reason, Phase::connect, Op::connect, error);
    };
    switch (error) {
        case UV_EMFILE:
        case UV_ENFILE: return by_io(Reason::fd_exhausted);
        case UV_ECONNREFUSED:
        case UV_ENOENT: return by_io(Reason::upstream_refused);
        case UV_EADDRNOTAVAIL:  // no local port is left
        case UV_EAFNOSUPPORT:
        case UV_EBADF:
        case UV_EINVAL:
        case UV_ENOBUFS:
        case UV_ENOMEM:
            return Ending::internal(Phase::connect, Op::connect, error,
                                    "a socket could not be made");
        default: return by_io(Reason::upstream_unreachable);
    }
}

int apply_socket_options(int fd, const SocketOptions& options) {
    int error = set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    if (error == 0 && options.keepalive_s > 0) {
        const int idle_s = static_cast<int>(options.keepalive_s);
        error = set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
        if (error == 0) error = set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
        if (error == 0) error = set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, std::max(1, idle_s / 3));
        if (error == 0) error = set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, 3);
    }
    if (error == 0 && options.user_timeout_s > 0)
        error = set_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT,
                           static_cast<int>(options.user_timeout_s * 1000));
    return error;
}

void Conn::handle_eof() {
    // libuv takes POLLHUP for an end without reading, which hides a reset behind data: SO_ERROR and
    // the state of the socket tell them apart.
    const bool dead = unix_ || tcp_dead();
    const int error = dead ? socket_error() : 0;
    const bool both_finished = shut_ && error == 0;
    if (error == UV_EPIPE) {
        // A reset after its FIN: it had said all, and then our bytes came too late for it.
        sink_->on_finish(*this);
        report(judge(Op::read, error));
        return;
    }
    if (error != 0 || (dead && !unix_ && !both_finished)) {
        report(judge(Op::read, error == 0 ? UV_ECONNRESET : error));
        return;
    }
    loop().watch(*this);
    // A connection without a byte is no more than a probe, whatever it was meant to speak.
    const bool probe = facts().side == Side::client && facts().last_in_ns == 0;
    if ((tls_ || awaits_proxy_header()) && !probe) report(early_farewell());
    else sink_->on_finish(*this);
}

int Conn::socket_error() const {
    int error = 0;
    socklen_t length = sizeof error;
    if (::getsockopt(fd(), SOL_SOCKET, SO_ERROR, &error, &length) != 0) return -errno;
    return -error;
}

bool Conn::tcp_dead() const {
    tcp_info info{};
    socklen_t length = sizeof info;
    if (::getsockopt(fd(), IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return false;
    return info.tcpi_state == tcp_closed;
}

Fault Conn::judge(Op op, int error) {
    if (error == UV_EPIPE) {
        // A symptom: something ended the socket before. The kernel may still remember what; for a
        // reset that came after the peer's FIN it says EPIPE too: the peer closed, and our bytes came
        // too late for it.
        const int cause = socket_error();
        if (cause != 0) return {what_of(cause), op, cause};
    }
    return {what_of(error), op, error};
}

uint64_t Conn::unsent_here() const {
    if (!backlog_) return 0;
    return backlog_->bytes() - backlog_->in_flight_bytes +
           ::uv_stream_get_write_queue_size(stream());
}

uint64_t Conn::unsent_bytes() const {
    int kernel = 0;
    const int descriptor = fd();
    // For unix sockets SIOCOUTQ counts the kernel's buffers, which are larger than the bytes in them.
    if (descriptor >= 0 && !connecting_ && !unix_ && ::ioctl(descriptor, SIOCOUTQ, &kernel) != 0)
        kernel = 0;
    if (shut_ && kernel > 0) --kernel;  // our FIN counts as one until it is acknowledged
    return unsent_here() + static_cast<uint64_t>(std::max(kernel, 0));
}

bool Conn::made_progress() {
    int kernel = 0;
    if (::ioctl(fd(), SIOCOUTQ, &kernel) != 0) kernel = 0;
    // Less than nothing where the kernel counts more than bytes: a FIN, its buffers.
    const uint64_t handed_over = tls_ ? tls_->sealed_bytes() : entry_.facts.out_bytes;
    const auto taken = static_cast<int64_t>(handed_over - unsent_here()) - std::max(kernel, 0);
    return taken > std::exchange(taken_bytes_, taken);
}

int Conn::peek() {
    if (ending_ || eof_) return 0;
    char byte = 0;
    const ssize_t count = ::recv(fd(), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return count < 0 ? -errno : static_cast<int>(count);
}

void Conn::adjust_user_timeout() {
    if (unix_ || user_timeout_ms_ == 0) return;
    tcp_info info{};
    socklen_t length = sizeof info;
    if (::getsockopt(fd(), IPPROTO_TCP, TCP_INFO, &info, &length) != 0) return;
    // The kernel counts TCP_USER_TIMEOUT against a closed window too, though the peer answers every
    // probe of it. A reader that only stopped reading is our clocks' business, not the kernel's.
    const bool zero_window = requested() && info.tcpi_unacked == 0;
    if (zero_window == zero_window_) return;
    zero_window_ = zero_window;
    ignored(set_option(fd(), IPPROTO_TCP, TCP_USER_TIMEOUT,
                       zero_window ? 0 : static_cast<int>(user_timeout_ms_)),
            "the old timeout stays, and ends it as unreachable");
}

void Conn::probe() {
    const bool watched = eof_ || paused_ != 0 || requested();
    if (ending_ || !watched) {
        ProbeNode::unlink();
        return;
    }
    if (connecting_) return;
    if (start_error_ != 0) {
        report({Fault::What::failed, Op::read, start_error_});
        return;
    }
    if (requested() || zero_window_) adjust_user_timeout();
    // What a paused upstream sent before it died is still to be read, and says more than the death.
    if (!eof_ && (paused_ == 0 || facts().side == Side::upstream)) return;
    if (unix_) {
        pollfd look{fd(), 0, 0};
        if (::poll(&look, 1, 0) == 1 && (look.revents & (POLLHUP | POLLERR)) != 0 && !shut_)
            report({Fault::What::closed, Op::probe, 0});
        return;
    }
    if (!tcp_dead()) return;
    const int error = socket_error();
    if (error == 0 && eof_ && shut_) return;
    report(judge(Op::probe, error == 0 ? UV_ECONNRESET : error));
}

}  // namespace becaused
