// The clocks of a session: between requests, in a request's head, while it lingers. Once the head is
// there, its exchange's clocks run (exchange_clocks.cc).
#include <algorithm>

#include "net/conn.hh"
#include "proxy/exchange.hh"
#include "proxy/house.hh"
#include "proxy/session.hh"

namespace becaused {

namespace {

constexpr uint64_t never = UINT64_MAX;

uint64_t due_after(uint64_t since_ns, uint32_t limit_ms) {
    return limit_ms == 0 ? never : since_ns + limit_ms * ns_per_ms;
}

}  // namespace

uint64_t Session::next_due(uint64_t now_ns) const {
    const ClockTable& clocks = house_.settings().clocks;
    switch (state_) {
        case State::ended: return never;
        case State::preparing: return due_after(since_ns_, clocks.ms(ClockName::tls_handshake));
        case State::idle: return due_after(since_ns_, clocks.ms(ClockName::keepalive));
        case State::linger: return due_after(since_ns_, clocks.ms(ClockName::linger));
        case State::parting: return now_ns + Wheel::tick_ns;  // looks whether it has them
        case State::exchange: break;
    }
    CHECK(exchange_ != nullptr);
    if (!in_head_) return exchange_->next_due(now_ns);
    return std::min(due_after(conn_->facts().last_in_ns, clocks.ms(ClockName::request_head)),
                    due_after(since_ns_, clocks.ms(ClockName::request_head_total)));
}

void Session::rearm() {
    if (state_ == State::ended) return;
    const uint64_t due_ns = next_due(house_.loop().now_ns());
    if (due_ns != never) house_.loop().wheel().arm_earlier(*this, due_ns);
}

void Session::on_ring() {
    const uint64_t now_ns = house_.loop().now_ns();
    const ClockTable& clocks = house_.settings().clocks;
    if (state_ == State::exchange && !in_head_) {
        exchange_->ring(now_ns);
    } else if (state_ == State::parting) {
        if (part()) return;
    } else if (next_due(now_ns) <= now_ns) {
        if (state_ == State::preparing) {
            const bool header = conn_->awaits_proxy_header();
            const uint32_t limit_ms = clocks.ms(ClockName::tls_handshake);
            const uint64_t last_ns = std::max(conn_->facts().last_in_ns, since_ns_);
            end(Ending::by_clock(header ? Reason::client_proxy_timeout : Reason::client_tls_timeout,
                                 header ? Phase::accept : Phase::tls_handshake,
                                 ClockName::tls_handshake, limit_ms,
                                 (now_ns - last_ns) / ns_per_ms),
                Conn::Close::reset);
        } else if (state_ == State::idle) {
            end(Ending::idle(ClockName::keepalive, clocks.ms(ClockName::keepalive)),
                Conn::Close::fin);
        } else if (state_ == State::linger) {
            end(*aside_->last, conn_->queued_bytes() > 0 ? Conn::Close::reset : Conn::Close::fin);
        } else if (state_ == State::exchange) {
            const uint32_t idle_ms = clocks.ms(ClockName::request_head);
            const uint64_t silent_ns = now_ns - conn_->facts().last_in_ns;
            const bool idle = idle_ms > 0 && silent_ns >= idle_ms * ns_per_ms;
            const ClockName clock = idle ? ClockName::request_head : ClockName::request_head_total;
            fail_head(Ending::by_clock(Reason::client_head_timeout, Phase::request_head, clock,
                                       clocks.ms(clock), silent_ns / ns_per_ms));
        }
    }
    if (state_ == State::ended) return;
    const uint64_t due_ns = next_due(now_ns);
    if (due_ns != never) house_.loop().wheel().arm(*this, due_ns);
}

void Session::describe(const Conn& conn, Standing& standing) const {
    const auto owes = [&](Reason debt, ClockName clock) {
        standing.owed = true;
        standing.debt = debt;
        standing.clock = clock;
        standing.limit_ms = house_.settings().clocks.ms(clock);
        standing.since_ns = since_ns_;
    };
    switch (state_) {
        case State::ended: return;
        case State::preparing:
            owes(conn.awaits_proxy_header() ? Reason::client_proxy_timeout
                                            : Reason::client_tls_timeout,
                 ClockName::tls_handshake);
            return;
        case State::idle:
            standing.phase = Phase::keepalive;
            owes(Reason::keepalive_idle, ClockName::keepalive);
            return;
        case State::linger:
        case State::parting:
            standing.phase = Phase::linger;
            owes(conn.queued_bytes() > 0 ? Reason::client_stalled_reading
                                         : Reason::client_stalled_sending,
                 ClockName::linger);
            return;
        case State::exchange: break;
    }
    standing.phase = exchange_->phase();
    standing.exchange_id = exchange_->id();
}

}  // namespace becaused
