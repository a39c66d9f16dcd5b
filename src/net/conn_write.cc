// How a connection writes: to the kernel as far as it takes, the rest from a queue, one request of libuv's
// at a time; and the FIN behind the last byte.
#include <sys/socket.h>
#include <sys/uio.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <span>
#include <utility>

#include "net/conn.hh"
#include "net/tls.hh"

namespace becaused {

// As uv-unix.h says; libuv gives its own to writev(2).
static_assert(sizeof(uv_buf_t) == sizeof(iovec) && offsetof(uv_buf_t, base) == 0);

namespace {

constexpr size_t write_parts = 16;  // buffers per sendmsg(2)
constexpr size_t gather_bytes = 4096;
constexpr size_t request_parts = 4;  // per uv_write: libuv keeps four without an allocation

}  // namespace

int Conn::write(std::span<const Part> parts) {
    if (ending_ || finishing_) return UV_EPIPE;
    return tls_ ? write_tls(parts) : write_raw(parts);
}

int Conn::write_raw(std::span<const Part> parts) {
    uv_buf_t buffers[write_parts];
    CHECK(parts.size() <= write_parts);
    uint64_t total = 0;
    unsigned count = 0;
    for (const Part& part : parts) {
        if (part.bytes.empty()) continue;
        total += part.bytes.size();
        buffers[count++] = ::uv_buf_init(const_cast<char*>(part.bytes.data()),
                                         static_cast<unsigned>(part.bytes.size()));
    }
    if (total == 0) return 0;
    // One write(2) of a small copy is cheaper than writev(2) of its pieces (src/DECISIONS.md).
    char gathered[gather_bytes];
    if (count > 1 && total <= sizeof gathered) {
        char* end = gathered;
        for (unsigned i = 0; i < count; ++i)
            end = std::copy_n(buffers[i].base, buffers[i].len, end);
        buffers[0] = ::uv_buf_init(gathered, static_cast<unsigned>(total));
        count = 1;
    }
    uint64_t sent = 0;
    if (written()) {
        const ssize_t result = send_now(buffers, count);
        if (result < 0) return static_cast<int>(result);
        sent = static_cast<uint64_t>(result);
    }
    if (!tls_) entry_.facts.out_bytes += total;
    if (sent > 0) entry_.facts.last_out_ns = loop().now_ns();
    note();
    if (sent == total) return 0;
    // What lies in the pipe came before.
    if (const int error = queue_inlet(UINT64_MAX); error != 0) return error;
    for (const Part& part : parts) {
        const uint64_t gone = std::min<uint64_t>(sent, part.bytes.size());
        sent -= gone;
        enqueue(part, static_cast<size_t>(gone));
    }
    was_full_ = was_full_ || full();
    return requested() ? 0 : arm_write();
}

// What the kernel takes now, in bytes, or a negative errno. Not by uv_try_write: send(2) spares what
// write(2) does for files. Only while libuv has nothing of ours to write.
ssize_t Conn::send_now(const uv_buf_t* buffers, size_t count) {
    msghdr message{};
    message.msg_iov = reinterpret_cast<iovec*>(const_cast<uv_buf_t*>(buffers));
    message.msg_iovlen = count;
    ssize_t sent = -1;
    do
        sent = count == 1 ? ::send(fd(), buffers->base, buffers->len, MSG_NOSIGNAL)
                          : ::sendmsg(fd(), &message, MSG_NOSIGNAL);
    while (sent < 0 && errno == EINTR);
    if (sent >= 0) return sent;
    return errno == EAGAIN ? 0 : -errno;
}

void Conn::enqueue(const Part& part, size_t gone) {
    std::string_view rest = part.bytes.substr(gone);
    if (part.owner != nullptr && !rest.empty()) {
        backlog().queue.push(loop().slabs().keep(*part.owner, rest));
        return;
    }
    for (; !rest.empty(); rest.remove_prefix(std::min(rest.size(), Slab::size)))
        backlog().queue.push(loop().slabs().copy(rest.substr(0, Slab::size)));
}

int Conn::arm_write() {
    uv_buf_t buffers[request_parts];
    Backlog& waiting = *backlog_;
    const size_t count = std::min(waiting.queue.count(), request_parts);
    uint64_t given = 0;
    for (size_t i = 0; i < count; ++i) {
        const std::string_view bytes = waiting.queue.at(i).view();
        buffers[i] =
            ::uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
        given += bytes.size();
    }
    waiting.request.write.data = this;
    const int error = ::uv_write(&waiting.request.write, stream(), buffers,
                                 static_cast<unsigned>(count), write_cb);
    if (error != 0) return error;
    waiting.requested = true;
    waiting.in_flight_bytes = given;
    loop().watch(*this);
    return 0;
}

void Conn::handle_written(int status) {
    backlog_->requested = false;
    const uint64_t sent = std::exchange(backlog_->in_flight_bytes, 0);
    if (ending_) return;
    entry_.serve();
    int error = status;
    if (error == 0) {
        backlog_->queue.drop_front(sent);
        entry_.facts.last_out_ns = loop().now_ns();
        note();
        error = try_queue();
    }
    if (error != 0) {
        report(judge(Op::write, error));
        return;
    }
    if (written() && finishing_ && !shut_) shut_down();
    drop_empty_backlog();
    if (written() || (was_full_ && !full() && queued_bytes() <= resume_bytes)) {
        was_full_ = false;
        sink_->on_room(*this);
    }
}

int Conn::try_queue() {
    SliceQueue& queue = backlog_->queue;
    while (!queue.empty()) {
        uv_buf_t buffers[write_parts];
        const size_t count = std::min(queue.count(), write_parts);
        uint64_t offered = 0;
        for (size_t i = 0; i < count; ++i) {
            const std::string_view bytes = queue.at(i).view();
            buffers[i] =
                ::uv_buf_init(const_cast<char*>(bytes.data()), static_cast<unsigned>(bytes.size()));
            offered += bytes.size();
        }
        const ssize_t result = send_now(buffers, count);
        if (result < 0) return static_cast<int>(result);
        queue.drop_front(static_cast<uint64_t>(result));
        if (static_cast<uint64_t>(result) < offered) return arm_write();
    }
    return backlog_->inlet == nullptr ? 0 : try_inlet();
}

void Conn::finish() {
    if (finishing_ || ending_) return;
    if (tls_) finish_tls();
    finishing_ = true;
    if (written()) shut_down();
}

void Conn::shut_down() {
    shut_ = true;
    // TLS: the close_notify has ended our half. A FIN behind it would say that we are gone.
    if (tls_) return;
    // Not uv_shutdown: it waits for a turn and arms writing; the queue is empty, so the FIN may go now.
    if (::shutdown(fd(), SHUT_WR) != 0) entry_.add_trail(facts().side, Op::shutdown, -errno);
}

}  // namespace becaused
