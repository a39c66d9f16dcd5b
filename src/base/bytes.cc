#include "base/bytes.hh"

#include <cstdlib>
#include <cstring>

namespace becaused {

void SliceQueue::grow() {
    const size_t capacity = capacity_ * 2;
    auto ring = std::make_unique<Slice[]>(capacity);
    for (size_t i = 0; i < count_; ++i) ring[i] = std::move(at(i));
    grown_ = std::move(ring);
    ring_ = grown_.get();
    capacity_ = capacity;
    first_ = 0;
}

void SliceQueue::push(Slice slice) {
    if (slice.empty()) return;
    bytes_ += slice.size();
    if (count_ > 0 && at(count_ - 1).join(slice)) return;
    if (count_ == capacity_) grow();
    ring_[(first_ + count_) & (capacity_ - 1)] = std::move(slice);
    ++count_;
}

Slice SliceQueue::pop() {
    CHECK(count_ > 0);
    Slice slice = std::move(at(0));
    first_ = (first_ + 1) & (capacity_ - 1);
    --count_;
    bytes_ -= slice.size();
    return slice;
}

void SliceQueue::drop_front(uint64_t count) {
    CHECK(count <= bytes_);
    while (count > 0) {
        Slice& slice = front();
        if (count < slice.size()) {
            slice.drop_front(static_cast<size_t>(count));
            bytes_ -= count;
            return;
        }
        count -= slice.size();
        pop();
    }
}

void SliceQueue::clear() {
    while (!empty()) pop();
    grown_.reset();
    ring_ = own_;
    capacity_ = own_room;
    first_ = 0;
}

SlabPool::~SlabPool() {
    for (Slab* open : {reads_, copies_})
        if (open != nullptr && --open->references == 0) give_back(open);
    CHECK(alive_ == 0);
    while (free_ != nullptr) {
        Slab* slab = free_;
        free_ = slab->next_free;
        std::free(slab);
    }
}

Slab* SlabPool::take(size_t limit) {
    const bool may_fail = limit == limit_;
    const bool fail_now = may_fail && fail_after_ >= 0 && fail_after_-- == 0;
    if (alive_ >= limit || fail_now) {
        refused_ = true;
        return nullptr;
    }
    Slab* slab = free_;
    if (slab != nullptr) {
        free_ = slab->next_free;
        --free_count_;
    } else {
        // Not `new`: the bytes stay untouched, so an unused page costs nothing.
        slab = static_cast<Slab*>(std::malloc(sizeof(Slab)));
        CHECK(slab != nullptr);
    }
    slab->pool = this;
    slab->next_free = nullptr;
    slab->references = 1;
    slab->used = 0;
    ++alive_;
    return slab;
}

void SlabPool::give_back(Slab* slab) noexcept {
    DCHECK(slab->references == 0);
    --alive_;
    if (free_count_ < warm) {
        slab->next_free = free_;
        free_ = slab;
        ++free_count_;
    } else {
        std::free(slab);
    }
    if (refused_) {
        refused_ = false;
        if (relief_ != nullptr) relief_(relief_context_);
    }
}

std::span<char> SlabPool::room(Slab*& open, size_t min_room, size_t limit) {
    if (idle(open)) open->used = 0;
    if (open != nullptr && Slab::size - open->used < min_room) {
        Slab* full = std::exchange(open, nullptr);
        if (--full->references == 0) give_back(full);
    }
    if (open == nullptr) open = take(limit);
    if (open == nullptr) return {};
    return {open->bytes + open->used, Slab::size - open->used};
}

Slice SlabPool::claim(Slab* open, size_t count) {
    CHECK(open != nullptr && open->used + count <= Slab::size);
    Slice slice(open, {open->bytes + open->used, count});
    open->used += static_cast<uint32_t>(count);
    return slice;
}

void SlabPool::settle() {
    if (idle(reads_)) reads_->used = 0;
}

Slice SlabPool::copy(std::string_view bytes) {
    CHECK(bytes.size() <= Slab::size);
    if (bytes.empty()) return {};
    const std::span<char> space = room(copies_, bytes.size(), SIZE_MAX);
    std::memcpy(space.data(), bytes.data(), bytes.size());
    return claim(copies_, bytes.size());
}

}  // namespace becaused
