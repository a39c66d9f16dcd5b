#include "proxy/exchange.hh"

#include <algorithm>
#include <cstring>

#include "http/reply.hh"
#include "ledger/record.hh"
#include "proxy/blame.hh"
#include "proxy/house.hh"
#include "proxy/session.hh"

namespace becaused {

Phase phase_of(Exchange::Up up, Exchange::Down down, bool tunnel) {
    if (tunnel) return Phase::tunnel;
    if (down == Exchange::Down::body) return Phase::response_body;
    if (down == Exchange::Down::done)
        return up == Exchange::Up::body ? Phase::linger : Phase::done;
    switch (up) {
        case Exchange::Up::none:
        case Exchange::Up::head: return Phase::request_head;
        case Exchange::Up::held: return Phase::connect;
        case Exchange::Up::body: return Phase::request_body;
        case Exchange::Up::done:
        case Exchange::Up::cut: break;
    }
    return Phase::first_byte;
}

namespace {

// 499 stands in records only: nobody is there to hear it.
bool answerable(Reason reason) { return row(reason).status != 0 && row(reason).status != 499; }

}  // namespace

Exchange::Exchange(House& house)
    : house_(house),
      dial_(house.loop(), house.ledger(), house.settings(), house.upstream(), *this) {}

void Exchange::open(Session& session) {
    session_ = &session;
    upstream_ = nullptr;
    entry_.emplace(house_.ledger());
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
    up_fault_.reset();
    request_framing_ = {};
    refused_status_ = 0;
    replays_ = 0;
    minor_version_ = 1;
    tunnel_ = head_due_ = head_method_ = keep_alive_ = said_close_ = false;
    hijackable_ = ping_ = trailers_welcome_ = replayable_ = reused_ = answer_byte_ = false;
    up_complete_ = down_complete_ = upstream_keep_ = client_fin_ = upstream_fin_ = false;
    head_read_ = down_flow_raw_ = finished_ = false;
}

Conn& Exchange::client() { return session_->conn(); }

uint32_t Exchange::limit_ms(ClockName clock) const {
    return house_.settings().clocks.ms(entry_->facts.route, clock);
}

void Exchange::set(Up up, Down down) {
    up_ = up;
    down_ = down;
    const Phase phase = phase_of(up, down, tunnel_);
    if (phase == phase_) return;
    const uint64_t now_ns = house_.loop().now_ns();
    entry_->facts.phase_ns[static_cast<size_t>(phase_)] += now_ns - phase_since_ns_;
    phase_ = phase;
    phase_since_ns_ = now_ns;
}

void Exchange::begin(const RequestHead& head, size_t raw_bytes) {
    ExchangeFacts& facts = entry_->facts;
    facts.client_in_bytes += raw_bytes;
    head_read_ = true;
    remember(head);
    if (house_.settings().record_request_start) house_.ledger().announce(*entry_);
    if (!admit(head)) return;
    write_request(head);
    set(Up::held, Down::waiting);
    acquire(false);
}

void Exchange::remember(const RequestHead& head) {
    ExchangeFacts& facts = entry_->facts;
    facts.set_method(head.method);
    facts.set_target(head.target);
    facts.minor_version = minor_version_ = head.minor_version;
    head_method_ = head.method == "HEAD";
    trailers_welcome_ = head.accepts_trailers;
    upgrade_ = head.upgrade;
    keep_alive_ = head.minor_version == 0 ? head.connection.keep_alive : !head.connection.close;
}

// True when the request may go to the upstream; else it has been answered and has ended.
bool Exchange::admit(const RequestHead& head) {
    if (const auto fault = decide_request_body(head, request_framing_)) {
        refused_status_ = fault->status;
        fail(Ending::malformed(fault->reason, Phase::request_head, fault->detail, fault->parser_error,
                               fault->offset));
        return false;
    }
    const Verdict verdict = house_.gate().judge(head, entry_->facts.client);
    entry_->facts.route = verdict.route.route_class;
    entry_->facts.routed = true;
    hijackable_ = verdict.route.hijackable;
    ping_ = verdict.route.ping;
    if (house_.stopping()) {
        fail(Ending::decided(Reason::draining, Phase::gate, Op::admin, 0));
    } else if (session_->overflow()) {
        fail(Ending::decided(Reason::accept_limit, Phase::gate, Op::accept, 0)
                 .with_limit(house_.connection_limit()));
    } else if (house_.loop().slabs().scarce()) {
        fail(Ending::decided(Reason::memory_shed, Phase::gate, Op::allocate, 0));
    } else if (!verdict.pass) {
        fail(Ending::refused(verdict.reason, Phase::gate, Op::judge, verdict.rule));
    } else if (!answer_locally(head)) {
        return true;
    }
    return false;
}

// Max-Forwards: 0 makes us the last recipient of OPTIONS and TRACE (RFC 9110 §7.6.2).
bool Exchange::answer_locally(const RequestHead& head) {
    if (!head.has_max_forwards || head.max_forwards > 0) return false;
    const bool options = head.method == "OPTIONS";
    if (!options && head.method != "TRACE") return false;
    if (!options || request_framing_.kind != BodyKind::none) {
        fail(Ending::refused(Reason::request_unsupported, Phase::gate, Op::judge,
                             "TRACE that ends here is not reflected"));
        return true;
    }
    entry_->facts.status = 200;
    keep_alive_ = keep_alive_ && !session_->last_request();
    std::string& out = house_.scratch();
    out = "HTTP/1.1 200 OK\r\nAllow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS\r\n"
          "Content-Length: 0\r\n";
    if (!keep_alive_) out += "Connection: close\r\n";
    out += "\r\n";
    up_ = Up::done;
    if (const int error = client().write(out); error != 0) {
        client_write_failed(error);
        return true;
    }
    down_complete_ = true;
    set(Up::done, Down::body);
    settle();
    return true;
}

void Exchange::write_request(const RequestHead& head) {
    Hop hop;
    hop.client_address = session_->client_address();
    hop.via_name = house_.settings().via_name;
    hop.trust_forwarded = house_.settings().trust_forwarded;
    std::string& id = house_.id_scratch();
    id.clear();
    house_.ledger().append_id(id, entry_->id());
    hop.request_id = id;
    ExchangeFacts& facts = entry_->facts;
    const Field* trace = head.find(FieldName::traceparent);
    if (trace != nullptr && valid_traceparent(trace->value)) {
        hop.traceparent = trace->value;
    } else {
        house_.make_traceparent(house_.trace_scratch());
        hop.traceparent = house_.trace_scratch();
    }
    std::memcpy(facts.trace_id.data(), hop.traceparent.data() + 3, facts.trace_id.size());
    facts.has_trace_id = true;
    head_.clear();
    const ForwardedRequest sent =
        write_request_head(head, request_framing_, hop, house_.upstream().host(), head_);
    if (sent.request_id != id) {
        facts.request_id_length =
            static_cast<uint8_t>(std::min(sent.request_id.size(), facts.request_id.size()));
        std::memcpy(facts.request_id.data(), sent.request_id.data(), facts.request_id_length);
    }
    replayable_ = idempotent(head.method) && upgrade_.empty();
}

void Exchange::refuse_head(const ParseFault& fault, std::string_view line, size_t raw_bytes) {
    ExchangeFacts& facts = entry_->facts;
    facts.client_in_bytes += raw_bytes;
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

void Exchange::acquire(bool fresh) {
    Conn* idle = fresh ? nullptr : house_.upstream().take(!replayable_);
    if (idle != nullptr)
        use(*idle, true);
    else
        dial_.start(entry_->facts);
}

void Exchange::on_dialed(Conn& conn) {
    use(conn, false);
    if (finished_) return;
    conn.start();
    session_->feed();
    if (!finished_) flush_head();
    if (!finished_) session_->rearm();
}

void Exchange::on_dial_failed(const Ending& ending) { fail(ending); }

void Exchange::use(Conn& conn, bool reused) {
    upstream_ = &conn;
    conn.set_sink(this);
    reused_ = reused;
    ExchangeFacts& facts = entry_->facts;
    facts.upstream = conn.facts().peer;
    facts.upstream_id = conn.entry().id();
    if (reused && facts.attempt_count < ExchangeFacts::attempt_limit)
        facts.attempts[facts.attempt_count++] = {facts.upstream_id, 0, true, Op::none, 0};
    ++conn.entry().facts.exchanges;
    upstream_out_base_ = conn.facts().out_bytes;
    up_flow_.start(Side::client, request_framing_, request_framing_.kind == BodyKind::chunked, true);
    up_complete_ = up_flow_.complete();
    head_due_ = true;
    up_stamp_ns_ = house_.loop().now_ns();
    set(Up::body, down_);
    if (!replay_body_.empty()) {
        const Slice body = house_.loop().slabs().copy(replay_body_);
        head_due_ = false;
        body_written(up_flow_.push(body, conn, head_));
    } else if (up_complete_) {
        flush_head();
    }
}

void Exchange::flush_head() {
    if (!head_due_ || upstream_ == nullptr) return;
    head_due_ = false;
    const int error = upstream_->write(head_);
    if (error != 0)
        upstream_write_failed(error);
    else
        settle();
}

bool Exchange::takes_bytes() const {
    if (finished_) return false;
    if (up_ == Up::cut) return true;  // read and dropped
    if (tunnel_) return !client_fin_;
    return up_ == Up::body && !up_complete_;
}

size_t Exchange::take(const Slice& bytes) {
    up_stamp_ns_ = house_.loop().now_ns();
    entry_->facts.last_up_ns = up_stamp_ns_;
    size_t taken = bytes.size();
    if (up_ == Up::cut) {
        entry_->facts.client_in_bytes += taken;
        return taken;
    }
    if (up_complete_) {
        const int error = upstream_->write(bytes);
        entry_->facts.client_in_bytes += taken;
        if (error != 0) upstream_write_failed(error);
    } else {
        const Flow::Outcome outcome =
            up_flow_.push(bytes, *upstream_, head_due_ ? std::string_view(head_) : "");
        head_due_ = false;
        taken = outcome.taken;
        entry_->facts.client_in_bytes += taken;
        if (replayable_) keep_for_replay(bytes.view().substr(0, taken));
        body_written(outcome);
    }
    if (!finished_ && upstream_ != nullptr && upstream_->full()) {
        client().pause(Conn::Pause::sink_full);
        session_->rearm();
    }
    return taken;
}

void Exchange::keep_for_replay(std::string_view bytes) {
    replayable_ = replay_body_.size() + bytes.size() <= house_.settings().replay_bytes;
    if (replayable_)
        replay_body_ += bytes;
    else
        replay_body_.clear();
}

void Exchange::body_written(const Flow::Outcome& outcome) {
    switch (outcome.what) {
        case Flow::What::more: return;
        case Flow::What::complete:
            up_complete_ = true;
            settle();
            return;
        case Flow::What::sink_failed: upstream_write_failed(outcome.error); return;
        case Flow::What::malformed: break;
    }
    const ParseFault& fault = up_flow_.fault();
    fail(Ending::malformed(fault.reason, phase_, fault.detail, fault.parser_error, fault.offset));
}

// Writing to the upstream failed. It may have answered before it closed its reading side, and that
// answer says more than the failed write: it is waited for (clock linger), the request's rest is dropped.
void Exchange::upstream_write_failed(int error) {
    const Fault fault = upstream_->judge(Op::write, error);
    if (tunnel_ && !upstream_fin_) {
        fail(Ending::by_io(upstream_reason(fault.what), phase_, fault.op, fault.error));
        return;
    }
    if (down_complete_ || tunnel_)
        entry_->add_trail(Side::upstream, fault.op, fault.error);
    else
        up_fault_ = Ending::by_io(upstream_reason(fault.what), phase_, fault.op, fault.error);
    up_stamp_ns_ = down_stamp_ns_ = house_.loop().now_ns();
    set(Up::cut, down_);
    if (client().paused(Conn::Pause::sink_full)) client().resume(Conn::Pause::sink_full);
    session_->rearm();
    settle();
}

// The upstream connection ended and its answer is not whole.
void Exchange::answer_missing(const Fault& fault) {
    if (!answer_byte_ && reused_) {
        if (replayable_ && replays_ < house_.settings().replays) {
            replay(fault);
            return;
        }
        fail(Ending::by_io(replayable_ ? Reason::retry_exhausted : Reason::retry_impossible, phase_,
                           fault.op, fault.error));
        return;
    }
    if (up_fault_) {
        entry_->add_trail(Side::upstream, fault.op, fault.error);
        fail(*up_fault_);
        return;
    }
    fail(Ending::by_io(upstream_reason(fault.what), phase_, fault.op, fault.error));
}

// Once more on a fresh connection: not one byte of an answer came, and the request may be sent twice.
void Exchange::replay(const Fault& fault) {
    ++replays_;
    ExchangeFacts& facts = entry_->facts;
    Attempt& attempt = facts.attempts[facts.attempt_count - 1U];
    attempt.took_ns = house_.loop().now_ns() - up_stamp_ns_;
    attempt.op = fault.op;
    attempt.error = fault.error;
    drop_upstream(Ending::by_io(upstream_reason(fault.what), phase_, fault.op, fault.error),
                  Conn::Close::reset);
    up_fault_.reset();
    set(Up::held, Down::waiting);
    acquire(true);
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
    const bool keep = upstream_keep_ && up_ == Up::done && !upstream_->finished_reading();
    if (!keep) {
        drop_upstream(Ending::clean(tunnel_ ? Reason::tunnel_complete : Reason::complete, Phase::done),
                      Conn::Close::fin);
        return;
    }
    Conn& conn = *std::exchange(upstream_, nullptr);
    entry_->facts.upstream_out_bytes += conn.facts().out_bytes - upstream_out_base_;
    house_.upstream().give_back(conn);
}

// Looks what the last event finished.
void Exchange::settle() {
    if (finished_) return;
    if (up_ == Up::body && up_complete_ && !head_due_ && upstream_->queued_bytes() == 0) {
        up_stamp_ns_ = down_stamp_ns_ = entry_->facts.last_up_ns = house_.loop().now_ns();
        set(Up::done, down_);
    }
    if (tunnel_) {
        const bool up_over = client_fin_ && (up_ == Up::cut || upstream_->finished_writing());
        if (up_over && upstream_fin_ && client().finished_writing()) complete(Reason::tunnel_complete);
        return;
    }
    const bool up_over = up_ == Up::done || up_ == Up::cut;
    if (!down_complete_) return;
    if (up_over) release_upstream();
    if (client().queued_bytes() > 0) return;
    set(up_, Down::done);
    if (up_over) complete(Reason::complete);
}

void Exchange::complete(Reason reason) {
    release_upstream();
    set(up_, Down::done);
    const bool keep = keep_alive_ && !said_close_ && up_ == Up::done;
    Session& session = *session_;
    file(Ending::clean(reason, Phase::done));
    if (reason == Reason::tunnel_complete)
        session.exchange_cut(Ending::clean(reason, Phase::done), Conn::Close::fin);
    else if (up_ == Up::cut)
        session.exchange_lingers(Ending::clean(reason, Phase::done));
    else
        session.exchange_done(keep);
}

void Exchange::fail(const Ending& ending) {
    if (finished_) return;
    const bool by_client = ending.by() == Side::client;
    const Ending partner = Ending::partner(phase_, id(), ending.reason());
    if (dial_.active()) dial_.cancel(partner);
    drop_upstream(ending.by() == Side::upstream ? ending : partner, Conn::Close::reset);
    const bool told = answer_begun() || tunnel_;
    const bool say = !told && answerable(ending.reason());
    // The connection may carry on when the request was read to its end and nobody is to be mistrusted.
    const bool read = head_read_ && (request_framing_.kind == BodyKind::none || up_ == Up::done);
    const bool keep = say && read && keep_alive_ && upgrade_.empty() && !session_->last_request() &&
                      (!by_client || ending.reason() == Reason::request_unsupported);
    if (say) reply(ending, keep);
    Session& session = *session_;
    entry_->facts.unsent_client_bytes = say ? 0 : client().unsent_bytes();
    const EntryId own = id();
    file(ending);
    session.conn().entry().facts.exchange_id = keep ? 0 : own;
    const Ending last = by_client ? ending : partner;
    if (keep)
        session.exchange_done(true);
    else if (say)
        session.exchange_lingers(last);
    else
        // A FIN would look whole after a tunnel or a body that ends with its connection; elsewhere the
        // missing last byte tells, and a FIN lets the client read what did come.
        session.exchange_cut(last, tunnel_ || down_flow_raw_ || by_client || !told
                                       ? Conn::Close::reset
                                       : Conn::Close::fin);
}

void Exchange::reply(const Ending& ending, bool keep) {
    std::string& because = house_.id_scratch();
    because.clear();
    append_because(because, ending);
    std::string& id_text = house_.trace_scratch();
    id_text.clear();
    house_.ledger().append_id(id_text, id());
    Reply reply;
    reply.status = refused_status_ != 0 ? refused_status_ : row(ending.reason()).status;
    reply.reason = ending.reason();
    reply.because = because;
    reply.record_id = id_text;
    if (ping_) reply.api_version = house_.api_version();
    reply.head_method = head_method_;
    reply.close = !keep;
    reply.request_minor = minor_version_;
    reply.keep_alive_1_0 = keep && minor_version_ == 0;
    if (reply.status == 503) reply.retry_after_s = 1;
    std::string& out = house_.scratch();
    out.clear();
    write_reply(reply, out);
    entry_->facts.status = reply.status;
    if (const int error = client().write(out); error != 0)
        entry_->add_trail(Side::client, Op::write, error);
}

void Exchange::file(const Ending& ending) {
    finished_ = true;
    ExchangeFacts& facts = entry_->facts;
    const uint64_t now_ns = house_.loop().now_ns();
    facts.phase_ns[static_cast<size_t>(phase_)] += now_ns - phase_since_ns_;
    facts.phase_ns[static_cast<size_t>(Phase::done)] = 0;
    facts.client_out_bytes = client().facts().out_bytes - client_out_base_;
    entry_->file(ending);
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
    const bool awaits_tunnel = !tunnel_ && !upgrade_.empty() && !answer_begun();
    if (tunnel_ || awaits_tunnel) {
        client_fin_ = true;
        if (!tunnel_) return;
        if (up_ != Up::cut) upstream_->finish();
        session_->rearm();
        settle();
        return;
    }
    if (house_.settings().allow_half_close && up_ == Up::done) {
        keep_alive_ = false;
        return;
    }
    fail(Ending::by_io(Reason::client_closed, phase_, Op::read, 0));
}

void Exchange::client_fault(const Fault& fault) {
    if (finished_) return;
    if (down_ == Down::done && !tunnel_) {
        entry_->add_trail(Side::client, fault.op, fault.error);
        set(Up::cut, down_);
        settle();
        return;
    }
    fail(Ending::by_io(client_reason(fault.what), phase_, fault.op, fault.error));
}

void Exchange::client_write_failed(int error) { client_fault(client().judge(Op::write, error)); }

void Exchange::client_room() {
    if (finished_) return;
    down_stamp_ns_ = entry_->facts.last_down_ns = house_.loop().now_ns();
    if (upstream_ != nullptr && client().queued_bytes() <= Conn::resume_bytes)
        upstream_->resume(Conn::Pause::sink_full);
    settle();
}

void Exchange::on_room(Conn& conn) {
    up_stamp_ns_ = house_.loop().now_ns();
    if (conn.queued_bytes() <= Conn::resume_bytes) {
        client().resume(Conn::Pause::sink_full);
        session_->feed();
    }
    settle();
}

void Exchange::on_gone(Conn&) { CHECK(false && "an exchange lets go of a connection when it ends it"); }

}  // namespace becaused
