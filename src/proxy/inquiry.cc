#include "proxy/inquiry.hh"

#include "proxy/blame.hh"
#include "proxy/house.hh"

namespace becaused {

namespace {

// What dockerd says of a container is some KiB, and as much again as its environment.
constexpr size_t answer_limit_bytes = 1024 * 1024;

}  // namespace

Inquiry::Inquiry(House& house, EntryId asker, ExchangeFacts& facts, InquirySink& sink)
    : house_(house),
      asker_(asker),
      facts_(facts),
      sink_(sink),
      dial_(house.loop(), house.ledger(), house.settings(), house.upstream(), *this) {}

Inquiry::~Inquiry() { CHECK(conn_ == nullptr && !dial_.active()); }

void Inquiry::start(bool exec, std::string_view name, std::string_view identity) {
    identity_ = identity;
    asks_exec_ = exec;
    if (exec) exec_id_ = name;
    const uint32_t limit_ms = house_.settings().clocks.ms(ClockName::auth);
    if (limit_ms > 0)
        house_.loop().wheel().arm(*this, house_.loop().now_ns() + limit_ms * ns_per_ms);
    ask(name);
}

void Inquiry::ask(std::string_view name) {
    request_ = asks_exec_ ? "GET /exec/" : "GET /containers/";
    request_.append(name).append("/json HTTP/1.1\r\nHost: ").append(house_.upstream().host());
    request_ += "\r\nUser-Agent: becaused\r\n\r\n";
    part_.clear();
    status_ = 0;
    heard_ = false;
    if (Conn* idle = house_.upstream().take(true)) use(*idle, true);
    else dial_.start(facts_);
}

void Inquiry::use(Conn& conn, bool reused) {
    conn_ = &conn;
    reused_ = reused;
    conn.set_sink(this);
    ++conn.entry().facts.exchanges;
    if (const int error = conn.write(request_); error != 0) lost(conn.judge(Op::write, error));
    else if (!reused) conn.start();
}

void Inquiry::on_bytes(Conn&, const Slice& bytes) {
    if (done_) return;
    heard_ = true;
    if (status_ != 0) {
        take_body(bytes.view());
        return;
    }
    part_ += bytes.view();
    take_heads();
}

// Interim answers, and the one that counts.
void Inquiry::take_heads() {
    while (!done_ && status_ == 0) {
        const auto end = find_head_end(part_, 0);
        if (!end) {
            if (part_.size() > head_limit_bytes)
                malformed(Ending::malformed(Reason::upstream_head_too_large, Phase::gate,
                                            "the head of its answer about a container", "guard",
                                            head_limit_bytes));
            return;
        }
        const std::string head = part_.substr(0, *end);
        part_.erase(0, *end);
        take_head(head);
    }
    if (done_) return;
    const std::string rest = std::exchange(part_, {});
    take_body(rest);
}

void Inquiry::take_head(std::string_view bytes) {
    ResponseHead& head = house_.response_head();
    auto fault = house_.parser().parse_response(bytes, head);
    if (!fault) fault = decide_response_body(head, AskedFor{}, framing_);
    if (fault) {
        malformed(Ending::malformed(fault->reason, Phase::gate, fault->detail, fault->parser_error,
                                    fault->offset));
        return;
    }
    if (head.status < 200) return;
    status_ = head.status;
    lasting_ = !head.connection.close && (head.minor_version == 1 || head.connection.keep_alive);
    if (framing_.kind == BodyKind::chunked) decoder_.start(Side::upstream);
}

void Inquiry::take_body(std::string_view bytes) {
    bool over = framing_.kind == BodyKind::none;
    if (framing_.kind == BodyKind::length) {
        const std::string_view own = bytes.substr(0, framing_.length - part_.size());
        part_ += own;
        bytes.remove_prefix(own.size());
        over = part_.size() == framing_.length;
    } else if (framing_.kind == BodyKind::until_close) {
        part_ += bytes;
        bytes = {};
    } else if (framing_.kind == BodyKind::chunked) {
        std::string_view piece;
        auto step = decoder_.next(bytes, piece);
        for (; step == ChunkedDecoder::Step::data; step = decoder_.next(bytes, piece))
            part_ += piece;
        over = step == ChunkedDecoder::Step::complete;
        if (step == ChunkedDecoder::Step::fault) {
            const ParseFault& fault = decoder_.fault();
            malformed(Ending::malformed(fault.reason, Phase::gate, fault.detail, fault.parser_error,
                                        fault.offset));
            return;
        }
    }
    if (part_.size() > answer_limit_bytes) {
        drop(Ending::malformed(Reason::upstream_malformed, Phase::gate,
                               "an answer about a container over 1 MiB", "guard",
                               answer_limit_bytes),
             Conn::Close::reset);
        unclear("the upstream says more of the container than 1 MiB");
    } else if (over) {
        whole(!bytes.empty());
    }
}

void Inquiry::whole(bool extra) {
    if (lasting_ && !extra && !conn_->finished_reading())
        house_.upstream().give_back(*std::exchange(conn_, nullptr));
    else drop(Ending::clean(Reason::complete, Phase::done), Conn::Close::fin);
    judge_answer();
}

void Inquiry::judge_answer() {
    Finding finding;
    if (status_ >= 400 && status_ < 500) {
        // Also an id that is cut so short that it could be several's.
        finding.what = Finding::What::foreign;
        finish(std::move(finding));
        return;
    }
    const Inspected found = status_ == 200 ? read_inspected(part_) : Inspected{"no", {}, {}, {}};
    if (status_ != 200) return unclear("the upstream could not say whose the container is");
    if (found.flaw != nullptr || !is_full_id(asks_exec_ ? found.container : found.id))
        return unclear("what the upstream says of the container cannot be read");
    if (asks_exec_ && !house_.owned().knows(found.container, identity_)) {
        asks_exec_ = false;
        ask(found.container);
        return;
    }
    if (!asks_exec_ && found.owner != identity_) {
        finding.what = Finding::What::foreign;
        finish(std::move(finding));
        return;
    }
    if (!asks_exec_) house_.owned().keep(found.id, identity_);
    if (!exec_id_.empty()) house_.owned().keep(exec_id_, identity_);
    finding.what = Finding::What::own;
    finding.id = exec_id_.empty() ? found.id : exec_id_;
    finish(std::move(finding));
}

void Inquiry::describe(const Conn&, Standing& standing) const {
    standing.phase = Phase::gate;
    standing.exchange_id = asker_;
}

void Inquiry::on_finish(Conn&) {
    if (status_ != 0 && framing_.kind == BodyKind::until_close) whole(false);
    else lost({Fault::What::closed, Op::read, 0});
}

// The connection ended without an answer.
void Inquiry::lost(const Fault& fault) {
    if (done_) return;
    const Ending ending = ending_of(Side::upstream, fault, Phase::gate);
    drop(ending, Conn::Close::reset);
    if (reused_ && !heard_) dial_.start(facts_);
    else failed(ending);
}

void Inquiry::malformed(const Ending& ending) {
    drop(ending, Conn::Close::reset);
    failed(ending);
}

void Inquiry::on_ring() {
    const uint32_t limit_ms = house_.settings().clocks.ms(ClockName::auth);
    const Ending late =
        Ending::by_clock(Reason::upstream_silent, Phase::gate, ClockName::auth, limit_ms, limit_ms);
    if (dial_.active()) dial_.cancel(late);
    drop(late, Conn::Close::reset);
    failed(late);
}

void Inquiry::unclear(const char* flaw) {
    Finding finding;
    finding.flaw = flaw;
    finish(std::move(finding));
}

void Inquiry::failed(const Ending& ending) {
    Finding finding;
    finding.what = Finding::What::failed;
    finding.ending = ending;
    finish(std::move(finding));
}

void Inquiry::drop(const Ending& ending, Conn::Close how) {
    if (conn_ == nullptr) return;
    Conn& conn = *std::exchange(conn_, nullptr);
    if (ending.end_class() != EndClass::clean) conn.entry().facts.exchange_id = asker_;
    conn.set_sink(nullptr);
    conn.end(ending, how);
}

// Told after the turn: whoever asked may be in the middle of asking.
void Inquiry::finish(Finding finding) {
    if (done_) return;
    done_ = true;
    Wheel::disarm(*this);
    finding_ = std::move(finding);
    house_.loop().defer(*this);
}

void Inquiry::give_up(const Ending& why) {
    done_ = true;
    Wheel::disarm(*this);
    Deferred::unlink();
    if (dial_.active()) dial_.cancel(why);
    drop(why, Conn::Close::reset);
}

}  // namespace becaused
