#include "ledger/black_box_ring.hh"

#include <algorithm>

namespace becaused {

namespace {

constexpr uint64_t nowhere = UINT64_MAX;
// Two of the journal's writes: one on its way to the kernel, one being filled.
constexpr uint64_t hot_bytes = 128 * 1024;
// A ring of less is used in turn all over: room that lies between two runs would be missed.
constexpr uint64_t large_bytes = 8 * hot_bytes;

}  // namespace

BlackBoxRing::BlackBoxRing(char* bytes, uint64_t size, uint64_t& ends)
    : bytes_(bytes), size_(size), ends_(ends) {}

// Where the free room behind `at` ends.
uint64_t BlackBoxRing::limit(uint64_t at) const {
    uint64_t limit = size_;
    for (size_t i = 0; i < count_; ++i) {
        const uint64_t begin = runs_[(first_ + i) % most_runs].begin;
        if (begin >= at) limit = std::min(limit, begin);
    }
    return limit;
}

// With room for a jump behind it: so a run's end is never another one's beginning, either.
bool BlackBoxRing::fits(uint64_t at, uint64_t bytes) const {
    return at + bytes + sizeof(box::Frame) <= limit(at);
}

// Where the next frame goes.
uint64_t BlackBoxRing::place_for(uint64_t bytes) {
    if (count_ == 0) return fits(0, bytes) ? 0 : nowhere;
    const uint64_t next = last().end;
    const bool may_jump = count_ < most_runs;
    const bool cold = size_ >= large_bytes && next >= hot_bytes && limit(0) >= hot_bytes / 2;
    if (cold && may_jump && fits(0, bytes)) return 0;
    if (fits(next, bytes)) return next;
    if (!may_jump) return nowhere;
    if (fits(0, bytes)) return 0;
    uint64_t highest = 0;
    for (size_t i = 0; i < count_; ++i)
        highest = std::max(highest, runs_[(first_ + i) % most_runs].end);
    highest += sizeof(box::Frame);  // a run that is not the last one has its jump there
    return fits(highest, bytes) ? highest : nowhere;
}

bool BlackBoxRing::keep(std::string_view line) {
    const uint64_t bytes = box::frame_bytes(line.size());
    const uint64_t at = place_for(bytes);
    if (at == nowhere) return false;
    const box::Frame frame{static_cast<uint32_t>(line.size()), box::frame_sum(line)};
    std::memcpy(bytes_ + at, &frame, sizeof frame);
    std::memcpy(bytes_ + at + sizeof frame, line.data(), line.size());
    if (count_ == 0 || at != last().end) {
        if (count_ > 0) {
            const box::Frame jump{box::jump_length, static_cast<uint32_t>(at)};
            std::memcpy(bytes_ + last().end, &jump, sizeof jump);
        }
        ++count_;
        last() = {at, at};
    }
    last().end = at + bytes;
    box::fence();
    set_ends();
    return true;
}

void BlackBoxRing::forget(size_t lines) {
    for (; lines > 0 && count_ > 0; --lines) {
        box::Frame frame;
        std::memcpy(&frame, bytes_ + first().begin, sizeof frame);
        first().begin += box::frame_bytes(frame.length);
        if (first().begin < first().end) continue;
        first_ = (first_ + 1) % most_runs;
        --count_;
    }
    set_ends();
}

void BlackBoxRing::set_ends() {
    box::store(ends_, count_ == 0 ? 0 : first().begin << 32U | last().end);
}

}  // namespace becaused
