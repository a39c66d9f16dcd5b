// The black box's ring: records that were filed and are not yet written, first in, first out, as frames in
// memory that outlives the process (ledger/black_box_layout.hh). Plain stores: killed between any two of
// them, the next life finds whole records in their order.
//
// Where a frame cannot follow the one before it, a jump says where the next one is. That is also how the
// same few pages are used again while there is more room behind them: what stays in the processor's
// caches costs a fraction of what does not.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

#include "ledger/black_box_layout.hh"

namespace becaused {

class BlackBoxRing {
  public:
    // `bytes`: `size` of them, a multiple of eight. `ends`: the word that says where the frames are.
    BlackBoxRing(char* bytes, uint64_t size, uint64_t& ends);

    // False: it does not fit.
    bool keep(std::string_view line);
    // The oldest lines.
    void forget(size_t lines);
    bool empty() const { return ends_ == 0; }

  private:
    // Frames that lie one behind the other.
    struct Run {
        uint64_t begin;
        uint64_t end;
    };
    static constexpr size_t most_runs = 4;

    Run& first() { return runs_[first_]; }
    Run& last() { return runs_[(first_ + count_ - 1) % most_runs]; }
    uint64_t limit(uint64_t at) const;
    bool fits(uint64_t at, uint64_t bytes) const;
    uint64_t place_for(uint64_t bytes);
    void set_ends();

    char* bytes_;
    uint64_t size_;
    uint64_t& ends_;
    std::array<Run, most_runs> runs_{};  // from first_ on, in the order of their frames
    size_t first_ = 0;
    size_t count_ = 0;
};

}  // namespace becaused
