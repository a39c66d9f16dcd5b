#include "proxy/dial.hh"

#include <algorithm>
#include <random>

#include "proxy/blame.hh"

namespace becaused {

namespace {

// Which failures a moment's patience may cure: a dockerd that restarts, a full backlog.
bool worth_retrying(const Ending& ending) {
    return ending.error() != UV_EACCES && ending.error() != UV_EPERM &&
           ending.reason() != Reason::upstream_tls_failed;
}

// Half of `full_ms` to all of it, so that those who failed together do not come back together.
uint64_t with_jitter(uint64_t full_ms) {
    static std::minstd_rand random{std::random_device{}()};
    return full_ms / 2 + random() % (full_ms / 2 + 1);
}

}  // namespace

void Dial::start(ExchangeFacts& facts) {
    CHECK(!active());
    facts_ = &facts;
    tries_ = 0;
    resolve();
}

ClockName Dial::clock() const {
    return upstream_.is_unix() ? ClockName::connect_unix : ClockName::connect;
}

uint32_t Dial::limit_ms() const { return settings_.clocks.ms(clock()); }

void Dial::arm_connect_clock() {
    if (limit_ms() > 0) loop_.wheel().arm(*this, loop_.now_ns() + limit_ms() * ns_per_ms);
}

void Dial::resolve() {
    address_ = 0;
    try_began_ns_ = loop_.now_ns();
    try_id_ = 0;
    if (upstream_.is_unix() || upstream_.resolver()->resolve(*this)) {
        try_next();
        return;
    }
    waiting_ = Waiting::name;
    arm_connect_clock();
}

void Dial::on_resolved(int error) {
    Wheel::disarm(*this);
    if (error == 0) try_next();
    else
        failed(error,
               Ending::by_io(Reason::upstream_unreachable, Phase::connect, Op::resolve, error));
}

void Dial::try_next() {
    int error = 0;
    try_began_ns_ = loop_.now_ns();
    try_id_ = 0;
    if (upstream_.is_unix()) {
        conn_ = Conn::dial_unix(loop_, ledger_, upstream_.unix_endpoint(), this, error);
    } else {
        const Endpoint& address = upstream_.resolver()->addresses()[address_];
        const SocketOptions options{settings_.tcp_keepalive_s, settings_.tcp_user_timeout_s};
        conn_ = Conn::dial_tcp(loop_, ledger_, address, options, upstream_.tls(), this, error);
    }
    if (conn_ != nullptr) {
        try_id_ = conn_->entry().id();
        waiting_ = Waiting::connection;
        arm_connect_clock();
        return;
    }
    // Reported from the clock, since start() must not call back: there is no socket to wait for.
    waiting_ = Waiting::nobody;
    try_error_ = error;
    loop_.wheel().arm(*this, loop_.now_ns());
}

void Dial::note(Op op, int error) {
    const uint8_t index = facts_->attempt_count;
    if (index < UINT8_MAX) ++facts_->attempt_count;
    if (index < ExchangeFacts::attempt_limit)
        facts_->attempts[index] = {try_id_, loop_.now_ns() - try_began_ns_, false, op, error};
}

void Dial::on_connected(Conn& conn) {
    Wheel::disarm(*this);
    note(Op::none, 0);
    conn_ = nullptr;
    facts_ = nullptr;
    waiting_ = Waiting::nothing;
    sink_.on_dialed(conn);
}

void Dial::on_fault(Conn&, const Fault& fault) {
    failed(fault.error, fault.op == Op::connect ? connect_failed(fault.error)
                                                : ending_of(Side::upstream, fault, Phase::connect));
}

// `error`: for the attempt's line; a clock's ending has none.
void Dial::failed(int error, const Ending& ending) {
    Wheel::disarm(*this);
    const bool resolving = waiting_ == Waiting::name;
    note(ending.op() != Op::clock ? ending.op() : resolving ? Op::resolve : Op::connect, error);
    if (conn_ != nullptr) {
        conn_->set_sink(nullptr);
        conn_->end(ending, Conn::Close::reset);
        conn_ = nullptr;
    }
    const bool more_addresses = !resolving && !upstream_.is_unix() &&
                                address_ + 1 < upstream_.resolver()->addresses().size();
    if (more_addresses) {
        ++address_;
        try_next();
        return;
    }
    if (++tries_ < settings_.connect_tries && worth_retrying(ending)) {
        const uint64_t pause_ms = static_cast<uint64_t>(settings_.retry_backoff_ms)
                                  << std::min(tries_ - 1, 10U);
        waiting_ = Waiting::pause;
        loop_.wheel().arm(*this, loop_.now_ns() + with_jitter(pause_ms) * ns_per_ms);
        return;
    }
    facts_ = nullptr;
    waiting_ = Waiting::nothing;
    sink_.on_dial_failed(ending);
}

Ending Dial::timed_out() const {
    return Ending::by_clock(Reason::upstream_connect_timeout, Phase::connect, clock(), limit_ms(),
                            limit_ms());
}

void Dial::on_ring() {
    switch (waiting_) {
        case Waiting::nothing: return;
        case Waiting::name:
            ResolverWaiter::unlink();
            failed(UV_ETIMEDOUT, timed_out());
            return;
        case Waiting::connection: failed(UV_ETIMEDOUT, timed_out()); return;
        case Waiting::nobody: failed(try_error_, connect_failed(try_error_)); return;
        case Waiting::pause: resolve(); return;
    }
}

void Dial::cancel(const Ending& ending) {
    if (!active()) return;
    Wheel::disarm(*this);
    ResolverWaiter::unlink();
    facts_ = nullptr;
    waiting_ = Waiting::nothing;
    if (conn_ == nullptr) return;
    conn_->set_sink(nullptr);
    conn_->end(ending, Conn::Close::reset);
    conn_ = nullptr;
}

}  // namespace becaused
