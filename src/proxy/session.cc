#include "proxy/session.hh"

#include "net/tls_peer.hh"
#include "proxy/blame.hh"
#include "proxy/house.hh"

namespace becaused {

Session::Session(House& house, bool overflow) : house_(house), overflow_(overflow) {}

void Session::begin(Conn* conn) {
    conn_ = conn;
    if (conn_ == nullptr) {
        state_ = State::ended;
        house_.loop().defer(*this);
        return;
    }
    since_ns_ = house_.loop().now_ns();
    if (conn_->preparing()) {
        const bool many = house_.many_handshakes();
        state_ = State::preparing;
        house_.count_handshake(1);
        if (many) {
            end(Ending::refused(Reason::concurrency_limited, Phase::tls_handshake, Op::accept,
                                "TLS handshakes (max_handshakes)"),
                Conn::Close::reset);
            return;
        }
    }
    conn_->start();
    rearm();
}

// Of a connection without an exchange.
Phase Session::quiet_phase() const {
    return state_ == State::idle          ? Phase::keepalive
           : conn_->awaits_proxy_header() ? Phase::accept
                                          : Phase::tls_handshake;
}

void Session::leave_preparing() {
    if (state_ == State::preparing) house_.count_handshake(-1);
}

// Behind a load balancer the address is known only now; what it may not do is not begun.
void Session::on_addressed(Conn& conn) {
    if (const char* detail = house_.too_often(conn.facts().peer, conn.tls() != nullptr))
        end(Ending::refused(Reason::rate_limited, Phase::accept, Op::judge, detail),
            Conn::Close::reset);
}

void Session::on_connected(Conn& conn) {
    leave_preparing();
    state_ = State::idle;
    since_ns_ = house_.loop().now_ns();
    if (shows_certificate(conn)) certified_ = std::make_unique<Certified>();
    rearm();
}

const IdentityRef* Session::certificate() {
    if (!certified_) return nullptr;
    if (certified_->generation != house_.access_generation()) {
        certified_->generation = house_.access_generation();
        certified_->identity = {};
        if (auto facts = peer_certificate(*conn_))
            certified_->identity = house_.access().certificate(std::move(*facts));
    }
    return &certified_->identity;
}

bool Session::spent() const {
    const uint32_t most = house_.settings().max_requests;
    return most > 0 && conn_->facts().exchanges >= most;
}

bool Session::last_request() const { return draining_ || overflow_ || spent(); }

// Why a connection closes after a finished exchange.
Ending Session::farewell(bool wanted) const {
    if (wanted && draining_) return Ending::clean(Reason::shutdown_idle, Phase::keepalive);
    if (wanted && spent()) return Ending::clean(Reason::max_requests, Phase::done);
    return Ending::clean(Reason::complete, Phase::done);
}

void Session::exchange_done(bool keep_alive, bool wanted) {
    exchange_ = nullptr;
    in_head_ = false;
    since_ns_ = house_.loop().now_ns();
    if (!keep_alive) {
        // Unread bytes would turn our FIN into a reset, and the answer might be lost with it.
        if (!has_stash() && !conn_->finished_reading()) end(farewell(wanted), Conn::Close::fin);
        else start_linger(farewell(wanted));
        return;
    }
    state_ = State::idle;
    if (conn_->paused(Conn::Pause::no_slab)) conn_->resume(Conn::Pause::no_slab);
    drop_empty_aside();
    if (draining_ && !has_stash()) {
        end(farewell(true), Conn::Close::fin);
        return;
    }
    if (has_stash()) house_.loop().defer(*this);
    rearm();
}

void Session::exchange_lingers(const Ending& ending) {
    exchange_ = nullptr;
    in_head_ = false;
    told_ = true;
    start_linger(ending);
}

void Session::start_linger(const Ending& ending) {
    state_ = State::linger;
    aside().last = ending;
    since_ns_ = house_.loop().now_ns();
    drop_stash();
    if (conn_->finished_reading() && conn_->queued_bytes() == 0) {
        end(ending, Conn::Close::fin);
        return;
    }
    read_what_comes();
    conn_->finish();
    rearm();
}

void Session::exchange_cut(const Ending& ending, Conn::Close how, bool told) {
    exchange_ = nullptr;
    in_head_ = false;
    told_ = told;
    // A FIN comes after what is queued; the client then reads to the missing end.
    if (how == Conn::Close::fin && ending.end_class() != EndClass::clean) start_linger(ending);
    else if (told) start_parting(ending);
    else end(ending, how);
}

// No FIN goes out: where this is needed, it would say that what came is whole.
void Session::start_parting(const Ending& ending) {
    state_ = State::parting;
    house_.loop().stay(1);  // a socket whose peer has said all keeps no loop going
    aside().last = ending;
    since_ns_ = house_.loop().now_ns();
    drop_stash();
    if (part()) return;
    read_what_comes();
    rearm();
}

// None of it is kept.
void Session::read_what_comes() {
    for (const auto why : {Conn::Pause::held, Conn::Pause::sink_full, Conn::Pause::no_slab})
        conn_->resume(why);
}

// Ends it when the client's kernel has every byte, or has not taken them in the time there is.
bool Session::part() {
    const uint32_t limit_ms = house_.settings().clocks.ms(ClockName::linger);
    const uint64_t waited_ns = house_.loop().now_ns() - since_ns_;
    if (conn_->unsent_bytes() > 0 && waited_ns < limit_ms * ns_per_ms) return false;
    end(*aside_->last, Conn::Close::reset);
    return true;
}

void Session::end(const Ending& ending, Conn::Close how) {
    leave_preparing();
    if (state_ == State::parting) house_.loop().stay(-1);
    state_ = State::ended;
    Wheel::disarm(*this);
    drop_stash();
    conn_->end(ending, how);
}

void Session::drain() {
    draining_ = true;
    if ((state_ == State::idle && !has_stash()) || state_ == State::preparing)
        end(Ending::clean(Reason::shutdown_idle, quiet_phase()), Conn::Close::fin);
}

void Session::kill(const Ending& ending) {
    if (state_ == State::ended) return;
    const bool busy = exchange_ != nullptr;
    if (busy) exchange_->fail(ending.in(exchange_->phase()));
    // What was said just now is delivered, within the clock linger; whoever does not listen is cut by the
    // next kill.
    const bool telling = busy && told_ && house_.settings().clocks.ms(ClockName::linger) > 0;
    if ((state_ == State::linger || state_ == State::parting) && !telling)
        end(*aside_->last, Conn::Close::reset);
    else if (state_ == State::idle || state_ == State::preparing)
        end(ending.reason() == Reason::admin_kill
                ? ending.in(quiet_phase())
                : Ending::clean(Reason::shutdown_idle, quiet_phase()),
            Conn::Close::fin);
}

bool Session::end_open(Conn&, const Ending& ending) {
    kill(ending);
    return true;
}

void Session::on_finish(Conn& conn) {
    switch (state_) {
        case State::ended: return;
        case State::parting: part(); return;
        case State::linger:
            if (conn.queued_bytes() == 0) end(*aside_->last, Conn::Close::fin);
            return;
        case State::preparing:  // not a byte came
        case State::idle: {
            const bool probe = conn.facts().in_bytes == 0;
            end(Ending::clean(probe ? Reason::probe : Reason::client_closed_idle, quiet_phase()),
                Conn::Close::fin);
            return;
        }
        case State::exchange: break;
    }
    exchange_->client_finished();
}

void Session::on_fault(Conn& conn, const Fault& fault) {
    // Docker's clients, and many others, close idle connections without TLS's farewell: between
    // requests it takes nothing from anyone.
    const bool nothing_lost = (state_ == State::idle && !has_stash()) || state_ == State::linger ||
                              state_ == State::parting;
    if (fault.what == Fault::What::tls_truncated && nothing_lost) {
        on_finish(conn);
        return;
    }
    switch (state_) {
        case State::ended: return;
        case State::parting:
        case State::linger:
            conn_->entry().add_trail(Side::client, fault.op, fault.error);
            end(*aside_->last, Conn::Close::reset);
            return;
        case State::preparing:
        case State::idle: {
            // An alert of ours, which says why, goes out before the FIN.
            const bool told = fault.what == Fault::What::tls_failed;
            end(ending_of(Side::client, fault, quiet_phase()),
                told ? Conn::Close::fin : Conn::Close::reset);
            return;
        }
        case State::exchange: break;
    }
    exchange_->client_fault(fault);
}

void Session::on_room(Conn& conn) {
    if (state_ == State::exchange) {
        exchange_->client_room();
    } else if (state_ == State::linger && conn.queued_bytes() == 0) {
        since_ns_ = house_.loop().now_ns();
        if (conn.finished_reading()) end(*aside_->last, Conn::Close::fin);
    }
}

void Session::on_gone(Conn&) {
    conn_ = nullptr;
    house_.loop().defer(*this);
}

void Session::after_turn() {
    if (conn_ == nullptr) {
        house_.session_gone(*this);
        return;
    }
    if (state_ != State::ended) {
        feed();
        if (state_ != State::ended) rearm();
    }
}

}  // namespace becaused
