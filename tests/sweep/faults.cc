#include "sweep/faults.hh"

#include <fcntl.h>
#include <mbedtls/ssl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <uv.h>

#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdlib>

#include "support/inside.hh"

namespace becaused::test {

namespace {

constexpr size_t errors_limit = 5;

struct Row {
    const char* symbol;
    std::array<int, errors_limit + 1> errors;  // ends with 0
};
#define BECAUSED_ROW(symbol, ...) {#symbol, {__VA_ARGS__}},
constexpr Row rows[] = {BECAUSED_SWEPT(BECAUSED_ROW)};
#undef BECAUSED_ROW

struct Plan {
    Call call = Call::uv_write;
    uint64_t nth = 0;  // 0: none
    int error = 0;
    bool done = false;
};
Plan plan;
std::array<uint64_t, call_count> counts;
Costs counted;

// Counts, and says with which errno this call is to fail; 0: not this one.
int hit(Call call) {
    if (!inside()) return 0;
    const uint64_t count = ++counts[static_cast<size_t>(call)];
    if (plan.done || plan.call != call || plan.nth != count) return 0;
    plan.done = true;
    return plan.error;
}

// libuv reads and writes its own pipes too, and rightly aborts when that fails.
bool is_socket(int fd) {
    struct stat status {};
    return ::fstat(fd, &status) == 0 && S_ISSOCK(status.st_mode);
}

}  // namespace

const char* name(Call call) { return rows[static_cast<size_t>(call)].symbol; }

std::span<const int> errors_of(Call call) {
    const auto& errors = rows[static_cast<size_t>(call)].errors;
    size_t count = 0;
    while (errors[count] != 0) ++count;
    return {errors.data(), count};
}

void fail_once(Call call, uint64_t nth, int error) {
    counts = {};
    plan = {call, nth, error, false};
}
void fail_none() { fail_once(Call::uv_write, 0, 0); }
bool failed_once() { return plan.done; }
uint64_t calls(Call call) { return counts[static_cast<size_t>(call)]; }
const Costs& costs() { return counted; }

// The linker's names: `--wrap=f` sends calls of f to __wrap_f, and __real_f is the true one.
#define WRAP_UV(symbol, parameters, arguments)                  \
    extern "C" int __real_##symbol parameters;                  \
    extern "C" int __wrap_##symbol parameters {                 \
        if (const int error = hit(Call::symbol)) return -error; \
        return __real_##symbol arguments;                       \
    }
#define WRAP_KERNEL(symbol, parameters, arguments) \
    extern "C" int __real_##symbol parameters;     \
    extern "C" int __wrap_##symbol parameters {    \
        if (const int error = hit(Call::symbol)) { \
            errno = error;                         \
            return -1;                             \
        }                                          \
        return __real_##symbol arguments;          \
    }

WRAP_UV(uv_cancel, (uv_req_t * request), (request))
WRAP_UV(uv_fileno, (const uv_handle_t* handle, uv_os_fd_t* fd), (handle, fd))
WRAP_UV(uv_getaddrinfo,
        (uv_loop_t * loop, uv_getaddrinfo_t* request, uv_getaddrinfo_cb done, const char* node,
         const char* service, const addrinfo* hints),
        (loop, request, done, node, service, hints))
WRAP_UV(uv_loop_init, (uv_loop_t * loop), (loop))
WRAP_UV(uv_pipe_open, (uv_pipe_t * pipe, uv_file file), (pipe, file))
WRAP_UV(uv_poll_init, (uv_loop_t * loop, uv_poll_t* handle, int fd), (loop, handle, fd))
WRAP_UV(uv_poll_start, (uv_poll_t * handle, int events, uv_poll_cb callback),
        (handle, events, callback))
WRAP_UV(uv_read_start, (uv_stream_t * stream, uv_alloc_cb alloc, uv_read_cb read),
        (stream, alloc, read))
WRAP_UV(uv_signal_init, (uv_loop_t * loop, uv_signal_t* handle), (loop, handle))
WRAP_UV(uv_signal_start, (uv_signal_t * handle, uv_signal_cb callback, int number),
        (handle, callback, number))
WRAP_UV(uv_tcp_connect,
        (uv_connect_t * request, uv_tcp_t* tcp, const sockaddr* address, uv_connect_cb done),
        (request, tcp, address, done))
WRAP_UV(uv_tcp_open, (uv_tcp_t * tcp, uv_os_sock_t socket), (tcp, socket))
WRAP_UV(uv_write,
        (uv_write_t * request, uv_stream_t* stream, const uv_buf_t* buffers, unsigned count,
         uv_write_cb done),
        (request, stream, buffers, count, done))

WRAP_KERNEL(accept4, (int fd, sockaddr* address, socklen_t* length, int flags),
            (fd, address, length, flags))
WRAP_KERNEL(bind, (int fd, const sockaddr* address, socklen_t length), (fd, address, length))
WRAP_KERNEL(chmod, (const char* path, mode_t mode), (path, mode))
WRAP_KERNEL(chown, (const char* path, uid_t owner, gid_t group), (path, owner, group))
WRAP_KERNEL(connect, (int fd, const sockaddr* address, socklen_t length), (fd, address, length))
WRAP_KERNEL(ftruncate, (int fd, off_t size), (fd, size))
WRAP_KERNEL(rename, (const char* from, const char* to), (from, to))
WRAP_KERNEL(getsockname, (int fd, sockaddr* address, socklen_t* length), (fd, address, length))
WRAP_KERNEL(listen, (int fd, int backlog), (fd, backlog))
WRAP_KERNEL(lstat, (const char* path, struct stat* status), (path, status))
WRAP_KERNEL(pipe2, (int* ends, int flags), (ends, flags))
WRAP_KERNEL(poll, (pollfd * fds, nfds_t count, int timeout), (fds, count, timeout))
WRAP_KERNEL(setsockopt, (int fd, int level, int option, const void* value, socklen_t length),
            (fd, level, option, value, length))
WRAP_KERNEL(shutdown, (int fd, int how), (fd, how))
WRAP_KERNEL(socket, (int domain, int type, int protocol), (domain, type, protocol))
WRAP_KERNEL(unlink, (const char* path), (path))

WRAP_UV(mbedtls_ssl_setup, (mbedtls_ssl_context * ssl, const mbedtls_ssl_config* config),
        (ssl, config))
WRAP_UV(mbedtls_ssl_set_hostname, (mbedtls_ssl_context * ssl, const char* name), (ssl, name))
WRAP_UV(mbedtls_ssl_set_hs_own_cert,
        (mbedtls_ssl_context * ssl, mbedtls_x509_crt* certificate, mbedtls_pk_context* key),
        (ssl, certificate, key))
WRAP_UV(mbedtls_ssl_handshake, (mbedtls_ssl_context * ssl), (ssl))
WRAP_UV(mbedtls_ssl_read, (mbedtls_ssl_context * ssl, unsigned char* bytes, size_t size),
        (ssl, bytes, size))
WRAP_UV(mbedtls_ssl_write, (mbedtls_ssl_context * ssl, const unsigned char* bytes, size_t size),
        (ssl, bytes, size))
WRAP_UV(mbedtls_ssl_close_notify, (mbedtls_ssl_context * ssl), (ssl))
WRAP_UV(mbedtls_ssl_send_alert_message,
        (mbedtls_ssl_context * ssl, unsigned char level, unsigned char message),
        (ssl, level, message))

extern "C" {

void* __real_mmap(void* at, size_t size, int protection, int flags, int fd, off_t from);
void* __wrap_mmap(void* at, size_t size, int protection, int flags, int fd, off_t from) {
    if (const int error = hit(Call::mmap)) {
        errno = error;
        return MAP_FAILED;
    }
    return __real_mmap(at, size, protection, flags, fd, from);
}

int __real_posix_fallocate(int fd, off_t from, off_t size);
int __wrap_posix_fallocate(int fd, off_t from, off_t size) {
    if (const int error = hit(Call::posix_fallocate)) return error;  // not in errno
    return __real_posix_fallocate(fd, from, size);
}

ssize_t __real_recv(int fd, void* bytes, size_t size, int flags);
ssize_t __wrap_recv(int fd, void* bytes, size_t size, int flags) {
    if (inside() && (flags & MSG_PEEK) == 0) ++counted.reads;
    if (const int error = hit(Call::recv)) {
        errno = error;
        return -1;
    }
    return __real_recv(fd, bytes, size, flags);
}

ssize_t __real_send(int fd, const void* bytes, size_t size, int flags);
ssize_t __wrap_send(int fd, const void* bytes, size_t size, int flags) {
    if (inside()) ++counted.writes;
    if (const int error = hit(Call::send)) {
        errno = error;
        return -1;
    }
    return __real_send(fd, bytes, size, flags);
}

ssize_t __real_sendmsg(int fd, const msghdr* message, int flags);
ssize_t __wrap_sendmsg(int fd, const msghdr* message, int flags) {
    if (inside()) ++counted.writes;
    if (const int error = hit(Call::sendmsg)) {
        errno = error;
        return -1;
    }
    return __real_sendmsg(fd, message, flags);
}

int __real_getsockopt(int fd, int level, int option, void* value, socklen_t* length);
int __wrap_getsockopt(int fd, int level, int option, void* value, socklen_t* length) {
    if (const int error = hit(Call::getsockopt)) {
        // libuv does not look whether SO_ERROR could be read after a connect: it is told through it.
        if (level == SOL_SOCKET && option == SO_ERROR) *static_cast<int*>(value) = error;
        errno = error;
        return -1;
    }
    return __real_getsockopt(fd, level, option, value, length);
}

int __real_ioctl(int fd, unsigned long request, void* argument);
int __wrap_ioctl(int fd, unsigned long request, ...) {
    va_list rest;
    va_start(rest, request);
    void* argument = va_arg(rest, void*);
    va_end(rest);
    if (const int error = hit(Call::ioctl)) {
        errno = error;
        return -1;
    }
    return __real_ioctl(fd, request, argument);
}

int __real_open(const char* path, int flags, mode_t mode);
int __wrap_open(const char* path, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    const mode_t mode = (flags & O_CREAT) != 0 ? va_arg(rest, mode_t) : 0;
    va_end(rest);
    if (const int error = hit(Call::open)) {
        errno = error;
        return -1;
    }
    return __real_open(path, flags, mode);
}

int __real_fcntl(int fd, int command, long argument);
int __wrap_fcntl(int fd, int command, ...) {
    va_list rest;
    va_start(rest, command);
    const long argument = va_arg(rest, long);
    va_end(rest);
    if (const int error = hit(Call::fcntl)) {
        errno = error;
        return -1;
    }
    return __real_fcntl(fd, command, argument);
}

ssize_t __real_splice(int in, off64_t* in_at, int out, off64_t* out_at, size_t size,
                      unsigned flags);
ssize_t __wrap_splice(int in, off64_t* in_at, int out, off64_t* out_at, size_t size,
                      unsigned flags) {
    if (const int error = hit(Call::splice)) {
        errno = error;
        return -1;
    }
    return __real_splice(in, in_at, out, out_at, size, flags);
}

ssize_t __real_write(int fd, const void* bytes, size_t size);
ssize_t __wrap_write(int fd, const void* bytes, size_t size) {
    if (inside() && is_socket(fd)) {
        ++counted.writes;
        if (const int error = hit(Call::write)) {
            errno = error;
            return -1;
        }
    }
    return __real_write(fd, bytes, size);
}

ssize_t __real_writev(int fd, const iovec* parts, int count);
ssize_t __wrap_writev(int fd, const iovec* parts, int count) {
    if (inside() && is_socket(fd)) {
        ++counted.writes;
        if (const int error = hit(Call::writev)) {
            errno = error;
            return -1;
        }
    }
    return __real_writev(fd, parts, count);
}

// An injected failure here would only show libuv's abort().
int __real_epoll_ctl(int fd, int operation, int target, epoll_event* event);
int __wrap_epoll_ctl(int fd, int operation, int target, epoll_event* event) {
    if (inside()) ++counted.epoll_ctls;
    return __real_epoll_ctl(fd, operation, target, event);
}

void* __real_malloc(size_t size);
void* __wrap_malloc(size_t size) {
    if (inside()) ++counted.allocations;
    return __real_malloc(size);
}
void* __real_calloc(size_t count, size_t size);
void* __wrap_calloc(size_t count, size_t size) {
    if (inside()) ++counted.allocations;
    return __real_calloc(count, size);
}
void* __real_realloc(void* old, size_t size);
void* __wrap_realloc(void* old, size_t size) {
    if (inside()) ++counted.allocations;
    return __real_realloc(old, size);
}

}  // extern "C"

namespace {

// libuv's own allocations. realloc is left alone: libuv aborts where its tables cannot grow.
void* uv_allocate(size_t size) {
    if (hit(Call::uv_malloc) != 0) return nullptr;
    return std::malloc(size);
}

[[maybe_unused]] const bool replaced =
    ::uv_replace_allocator(uv_allocate, std::realloc, std::calloc, std::free) == 0;

}  // namespace

}  // namespace becaused::test
