#include "proxy/ask.hh"

#include "http/framing.hh"
#include "proxy/blame.hh"

namespace becaused {

namespace {

// A head that says yes or no, and who it is, is short.
constexpr size_t answer_limit_bytes = 16 * 1024;

}  // namespace

Ask::Ask(Service& service, uint64_t ticket, EntryId asker, const Digest& question,
         std::string request)
    : service_(service),
      ticket_(ticket),
      asker_(asker),
      question_(question),
      request_(std::move(request)),
      dial_(service.loop_, service.ledger_, service.settings_, service.upstream_, *this) {}

Ask::~Ask() { CHECK(conn_ == nullptr && !dial_.active()); }

void Ask::start() {
    const uint32_t limit_ms = service_.settings_.clocks.ms(ClockName::auth);
    if (limit_ms > 0)
        service_.loop_.wheel().arm(*this, service_.loop_.now_ns() + limit_ms * ns_per_ms);
    if (Conn* idle = service_.upstream_.take(true)) use(*idle, true);
    else dial_.start(facts_);
}

void Ask::use(Conn& conn, bool reused) {
    conn_ = &conn;
    reused_ = reused;
    conn.set_sink(this);
    ++conn.entry().facts.exchanges;
    if (const int error = conn.write(request_); error != 0) lost(conn.judge(Op::write, error));
    else if (!reused) conn.start();
}

void Ask::on_dialed(Conn& conn) { use(conn, false); }

void Ask::on_dial_failed(const Ending&) { unavailable("it cannot be reached"); }

void Ask::on_bytes(Conn&, const Slice& bytes) {
    if (done_) return;
    part_ += bytes.view();
    while (!done_) {
        const auto end = find_head_end(part_, 0);
        if (!end) break;
        const std::string head = part_.substr(0, *end);
        part_.erase(0, *end);
        take_head(head, !part_.empty());
    }
    if (!done_ && part_.size() > answer_limit_bytes) {
        drop(Ending::malformed(Reason::upstream_head_too_large, Phase::gate,
                               "the authorisation service's answer has a head over 16 KiB", "guard",
                               answer_limit_bytes),
             Conn::Close::reset);
        unavailable("its answer is too long");
    }
}

// `more`: bytes came behind it.
void Ask::take_head(std::string_view bytes, bool more) {
    ResponseHead& head = service_.head_;
    BodyFraming framing;
    auto fault = service_.parser_.parse_response(bytes, head);
    if (!fault) fault = decide_response_body(head, AskedFor{}, framing);
    if (fault) {
        drop(Ending::malformed(fault->reason, Phase::gate, fault->detail, fault->parser_error,
                               fault->offset),
             Conn::Close::reset);
        unavailable("its answer is not valid HTTP/1.1");
        return;
    }
    if (head.status < 200) return;  // an interim answer
    const ServiceAnswer answer = service_.read(head);
    const bool lasting =
        !head.connection.close && (head.minor_version == 1 || head.connection.keep_alive);
    if (lasting && framing.kind == BodyKind::none && !more && !conn_->finished_reading())
        service_.upstream_.give_back(*std::exchange(conn_, nullptr));
    else drop(Ending::clean(Reason::complete, Phase::done), Conn::Close::fin);
    finish(answer);
}

void Ask::describe(const Conn&, Standing& standing) const {
    standing.phase = Phase::gate;
    standing.exchange_id = asker_;
}

void Ask::on_finish(Conn&) { lost({Fault::What::closed, Op::read, 0}); }

// The connection ended without an answer.
void Ask::lost(const Fault& fault) {
    if (done_) return;
    const bool again = reused_ && part_.empty();
    drop(ending_of(Side::upstream, fault, Phase::gate), Conn::Close::reset);
    if (again) dial_.start(facts_);
    else unavailable("its connection ended before it answered");
}

void Ask::on_ring() {
    const uint32_t limit_ms = service_.settings_.clocks.ms(ClockName::auth);
    const Ending late =
        Ending::by_clock(Reason::upstream_silent, Phase::gate, ClockName::auth, limit_ms, limit_ms);
    if (dial_.active()) dial_.cancel(late);
    drop(late, Conn::Close::reset);
    unavailable("it did not answer in time (clock auth)");
}

void Ask::unavailable(const char* detail) {
    ServiceAnswer answer;
    answer.detail = detail;
    finish(answer);
}

void Ask::drop(const Ending& ending, Conn::Close how) {
    if (conn_ == nullptr) return;
    Conn& conn = *std::exchange(conn_, nullptr);
    if (ending.end_class() != EndClass::clean) conn.entry().facts.exchange_id = asker_;
    conn.set_sink(nullptr);
    conn.end(ending, how);
}

// Told after the turn: whoever asked may be in the middle of asking.
void Ask::finish(const ServiceAnswer& answer) {
    if (done_) return;
    done_ = true;
    Wheel::disarm(*this);
    answer_ = answer;
    service_.loop_.defer(*this);
}

void Ask::give_up(const Ending& why) {
    done_ = true;
    Wheel::disarm(*this);
    Deferred::unlink();
    if (dial_.active()) dial_.cancel(why);
    drop(why, Conn::Close::reset);
}

void Ask::after_turn() { service_.answered(*this, answer_); }

}  // namespace becaused
