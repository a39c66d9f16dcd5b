// Bytes that go from one connection's socket to another's through a pipe (net/splice.hh): the source
// fills it in place of a read, the sink drains it in place of a write, and to everybody else it is a part of
// the sink's queue.
#include <algorithm>
#include <array>
#include <utility>

#include "base/status.hh"
#include "net/conn.hh"

namespace becaused {

namespace {

// libuv arms writing only for bytes that it was given: so many are taken out of a pipe for that.
constexpr uint64_t given_bytes = 4096;
// A socket that gave less than was asked for, and less than this, has no more for now.
constexpr ssize_t more_likely_bytes = 64 * 1024;

}  // namespace

bool Conn::splice_to(Conn& sink, uint64_t most) {
    if (most == 0 || outlet_ != nullptr || ending_ || sink.ending_) return false;
    if (sink.backlog_ && sink.backlog_->inlet != nullptr) return false;
    if (tls_ || sink.tls_ || of_operator() || awaits_proxy_header() || sink.finishing_)
        return false;
    Splice* splice = loop().splices().take();
    if (splice == nullptr) return false;
    splice->source = this;
    splice->sink = &sink;
    splice->left_bytes = most;
    outlet_ = sink.backlog().inlet = splice;
    return true;
}

void Conn::splice_off() {
    if (outlet_ == nullptr) return;
    Splice& splice = *std::exchange(outlet_, nullptr);
    splice.source = nullptr;
    if (splice.bytes() > 0) return;  // the sink gives it back
    splice.sink->backlog_->inlet = nullptr;
    splice.sink->drop_empty_backlog();
    loop().splices().give_back(&splice);
}

// What lies in the pipe can go nowhere any more.
void Conn::drop_inlet() {
    if (!backlog_ || backlog_->inlet == nullptr) return;
    Splice* inlet = std::exchange(backlog_->inlet, nullptr);
    if (inlet->source != nullptr) inlet->source->outlet_ = nullptr;
    loop().splices().give_back(inlet);
    drop_empty_backlog();
}

// In place of a read: as much as this turn may, while the sink takes it.
void Conn::read_spliced() {
    uint64_t total = 0;
    while (outlet_ != nullptr && budget_ > 0 && paused_ == 0 && !ending_) {
        const auto most = static_cast<size_t>(std::min<uint64_t>(budget_, outlet_->left_bytes));
        const ssize_t count = outlet_->fill(fd(), most);
        if (count == UV_EAGAIN) break;
        if (cannot_splice(count)) {
            loop().splices().failed();
            splice_off();
            break;
        }
        if (count <= 0) {
            end_reading(count == 0 ? UV_EOF : static_cast<int>(count));
            return;
        }
        const auto came = static_cast<size_t>(count);
        total += came;
        budget_ -= static_cast<uint32_t>(came);
        loop().splices().count(came);
        entry_.facts.in_bytes += came;
        entry_.facts.last_in_ns = loop().now_ns();
        if (outlet_->left_bytes == 0) splice_off();
        sink_->on_spliced(*this, came);
        note();
        if (came < most && count < more_likely_bytes) break;
    }
    if (total >= static_cast<uint64_t>(more_likely_bytes)) loop().note_bulk_read();
}

int Conn::write_spliced(size_t count) {
    int error = ending_ || finishing_ ? UV_EPIPE : 0;
    if (error == 0 && !requested()) error = try_inlet();
    if (error != 0) {
        drop_inlet();
        return error;
    }
    entry_.facts.out_bytes += count;
    drop_empty_backlog();
    note();
    return 0;
}

// With an empty queue: to the kernel what it takes, and of the rest what libuv needs to tell us when it takes
// more.
int Conn::try_inlet() {
    Splice*& inlet = backlog_->inlet;
    if (piped_bytes() > 0) {
        const ssize_t count = inlet->drain(fd());
        if (count > 0) entry_.facts.last_out_ns = loop().now_ns();
        int error = 0;
        if (cannot_splice(count)) {
            loop().splices().failed();
            if (inlet->source != nullptr) inlet->source->splice_off();
            error = queue_inlet(UINT64_MAX);
        } else if (count < 0 && count != UV_EAGAIN) {
            error = static_cast<int>(count);
        } else if (piped_bytes() > 0) {
            error = queue_inlet(given_bytes);
        }
        if (error != 0) return error;
    }
    if (inlet->source == nullptr && inlet->bytes() == 0)
        loop().splices().give_back(std::exchange(inlet, nullptr));
    return backlog_->queue.empty() ? 0 : arm_write();
}

// Out of the pipe and to the queue's end.
int Conn::queue_inlet(uint64_t most) {
    std::array<char, given_bytes> piece;
    while (most > 0 && piped_bytes() > 0) {
        const ssize_t count =
            backlog_->inlet->read({piece.data(), std::min<uint64_t>(most, piece.size())});
        if (count < 0) return static_cast<int>(count);
        most -= static_cast<uint64_t>(count);
        backlog_->queue.push(loop().slabs().copy({piece.data(), static_cast<size_t>(count)}));
    }
    return 0;
}

}  // namespace becaused
