// The way up: a request is admitted, gets its upstream connection, and its bytes flow; and what happens
// when the upstream does not take them.
#include <algorithm>
#include <cstring>

#include "http/reply.hh"
#include "proxy/blame.hh"
#include "proxy/exchange.hh"
#include "proxy/house.hh"
#include "proxy/session.hh"

namespace becaused {

void Exchange::send(const RequestHead& head) {
    write_request(head);
    set(Up::held, Down::waiting);
    acquire(false);
}

void Exchange::write_request(const RequestHead& head) {
    Hop hop;
    char address[endpoint_limit];
    hop.client_address = {address, write_address(address, client().facts().peer)};
    if (session_->conn().tls() != nullptr) hop.scheme = "https";
    hop.via_name = house_.settings().via_name;
    hop.trust_forwarded = house_.settings().trust_forwarded;
    std::string& id = house_.id_scratch();
    id.clear();
    house_.ledger().append_id(id, entry_->id());
    hop.request_id = id;
    hop.withheld = house_.withheld();
    if (identity_) hop.added = identity_->fields;
    hop.target = target_;
    ExchangeFacts& facts = entry_->facts;
    house_.make_traceparent(house_.trace_scratch());  // goes on unless the client brought its own
    hop.traceparent = house_.trace_scratch();
    head_.clear();
    const ForwardedRequest sent =
        write_request_head(head, request_framing_, hop, house_.upstream().host(), head_);
    std::memcpy(facts.trace_id.data(), sent.traceparent.data() + 3, facts.trace_id.size());
    facts.has_trace_id = true;
    if (sent.request_id != id) {
        facts.request_id_length =
            static_cast<uint8_t>(std::min(sent.request_id.size(), facts.request_id.size()));
        std::memcpy(facts.request_id.data(), sent.request_id.data(), facts.request_id_length);
    }
    replayable_ = idempotent(head.method) && upgrade_.empty();
}

void Exchange::acquire(bool fresh) {
    // What cannot be sent again, or is too long to be kept for that, gets no connection unlooked at.
    const bool small = request_framing_.kind == BodyKind::none ||
                       (request_framing_.kind == BodyKind::length &&
                        request_framing_.length <= house_.settings().replay_bytes);
    Conn* idle = fresh ? nullptr : house_.upstream().take(!(replayable_ && small));
    if (idle != nullptr) use(*idle, true);
    else dial_.start(entry_->facts);
}

void Exchange::on_dialed(Conn& conn) {
    use(conn, false);
    if (finished_) return;
    conn.start();
    session_->feed();
    if (!finished_) flush_head();
    if (finished_) return;
    if (client_fin_ && !up_complete_)
        fail(Ending::by_io(Reason::client_closed, phase_, Op::read, 0));
    else session_->rearm();
    note();
}

void Exchange::on_dial_failed(const Ending& ending) { fail(ending); }

void Exchange::use(Conn& conn, bool reused) {
    upstream_ = &conn;
    conn.set_sink(this);
    reused_ = reused;
    ExchangeFacts& facts = entry_->facts;
    facts.upstream = conn.facts().peer;
    facts.upstream_id = conn.entry().id();
    entry_->note_upstream();
    if (reused && facts.attempt_count < ExchangeFacts::attempt_limit)
        facts.attempts[facts.attempt_count++] = {facts.upstream_id, 0, true, Op::none, 0};
    ++conn.entry().facts.exchanges;
    upstream_out_base_ = conn.facts().out_bytes;
    up_flow_.start(Side::client, request_framing_, request_framing_.kind == BodyKind::chunked, true,
                   nullptr, body_limit_bytes_);
    up_complete_ = up_flow_.complete();
    head_due_ = true;
    up_stamp_ns_ = house_.loop().now_ns();
    set(Up::body, down_);
    if (!replay_body_.empty()) {
        send_again();
        if (!replayable_) drop_held();
    } else if (up_complete_) {
        flush_head();
    }
}

// The head and what was kept of the body, in pieces that fit a slab.
void Exchange::send_again() {
    constexpr size_t piece_bytes = 64 * 1024;
    std::string_view rest = replay_body_;
    while (!rest.empty() && !finished_ && up_ == Up::body) {
        const Slice piece = house_.loop().slabs().copy(rest.substr(0, piece_bytes));
        rest.remove_prefix(piece.size());
        const std::string_view head = head_due_ ? std::string_view(head_) : "";
        head_due_ = false;
        body_written(up_flow_.push(piece, *upstream_, head));
    }
}

void Exchange::flush_head() {
    if (!head_due_ || upstream_ == nullptr) return;
    head_due_ = false;
    const int error = upstream_->write(head_);
    if (error != 0) upstream_write_failed(error);
    else settle();
}

bool Exchange::takes_bytes() const {
    if (finished_) return false;
    if (up_ == Up::judged) return true;
    if (up_ == Up::cut) return !may_replay();  // read and dropped, unless it may be asked for again
    if (tunnel_) return true;
    return up_ == Up::body && !up_complete_;
}

// Nothing of its body is taken, and there may be some at the session.
bool Exchange::awaits_body() const {
    return (up_ == Up::gate || up_ == Up::held) && request_framing_.kind != BodyKind::none &&
           !held_body_ && replay_body_.empty();
}

void Exchange::body_waits() {
    if (!finished_ && awaits_body()) entry_->facts.last_up_ns = house_.loop().now_ns();
}

size_t Exchange::take(const Slice& bytes) {
    entry_->serve();
    up_stamp_ns_ = house_.loop().now_ns();
    entry_->facts.last_up_ns = up_stamp_ns_;
    awaits_100_ = false;
    if (up_ == Up::judged) return take_for_judgement(bytes.view());
    size_t taken = bytes.size();
    if (up_ == Up::cut) {
        entry_->facts.client_in_bytes += taken;
        return taken;
    }
    if (up_complete_) {
        entry_->facts.client_in_bytes += taken;
        pass_tunnel(Side::client, bytes);
    } else {
        const Flow::Outcome outcome =
            up_flow_.push(bytes, *upstream_, head_due_ ? std::string_view(head_) : "");
        head_due_ = false;
        taken = outcome.taken;
        // What cannot be read belongs to nobody else.
        entry_->facts.client_in_bytes +=
            outcome.what == Flow::What::malformed ? bytes.size() : taken;
        if (answer_ == Answer::frames) note_exec_request(bytes.view().substr(0, taken));
        if (replayable_) keep_for_replay(bytes.view().substr(0, taken));
        body_written(outcome);
    }
    if (finished_) return taken;
    if (!up_complete_ || tunnel_) splice(Side::client, taken);
    client_moved(taken);
    return taken;
}

// So many of the client's bytes went on.
void Exchange::client_moved(size_t count) {
    if (upstream_ != nullptr && upstream_->full()) {
        client().pause(Conn::Pause::sink_full);
        session_->rearm();
    }
    if (!finished_ && holding_.shaped) shape(true, count);
    note();
}

void Exchange::keep_for_replay(std::string_view bytes) {
    replayable_ = replay_body_.size() + bytes.size() <= house_.settings().replay_bytes;
    if (replayable_) replay_body_ += bytes;
    else replay_body_.clear();
}

void Exchange::body_written(const Flow::Outcome& outcome) {
    switch (outcome.what) {
        case Flow::What::more: return;
        case Flow::What::complete:
            up_complete_ = true;
            settle();
            return;
        case Flow::What::sink_failed: upstream_write_failed(outcome.error); return;
        case Flow::What::too_large: body_too_large(); return;
        case Flow::What::malformed: break;
    }
    const ParseFault& fault = up_flow_.fault();
    fail(Ending::malformed(fault.reason, phase_, fault.detail, fault.parser_error, fault.offset));
}

// Writing to the upstream failed. It may have answered before it closed its reading side, and that
// answer says more than the failed write: it is waited for (clock linger), the request's rest is
// dropped. In a tunnel its last output may be on the way.
void Exchange::upstream_write_failed(int error) {
    const Fault fault = upstream_->judge(Op::write, error);
    if (down_complete_) {
        upstream_lost_after_answer(fault);
        return;
    }
    if (tunnel_ && upstream_fin_) entry_->add_trail(Side::upstream, fault.op, fault.error);
    else up_fault_ = ending_of(Side::upstream, fault, phase_);
    up_stamp_ns_ = down_stamp_ns_ = house_.loop().now_ns();
    set(Up::cut, down_);
    if (client().paused(Conn::Pause::sink_full)) client().resume(Conn::Pause::sink_full);
    session_->rearm();
    settle();
}

// It had answered; only the request's rest is of no use to it any more.
void Exchange::upstream_lost_after_answer(const Fault& fault) {
    entry_->add_trail(Side::upstream, fault.op, fault.error);
    upstream_lost_ = ending_of(Side::upstream, fault, phase_);
    if (up_ == Up::body) set(Up::cut, down_);
    if (client().paused(Conn::Pause::sink_full)) client().resume(Conn::Pause::sink_full);
    session_->rearm();
    settle();
}

// Should this upstream connection die now, can the request go out once more?
bool Exchange::may_replay() const {
    return !answer_byte_ && (reused_ || replays_ > 0) && replayable_ &&
           replays_ < house_.settings().replays;
}

// The upstream connection ended and its answer is not whole.
void Exchange::answer_missing(const Fault& fault) {
    if (may_replay()) {
        replay(fault);
        return;
    }
    const bool by_peer = fault.what != Fault::What::failed;
    if (!answer_byte_ && by_peer && (reused_ || replays_ > 0)) {
        fail(Ending::by_io(replayable_ ? Reason::retry_exhausted : Reason::retry_impossible, phase_,
                           fault.op, fault.error));
        return;
    }
    if (up_fault_) {
        entry_->add_trail(Side::upstream, fault.op, fault.error);
        fail(*up_fault_);
        return;
    }
    fail(ending_of(Side::upstream, fault, phase_));
}

// Once more on a fresh connection: not one byte of an answer came, and the request may be sent twice.
void Exchange::replay(const Fault& fault) {
    ++replays_;
    ExchangeFacts& facts = entry_->facts;
    if (facts.attempt_count <= ExchangeFacts::attempt_limit) {
        Attempt& attempt = facts.attempts[facts.attempt_count - 1U];
        attempt.took_ns = house_.loop().now_ns() - up_stamp_ns_;
        attempt.op = fault.op;
        attempt.error = fault.error;
    }
    drop_upstream(ending_of(Side::upstream, fault, phase_), Conn::Close::reset);
    up_fault_.reset();
    set(Up::held, Down::waiting);
    acquire(true);
    note();
}

void Exchange::on_room(Conn& conn) {
    up_stamp_ns_ = house_.loop().now_ns();
    if (conn.queued_bytes() <= Conn::resume_bytes) {
        client().resume(Conn::Pause::sink_full);
        session_->feed();
    }
    settle();
    note();
}

}  // namespace becaused
