// Bytes on their way. A Slab is 256 KiB with a plain reference count (one thread, one loop); a Slice
// is a counted view into one; a SliceQueue is a FIFO of Slices. SlabPool owns every Slab, hands out at
// most `limit` of them and keeps a few warm. Nothing here copies, except `SlabPool::copy` and `keep`.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>
#include <utility>

#include "base/check.hh"

namespace becaused {

class SlabPool;

struct Slab {
    static constexpr size_t size = 256 * 1024;

    SlabPool* pool;
    Slab* next_free;
    uint32_t references;
    uint32_t used;  // bytes at the front that Slices may be looking at
    char bytes[size];
};

class Slice {
  public:
    Slice() = default;
    // Adds a reference. `bytes` lies in `slab`.
    Slice(Slab* slab, std::string_view bytes) : slab_(slab), bytes_(bytes) { ++slab_->references; }
    Slice(const Slice& other) : slab_(other.slab_), bytes_(other.bytes_) {
        if (slab_ != nullptr) ++slab_->references;
    }
    Slice(Slice&& other) noexcept
        : slab_(std::exchange(other.slab_, nullptr)), bytes_(std::exchange(other.bytes_, {})) {}
    Slice& operator=(Slice other) noexcept {
        std::swap(slab_, other.slab_);
        std::swap(bytes_, other.bytes_);
        return *this;
    }
    ~Slice() { release(); }

    std::string_view view() const { return bytes_; }
    size_t size() const { return bytes_.size(); }
    bool empty() const { return bytes_.empty(); }
    // The part from `offset`, `length` bytes of it at most; shares the slab.
    Slice part(size_t offset, size_t length = std::string_view::npos) const {
        return bytes_.empty() ? Slice() : Slice(slab_, bytes_.substr(offset, length));
    }
    // A view inside this slice as a Slice of its own.
    Slice share(std::string_view inside) const {
        DCHECK(inside.data() >= bytes_.data() &&
               inside.data() + inside.size() <= bytes_.data() + bytes_.size());
        return Slice(slab_, inside);
    }
    void drop_front(size_t count) { bytes_.remove_prefix(count); }
    // Takes `next` in when it lies right behind; false when it does not.
    bool join(const Slice& next) {
        if (slab_ == nullptr || slab_ != next.slab_) return false;
        if (bytes_.data() + bytes_.size() != next.bytes_.data()) return false;
        bytes_ = {bytes_.data(), bytes_.size() + next.bytes_.size()};
        return true;
    }

  private:
    inline void release() noexcept;

    Slab* slab_ = nullptr;
    std::string_view bytes_;
};

// FIFO of non-empty Slices; neighbours in one slab are one Slice. Has room for some; what it grows to
// beyond them it keeps until it is cleared.
class SliceQueue {
  public:
    SliceQueue() = default;
    SliceQueue(const SliceQueue&) = delete;
    SliceQueue& operator=(const SliceQueue&) = delete;

    bool empty() const { return count_ == 0; }
    size_t count() const { return count_; }
    uint64_t bytes() const { return bytes_; }
    void push(Slice slice);
    Slice& front() { return at(0); }
    // `index` < count().
    Slice& at(size_t index) { return ring_[(first_ + index) & (capacity_ - 1)]; }
    Slice pop();
    // Removes `count` <= bytes() bytes from the front.
    void drop_front(uint64_t count);
    void clear();

  private:
    void grow();

    static constexpr size_t own_room = 8;

    Slice own_[own_room];
    std::unique_ptr<Slice[]> grown_;  // null: own_ is the ring
    Slice* ring_ = own_;
    size_t capacity_ = own_room;  // a power of two
    size_t first_ = 0;
    size_t count_ = 0;
    uint64_t bytes_ = 0;
};

class SlabPool {
  public:
    // `limit`: the most slabs ever alive at once, at least 2.
    explicit SlabPool(size_t limit) : limit_(limit) {}
    SlabPool(const SlabPool&) = delete;
    SlabPool& operator=(const SlabPool&) = delete;
    ~SlabPool();

    // A slab with one reference, or null when the limit is reached.
    Slab* take() { return take(limit_); }
    void give_back(Slab* slab) noexcept;  // when references reached 0

    // The room at the end of the current slab for the next read, at least 64 KiB; empty when the
    // limit is reached. Valid until the next call of `room` or `copy`.
    std::span<char> room() { return room(reads_, 64 * 1024, limit_); }
    // Makes a Slice of the first `count` bytes that were written to `room()`.
    Slice claim(size_t count) { return claim(reads_, count); }
    // After a claimed Slice was dealt with: takes the room back if nobody kept a reference.
    void settle();
    // A Slice with a copy of `bytes` (at most Slab::size). May go beyond the limit by one slab: what is
    // copied (heads, chunk lines) is small, bounded, and must not be lost half-way.
    Slice copy(std::string_view bytes);
    // For bytes that must wait, a part of `slice`: shared, or copied when so few that they would keep
    // a whole slab for themselves. Copies lie close together, in a slab of their own.
    Slice keep(const Slice& slice, std::string_view bytes) {
        return bytes.size() < share_bytes ? copy(bytes) : slice.share(bytes);
    }

    size_t limit() const { return limit_; }
    size_t alive() const { return alive_; }  // handed out, the open ones included
    // Slabs that someone holds (the pool's own two open ones do not count).
    size_t held() const { return alive_ - idle(reads_) - idle(copies_); }
    bool scarce() const { return alive_ + alive_ / 8 >= limit_; }

    // Called after a slab came back while someone had been refused one.
    void on_relief(void (*callback)(void*) noexcept, void* context) {
        relief_ = callback;
        relief_context_ = context;
    }
    // The next `take`s to fail although the limit is not reached (tests); counts down per take.
    void fail_take_after(int64_t count) { fail_after_ = count; }
    bool failure_pending() const { return fail_after_ >= 0; }

  private:
    static constexpr size_t warm = 4;
    static constexpr size_t share_bytes = 4 * 1024;

    static size_t idle(const Slab* open) {
        return open != nullptr && open->references == 1 ? 1 : 0;
    }
    Slab* take(size_t limit);
    std::span<char> room(Slab*& open, size_t min_room, size_t limit);
    static Slice claim(Slab* open, size_t count);

    size_t limit_;
    size_t alive_ = 0;
    size_t free_count_ = 0;
    Slab* free_ = nullptr;
    Slab* reads_ = nullptr;   // being read into
    Slab* copies_ = nullptr;  // being copied into
    bool refused_ = false;
    int64_t fail_after_ = -1;
    void (*relief_)(void*) noexcept = nullptr;
    void* relief_context_ = nullptr;
};

inline void Slice::release() noexcept {
    if (slab_ != nullptr && --slab_->references == 0) slab_->pool->give_back(slab_);
}

}  // namespace becaused
