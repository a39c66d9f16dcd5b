// An exchange while it is open, for the people who look: who owes the next byte, and since when; and its
// end by their hand.
#include <algorithm>

#include "proxy/exchange.hh"
#include "proxy/house.hh"
#include "proxy/session.hh"

namespace becaused {

void Exchange::describe(Standing& standing) const {
    const Conn& client = session_->conn();
    standing.phase = phase_;
    standing.phase_since_ns = phase_since_ns_;
    standing.client_out_bytes = client.facts().out_bytes - client_out_base_;
    standing.unsent_client_bytes = client.unsent_bytes();
    standing.upstream_out_bytes = entry_->facts.upstream_out_bytes;
    if (upstream_ != nullptr) {
        standing.upstream_out_bytes += upstream_->facts().out_bytes - upstream_out_base_;
        standing.unsent_upstream_bytes = upstream_->unsent_bytes();
    }
    const auto owes = [&](Reason debt, ClockName clock, uint64_t since_ns) {
        standing.owed = true;
        standing.debt = debt;
        standing.clock = clock;
        standing.limit_ms = limit_ms(clock);
        standing.since_ns = since_ns;
    };
    // The debt of the longest silence is the one that holds it up.
    for (const Watch& watch : {watch_up(), watch_down(), watch_tunnel()}) {
        if (!watch.owed || (standing.owed && standing.since_ns <= watch.since_ns)) continue;
        const bool sink_owes = watch.sink != nullptr && watch.sink->queued_bytes() > 0;
        owes(sink_owes ? watch.sink_reason : watch.source_reason, watch.clock, watch.since_ns);
    }
    if (standing.owed) return;
    if (phase_ == Phase::request_head)
        owes(Reason::client_head_timeout, ClockName::request_head, client.facts().last_in_ns);
    else if (phase_ == Phase::connect)
        owes(Reason::upstream_connect_timeout,
             house_.upstream().is_unix() ? ClockName::connect_unix : ClockName::connect,
             phase_since_ns_);
    else
        standing.since_ns =
            std::max({standing.since_ns, entry_->facts.last_up_ns, entry_->facts.last_down_ns});
}

bool Exchange::end_open(const Ending& ending) {
    fail(ending.in(phase_));
    return true;
}

void Exchange::describe(const Conn&, Standing& standing) const {
    standing.phase = phase_;
    standing.exchange_id = id();
}

bool Exchange::end_open(Conn&, const Ending& ending) { return end_open(ending); }

}  // namespace becaused
