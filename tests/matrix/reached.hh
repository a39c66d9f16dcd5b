// What the matrix as a whole reaches, read from the records that its cells expect: every reason of the
// product's table but those that other tests show, and in every phase of an exchange whoever can
// end it there.
#pragma once

#include <algorithm>
#include <cstdio>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/vocabulary.hh"
#include "support/scene.hh"

namespace becaused::test {

// Reasons that come about elsewhere: records/schema fails for one that no test's real sockets have shown.
inline constexpr Reason elsewhere[] = {
    Reason::client_proxy_malformed,
    Reason::client_proxy_timeout,
    Reason::client_tls_failed,
    Reason::client_tls_timeout,
    Reason::client_tls_truncated,
    Reason::upstream_tls_failed,
    Reason::auth_missing,
    Reason::auth_invalid,
    Reason::auth_expired,
    Reason::auth_unavailable,
    Reason::auth_locked_out,
    Reason::policy_denied,
    Reason::policy_uninspectable,
    Reason::rate_limited,
    Reason::concurrency_limited,
    Reason::body_too_large,
    Reason::source_denied,
    Reason::disk_low,
    Reason::upstream_booting,
    Reason::upstream_down,
    Reason::upstream_exited,
    Reason::admin_kill,
    Reason::previous_life,
    Reason::internal,
    Reason::lost,
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
        const bool here = std::ranges::find(elsewhere, reason) == std::end(elsewhere);
        const bool has = reached.contains(symbol);
        if (!has && here) missing += symbol + " has no cell\n";
        if (has && !here) missing += symbol + " has a cell: take it off elsewhere\n";
    }
    for (const Due& due : due_ends())
        for (const Reason reason : due.reasons)
            if (!by_phase[std::string(name(due.phase))].contains(std::string(name(reason))))
                missing += std::string(name(due.phase)) + " has no cell that ends by " +
                           std::string(name(reason)) + "\n";
    return missing;
}

}  // namespace becaused::test
