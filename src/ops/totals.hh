// How much a life has served, and why it ended: what is said at the end. Plain numbers, so that workers can
// keep theirs in memory that they share with their parent, who adds them up.
#pragma once

#include <array>
#include <cstdint>

#include "ledger/entry.hh"
#include "ops/exporter.hh"
#include "ops/journal.hh"

namespace becaused {

struct Totals {
    std::array<std::array<uint64_t, reason_count>, 2> filed{};  // by kind of entry
    uint64_t dropped = 0;                                       // records
    uint64_t left = 0;                                          // for the next start to write
    uint64_t exported = 0;
    uint64_t not_exported = 0;

    uint64_t requests() const;
    uint64_t connections() const;
    uint64_t lost() const;
    void add(const Totals& other);
};

// `exporter`: null: there is none.
Totals count_totals(const Ledger& ledger, const Journal& journal, const Exporter* exporter);

}  // namespace becaused
