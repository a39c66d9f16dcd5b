// Why something ended: a value that only these factories make, each of which demands what an end of its
// kind must say (who, phase, reason, operation, errno). Cheap to copy; texts in it are static.
#pragma once

#include <cstdint>

#include "ledger/vocabulary.hh"

namespace becaused {

// An id in the ledger: the sequence number of an entry of this life; 0: none.
using EntryId = uint64_t;

class [[nodiscard]] Ending {
  public:
    // A clean end (class clean), caused by nobody.
    static Ending clean(Reason reason, Phase phase);
    // Clean, by an idle clock (keepalive_idle).
    static Ending idle(ClockName clock, uint32_t setting_ms);
    // An operation on a side's socket failed or showed the end. `error`: a negative errno as libuv
    // gives it, 0 where there is none (a FIN).
    static Ending by_io(Reason reason, Phase phase, Op op, int error);
    // A side sent what is not HTTP. `detail`, `parser_error`: static texts.
    static Ending malformed(Reason reason, Phase phase, const char* detail,
                            const char* parser_error, uint32_t offset);
    // A clock rang: `silence_ms` since the last progress of whoever owed it.
    static Ending by_clock(Reason reason, Phase phase, ClockName clock, uint32_t setting_ms,
                           uint64_t silence_ms);
    // Our rules refused it. `detail`: static, the rule in words.
    static Ending refused(Reason reason, Phase phase, Op op, const char* detail);
    // A person's or a budget's decision.
    static Ending decided(Reason reason, Phase phase, Op op, int error);
    // The other side of it ended first, for `first_reason`; its record is `first_id`.
    static Ending partner(Phase phase, EntryId first_id, Reason first_reason);
    // It was open when the process before this one died. `cause`: static or outliving it, in words.
    static Ending previous_life(Phase phase, const char* cause);
    // Our own fault.
    static Ending internal(Phase phase, Op op, int error, const char* detail);

    Reason reason() const { return reason_; }
    Side by() const { return row(reason_).by; }
    EndClass end_class() const { return row(reason_).end_class; }
    Phase phase() const { return phase_; }
    Op op() const { return op_; }
    int error() const { return error_; }
    bool has_clock() const { return has_clock_; }
    ClockName clock() const { return clock_; }
    uint32_t setting_ms() const { return setting_ms_; }
    uint64_t silence_ms() const { return silence_ms_; }
    const char* detail() const { return detail_; }
    const char* parser_error() const { return parser_error_; }
    uint32_t offset() const { return offset_; }
    EntryId first_id() const { return first_id_; }
    Reason first_reason() const { return first_reason_; }
    uint64_t limit() const { return limit_; }

    // The same end, met in another phase: what cuts everything at once finds each in its own.
    Ending in(Phase phase) const {
        Ending copy = *this;
        copy.phase_ = phase;
        return copy;
    }
    // The number behind {limit} in the reason's sentence.
    Ending with_limit(uint64_t limit) const {
        Ending copy = *this;
        copy.limit_ = limit;
        return copy;
    }

  private:
    Ending(Reason reason, Phase phase, Op op, int error)
        : reason_(reason), phase_(phase), op_(op), error_(error) {}
    friend class Entry;  // files `lost` for what nobody ended

    Reason reason_;
    Phase phase_;
    Op op_;
    bool has_clock_ = false;
    ClockName clock_ = ClockName::keepalive;
    Reason first_reason_ = Reason::lost;
    int error_;
    uint32_t setting_ms_ = 0;
    uint32_t offset_ = 0;
    uint64_t silence_ms_ = 0;
    uint64_t limit_ = 0;
    EntryId first_id_ = 0;
    const char* detail_ = "";
    const char* parser_error_ = "";
};

}  // namespace becaused
