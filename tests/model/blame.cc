#include "model/blame.hh"

#include <algorithm>
#include <utility>

namespace becaused::test {

namespace {

constexpr const char* names[] = {"connect",
                                 "head_begins",
                                 "head_goes_on",
                                 "head_ends",
                                 "body_goes_on",
                                 "body_ends",
                                 "client_nonsense",
                                 "client_fin",
                                 "client_rst",
                                 "hints",
                                 "switches",
                                 "answer_begins",
                                 "answer_goes_on",
                                 "answer_ends",
                                 "upstream_nonsense",
                                 "upstream_fin",
                                 "upstream_rst",
                                 "client_in_tunnel",
                                 "upstream_in_tunnel",
                                 "second_passes",
                                 "stop"};
static_assert(std::size(names) == what_count);

const std::string shutdown_idle = "shutdown_idle by=operator phase=keepalive op=none";
const std::string reset = "read errno=ECONNRESET";
constexpr uint32_t chunk_bytes = 10;  // "5\r\nhello\r\n"
constexpr int most_tries = 3;

std::string who(const std::string& reason) {
    if (reason.starts_with("client_")) return "client";
    if (reason.starts_with("upstream_") || reason.starts_with("retry_")) return "upstream";
    return "operator";
}

// What a client is told while no answer has begun.
int status_of(const std::string& reason) {
    if (reason == "client_closed" || reason == "client_reset") return 499;
    if (reason == "client_head_timeout" || reason == "client_stalled_sending") return 408;
    if (reason == "client_malformed") return 400;
    if (reason == "upstream_silent" || reason == "max_age") return 504;
    if (reason == "shutdown" || reason == "drain_deadline" || reason == "draining") return 503;
    return 502;
}

}  // namespace

std::string_view name_of(What what) { return names[static_cast<size_t>(what)]; }

const char* Blame::phase() const {
    if (in_head_) return "request_head";
    if (tunnel_) return "tunnel";
    if (down_ == Down::body) return "response_body";
    if (down_ == Down::done) return "linger";
    return up_done_ ? "first_byte" : "request_body";
}

std::string Blame::state() const {
    std::string text = client_ == Client::gone   ? "no client"
                       : client_ == Client::idle ? "idle"
                                                 : "";
    if (exchange_) text += phase();
    if (upstream_ == Upstream::pooled) text += ", an idle upstream";
    if (stops_ > 0) text += ", stopping";
    return text + " at " + std::to_string(now_ms_ / 1'000) + " s";
}

bool Blame::possible(const Happening& happening) const {
    const bool busy = exchange_ && !in_head_;
    const bool body = busy && !tunnel_ && !up_done_;
    const bool waits = busy && !tunnel_ && down_ == Down::none;
    switch (happening.what) {
        case What::connect: return client_ == Client::gone && stops_ == 0;
        case What::head_begins: return client_ == Client::idle;
        case What::head_goes_on:
        case What::head_ends: return exchange_ && in_head_;
        case What::body_goes_on:
        case What::body_ends: return body;
        case What::client_nonsense: return body && request_ == Request::upload_chunked;
        case What::client_fin: return client_ != Client::gone && !(exchange_ && client_fin_);
        // What a reset does after its sender's FIN, only looking tells: the matrix has it.
        case What::client_rst: return client_ != Client::gone && !(exchange_ && client_fin_);
        case What::hints: return waits;
        case What::switches: return waits && request_ == Request::tunnel;
        case What::answer_begins: return waits;
        case What::answer_goes_on:
        case What::answer_ends: return busy && !tunnel_ && down_ == Down::body;
        case What::upstream_nonsense:
            return waits ||
                   (busy && !tunnel_ && down_ == Down::body && answer_ == AnswerKind::chunked);
        case What::upstream_fin:
        case What::upstream_rst: return upstream_ != Upstream::none && !(tunnel_ && upstream_fin_);
        case What::client_in_tunnel: return busy && tunnel_ && !client_fin_;
        case What::upstream_in_tunnel: return busy && tunnel_ && !upstream_fin_;
        case What::second_passes: return true;
        case What::stop: return stops_ < 2;
    }
    return false;
}

std::vector<std::string> Blame::take_records() { return std::exchange(records_, {}); }

std::string Blame::end(const std::string& reason, const std::string& op) const {
    return reason + " by=" + who(reason) + " phase=" + phase() + " op=" + op;
}

std::string Blame::by_clock(const char* clock, uint32_t limit_ms) const {
    return std::string("clock clock=") + clock + "/" + std::to_string(limit_ms);
}

void Blame::client_goes(const std::string& line) {
    record("client " + line);
    client_ = Client::gone;
}

void Blame::upstream_goes(const std::string& line) {
    record("upstream " + line);
    upstream_ = Upstream::none;
}

// One cause ends everything that was on; what it happened to says whose end it followed.
void Blame::fail(const std::string& reason, const std::string& op) {
    const std::string line = end(reason, op);
    const std::string partner = "partner(" + reason + ") by=nobody phase=" + phase() + " op=none";
    const bool told = !begun();
    const int status = told ? status_of(reason) : status_;
    record("exchange " + line + " status=" + std::to_string(status));
    if (upstream_ == Upstream::serving) upstream_goes(who(reason) == "upstream" ? line : partner);
    // The request was read to its end and is answered: its connection may carry another.
    const bool keeps = told && !in_head_ && up_done_ && who(reason) != "client" &&
                       request_ != Request::tunnel && stops_ == 0;
    exchange_ = false;
    if (keeps) {
        client_ = Client::idle;
        client_since_ms_ = now_ms_;
    } else {
        client_goes(who(reason) == "client" ? line : partner);
    }
}

void Blame::give_back_upstream() {
    upstream_ = Upstream::pooled;
    upstream_since_ms_ = now_ms_;
}

void Blame::complete() {
    record("exchange complete by=nobody phase=done op=none status=" + std::to_string(status_));
    exchange_ = false;
    give_back_upstream();
    client_ = Client::idle;
    client_since_ms_ = now_ms_;
    // A client that has ended its half asks nothing more.
    if (client_fin_) client_goes("complete by=nobody phase=done op=none");
    else if (stops_ > 0) client_goes(shutdown_idle);
}

void Blame::end_tunnel() {
    const std::string line = "tunnel_complete by=nobody phase=done op=none";
    record("exchange " + line + " status=101");
    exchange_ = false;
    client_goes(line);
    upstream_goes(line);
}

void Blame::begin_request() {
    in_head_ = false;
    up_ms_ = down_ms_ = now_ms_;
    if (stops_ > 0) {
        record("exchange draining by=operator phase=gate op=admin status=503");
        exchange_ = false;
        client_goes("partner(draining) by=nobody phase=gate op=none");
        return;
    }
    up_done_ = request_ == Request::get || request_ == Request::tunnel;
    reused_ = upstream_ == Upstream::pooled;
    upstream_ = Upstream::serving;
    tried_ = 1;
}

// A connection that had served before and dies before it answers may have been dying all along.
void Blame::upstream_dies(bool by_reset) {
    const std::string op = by_reset ? reset : "read";
    const std::string reason = by_reset ? "upstream_reset" : "upstream_closed";
    if (reused_ && !begun() && !answer_byte_) {
        if (request_ != Request::get) return fail("retry_impossible", op);
        if (tried_ == most_tries) return fail("retry_exhausted", op);
        ++tried_;
        record("upstream " + end(reason, op));
        up_ms_ = down_ms_ = now_ms_;
        return;
    }
    fail(reason, op);
}

void Blame::answer_is_whole() {
    if (up_done_) {
        complete();
    } else {
        down_ = Down::done;
        up_ms_ = now_ms_;
    }
}

void Blame::stop() {
    if (stops_++ == 0) {
        stopped_ms_ = now_ms_;
        if (client_ == Client::idle) client_goes(shutdown_idle);
    } else if (exchange_) {
        fail("shutdown", "admin");
    }
}

void Blame::happen(const Happening& happening) {
    const bool chunked_up = request_ == Request::upload_chunked;
    switch (happening.what) {
        case What::connect:
            client_ = Client::idle;
            client_since_ms_ = now_ms_;
            spoken_ = false;
            break;
        case What::head_begins:
            client_ = Client::busy;
            spoken_ = exchange_ = in_head_ = true;
            tunnel_ = client_fin_ = upstream_fin_ = answer_byte_ = false;
            down_ = Down::none;
            status_ = 0;
            up_offset_ = down_offset_ = 0;
            request_ = happening.request;
            opened_ms_ = head_ms_ = now_ms_;
            break;
        case What::head_goes_on: head_ms_ = now_ms_; break;
        case What::head_ends: begin_request(); break;
        case What::body_goes_on:
            up_ms_ = now_ms_;
            if (chunked_up) up_offset_ += chunk_bytes;
            break;
        case What::body_ends:
            up_done_ = true;
            // Both owe from here on anew: the upstream its answer.
            up_ms_ = down_ms_ = now_ms_;
            if (down_ == Down::done) complete();
            break;
        case What::client_nonsense:
            fail("client_malformed", "parse parser=guard@" + std::to_string(up_offset_));
            break;
        case What::client_fin:
        case What::client_rst: {
            const bool by_reset = happening.what == What::client_rst;
            const std::string reason = by_reset ? "client_reset" : "client_closed";
            if (client_ == Client::idle) {
                if (by_reset) client_goes("client_reset by=client phase=keepalive op=" + reset);
                else
                    client_goes(std::string(spoken_ ? "client_closed_idle" : "probe") +
                                " by=nobody phase=keepalive op=none");
            } else if (!by_reset && !in_head_ && request_ == Request::tunnel &&
                       (tunnel_ || down_ == Down::none)) {
                // The client of a tunnel may have said all it has to say before there is one.
                client_fin_ = true;
                if (upstream_fin_) end_tunnel();
            } else if (!in_head_ && down_ == Down::done) {
                // The answer was delivered: how the connection ends is its own business.
                record("exchange complete by=nobody phase=done op=none status=" +
                       std::to_string(status_));
                exchange_ = false;
                const std::string done = "complete by=nobody phase=done op=none";
                client_goes(by_reset ? "client_reset by=client phase=linger op=" + reset : done);
                upstream_goes(done);
            } else {
                fail(reason, by_reset ? reset : "read");
            }
            break;
        }
        case What::hints:
            answer_byte_ = true;
            down_ms_ = now_ms_;
            break;
        case What::switches:
            tunnel_ = true;
            status_ = 101;
            up_ms_ = down_ms_ = now_ms_;
            break;
        case What::answer_begins:
            answer_ = happening.answer;
            status_ = answer_ == AnswerKind::empty ? 413 : 200;
            down_ms_ = now_ms_;
            down_ = Down::body;
            if (answer_ == AnswerKind::empty) answer_is_whole();
            break;
        case What::answer_goes_on:
            down_ms_ = now_ms_;
            if (answer_ == AnswerKind::chunked) down_offset_ += chunk_bytes;
            break;
        case What::answer_ends: answer_is_whole(); break;
        case What::upstream_nonsense:
            fail("upstream_malformed",
                 "parse parser=guard@" + std::to_string(down_ == Down::body ? down_offset_ : 9));
            break;
        case What::upstream_fin:
        case What::upstream_rst: {
            const bool by_reset = happening.what == What::upstream_rst;
            if (upstream_ == Upstream::pooled) {
                upstream_goes(by_reset ? "upstream_reset by=upstream phase=keepalive op=" + reset
                                       : "upstream_closed_idle by=nobody phase=keepalive op=none");
            } else if (tunnel_ && !by_reset) {
                upstream_fin_ = true;
                down_ms_ = now_ms_;
                if (client_fin_) end_tunnel();
            } else if (down_ == Down::done) {
                record("exchange complete by=nobody phase=done op=none status=" +
                       std::to_string(status_));
                exchange_ = false;
                const std::string done = "complete by=nobody phase=done op=none";
                upstream_goes(by_reset ? "upstream_reset by=upstream phase=linger op=" + reset
                                       : done);
                client_goes(done);
            } else {
                upstream_dies(by_reset);
            }
            break;
        }
        case What::client_in_tunnel: up_ms_ = now_ms_; break;
        case What::upstream_in_tunnel: down_ms_ = now_ms_; break;
        case What::second_passes: {
            now_ms_ += 1'000;
            const uint64_t until_ms = now_ms_;
            for (Due due = next_due(); due.at_ms <= until_ms; due = next_due()) {
                now_ms_ = due.at_ms;
                (this->*due.ring)();
            }
            now_ms_ = until_ms;
            break;
        }
        case What::stop: stop(); break;
    }
    // The pool is kept until the last client has gone.
    if (stops_ > 0 && client_ == Client::gone && upstream_ == Upstream::pooled)
        upstream_goes(shutdown_idle);
}

Blame::Due Blame::next_due() const {
    Due next;
    const auto consider = [&next](uint64_t since_ms, uint32_t limit_ms, void (Blame::*ring)()) {
        if (limit_ms > 0 && since_ms + limit_ms < next.at_ms) next = {since_ms + limit_ms, ring};
    };
    if (client_ == Client::idle)
        consider(client_since_ms_, limits_.keepalive, &Blame::ring_keepalive);
    if (upstream_ == Upstream::pooled)
        consider(upstream_since_ms_, limits_.upstream_idle, &Blame::ring_upstream_idle);
    if (!exchange_) return next;
    if (stops_ > 0) consider(stopped_ms_, limits_.drain, &Blame::ring_drain);
    if (in_head_) {
        consider(head_ms_, limits_.request_head, &Blame::ring_head);
        consider(opened_ms_, limits_.request_head_total, &Blame::ring_head);
        return next;
    }
    consider(opened_ms_, limits_.max_age, &Blame::ring_max_age);
    if (tunnel_) {
        const bool half = upstream_fin_ && !client_fin_;
        consider(std::max(up_ms_, down_ms_), half ? limits_.half_open : limits_.tunnel,
                 &Blame::ring_tunnel);
        return next;
    }
    if (!up_done_)
        consider(up_ms_, down_ == Down::done ? limits_.linger : limits_.request_body,
                 &Blame::ring_up);
    if (down_ == Down::body) consider(down_ms_, limits_.response_body, &Blame::ring_down);
    if (down_ == Down::none && up_done_) consider(down_ms_, limits_.first_byte, &Blame::ring_down);
    return next;
}

void Blame::ring_keepalive() {
    client_goes("keepalive_idle by=nobody phase=keepalive op=" +
                by_clock("keepalive", limits_.keepalive));
}

void Blame::ring_upstream_idle() {
    upstream_goes("keepalive_idle by=nobody phase=keepalive op=" +
                  by_clock("upstream_idle", limits_.upstream_idle));
}

void Blame::ring_head() {
    const bool idle = now_ms_ - head_ms_ >= limits_.request_head;
    fail("client_head_timeout", idle ? by_clock("request_head", limits_.request_head)
                                     : by_clock("request_head_total", limits_.request_head_total));
}

void Blame::ring_up() {
    if (down_ != Down::done)
        return fail("client_stalled_sending", by_clock("request_body", limits_.request_body));
    // The rest of a request whose answer is delivered is not waited for.
    record("exchange complete by=nobody phase=done op=none status=" + std::to_string(status_));
    exchange_ = false;
    const std::string done = "complete by=nobody phase=done op=none";
    client_goes(done);
    upstream_goes(done);
}

void Blame::ring_down() {
    if (down_ == Down::body)
        fail("upstream_stalled_sending", by_clock("response_body", limits_.response_body));
    else fail("upstream_silent", by_clock("first_byte", limits_.first_byte));
}

void Blame::ring_tunnel() {
    const bool half = upstream_fin_ && !client_fin_;
    const bool client_owes = upstream_fin_ || (!client_fin_ && up_ms_ <= down_ms_);
    fail(client_owes ? "client_stalled_sending" : "upstream_stalled_sending",
         half ? by_clock("half_open", limits_.half_open) : by_clock("tunnel", limits_.tunnel));
}

void Blame::ring_max_age() { fail("max_age", by_clock("max_age", limits_.max_age)); }

void Blame::ring_drain() { fail("drain_deadline", by_clock("drain", limits_.drain)); }

}  // namespace becaused::test
