#include "proxy/upstream.hh"

#include <algorithm>

#include "proxy/blame.hh"

namespace becaused {

Upstream::Upstream(Loop& loop, const Settings& settings, const TlsStore* tls)
    : loop_(loop), settings_(settings), tls_(tls), path_(settings.upstream.path) {
    idle_.reserve(settings.pool_size);
    if (settings.upstream.kind == Address::Kind::unix) {
        unix_endpoint_.kind = Endpoint::Kind::unix;
        unix_endpoint_.path = &path_;
        host_ = "docker";
        return;
    }
    resolver_ = std::make_unique<Resolver>(loop, settings.upstream.host, settings.upstream.port);
    const bool ip6 = settings.upstream.host.find(':') != std::string::npos;
    host_ = (ip6 ? "[" + settings.upstream.host + "]" : settings.upstream.host) + ":" +
            std::to_string(settings.upstream.port);
}

Conn* Upstream::take(bool look) {
    while (!idle_.empty()) {
        const Idle last = idle_.back();
        idle_.pop_back();
        look = look || loop_.now_ns() - last.since_ns > look_after_ns;
        // Its end may be here though its event is not.
        const int found = look ? last.conn->peek() : UV_EAGAIN;
        if (found == UV_EAGAIN) return last.conn;
        if (found > 0) spoke_unasked(*last.conn);
        else if (found == 0) on_finish(*last.conn);
        else on_fault(*last.conn, last.conn->judge(Op::probe, found));
    }
    return nullptr;
}

void Upstream::give_back(Conn& conn) {
    CHECK(!conn.paused(Conn::Pause::sink_full));
    conn.set_sink(this);
    if (closed_) {
        conn.end(Ending::clean(Reason::shutdown_idle, Phase::keepalive), Conn::Close::fin);
        return;
    }
    if (settings_.pool_size == 0) {
        conn.end(Ending::clean(Reason::complete, Phase::done), Conn::Close::fin);
        return;
    }
    if (idle_.size() == settings_.pool_size) {
        Conn& oldest = *idle_.front().conn;
        remove(oldest);
        oldest.end(Ending::clean(Reason::complete, Phase::keepalive), Conn::Close::fin);
    }
    idle_.push_back({&conn, loop_.now_ns()});
    const uint64_t limit_ms = settings_.clocks.ms(ClockName::upstream_idle);
    if (limit_ms > 0) loop_.wheel().arm_earlier(*this, loop_.now_ns() + limit_ms * ns_per_ms);
}

void Upstream::remove(Conn& conn) {
    std::erase_if(idle_, [&](const Idle& idle) { return idle.conn == &conn; });
}

void Upstream::close() {
    closed_ = true;
    Wheel::disarm(*this);
    if (resolver_) resolver_->cancel();
    while (!idle_.empty()) {
        Conn& conn = *idle_.back().conn;
        idle_.pop_back();
        conn.end(Ending::clean(Reason::shutdown_idle, Phase::keepalive), Conn::Close::fin);
    }
}

void Upstream::on_ring() {
    const uint32_t limit_ms = settings_.clocks.ms(ClockName::upstream_idle);
    const uint64_t limit_ns = limit_ms * ns_per_ms;
    while (!idle_.empty() && loop_.now_ns() - idle_.front().since_ns >= limit_ns) {
        Conn& conn = *idle_.front().conn;
        idle_.erase(idle_.begin());
        conn.end(Ending::idle(ClockName::upstream_idle, limit_ms), Conn::Close::fin);
    }
    if (!idle_.empty()) loop_.wheel().arm(*this, idle_.front().since_ns + limit_ns);
}

void Upstream::describe(const Conn& conn, Standing& standing) const {
    standing.phase = Phase::keepalive;
    standing.owed = true;
    standing.debt = Reason::keepalive_idle;
    standing.clock = ClockName::upstream_idle;
    standing.limit_ms = settings_.clocks.ms(ClockName::upstream_idle);
    for (const Idle& idle : idle_)
        if (idle.conn == &conn) standing.since_ns = idle.since_ns;
}

bool Upstream::end_open(Conn& conn, const Ending& ending) {
    remove(conn);
    conn.end(ending.in(Phase::keepalive), Conn::Close::fin);
    return true;
}

void Upstream::on_bytes(Conn& conn, const Slice&) { spoke_unasked(conn); }

void Upstream::spoke_unasked(Conn& conn) {
    remove(conn);
    conn.end(
        Ending::malformed(Reason::upstream_malformed, Phase::keepalive,
                          "bytes on an idle connection, which no request asked for", "guard", 0),
        Conn::Close::reset);
}

void Upstream::on_finish(Conn& conn) {
    remove(conn);
    conn.end(Ending::clean(Reason::upstream_closed_idle, Phase::keepalive), Conn::Close::fin);
}

void Upstream::on_fault(Conn& conn, const Fault& fault) {
    remove(conn);
    // Nobody was using it: a close without TLS's farewell took nothing from anyone.
    const bool closed =
        fault.what == Fault::What::closed || fault.what == Fault::What::tls_truncated;
    conn.end(closed ? Ending::clean(Reason::upstream_closed_idle, Phase::keepalive)
                    : ending_of(Side::upstream, fault, Phase::keepalive),
             Conn::Close::reset);
}

}  // namespace becaused
