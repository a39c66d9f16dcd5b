#include "base/bytes.hh"

#include <cstdlib>
#include <cstring>

namespace becaused {

void SliceQueue::grow() {
    const size_t capacity = capacity_ == 0 ? 8 : capacity_ * 2;
    auto ring = std::make_unique<Slice[]>(capacity);
    for (size_t i = 0; i < count_; ++i) ring[i] = std::move(at(i));
    ring_ = std::move(ring);
    capacity_ = capacity;
    first_ = 0;
}

void SliceQueue::push(Slice slice) {
    if (slice.empty()) return;
    if (count_ == capacity_) grow();
    bytes_ += slice.size();
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
    ring_.reset();
    capacity_ = first_ = 0;
}

SlabPool::~SlabPool() {
    if (current_ != nullptr && --current_->references == 0) give_back(current_);
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

std::span<char> SlabPool::room(size_t min_room, size_t limit) {
    if (current_ != nullptr && current_->references == 1) current_->used = 0;
    if (current_ != nullptr && Slab::size - current_->used < min_room) {
        Slab* full = std::exchange(current_, nullptr);
        if (--full->references == 0) give_back(full);
    }
    if (current_ == nullptr) current_ = take(limit);
    if (current_ == nullptr) return {};
    return {current_->bytes + current_->used, Slab::size - current_->used};
}

Slice SlabPool::claim(size_t count) {
    CHECK(current_ != nullptr && current_->used + count <= Slab::size);
    Slice slice(current_, {current_->bytes + current_->used, count});
    current_->used += static_cast<uint32_t>(count);
    return slice;
}

void SlabPool::settle() {
    if (current_ != nullptr && current_->references == 1) current_->used = 0;
}

Slice SlabPool::copy(std::string_view bytes) {
    CHECK(bytes.size() <= Slab::size);
    if (bytes.empty()) return {};
    const std::span<char> space = room(bytes.size(), SIZE_MAX);
    std::memcpy(space.data(), bytes.data(), bytes.size());
    return claim(bytes.size());
}

}  // namespace becaused
