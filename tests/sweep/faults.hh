// The calls of wrapped.txt, counted while the proxy runs, and made to fail one at a time. Linked into
// every test of this directory; the linker sends the calls of src/net and of libuv here (--wrap).
// Calls that the test itself makes are neither counted nor failed: only those from inside a
// support/rig.hh `Inside`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace becaused::test {

// mbedTLS's code for a failed allocation, its sign changed as errnos' is.
inline constexpr int tls_memory = 0x7F00;
inline constexpr bool is_tls_code(int error) { return error >= 0x1000; }

// symbol, and the errnos with which it is made to fail: what the kernel or libuv may say there.
// clang-format off
#define BECAUSED_SWEPT(X)                                                                \
    X(uv_cancel,       EBUSY)                                                            \
    X(uv_fileno,       EBADF)                                                            \
    X(uv_getaddrinfo,  ENOMEM)                                                           \
    X(uv_loop_init,    EMFILE, ENOMEM)                                                   \
    X(uv_pipe_open,    ENOMEM)                                                           \
    X(uv_poll_init,    ENOSPC, ENOMEM)                                                   \
    X(uv_poll_start,   ENOMEM)                                                           \
    X(uv_read_start,   ENOTCONN)                                                         \
    X(uv_signal_init,  EMFILE)                                                           \
    X(uv_signal_start, EINVAL)                                                           \
    X(uv_tcp_connect,  EADDRNOTAVAIL, ENETUNREACH, ENOBUFS)                              \
    X(uv_tcp_open,     ENOMEM)                                                           \
    X(uv_write,        ENOMEM)                                                           \
    X(uv_malloc,       ENOMEM) /* libuv's allocator, where it can say UV_ENOMEM */       \
    X(accept4,         EMFILE, ENFILE, ENOBUFS, ECONNABORTED, EAGAIN)                    \
    X(bind,            EADDRINUSE, EACCES)                                               \
    X(chmod,           EPERM)                                                            \
    X(chown,           EPERM)                                                            \
    X(connect,         ECONNREFUSED, EAGAIN, ENETUNREACH, ENOENT)                        \
    X(getsockname,     ENOBUFS)                                                          \
    X(getsockopt,      ENOBUFS)                                                          \
    X(fcntl,           EPERM)                                                            \
    X(ioctl,           EINVAL)                                                           \
    X(listen,          EADDRINUSE)                                                       \
    X(lstat,           EACCES)                                                           \
    X(ftruncate,       EIO)                                                              \
    X(mmap,            ENOMEM)                                                           \
    X(open,            EMFILE, ENOSPC)                                                   \
    X(pipe2,           EMFILE, ENFILE)                                                   \
    X(poll,            ENOMEM)                                                           \
    X(posix_fallocate, ENOSPC, EINTR)                                                    \
    X(recv,            ECONNRESET, ETIMEDOUT, EAGAIN, ENOMEM)                            \
    X(rename,          EACCES)                                                           \
    X(send,            EAGAIN, EPIPE, ECONNRESET, ENOBUFS, ETIMEDOUT)                    \
    X(sendmsg,         EAGAIN, EPIPE, ECONNRESET, ENOBUFS, ETIMEDOUT)                    \
    X(setsockopt,      ENOBUFS)                                                          \
    X(shutdown,        ENOTCONN)                                                         \
    X(socket,          EMFILE, ENFILE, ENOBUFS)                                          \
    X(splice,          EINVAL, ENOMEM, ECONNRESET, EPIPE, EAGAIN)                        \
    X(unlink,          EPERM)                                                            \
    X(write,           ECONNRESET, EPIPE, EAGAIN, ENOBUFS)                               \
    X(writev,          ECONNRESET, EPIPE, EAGAIN, ENOBUFS)                               \
    X(mbedtls_ssl_setup,              tls_memory)                                        \
    X(mbedtls_ssl_set_hostname,       tls_memory)                                        \
    X(mbedtls_ssl_set_hs_own_cert,    tls_memory)                                        \
    X(mbedtls_ssl_handshake,          tls_memory)                                        \
    X(mbedtls_ssl_read,               tls_memory)                                        \
    X(mbedtls_ssl_write,              tls_memory)                                        \
    X(mbedtls_ssl_close_notify,       tls_memory)                                        \
    X(mbedtls_ssl_send_alert_message, tls_memory)
// clang-format on

#define BECAUSED_CALL(symbol, ...) symbol,
enum class Call : uint8_t { BECAUSED_SWEPT(BECAUSED_CALL) };
#undef BECAUSED_CALL
#define BECAUSED_ONE(...) +1
inline constexpr size_t call_count = 0 BECAUSED_SWEPT(BECAUSED_ONE);
#undef BECAUSED_ONE

const char* name(Call call);
std::span<const int> errors_of(Call call);  // positive errnos, or mbedTLS's codes

// Sets all counts to zero; from here on the `nth` call (from 1) of `call` fails with `error`, once.
void fail_once(Call call, uint64_t nth, int error);
// Sets all counts to zero; nothing fails.
void fail_none();
// The failure happened.
bool failed_once();
// Calls since the last fail_once or fail_none.
uint64_t calls(Call call);

// What the steady state is measured by: from the whole process, and from its one thread.
struct Costs {
    uint64_t allocations = 0;  // malloc, calloc, realloc, by whomever
    uint64_t reads = 0;        // read(2) on sockets
    uint64_t writes = 0;       // write(2), writev(2) on sockets
    uint64_t epoll_ctls = 0;
};
const Costs& costs();

}  // namespace becaused::test
