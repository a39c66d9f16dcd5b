#include "ops/admin_visit.hh"

#include "base/json_line.hh"
#include "http/chunked.hh"
#include "http/reply.hh"
#include "http/write.hh"
#include "ledger/open_line.hh"
#include "ledger/record.hh"
#include "net/address.hh"
#include "ops/phrase.hh"
#include "proxy/blame.hh"

namespace becaused {

namespace {

constexpr std::string_view live = "/live";

void append_message_json(std::string& out, std::string_view message) {
    JsonLine line;
    line.begin();
    line.text<"message">(message);
    out += line.end();
}

}  // namespace

bool is_own_host(std::string_view authority) {
    const size_t colon = authority.rfind(':');
    const bool port = colon != std::string_view::npos && authority.back() != ']';
    std::string host(port ? authority.substr(0, colon) : authority);
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    return host == "localhost" || is_loopback(parse_literal(host, 0));
}

void AdminVisit::begin(Conn* conn) {
    conn_ = conn;
    if (conn_ == nullptr) {
        state_ = State::ended;
        admin_.loop_.defer(*this);
        return;
    }
    moved_ns_ = admin_.loop_.now_ns();
    conn_->start();
    arm();
}

void AdminVisit::turn_away(const Ending& ending) {
    turned_away_ = ending;
    std::string because;
    append_because(because, ending);
    std::string id;
    admin_.ledger_.append_id(id, conn_->entry().id());
    Reply reply;
    reply.status = row(ending.reason()).status;
    reply.reason = ending.reason();
    reply.because = because;
    reply.record_id = id;
    reply.retry_after_s = 1;
    std::string out;
    write_reply(reply, out);
    if (const int error = conn_->write(out); error != 0)
        return on_fault(*conn_, conn_->judge(Op::write, error));
    leave();
}

ClockName AdminVisit::clock() const {
    return state_ == State::asking    ? ClockName::request_head_total
           : state_ == State::listing ? ClockName::response_body
                                      : ClockName::linger;
}

void AdminVisit::arm() {
    const uint32_t limit_ms = admin_.clocks_.ms(clock());
    if (limit_ms > 0) admin_.loop_.wheel().arm(*this, moved_ns_ + limit_ms * ns_per_ms);
    else Wheel::disarm(*this);
}

void AdminVisit::on_bytes(Conn&, const Slice& bytes) {
    if (state_ != State::asking) return;  // one request only
    request_ += bytes.view();
    const auto end = find_head_end(request_, 0);
    if (!end) {
        if (request_.size() > request_limit_bytes)
            refuse(431, "the request's head is longer than any that is of use here");
        return;
    }
    const std::string head = request_.substr(0, *end);
    if (const auto fault = admin_.parser_.parse_request(head, admin_.head_))
        refuse(fault->status, fault->detail);
    else answer(admin_.head_);
}

void AdminVisit::answer(const RequestHead& head) {
    ++conn_->entry().facts.exchanges;
    if (!conn_->is_unix() && !is_own_host(head.authority))
        return refuse(403, "the Host is none of this machine's own names");
    if (head.minor_version == 0) return refuse(505, "HTTP/1.1 is spoken here");
    if (head.chunked || (head.has_content_length && head.content_length > 0))
        return refuse(413, "no request here has a body");
    const bool one = head.path.starts_with(live) && head.path.substr(live.size()).starts_with('/');
    if (head.path == live) {
        if (head.method != "GET") return refuse(405, "GET lists what is open", "GET");
        state_ = State::listing;
        last_id_ = admin_.ledger_.last_id();
        const std::string_view begin =
            "HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\n"
            "Transfer-Encoding: chunked\r\nConnection: close\r\n\r\n";
        if (const int error = conn_->write(begin); error != 0)
            return on_fault(*conn_, conn_->judge(Op::write, error));
        return list();
    }
    if (!one) return refuse(404, "there is /live, and /live/ID");
    if (head.method != "DELETE") return refuse(405, "DELETE ends it", "DELETE");
    end_one(head.path.substr(live.size() + 1));
}

void AdminVisit::refuse(uint16_t status, std::string_view message, std::string_view allow) {
    std::string body;
    append_message_json(body, message);
    reply(status, body, allow);
}

// The answer is its line as it was, and what the client was told.
void AdminVisit::end_one(std::string_view id) {
    Entry* entry = admin_.ledger_.find_open(id);
    if (entry == nullptr) return refuse(404, phrase("nothing that is open is called ", id));
    std::string line;
    append_open_line(line, admin_.ledger_, *entry);
    const Ending ending = Ending::decided(Reason::admin_kill, Phase::done, Op::admin, 0);
    Holder* holder = entry->holder();
    if (entry == &conn_->entry() || holder == nullptr || !holder->end_open(ending))
        return refuse(409, phrase(id, " cannot be ended by itself: end the request it serves"));
    reply(200, line);
}

void AdminVisit::reply(uint16_t status, std::string_view body, std::string_view allow) {
    std::string out = phrase("HTTP/1.1 ", status, ' ', status_phrase(status), "\r\n");
    append_line(out, "Content-Type", "application/json");
    if (!allow.empty()) append_line(out, "Allow", allow);
    append_line(out, "Connection", "close");
    append_number_line(out, "Content-Length", body.size());
    out += "\r\n";
    out += body;
    if (const int error = conn_->write(out); error != 0)
        return on_fault(*conn_, conn_->judge(Op::write, error));
    leave();
}

void AdminVisit::list() {
    Ledger& ledger = admin_.ledger_;
    std::string lines;
    size_t made_bytes = 0;
    Entry* entry = ledger.live_entries().front();
    while (entry != nullptr && entry->id() <= listed_id_)
        entry = ledger.live_entries().next(*entry);
    while (made_bytes < turn_limit_bytes && conn_->queued_bytes() < queue_limit_bytes) {
        lines.clear();
        for (; entry != nullptr && entry->id() <= last_id_ && lines.size() < queue_limit_bytes / 2;
             entry = ledger.live_entries().next(*entry)) {
            listed_id_ = entry->id();
            const bool operators =
                entry->kind() == Entry::Kind::connection &&
                static_cast<ConnectionEntry*>(entry)->facts.side == Side::operator_;
            if (!operators) append_open_line(lines, ledger, *entry);
        }
        made_bytes += lines.size();
        const bool over = entry == nullptr || entry->id() > last_id_;
        char size[24];
        const bool some = !lines.empty();
        const Conn::Part parts[] = {
            {some ? chunk_line(lines.size(), size) : std::string_view(), nullptr},
            {lines, nullptr},
            {some ? chunk_end : std::string_view(), nullptr},
            {over ? last_chunk : std::string_view(), nullptr}};
        if (const int error = conn_->write(parts); error != 0)
            return on_fault(*conn_, conn_->judge(Op::write, error));
        if (over) return leave();
    }
    // A reader as quick as we are must not keep the loop for itself.
    paced_ = conn_->queued_bytes() == 0;
    moved_ns_ = admin_.loop_.now_ns();
    if (paced_) admin_.loop_.wheel().arm(*this, moved_ns_);
    else arm();
}

void AdminVisit::leave() {
    state_ = State::leaving;
    moved_ns_ = admin_.loop_.now_ns();
    conn_->finish();
    if (conn_->finished_reading() && conn_->queued_bytes() == 0)
        return end(Ending::clean(Reason::complete, Phase::done), Conn::Close::fin);
    arm();
}

void AdminVisit::on_finish(Conn& conn) {
    if (state_ == State::asking)
        return end(request_.empty()
                       ? Ending::clean(Reason::probe, Phase::keepalive)
                       : Ending::by_io(Reason::client_closed, Phase::request_head, Op::read, 0),
                   Conn::Close::fin);
    if (state_ == State::leaving && conn.queued_bytes() == 0)
        end(Ending::clean(Reason::complete, Phase::done), Conn::Close::fin);
}

void AdminVisit::on_fault(Conn&, const Fault& fault) {
    if (state_ == State::leaving && conn_->queued_bytes() == 0)
        return end(Ending::clean(Reason::complete, Phase::done), Conn::Close::fin);
    end(ending_of(Side::client, fault,
                  state_ == State::asking ? Phase::request_head : Phase::response_body),
        Conn::Close::reset);
}

void AdminVisit::on_room(Conn& conn) {
    if (state_ == State::listing) return list();
    moved_ns_ = admin_.loop_.now_ns();
    if (state_ == State::leaving && conn.queued_bytes() == 0 && conn.finished_reading())
        end(Ending::clean(Reason::complete, Phase::done), Conn::Close::fin);
}

void AdminVisit::on_ring() {
    if (state_ == State::listing && paced_) {
        paced_ = false;
        return list();
    }
    const uint32_t limit_ms = admin_.clocks_.ms(clock());
    const uint64_t silence_ms = (admin_.loop_.now_ns() - moved_ns_) / ns_per_ms;
    if (silence_ms < limit_ms) return arm();
    if (state_ == State::leaving && conn_->queued_bytes() == 0)
        return end(Ending::clean(Reason::complete, Phase::done), Conn::Close::fin);
    end(Ending::by_clock(
            state_ == State::asking ? Reason::client_head_timeout : Reason::client_stalled_reading,
            state_ == State::asking ? Phase::request_head : Phase::response_body, clock(), limit_ms,
            silence_ms),
        Conn::Close::reset);
}

void AdminVisit::cut(const Ending& ending) { end(ending, Conn::Close::fin); }

void AdminVisit::end(const Ending& ending, Conn::Close how) {
    if (state_ == State::ended) return;
    state_ = State::ended;
    Wheel::disarm(*this);
    conn_->end(turned_away_ ? *turned_away_ : ending, how);
}

void AdminVisit::on_gone(Conn&) {
    conn_ = nullptr;
    admin_.loop_.defer(*this);
}

void AdminVisit::after_turn() { admin_.visit_gone(*this); }

}  // namespace becaused
