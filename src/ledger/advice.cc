#include "ledger/advice.hh"

namespace becaused {

namespace {

struct Row {
    Reason reason;
    std::string_view look_at;
};

// Where the side alone (below) would send people to the wrong place.
constexpr Row rows[] = {
    {Reason::upstream_refused, "Look whether dockerd runs."},
    {Reason::upstream_unreachable, "Look whether dockerd runs, and at its address."},
    {Reason::upstream_connect_timeout, "Look whether dockerd hangs or is overloaded."},
    {Reason::upstream_booting, "Look at dockerd's log if this lasts."},
    {Reason::upstream_silent,
     "Look what dockerd is busy with; if such silence is normal here, raise the clock."},
    {Reason::upstream_stalled_sending,
     "Look what dockerd is busy with; if such silence is normal here, raise the clock."},
    {Reason::upstream_stalled_reading, "Look what dockerd is busy with, and at its disk."},
    {Reason::upstream_unreachable_live, "Look at the network between becaused and dockerd."},
    {Reason::upstream_tls_failed, "Look at the certificates between becaused and dockerd."},
    {Reason::client_stalled_sending, "Look at what holds the client up."},
    {Reason::client_stalled_reading, "Look at what holds the client up."},
    {Reason::client_malformed, "Look at the client, and at proxies before this one."},
    {Reason::client_proxy_malformed, "Look at the load balancer, and at who connects past it."},
    {Reason::client_proxy_timeout, "Look at the load balancer, and at who connects past it."},
    {Reason::client_ambiguous_framing, "Look at the client, and at proxies before this one."},
    {Reason::client_head_too_large, "Look at the client's fields: tokens, HttpHeaders."},
    {Reason::request_unsupported, "Look at the client."},
    {Reason::auth_missing, "Look at the credentials that the client is to send."},
    {Reason::auth_invalid, "Look at the credentials that the client sends."},
    {Reason::auth_expired, "Get new credentials."},
    {Reason::auth_locked_out, "Look at the credentials before trying again later."},
    {Reason::rate_limited, "Wait a little before trying again."},
    {Reason::concurrency_limited, "Wait until something else has finished."},
    {Reason::draining, "It may be back in a moment."},
    {Reason::drain_deadline, "becaused was stopped or restarted: ask its operator."},
    {Reason::shutdown, "becaused was stopped or restarted: ask its operator."},
    {Reason::max_age, "If it may take this long, raise the clock max_age."},
};

std::string_view by_side(Side side) {
    switch (side) {
        case Side::nobody: return "Look at the record.";
        case Side::client: return "Look at the client, and at the network on its way here.";
        case Side::gate: return "Ask becaused's operator.";
        case Side::upstream: return "Look at dockerd's log.";
        case Side::proxy: return "Look at becaused's log and its limits.";
        case Side::operator_: return "Ask becaused's operator.";
    }
    return "Look at the record.";
}

}  // namespace

std::string_view look_at(Reason reason) {
    for (const Row& candidate : rows)
        if (candidate.reason == reason) return candidate.look_at;
    return by_side(row(reason).by);
}

void append_advice(std::string& out, Reason reason, Reached reached) {
    // What was refused for what it is would be refused again.
    const bool refused = row(reason).end_class == EndClass::refused;
    switch (reached) {
        case Reached::nothing:
            out += " Nothing reached dockerd";
            out += refused ? ". " : ": it is safe to try again. ";
            break;
        case Reached::read_only: out += " It only reads: it is safe to try again. "; break;
        case Reached::upstream:
            out += " dockerd had the request: see what it did before you try again. ";
            break;
    }
    out += look_at(reason);
}

}  // namespace becaused
