// What is open now, as lines: a record's own names, with the debtor in place of an end. Pure but for
// asking the entry's holder.
#pragma once

#include <string>
#include <string_view>

#include "ledger/entry.hh"

namespace becaused {

// Where it is not from the process itself, but from what that noted of itself before it fell silent.
struct Noted {
    uint32_t pid;
    uint64_t at_ns;  // of this entry, at last
};
// Appends one line, newline included: `"event":"open"`. `noted`: null: the entry lives in this process.
void append_open_line(std::string& out, Ledger& ledger, const Entry& entry,
                      const Noted* noted = nullptr);

// The sentence for people: "Waits for the answer's first byte: the upstream has been silent for 12 min."
void append_standing(std::string& out, Entry::Kind kind, const Standing& standing, uint64_t now_ns);

}  // namespace becaused
