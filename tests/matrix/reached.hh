// What the matrix as a whole reaches, read from the records that its cells expect: every reason of the
// product's table but those that no room can cause yet, and in every phase of an exchange whoever can
// end it there.
#pragma once

#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/vocabulary.hh"
#include "support/scene.hh"

namespace becaused::test {

struct NotYet {
    Reason reason;
    std::string_view why;
};

// Reasons without a cell. Whoever builds the room that causes one takes it off here.
inline constexpr std::string_view no_tls = "there is no TLS yet";
inline constexpr std::string_view no_gate = "the gate lets everything pass yet";
inline constexpr std::string_view no_child = "there is no child to run dockerd yet";
inline constexpr NotYet not_yet[] = {
    {Reason::client_tls_failed, no_tls},
    {Reason::client_tls_timeout, no_tls},
    {Reason::client_tls_truncated, no_tls},
    {Reason::upstream_tls_failed, no_tls},
    {Reason::auth_missing, no_gate},
    {Reason::auth_invalid, no_gate},
    {Reason::auth_expired, no_gate},
    {Reason::auth_unavailable, no_gate},
    {Reason::auth_locked_out, no_gate},
    {Reason::policy_denied, no_gate},
    {Reason::policy_uninspectable, no_gate},
    {Reason::rate_limited, no_gate},
    {Reason::concurrency_limited, no_gate},
    {Reason::body_too_large, no_gate},
    {Reason::source_denied, no_gate},
    {Reason::disk_low, no_gate},
    {Reason::upstream_booting, no_child},
    {Reason::upstream_down, no_child},
    {Reason::upstream_exited, no_child},
    {Reason::admin_kill, "there is no admin listener yet"},
    {Reason::previous_life, "filed by the next life only: loopback/process_kill"},
    {Reason::internal, "the system failing us is the sweep's business (tests/sweep)"},
    {Reason::lost, "a bug: the rig aborts on it"},
};

// Ends of an exchange that each phase must have a cell for.
struct Due {
    Phase phase;
    std::vector<Reason> reasons;
};
inline std::vector<Due> due_ends() {
    using enum Reason;
    return {
        {Phase::request_head,
         {client_closed, client_reset, client_head_timeout, client_malformed,
          client_ambiguous_framing, client_head_too_large, request_unsupported, shutdown,
          drain_deadline}},
        {Phase::gate, {draining, accept_limit, memory_shed, request_unsupported}},
        {Phase::connect,
         {client_closed, client_reset, upstream_refused, upstream_unreachable,
          upstream_connect_timeout, fd_exhausted, shutdown, drain_deadline, max_age}},
        {Phase::request_body,
         {client_closed, client_reset, client_stalled_sending, client_malformed, upstream_closed,
          upstream_reset, upstream_stalled_reading, upstream_malformed, upstream_silent, shutdown,
          drain_deadline, max_age}},
        {Phase::first_byte,
         {client_closed, client_reset, upstream_closed, upstream_reset, upstream_silent,
          upstream_malformed, upstream_head_too_large, upgrade_mismatch, retry_impossible,
          retry_exhausted, upstream_unreachable_live, shutdown, drain_deadline, max_age}},
        {Phase::response_body,
         {client_closed, client_reset, client_stalled_reading, client_unreachable, upstream_closed,
          upstream_reset, upstream_stalled_sending, upstream_malformed, shutdown, drain_deadline,
          max_age}},
        {Phase::tunnel,
         {client_closed, client_reset, client_stalled_sending, client_stalled_reading,
          upstream_closed, upstream_reset, upstream_stalled_sending, upstream_stalled_reading,
          shutdown, drain_deadline, max_age}},
        {Phase::linger, {client_malformed, shutdown, drain_deadline, max_age}},
        {Phase::done, {complete, tunnel_complete}},
    };
}

// Lists what was reached; returns what is missing, a line each.
inline std::string missing_from(const std::vector<Pair>& pairs) {
    std::map<std::string, std::set<std::string>> by_phase;  // of exchanges
    std::set<std::string> reached;
    for (const Pair& pair : pairs) {
        reached.insert(pair.reason);
        if (pair.kind == "exchange") by_phase[pair.phase].insert(pair.reason);
    }
    for (const auto& [phase, reasons] : by_phase) {
        std::string line;
        for (const std::string& reason : reasons) line += " " + reason;
        std::printf("  %s:%s\n", phase.c_str(), line.c_str());
    }
    std::string missing;
    for (size_t i = 0; i < reason_count; ++i) {
        const auto reason = static_cast<Reason>(i);
        const std::string symbol(name(reason));
        std::string_view why;
        for (const NotYet& one : not_yet)
            if (one.reason == reason) why = one.why;
        const bool has = reached.contains(symbol);
        if (!has && why.empty()) missing += symbol + " has no cell\n";
        if (has && !why.empty()) missing += symbol + " has a cell: take it off not_yet\n";
    }
    for (const Due& due : due_ends())
        for (const Reason reason : due.reasons)
            if (!by_phase[std::string(name(due.phase))].contains(std::string(name(reason))))
                missing += std::string(name(due.phase)) + " has no cell that ends by " +
                           std::string(name(reason)) + "\n";
    return missing;
}

}  // namespace becaused::test
