#include "net/splice.hh"

#include <fcntl.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/check.hh"
#include "base/status.hh"

namespace becaused {

namespace {

constexpr unsigned now = SPLICE_F_MOVE | SPLICE_F_NONBLOCK;
// With less than the kernel's usual size each call would move too little to be worth it.
constexpr int least_room_bytes = 64 * 1024;

}  // namespace

bool cannot_splice(ssize_t error) {
    return error == UV_EINVAL || error == UV_ENOMEM || error == UV_ENOSYS || error == UV_EPERM ||
           error == UV_EBADF;
}

Splice::~Splice() {
    ignored(::close(in_), "nothing unsaid is behind it");
    ignored(::close(out_), "nothing unsaid is behind it");
}

ssize_t Splice::fill(int fd, size_t most) {
    CHECK(bytes_ == 0 && most > 0);
    const ssize_t count = ::splice(fd, nullptr, in_, nullptr, std::min(most, room_bytes), now);
    if (count < 0) return -errno;
    bytes_ = static_cast<uint64_t>(count);
    left_bytes -= bytes_;
    return count;
}

ssize_t Splice::drain(int fd) {
    const ssize_t count = ::splice(out_, nullptr, fd, nullptr, bytes_, now);
    if (count < 0) return -errno;
    bytes_ -= static_cast<uint64_t>(count);
    return count == 0 ? ssize_t{UV_EIO} : count;
}

ssize_t Splice::read(std::span<char> room) {
    const ssize_t count = ::read(out_, room.data(), std::min<uint64_t>(room.size(), bytes_));
    if (count < 0) return -errno;
    bytes_ -= static_cast<uint64_t>(count);
    return count == 0 ? ssize_t{UV_EIO} : count;
}

SplicePool::~SplicePool() {
    CHECK(alive_ == 0);
    while (free_ != nullptr) delete std::exchange(free_, free_->next_free_);
}

Splice* SplicePool::open() {
    int ends[2];
    if (::pipe2(ends, O_CLOEXEC | O_NONBLOCK) != 0) return nullptr;
    auto* made = new Splice(ends[1], ends[0]);
    // More than an administrator allows everybody: as large as it is then.
    int room = ::fcntl(ends[1], F_SETPIPE_SZ, static_cast<int>(Splice::room_bytes));
    if (room < 0) room = ::fcntl(ends[1], F_GETPIPE_SZ);
    if (room >= least_room_bytes) return made;
    delete made;
    return nullptr;
}

Splice* SplicePool::take() {
    if (alive_ >= limit_ || clock_.now_ns() < not_before_ns_) return nullptr;
    Splice* taken = free_;
    if (taken != nullptr) {
        free_ = taken->next_free_;
        --free_count_;
    } else {
        taken = open();
        if (taken == nullptr) {
            failed();
            return nullptr;
        }
    }
    ++alive_;
    return taken;
}

void SplicePool::give_back(Splice* splice) noexcept {
    --alive_;
    if (splice->bytes_ > 0 || free_count_ >= warm) {
        delete splice;
        return;
    }
    splice->source = splice->sink = nullptr;
    splice->next_free_ = free_;
    free_ = splice;
    ++free_count_;
}

void SplicePool::failed() {
    ++failures_;
    not_before_ns_ = clock_.now_ns() + rest_ns;
}

}  // namespace becaused
