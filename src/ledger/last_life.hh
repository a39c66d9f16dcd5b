// The black box of a life that is over, read: which entries were open, which records were not yet written,
// what its last sign of life was. The file may have been written by anybody, half written, or damaged
// since: what does not carry its sum is left out and counted, and nothing is believed because of where
// it stands. Pure: bytes in, values out.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hh"
#include "ledger/entry.hh"

namespace becaused {

struct PastExchange {
    EntryId id = 0;
    uint64_t opened_ns = 0;
    Phase phase = Phase::request_head;
    uint64_t phase_since_ns = 0;
    std::string identity;  // for the facts, which only look at one
    ExchangeFacts facts;
};

struct PastConnection {
    EntryId id = 0;
    uint64_t opened_ns = 0;
    Phase phase = Phase::accept;
    ConnectionFacts facts;  // but for its entrance, which follows
    Entrance entrance;
};

struct LastLife {
    std::array<char, 8> life{};  // of its ids
    uint32_t pid = 0;
    uint64_t started_wall_ns = 0;
    uint64_t last_ns = 0;  // its last sign of life, on its monotonic clock
    uint64_t last_wall_ns = 0;
    bool ended = false;  // cleanly, but for records that could not be written
    uint64_t oom_kills = 0;
    uint64_t cgroup_inode = 0;
    std::string cgroup;
    std::string boot_id;
    std::string upstream_path;
    std::string crash;  // what the crash handler wrote; empty: nothing
    std::vector<std::string>
        lines;  // records that were filed and perhaps not written; oldest first
    std::vector<PastExchange> exchanges;      // by id
    std::vector<PastConnection> connections;  // by id; those of open exchanges are in their phase
    uint64_t left_out = 0;                    // entries for which there was no slot
    // What does not carry its sum, and so is left out: slots, whose entries nobody knows, and lines.
    size_t damaged_slots = 0;
    size_t damaged_lines = 0;
    bool lines_end_unknown = false;  // after a damaged one: how many lines were there, nobody knows
    size_t damaged() const { return damaged_slots + damaged_lines; }
};

// Failed: no black box of this version; the message says what it is instead.
Result<LastLife> read_black_box(std::string_view image);

// Lines that need not be written again. Records are known by their event and id, others by their text.
class KnownRecords {
  public:
    // One whole line, with or without its newline.
    void add(std::string_view line);
    // After the last add.
    void sort();
    bool has(std::string_view line) const;
    // `event`: connection or exchange.
    bool has(std::string_view event, std::string_view id) const;

  private:
    std::vector<std::string> keys_;
};

// How many records file_last_life made.
struct PastFiled {
    size_t exchanges = 0;
    size_t connections = 0;
    size_t all() const { return exchanges + connections; }
};

// Files all that was open, in that life's name and with its ids, as reason previous_life; `cause` ends
// the sentence "becaused's process ended ...: ". What is `known` is left out.
PastFiled file_last_life(const LastLife& last, const std::string& cause, const KnownRecords& known,
                         RecordSink& sink);

}  // namespace becaused
