#include "ledger/ending.hh"

#include "base/check.hh"

namespace becaused {

Ending Ending::clean(Reason reason, Phase phase) {
    DCHECK(row(reason).end_class == EndClass::clean);
    return {reason, phase, Op::none, 0};
}

Ending Ending::idle(ClockName clock, uint32_t setting_ms) {
    Ending ending(Reason::keepalive_idle, Phase::keepalive, Op::clock, 0);
    ending.has_clock_ = true;
    ending.clock_ = clock;
    ending.setting_ms_ = setting_ms;
    ending.silence_ms_ = setting_ms;
    return ending;
}

Ending Ending::by_io(Reason reason, Phase phase, Op op, int error) {
    DCHECK(op != Op::none && error <= 0);
    return {reason, phase, op, error};
}

Ending Ending::malformed(Reason reason, Phase phase, const char* detail, const char* parser_error,
                         uint32_t offset) {
    Ending ending(reason, phase, Op::parse, 0);
    ending.detail_ = detail;
    ending.parser_error_ = parser_error;
    ending.offset_ = offset;
    return ending;
}

Ending Ending::by_clock(Reason reason, Phase phase, ClockName clock, uint32_t setting_ms,
                        uint64_t silence_ms) {
    Ending ending(reason, phase, Op::clock, 0);
    ending.has_clock_ = true;
    ending.clock_ = clock;
    ending.setting_ms_ = setting_ms;
    ending.silence_ms_ = silence_ms;
    return ending;
}

Ending Ending::refused(Reason reason, Phase phase, Op op, const char* detail) {
    Ending ending(reason, phase, op, 0);
    ending.detail_ = detail;
    return ending;
}

Ending Ending::decided(Reason reason, Phase phase, Op op, int error) {
    return {reason, phase, op, error};
}

Ending Ending::partner(Phase phase, EntryId first_id, Reason first_reason) {
    DCHECK(first_id != 0);
    Ending ending(Reason::partner, phase, Op::none, 0);
    ending.first_id_ = first_id;
    ending.first_reason_ = first_reason;
    return ending;
}

Ending Ending::previous_life(Phase phase, const char* cause) {
    Ending ending(Reason::previous_life, phase, Op::none, 0);
    ending.detail_ = cause;
    return ending;
}

Ending Ending::internal(Phase phase, Op op, int error, const char* detail) {
    Ending ending(Reason::internal, phase, op, error);
    ending.detail_ = detail;
    return ending;
}

}  // namespace becaused
