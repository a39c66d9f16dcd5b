// The black box: memory that outlives the process (a mapped file) with a slot for every open entry of the
// ledger, and the records that were filed but are not yet written. Updates are plain stores: no system
// call, no allocation. Whatever instant the process is killed at, the next one finds each entry once: in
// its slot, or with its record in the ring (ledger/last_life.hh reads it).
//
// Owns neither the memory nor the file. What finds no slot lives on without one and is counted.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ledger/black_box_layout.hh"
#include "ledger/black_box_ring.hh"
#include "ledger/entry.hh"

namespace becaused {

class BlackBox {
  public:
    // `memory`: shape.file_bytes() zeros, aligned to a page. `life`: its shape and magic are filled in.
    BlackBox(std::span<char> memory, const box::Shape& shape, box::Life life);
    BlackBox(const BlackBox&) = delete;
    BlackBox& operator=(const BlackBox&) = delete;

    // A slot, or Entry::no_slot.
    uint32_t claim(Entry::Kind kind, EntryId id, uint64_t opened_ns);
    void release(Entry::Kind kind, uint32_t slot);
    // `second`: the other way round than at the entry's last time.
    inline void note(uint32_t slot, EntryId id, bool second, const box::ExchangeLive& live);
    inline void note(uint32_t slot, EntryId id, bool second, const box::ConnectionLive& live);
    void note_request(uint32_t slot, const ExchangeFacts& facts);
    void note_client(uint32_t slot, const Endpoint& client, EntryId id);
    void note_upstream(uint32_t slot, const Endpoint& upstream, EntryId id);
    void note_peers(uint32_t slot, const ConnectionFacts& facts);

    // The process is alive at this monotonic and wall time.
    void beat(uint64_t now_ns, uint64_t wall_ns) {
        second_beat_ = !second_beat_;
        control_->beat.write(box::magic, ++notes_, second_beat_, {now_ns, wall_ns});
    }

    // A record until it was written; false when the ring is full.
    bool keep(std::string_view line) { return ring_.keep(line); }
    // The oldest lines were written.
    void forget(size_t lines) { ring_.forget(lines); }
    bool holds_lines() const { return !ring_.empty(); }

    // A clean end, with lines left.
    void end() { box::store(control_->ended, 1); }

    // For the crash handler, which writes into it when nothing else may be relied on.
    box::Part<box::Crash>& crash() { return control_->crash; }

  private:
    box::ExchangeSlot& exchange(uint32_t slot) { return exchanges_[slot]; }
    box::ConnectionSlot& connection(uint32_t slot) { return connections_[slot]; }
    std::vector<uint32_t>& free_slots(Entry::Kind kind) { return free_[static_cast<size_t>(kind)]; }

    box::Control* control_;
    box::ExchangeSlot* exchanges_;
    box::ConnectionSlot* connections_;
    box::Pair<box::ConnectionLive>* lives_;  // of the same slots
    BlackBoxRing ring_;
    uint64_t notes_ = 0;
    bool second_beat_ = false;
    std::vector<uint32_t> free_[2];
};

inline void BlackBox::note(uint32_t slot, EntryId id, bool second, const box::ExchangeLive& live) {
    exchange(slot).live.write(id, ++notes_, second, live);
}

inline void BlackBox::note(uint32_t slot, EntryId id, bool second,
                           const box::ConnectionLive& live) {
    lives_[slot].write(id, ++notes_, second, live);
}

}  // namespace becaused
