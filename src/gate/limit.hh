// Amounts that clients ask for, in queries and bodies alike, against a profile's ceilings. 0 asks for
// nothing: the daemon's default. Pure functions; each says which rule an amount breaks.
#pragma once

#include "gate/profile.hh"

namespace becaused {

using AmountTest = Rule (*)(int64_t amount, const Ceilings& ceilings);

// Without --cpu-period, a quota is per 100 ms (cpu.cfs_period_us).
inline constexpr int64_t cpu_period_us = 100'000;

// -1: no limit at all.
inline Rule memory_amount(int64_t bytes, const Ceilings& ceilings) {
    if (ceilings.memory_bytes == 0) return Rule::kept;
    const bool over = bytes < 0 || static_cast<uint64_t>(bytes) > ceilings.memory_bytes;
    return over ? Rule::memory_limit : Rule::kept;
}

inline Rule nano_cpus_amount(int64_t nano, const Ceilings& ceilings) {
    if (ceilings.cpus == 0) return Rule::kept;
    return nano < 0 || nano > int64_t{ceilings.cpus} * 1'000'000'000 ? Rule::cpu_limit : Rule::kept;
}

inline Rule cpu_quota_amount(int64_t quota_us, const Ceilings& ceilings) {
    if (ceilings.cpus == 0) return Rule::kept;
    const int64_t most = int64_t{ceilings.cpus} * cpu_period_us;
    return quota_us < 0 || quota_us > most ? Rule::cpu_limit : Rule::kept;
}

// A shorter period would make more CPUs of the same quota, which may have been given before.
inline Rule cpu_period_amount(int64_t period_us, const Ceilings& ceilings) {
    if (ceilings.cpus == 0) return Rule::kept;
    return period_us != 0 && period_us < cpu_period_us ? Rule::cpu_limit : Rule::kept;
}

inline Rule pids_amount(int64_t pids, const Ceilings& ceilings) {
    const bool over = ceilings.pids != 0 && pids > int64_t{ceilings.pids};
    return pids < 0 || over ? Rule::pids_limit : Rule::kept;
}

// Rule::kept, unless `oom_score` makes the kernel spare the process.
inline Rule oom_score_amount(int64_t oom_score, const Ceilings&) {
    return oom_score < 0 ? Rule::oom : Rule::kept;
}

}  // namespace becaused
