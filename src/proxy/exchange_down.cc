// The way down: what the upstream says, and what becomes of it on the way to the client.
#include <algorithm>

#include "proxy/blame.hh"
#include "proxy/exchange.hh"
#include "proxy/house.hh"
#include "proxy/session.hh"

namespace becaused {

namespace {

// Does the answer's head leave the upstream connection fit for another request?
bool keeps_alive(const ResponseHead& head, const BodyFraming& framing) {
    if (framing.kind == BodyKind::until_close || framing.kind == BodyKind::tunnel) return false;
    return !head.connection.close && (head.minor_version == 1 || head.connection.keep_alive);
}

std::string_view api_version_of(const ResponseHead& head) {
    for (const Field& field : head.fields)
        if (same_name(field.name, "Api-Version")) return field.value;
    return {};
}

}  // namespace

void Exchange::on_bytes(Conn& conn, const Slice& bytes) {
    entry_->serve();
    answer_byte_ = true;
    down_stamp_ns_ = house_.loop().now_ns();
    entry_->facts.last_down_ns = down_stamp_ns_;
    entry_->facts.upstream_in_bytes += bytes.size();
    Slice rest = bytes;
    while (!rest.empty() && !finished_ && upstream_ == &conn) {
        if (down_complete_) {  // more than one answer to one request: never another client's
            if (!upstream_extra_) entry_->add_trail(Side::upstream, Op::parse, 0);
            upstream_extra_ = true;
            break;
        }
        if (tunnel_) {
            pass_tunnel(Side::upstream, rest);
            break;
        }
        if (down_ == Down::body) {
            const Flow::Outcome outcome = down_flow_.push(rest, client(), {});
            rest.drop_front(outcome.taken);
            answer_written(outcome);
        } else {
            rest.drop_front(take_answer_head(rest));
        }
    }
    if (finished_) return;
    if (!down_complete_) splice(Side::upstream, bytes.size());
    upstream_moved(bytes.size());
}

// So many of the upstream's bytes went on.
void Exchange::upstream_moved(size_t count) {
    // Not once the answer is whole: its connection may be somebody else's before the client has room.
    if (upstream_ != nullptr && !down_complete_ && client().full()) {
        upstream_->pause(Conn::Pause::sink_full);
        session_->rearm();
    }
    if (holding_.shaped) shape(false, count);
    if (up_ == Up::cut) session_->feed();  // with an answer here, the request's rest is not kept
    if (!finished_) settle();
    note();
}

// Returns how many bytes were taken: the head and what of the body went out along with it.
size_t Exchange::take_answer_head(const Slice& bytes) {
    std::string_view head = bytes.view();
    size_t from = 0;
    size_t before = 0;
    if (!answer_part_.empty()) {
        from = before = answer_part_.size();
        answer_part_ += head.substr(0, head_limit_bytes + 1 - std::min(before, head_limit_bytes));
        head = answer_part_;
    }
    const auto end = find_head_end(head, from);
    if (end) return answer_head(head.substr(0, *end), bytes, *end - before);
    if (const auto fault = refuse_incomplete_response(head)) {
        malformed_answer(*fault);
        return bytes.size();
    }
    if (answer_part_.empty()) answer_part_ = head;
    return bytes.size();
}

void Exchange::malformed_answer(const ParseFault& fault) {
    fail(Ending::malformed(fault.reason, phase_, fault.detail, fault.parser_error, fault.offset));
}

// `head`: one whole head, of which the last `used` bytes are the front of `bytes`.
size_t Exchange::answer_head(std::string_view head_bytes, const Slice& bytes, size_t used) {
    ResponseHead& head = house_.response_head();
    if (const auto fault = house_.parser().parse_response(head_bytes, head)) {
        malformed_answer(*fault);
        return bytes.size();
    }
    const AskedFor asked{head_method_, !upgrade_.empty(), hijackable_, upgrade_};
    BodyFraming framing;
    if (const auto fault = decide_response_body(head, asked, framing)) {
        malformed_answer(*fault);
        return bytes.size();
    }
    entry_->facts.upstream_status = head.status;
    const Slice after = bytes.part(used);
    size_t taken = used;
    if (head.status < 200 && framing.kind != BodyKind::tunnel) interim(head);
    else if (framing.kind == BodyKind::tunnel) start_tunnel(head);
    else taken += final_head(head, framing, after);
    answer_part_.clear();
    return taken;
}

void Exchange::interim(const ResponseHead& head) {
    set(up_, Down::interim);
    if (head.status == 100) {
        awaits_100_ = false;
        if (said_100_) return;
    }
    if (minor_version_ == 0) return;  // RFC 9110 §15.2: never to an HTTP/1.0 client
    std::string& out = house_.scratch();
    out.clear();
    write_response_head(head, AnswerFraming{}, house_.settings().via_name, out);
    if (const int error = client().write(out); error != 0) client_write_failed(error);
}

// Returns how many bytes of `after` went out with the head.
size_t Exchange::final_head(const ResponseHead& head, const BodyFraming& framing,
                            const Slice& after) {
    // Bytes that followed a refused upgrade were meant for a tunnel: they are never read as requests.
    const bool stray = !upgrade_.empty() && (session_->has_stash() || client_fin_);
    const bool keep =
        keep_alive_ && !stray && up_ != Up::cut && !house_.stopping() && !session_->last_request();
    AnswerFraming answer = frame_answer(head, framing, minor_version_, head_method_, keep);
    said_close_ = answer.close;
    if (!upgrade_.empty() && answer.kind != BodyKind::until_close)
        answer.close = false;  // see reply()
    down_flow_raw_ = answer.kind == BodyKind::until_close;
    entry_->facts.status = head.status;
    upstream_keep_ = keeps_alive(head, framing);
    if (ping_ && head.status == 200) {
        const std::string_view version = api_version_of(head);
        if (version != house_.api_version()) house_.api_version() = version;
    }
    std::string& out = house_.scratch();
    out.clear();
    write_response_head(head, answer, house_.settings().via_name, out);
    follow(head, answer);
    down_flow_.start(Side::upstream, framing, answer.kind == BodyKind::chunked, trailers_welcome_,
                     &teller_);
    set(up_, Down::body);
    if (!down_flow_.complete() && !after.empty()) {
        const Flow::Outcome outcome = down_flow_.push(after, client(), out);
        answer_written(outcome);
        if (outcome.what == Flow::What::more) session_->rearm();
        return outcome.taken;
    }
    down_complete_ = down_flow_.complete();
    if (const int error = client().write(out); error != 0) client_write_failed(error);
    // The body's clock may be the first one there is: a transfer's first byte has none.
    else if (!down_complete_) session_->rearm();
    return 0;
}

void Exchange::start_tunnel(const ResponseHead& head) {
    AnswerFraming answer;
    answer.kind = BodyKind::tunnel;
    entry_->facts.status = head.status;
    said_close_ = true;
    std::string& out = house_.scratch();
    out.clear();
    write_response_head(head, answer, house_.settings().via_name, out);
    follow(head, answer);
    follow_calls(head);
    tunnel_ = true;
    set(up_, Down::body);
    if (const int error = client().write(out); error != 0) {
        client_write_failed(error);
        return;
    }
    session_->feed();  // bytes that the client sent ahead
    if (finished_) return;
    if (client_fin_ && up_ != Up::cut) finish_tunnel(Side::client);
    if (finished_) return;
    session_->rearm();
}

void Exchange::answer_written(const Flow::Outcome& outcome) {
    switch (outcome.what) {
        case Flow::What::more: return;
        case Flow::What::complete: down_complete_ = true; return;
        case Flow::What::sink_failed: client_write_failed(outcome.error); return;
        case Flow::What::malformed: malformed_answer(down_flow_.fault()); return;
        case Flow::What::too_large: CHECK(false && "answers have no limit");
    }
}

void Exchange::on_finish(Conn&) {
    if (tunnel_) {
        upstream_fin_ = true;
        down_stamp_ns_ = house_.loop().now_ns();
        finish_tunnel(Side::upstream);
        if (finished_) return;
        if (up_fault_) tunnel_half_over({Fault::What::closed, up_fault_->op(), up_fault_->error()});
        session_->rearm();
        settle();
        return;
    }
    if (down_ == Down::body && !down_complete_ && down_flow_.until_close()) {
        answer_written(down_flow_.finish(client()));
        settle();
        return;
    }
    if (down_complete_) {  // it answered and closed; the request's rest is of no use to it
        if (up_ == Up::body) set(Up::cut, down_);
        settle();
        return;
    }
    answer_missing({Fault::What::closed, Op::read, 0});
}

// The upstream said all it had to say, and takes no more of the client's bytes. Not a broken tunnel.
void Exchange::tunnel_half_over(const Fault& fault) {
    entry_->add_trail(Side::upstream, fault.op, fault.error);
    up_fault_.reset();
    set(Up::cut, down_);
    drop_upstream(Ending::clean(Reason::tunnel_complete, Phase::tunnel), Conn::Close::fin);
}

void Exchange::on_fault(Conn&, const Fault& fault) {
    if (tunnel_ && upstream_fin_) {
        tunnel_half_over(fault);
        settle();
        return;
    }
    if (down_complete_) {
        upstream_lost_after_answer(fault);
        return;
    }
    if (fault.op == Op::write) {
        up_fault_ = ending_of(Side::upstream, fault, phase_);
        up_stamp_ns_ = down_stamp_ns_ = house_.loop().now_ns();
        set(Up::cut, down_);
        client().resume(Conn::Pause::sink_full);
        session_->feed();
        if (!finished_) session_->rearm();
        return;
    }
    // In a tunnel too: a failed write was the first sign.
    answer_missing(fault);
}

}  // namespace becaused
