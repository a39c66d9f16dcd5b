// The clocks of an exchange: one per direction, each naming who owes the next byte. Queued bytes: the
// sink owes. Nothing queued: the source owes. A clock that rings looks for progress first.
#include <algorithm>

#include "proxy/exchange.hh"
#include "proxy/house.hh"
#include "proxy/session.hh"

namespace becaused {

namespace {

// Whoever is to send may have sent: where we have no memory to read it, it is we who owe.
Reason unless_unread(const Conn* source, Reason reason) {
    const bool unread = source != nullptr && source->paused(Conn::Pause::no_slab);
    return unread ? Reason::memory_shed : reason;
}

}  // namespace

void Exchange::owe(Watch& watch) const {
    watch.owed = true;
    watch.limit_ms = limit_ms(watch.clock);
}

Exchange::Watch Exchange::watch_up() const {
    Watch watch;
    if (up_ == Up::judged) {
        watch.since_ns = up_stamp_ns_;
        watch.source_reason = unless_unread(&session_->conn(), Reason::client_stalled_sending);
        owe(watch);
        return watch;
    }
    if (up_ != Up::body || tunnel_) return watch;
    if (up_shaped_ns_ != 0 && upstream_->queued_bytes() == 0) return watch;
    watch.clock = down_ == Down::done ? ClockName::linger : ClockName::request_body;
    watch.since_ns = up_stamp_ns_;
    watch.sink = upstream_;
    watch.sink_reason = Reason::upstream_stalled_reading;
    // A client that asked for a 100 waits for it (RFC 9110 §10.1.1): until then the upstream owes.
    watch.source_reason = awaits_100_
                              ? unless_unread(upstream_, Reason::upstream_silent)
                              : unless_unread(&session_->conn(), Reason::client_stalled_sending);
    owe(watch);
    return watch;
}

Exchange::Watch Exchange::watch_down() const {
    Watch watch;
    if (tunnel_) return watch;
    if (down_shaped_ns_ != 0 && session_->conn().queued_bytes() == 0) return watch;
    watch.since_ns = down_stamp_ns_;
    watch.source_reason = unless_unread(upstream_, Reason::upstream_silent);
    if (down_ == Down::body) {
        watch.clock = ClockName::response_body;
        watch.sink = &session_->conn();
        watch.sink_reason = Reason::client_stalled_reading;
        watch.source_reason = unless_unread(upstream_, Reason::upstream_stalled_sending);
    } else if ((down_ == Down::waiting || down_ == Down::interim) && up_ == Up::done) {
        watch.clock = ClockName::first_byte;
    } else if ((down_ == Down::waiting || down_ == Down::interim) && up_ == Up::cut) {
        watch.clock = ClockName::linger;
    } else {
        return watch;
    }
    owe(watch);
    return watch;
}

Exchange::Watch Exchange::watch_tunnel() const {
    Watch watch;
    if (!tunnel_) return watch;
    // A last output is waited for; what of it is here already waits for the client.
    if (up_fault_ && session_->conn().queued_bytes() == 0) {
        watch.clock = ClockName::linger;
        owe(watch);
        watch.since_ns = down_stamp_ns_;
        return watch;
    }
    if (client_gone_) {
        watch.clock = ClockName::linger;
        watch.since_ns = gone_ns_;
        owe(watch);
        return watch;
    }
    const bool half_open = upstream_fin_ && !client_fin_;
    const uint32_t tunnel_ms = limit_ms(ClockName::tunnel);
    const uint32_t half_open_ms = half_open ? limit_ms(ClockName::half_open) : 0;
    const bool half = half_open_ms > 0 && (tunnel_ms == 0 || half_open_ms < tunnel_ms);
    watch.clock = half ? ClockName::half_open : ClockName::tunnel;
    owe(watch);
    watch.since_ns = std::max(up_stamp_ns_, down_stamp_ns_);
    // Who owed the next byte: a sink that holds queued bytes, else whoever was silent for longer.
    Conn& client = session_->conn();
    if (client.queued_bytes() > 0) {
        watch.sink = &client;
        watch.sink_reason = Reason::client_stalled_reading;
    } else if (upstream_ != nullptr && upstream_->queued_bytes() > 0) {
        watch.sink = upstream_;
        watch.sink_reason = Reason::upstream_stalled_reading;
    }
    const bool client_owes = upstream_fin_ || (!client_fin_ && up_stamp_ns_ <= down_stamp_ns_);
    watch.source_reason = client_owes ? unless_unread(&client, Reason::client_stalled_sending)
                                      : unless_unread(upstream_, Reason::upstream_stalled_sending);
    return watch;
}

uint64_t Exchange::next_due(uint64_t now_ns) const {
    uint64_t due = shape_due();
    if (const uint32_t age_ms = limit_ms(ClockName::max_age); age_ms > 0)
        due = entry_->opened_ns() + age_ms * ns_per_ms;
    for (const Watch& watch : {watch_up(), watch_down(), watch_tunnel()}) {
        if (watch.limit_ms == 0) continue;
        const uint64_t limit_ns = watch.limit_ms * ns_per_ms;
        due = std::min(due, watch.since_ns + limit_ns);
        // A sink's progress shows only when looked for: a few times within the limit.
        if (watch.sink != nullptr && watch.sink->queued_bytes() > 0)
            due = std::min(due, now_ns + limit_ns / 4);
    }
    return due;
}

// True when the clock's owner has been silent for its limit; a sink's progress stamps `stamp_ns`.
bool Exchange::rung(const Watch& watch, uint64_t now_ns, uint64_t& stamp_ns) {
    if (watch.limit_ms == 0) return false;
    if (watch.sink != nullptr && watch.sink->queued_bytes() > 0 && watch.sink->made_progress()) {
        stamp_ns = now_ns;
        return false;
    }
    if (now_ns - watch.since_ns < watch.limit_ms * ns_per_ms) return false;
    const bool sink_owes = watch.sink != nullptr && watch.sink->queued_bytes() > 0;
    const uint64_t silence_ms = (now_ns - watch.since_ns) / ns_per_ms;
    if (watch.clock == ClockName::linger) {
        linger_over();
        return true;
    }
    fail(Ending::by_clock(sink_owes ? watch.sink_reason : watch.source_reason, phase_, watch.clock,
                          watch.limit_ms, silence_ms));
    return true;
}

// An early answer was waited for in vain, or is delivered and the request's rest did not come; or nobody
// ended the tunnel that the client has left.
void Exchange::linger_over() {
    if (client_gone_) {
        fail(*client_gone_);
        return;
    }
    if (down_ != Down::done) {
        fail(up_fault_ ? *up_fault_
                       : Ending::internal(phase_, Op::clock, 0, "a cut request has no cause"));
        return;
    }
    set(Up::cut, down_);
    settle();
}

void Exchange::ring(uint64_t now_ns) {
    if (shape_due() <= now_ns) shape_on(now_ns);
    if (finished_) return;
    const uint32_t age_ms = limit_ms(ClockName::max_age);
    const uint64_t age_ns = now_ns - entry_->opened_ns();
    if (age_ms > 0 && age_ns >= age_ms * ns_per_ms) {
        fail(Ending::by_clock(Reason::max_age, phase_, ClockName::max_age, age_ms,
                              age_ns / ns_per_ms));
        return;
    }
    if (rung(watch_up(), now_ns, up_stamp_ns_) || finished_) return;
    if (rung(watch_down(), now_ns, down_stamp_ns_) || finished_) return;
    const Watch watch = watch_tunnel();
    rung(watch, now_ns, watch.sink == upstream_ ? up_stamp_ns_ : down_stamp_ns_);
}

}  // namespace becaused
