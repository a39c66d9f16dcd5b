#include "proxy/exchange.hh"

#include <algorithm>
#include <cstring>

#include "proxy/blame.hh"
#include "proxy/house.hh"
#include "proxy/session.hh"

namespace becaused {

Phase phase_of(Exchange::Up up, Exchange::Down down, bool tunnel) {
    if (tunnel) return Phase::tunnel;
    if (down == Exchange::Down::body) return Phase::response_body;
    if (down == Exchange::Down::done) return up == Exchange::Up::body ? Phase::linger : Phase::done;
    switch (up) {
        case Exchange::Up::none:
        case Exchange::Up::head: return Phase::request_head;
        case Exchange::Up::gate:
        case Exchange::Up::judged: return Phase::gate;
        case Exchange::Up::held: return Phase::connect;
        case Exchange::Up::body: return Phase::request_body;
        case Exchange::Up::done:
        case Exchange::Up::cut: break;
    }
    return Phase::first_byte;
}

namespace {

// 499 stands in records only: nobody is there to hear it. 0: nothing is to be said.
bool answerable(Reason reason) { return row(reason).status != 0 && row(reason).status != 499; }

}  // namespace

Exchange::Exchange(House& house)
    : house_(house),
      dial_(house.loop(), house.ledger(), house.settings(), house.upstream(), *this) {}

void Exchange::open(Session& session) {
    session_ = &session;
    upstream_ = nullptr;
    entry_.emplace(house_.ledger());
    entry_->held_by(this);
    ExchangeFacts& facts = entry_->facts;
    facts.client = session.conn().facts().peer;
    facts.client_id = session.conn().entry().id();
    client_out_base_ = session.conn().facts().out_bytes;
    up_ = Up::head;
    down_ = Down::none;
    phase_ = Phase::request_head;
    phase_since_ns_ = up_stamp_ns_ = down_stamp_ns_ = house_.loop().now_ns();
    head_.clear();
    replay_body_.clear();
    answer_part_.clear();
    upgrade_.clear();
    exec_request_.clear();
    named_.clear();
    missing_.clear();
    target_.clear();
    changed_body_.clear();
    teller_.clear();
    answer_ = Answer::plain;
    call_list_ = CallList::none;
    up_fault_.reset();
    client_lost_.reset();
    upstream_lost_.reset();
    client_gone_.reset();
    request_framing_ = {};
    body_limit_bytes_ = UINT64_MAX;
    retry_after_ms_ = 0;
    refused_status_ = 0;
    replays_ = 0;
    minor_version_ = 1;
    tunnel_ = head_due_ = head_method_ = keep_alive_ = said_close_ = false;
    awaits_100_ = hijackable_ = ping_ = trailers_welcome_ = replayable_ = reused_ = answer_byte_ =
        false;
    up_complete_ = down_complete_ = upstream_keep_ = upstream_extra_ = false;
    client_fin_ = upstream_fin_ = false;
    head_read_ = down_flow_raw_ = said_100_ = finished_ = false;
    entry_->note_client();
}

Conn& Exchange::client() { return session_->conn(); }

Conn& Exchange::upstream() {
    CHECK(upstream_ != nullptr);
    return *upstream_;
}

uint32_t Exchange::limit_ms(ClockName clock) const {
    return house_.settings().clocks.ms(entry_->facts.route, clock);
}

void Exchange::set(Up up, Down down) {
    // It takes no more: the request's rest is read, and dropped.
    if (up == Up::cut && up_ != Up::cut) client().splice_off();
    up_ = up;
    down_ = down;
    const Phase phase = phase_of(up, down, tunnel_);
    if (phase == phase_) return;
    const uint64_t now_ns = house_.loop().now_ns();
    entry_->facts.phase_ns[static_cast<size_t>(phase_)] += now_ns - phase_since_ns_;
    phase_ = phase;
    phase_since_ns_ = now_ns;
}

// Into the black box: what it is about. At the end of what an event brought, not for each step of it.
void Exchange::note() {
    if (finished_ || !entry_->in_box()) return;
    uint64_t upstream_out_bytes = entry_->facts.upstream_out_bytes;
    if (upstream_ != nullptr)
        upstream_out_bytes += upstream_->facts().out_bytes - upstream_out_base_;
    entry_->note({phase_, phase_since_ns_, client().facts().out_bytes - client_out_base_,
                  upstream_out_bytes});
}

void Exchange::remember(const RequestHead& head) {
    ExchangeFacts& facts = entry_->facts;
    facts.set_method(head.method);
    facts.set_target(head.target);
    facts.minor_version = minor_version_ = head.minor_version;
    head_method_ = head.method == "HEAD";
    trailers_welcome_ = head.accepts_trailers;
    upgrade_ = head.upgrade;
    awaits_100_ = head.expect_continue && head.minor_version > 0;
    keep_alive_ = !head.connection.close && (head.minor_version == 1 || head.connection.keep_alive);
    entry_->note_request();
}

void Exchange::begin_head(size_t bytes) {
    take_head(entry_->facts.client_in_bytes + bytes);
    note();
}

// So many of its bytes have come by now.
void Exchange::take_head(size_t bytes) {
    entry_->facts.client_in_bytes = bytes;
    entry_->facts.last_up_ns = house_.loop().now_ns();
}

void Exchange::refuse_head(const ParseFault& fault, std::string_view line, size_t raw_bytes) {
    ExchangeFacts& facts = entry_->facts;
    take_head(raw_bytes);
    const size_t space = line.find(' ');
    if (space != std::string_view::npos) {
        facts.set_method(line.substr(0, space));
        head_method_ = facts.method_text() == "HEAD";
        const std::string_view rest = line.substr(space + 1);
        facts.set_target(rest.substr(0, rest.find_first_of(" \r\n")));
    }
    refused_status_ = fault.status;
    fail(Ending::malformed(fault.reason, Phase::request_head, fault.detail, fault.parser_error,
                           fault.offset));
}

void Exchange::drop_upstream(const Ending& ending, Conn::Close how) {
    if (upstream_ == nullptr) return;
    Conn& conn = *std::exchange(upstream_, nullptr);
    entry_->facts.upstream_out_bytes += conn.facts().out_bytes - upstream_out_base_;
    if (ending.end_class() != EndClass::clean) {
        entry_->facts.unsent_upstream_bytes = conn.unsent_bytes();
        conn.entry().facts.exchange_id = id();
    }
    conn.set_sink(nullptr);
    conn.end(ending, how);
}

void Exchange::release_upstream() {
    if (upstream_ == nullptr) return;
    if (upstream_extra_) {
        drop_upstream(
            Ending::malformed(Reason::upstream_malformed, Phase::done,
                              "bytes after the answer, which no request asked for", "guard", 0),
            Conn::Close::reset);
        return;
    }
    if (const auto& lost = up_fault_ ? up_fault_ : upstream_lost_) {
        drop_upstream(*lost, Conn::Close::reset);
        return;
    }
    const bool keep = upstream_keep_ && up_ == Up::done && !upstream_->finished_reading();
    if (!keep) {
        drop_upstream(
            Ending::clean(tunnel_ ? Reason::tunnel_complete : Reason::complete, Phase::done),
            Conn::Close::fin);
        return;
    }
    Conn& conn = *std::exchange(upstream_, nullptr);
    entry_->facts.upstream_out_bytes += conn.facts().out_bytes - upstream_out_base_;
    if (down_shaped_ns_ != 0) conn.resume(Conn::Pause::shaped);
    down_shaped_ns_ = 0;
    house_.upstream().give_back(conn);
}

// Looks what the last event finished.
void Exchange::settle() {
    if (finished_) return;
    const bool sent = upstream_ != nullptr && up_complete_ && !head_due_;
    if (up_ == Up::body && sent && upstream_->queued_bytes() == 0) {
        up_stamp_ns_ = down_stamp_ns_ = entry_->facts.last_up_ns = house_.loop().now_ns();
        set(Up::done, down_);
    }
    if (tunnel_) {
        const bool cut = up_ == Up::cut || upstream_ == nullptr;
        const bool up_over = client_fin_ && (cut || upstream_->finished_writing());
        if (up_over && upstream_fin_ && client().finished_writing())
            complete(Reason::tunnel_complete);
        return;
    }
    const bool up_over = up_ == Up::done || up_ == Up::cut;
    if (!down_complete_) return;
    if (up_over) release_upstream();
    if (client().queued_bytes() > 0) return;
    if (up_over) {
        set(up_, Down::done);
        complete(Reason::complete);
    } else if (down_ != Down::done) {
        set(up_, Down::done);
        up_stamp_ns_ = house_.loop().now_ns();
        session_->rearm();  // the linger clock is nearer than the body's
    }
}

void Exchange::complete(Reason reason) {
    release_upstream();
    set(up_, Down::done);
    const bool keep = keep_alive_ && !said_close_ && up_ == Up::done;
    Session& session = *session_;
    if (client_lost_) session.conn().entry().facts.exchange_id = id();
    file(Ending::clean(reason, Phase::done));
    if (reason == Reason::tunnel_complete)
        session.exchange_cut(Ending::clean(reason, Phase::done), Conn::Close::fin, false);
    else if (up_ == Up::cut)
        session.exchange_lingers(client_lost_.value_or(Ending::clean(reason, Phase::done)));
    else session.exchange_done(keep, keep_alive_);
}

void Exchange::fail(const Ending& ending) {
    if (finished_) return;
    const bool by_client = ending.by() == Side::client;
    const Ending partner = Ending::partner(ending.phase(), id(), ending.reason());
    if (dial_.active()) dial_.cancel(partner);
    const bool upstream_told = tell_upstream(ending);
    drop_upstream(ending.by() == Side::upstream ? ending : partner,
                  upstream_told ? Conn::Close::fin : Conn::Close::reset);
    const bool begun = answer_begun() || tunnel_;
    const bool say = !begun && answerable(ending.reason());
    // The connection may carry on when the request was read to its end and nobody is to be mistrusted.
    const bool read = head_read_ && (request_framing_.kind == BodyKind::none || up_ == Up::done ||
                                     (held_body_ && held_body_->complete()));
    const bool keep = say && read && keep_alive_ && upgrade_.empty() && !session_->last_request() &&
                      (!by_client || ending.reason() == Reason::request_unsupported);
    entry_->facts.unsent_client_bytes = say ? 0 : client().unsent_bytes();
    if (say) reply(ending, keep);
    else if (!begun) entry_->facts.status = row(ending.reason()).status;
    const bool told = !say && tell_client(ending);
    Session& session = *session_;
    const EntryId own = id();
    file(ending);
    session.conn().entry().facts.exchange_id = keep ? 0 : own;
    const Ending last = by_client ? ending : partner;
    if (keep) session.exchange_done(true, true);
    else if (say) session.exchange_lingers(last);  // it may still be sending its request
    else
        // A FIN would look whole after a tunnel or a body that ends with its connection; elsewhere the
        // missing last byte tells, and a FIN lets the client read what did come.
        session.exchange_cut(last,
                             tunnel_ || down_flow_raw_ || !begun || (by_client && !told)
                                 ? Conn::Close::reset
                                 : Conn::Close::fin,
                             told);
}

void Exchange::file(const Ending& ending) {
    finished_ = true;
    ExchangeFacts& facts = entry_->facts;
    const uint64_t now_ns = house_.loop().now_ns();
    facts.phase_ns[static_cast<size_t>(phase_)] += now_ns - phase_since_ns_;
    facts.phase_ns[static_cast<size_t>(Phase::done)] = 0;
    facts.client_out_bytes = client().facts().out_bytes - client_out_base_;
    if (awaits_body()) facts.client_in_bytes += session_->stashed_of(request_framing_);
    if (up_fault_ && ending.reason() != up_fault_->reason())
        entry_->add_trail(Side::upstream, up_fault_->op(), up_fault_->error());
    entry_->file(ending);
    leave_gate(ending);
    house_.loop().defer(*this);
}

void Exchange::after_turn() {
    CHECK(finished_ && upstream_ == nullptr && !dial_.active());
    house_.give_back(*this);
}

void Exchange::client_finished() {
    if (finished_) return;
    if (down_ == Down::done && !tunnel_) {  // it has its answer and sends no more
        set(Up::cut, down_);
        settle();
        return;
    }
    client_fin_ = true;
    // Before there is an upstream connection nobody has counted the body yet: on_dialed looks then.
    const bool whole = up_complete_ || up_ == Up::held || up_ == Up::gate;
    const bool awaits_tunnel = !upgrade_.empty() && !answer_begun();
    if (whole && tunnel_) {
        if (up_ != Up::cut) finish_tunnel(Side::client);
        if (finished_) return;
        session_->rearm();
        settle();
        return;
    }
    if (whole && (awaits_tunnel || house_.settings().allow_half_close)) {
        keep_alive_ = false;
        return;
    }
    fail(Ending::by_io(Reason::client_closed, phase_, Op::read, 0));
}

void Exchange::client_fault(const Fault& fault) {
    if (finished_) return;
    if (down_ == Down::done && !tunnel_) {
        entry_->add_trail(Side::client, fault.op, fault.error);
        client_lost_ = ending_of(Side::client, fault, phase_);
        set(Up::cut, down_);
        settle();
        return;
    }
    const bool after_farewell = client().tls() != nullptr && tunnel_ && client_fin_ &&
                                fault.op == Op::read && fault.what == Fault::What::closed;
    if (after_farewell && !client_gone_ && limit_ms(ClockName::linger) > 0) {
        // TLS: a close_notify, then a FIN. The upstream has heard of the first and may be about to end
        // its half too (BuildKit's sessions end so), which makes it whole. It has as long as it lingers.
        client_gone_ = ending_of(Side::client, fault, phase_);
        gone_ns_ = house_.loop().now_ns();
        session_->rearm();
        return;
    }
    fail(ending_of(Side::client, fault, phase_));
}

void Exchange::client_write_failed(int error) { client_fault(client().judge(Op::write, error)); }

void Exchange::client_room() {
    if (finished_) return;
    down_stamp_ns_ = entry_->facts.last_down_ns = house_.loop().now_ns();
    if (upstream_ != nullptr && client().queued_bytes() <= Conn::resume_bytes)
        upstream_->resume(Conn::Pause::sink_full);
    settle();
    note();
}

void Exchange::on_gone(Conn&) {
    CHECK(false && "an exchange lets go of a connection when it ends it");
}

}  // namespace becaused
