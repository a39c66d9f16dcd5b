#include "proxy/session.hh"

#include <algorithm>

#include "net/tls_peer.hh"
#include "proxy/blame.hh"
#include "proxy/house.hh"

namespace becaused {

Session::Session(House& house, bool overflow) : house_(house), overflow_(overflow) {}

Session::Aside& Session::aside() {
    if (!aside_) aside_ = std::make_unique<Aside>(house_);
    return *aside_;
}

uint64_t Session::stashed_of(const BodyFraming& body) {
    if (body.kind != BodyKind::chunked) return std::min(stashed_bytes(), body.length);
    ChunkedDecoder decoder;
    decoder.start(Side::client);
    uint64_t bytes = 0;
    for (size_t i = 0; has_stash() && i < aside_->stash.count(); ++i) {
        const size_t came = aside_->stash.at(i).size();
        std::string_view rest = aside_->stash.at(i).view();
        ChunkedDecoder::Step step;
        do {
            std::string_view data;
            step = decoder.next(rest, data);
        } while (step == ChunkedDecoder::Step::data);
        bytes += came - rest.size();
        if (step != ChunkedDecoder::Step::need_more) break;
    }
    return bytes;
}

void Session::drop_stash() {
    if (aside_) aside_->stash.clear();
}

void Session::drop_empty_aside() {
    if (state_ == State::idle && !has_stash()) aside_.reset();
}

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

void Session::on_bytes(Conn&, const Slice& bytes) {
    if (state_ == State::ended) return;
    size_t used = 0;
    if (!has_stash()) {
        while (used < bytes.size()) {
            const size_t taken = used == 0 ? consume(bytes) : consume(bytes.part(used));
            if (taken == 0) break;
            used += taken;
        }
    }
    if (exchange_ != nullptr && !in_head_) exchange_->flush_head();
    if (state_ == State::ended) return;
    if (used < bytes.size()) {
        aside().stash.push(house_.loop().slabs().keep(bytes, bytes.view().substr(used)));
        if (stashed_bytes() >= stash_limit_bytes) conn_->pause(Conn::Pause::held);
        if (exchange_ != nullptr && !in_head_) exchange_->body_waits();
        // What was stashed may be takeable now (an answer came while it was being cut).
        if (exchange_ == nullptr && state_ == State::idle) house_.loop().defer(*this);
    }
    rearm();
}

void Session::on_spliced(Conn&, size_t count) {
    CHECK(state_ == State::exchange && !in_head_);
    exchange_->take_spliced(count);
    rearm();
}

// Takes bytes from the front; 0 when nothing wants them now.
size_t Session::consume(const Slice& bytes) {
    switch (state_) {
        case State::ended: return bytes.size();
        case State::parting:
        case State::linger:
            aside().lingered_bytes += bytes.size();
            if (aside().lingered_bytes > linger_limit_bytes) end(*aside().last, Conn::Close::fin);
            return bytes.size();
        case State::idle: return consume_head(bytes);
        case State::preparing:
        case State::exchange: break;
    }
    if (in_head_) return consume_head(bytes);
    return exchange_->takes_bytes() ? exchange_->take(bytes) : 0;
}

void Session::feed() {
    if (feeding_) return;
    feeding_ = true;
    while (has_stash() && state_ != State::ended) {
        const Slice front = aside().stash.front();
        const size_t taken = consume(front);
        if (taken == 0 || !has_stash()) break;  // an end that they brought about clears the stash
        aside().stash.drop_front(taken);
    }
    feeding_ = false;
    drop_empty_aside();
    if (state_ == State::ended || conn_ == nullptr) return;
    if (exchange_ != nullptr && !in_head_) exchange_->flush_head();
    if (state_ != State::ended && stashed_bytes() < stash_limit_bytes)
        conn_->resume(Conn::Pause::held);
}

void Session::begin_exchange() {
    exchange_ = &house_.take_exchange();
    ++conn_->entry().facts.exchanges;
    exchange_->open(*this);
    state_ = State::exchange;
    in_head_ = true;
    since_ns_ = house_.loop().now_ns();
}

// How many bytes of the one empty line that may stand before a request are at the front; it may come
// in two pieces, and is no request by itself.
size_t Session::skip_empty_line(std::string_view bytes) {
    if (empty_line_) return 0;
    const bool half = half_line_;
    if (half && bytes[0] != '\n') return 0;
    half_line_ = !half && bytes == "\r";
    if (half_line_) return 1;
    const size_t size = half ? 1 : leading_empty_line(bytes);
    empty_line_ = size > 0;
    return size;
}

size_t Session::consume_head(const Slice& bytes) {
    std::string_view view = bytes.view();
    size_t skipped = 0;
    if (state_ == State::idle) {
        skipped = skip_empty_line(view);
        view.remove_prefix(skipped);
        if (view.empty()) return skipped;
        begin_exchange();
        if (std::exchange(half_line_, false))  // not of an empty line
            ignored(aside().head_part.add("\r") ? 0 : 1, "what follows hears of it");
    }
    size_t before = 0;
    if (!aside_ || aside_->head_part.empty()) {
        if (const auto end = find_head_end(view, 0)) {
            parse_head(view.substr(0, *end));
            return skipped + *end;
        }
    } else {
        before = aside_->head_part.bytes().size();
    }
    HeadPart& part = aside().head_part;
    const bool room =
        part.add(view.substr(0, head_limit_bytes + 1 - std::min(before, head_limit_bytes)));
    if (before > 0) {
        if (const auto end = find_head_end(part.bytes(), before)) {
            const std::string head = part.take();
            parse_head(std::string_view(head).substr(0, *end));
            return skipped + *end - before;
        }
    }
    if (const auto fault = refuse_incomplete_request(part.bytes())) {
        const std::string head = part.take();
        in_head_ = false;
        exchange_->refuse_head(*fault, head, head.size());
    } else {
        exchange_->begin_head(view.size());
        if (!room)
            fail_head(Ending::decided(Reason::memory_shed, Phase::request_head, Op::allocate, 0));
    }
    return bytes.size();
}

// It will not be whole.
void Session::fail_head(const Ending& ending) {
    in_head_ = false;
    if (aside_) aside_->head_part.drop();
    exchange_->fail(ending);
}

void Session::parse_head(std::string_view bytes) {
    in_head_ = false;
    empty_line_ = false;
    RequestHead& head = house_.request_head();
    if (const auto fault = house_.parser().parse_request(bytes, head))
        exchange_->refuse_head(*fault, bytes, bytes.size());
    else exchange_->begin(head, bytes);
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
