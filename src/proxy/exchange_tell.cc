// The last words: what becaused says itself of an end. Before an answer has begun it is an answer; after
// that it is a message in the answer's own format, where the answer stands between two messages.
#include "http/chunked.hh"
#include "http/octets.hh"
#include "http/reply.hh"
#include "ledger/advice.hh"
#include "ledger/record.hh"
#include "proxy/exchange.hh"
#include "proxy/house.hh"
#include "proxy/session.hh"

namespace becaused {

namespace {

// Is anybody there to be told? 499 stands in records only.
bool gone(const Ending& ending) {
    return row(ending.reason()).status == 499 || ending.reason() == Reason::client_tls_truncated ||
           ending.reason() == Reason::client_tls_failed;
}

}  // namespace

// Before the answer's head is written: what of the answer the teller is to follow.
void Exchange::follow(const ResponseHead& head, const AnswerFraming& answer) {
    // A message more would be too long for a body of a known length.
    const bool open_ended = answer.kind == BodyKind::chunked ||
                            answer.kind == BodyKind::until_close || answer.kind == BodyKind::tunnel;
    if (!open_ended) return;
    const bool tunnel = answer.kind == BodyKind::tunnel;
    const std::string_view protocol = head.status == 101 ? std::string_view(upgrade_) : "";
    teller_.start(house_.tellings(), head, answer_, tunnel, protocol, without_terminal());
}

// The request that starts an exec says itself whether it has a terminal: {"Detach":false,"Tty":false}.
void Exchange::note_exec_request(std::string_view body) {
    constexpr size_t longest = 256;  // a window's size is in the largest
    if (request_framing_.kind == BodyKind::length && request_framing_.length <= longest)
        exec_request_ += body;
}

bool Exchange::without_terminal() const {
    const std::string_view target = entry_->facts.target_text();
    if (exec_request_.empty() || target.find("/exec/") == std::string_view::npos) return false;
    std::string plain;  // Go reads keys in any case, and white space is of no meaning between them
    for (const char byte : exec_request_)
        if (!is_space(byte) && byte != '\r' && byte != '\n')
            plain += byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte;
    const bool odd = plain.front() != '{' || plain.find('\\') != std::string::npos;
    return !odd && plain.find("\"tty\":true") == std::string::npos;
}

// The because-sentence and what to do about it, into `out`.
void Exchange::explain(const Ending& ending, std::string& out) const {
    const ExchangeFacts& facts = entry_->facts;
    append_because(out, ending);
    uint64_t sent = facts.upstream_out_bytes;
    if (upstream_ != nullptr) sent += upstream_->facts().out_bytes - upstream_out_base_;
    const std::string_view method = facts.method_text();
    const bool reads = method == "GET" || method == "HEAD" || method == "OPTIONS";
    append_advice(out, ending.reason(),
                  sent == 0 ? Reached::nothing
                  : reads   ? Reached::read_only
                            : Reached::upstream);
}

// The message with its record, as streams say it, in `house_.trace_scratch()`.
std::string_view Exchange::message(const Ending& ending) {
    std::string& because = house_.id_scratch();
    because.clear();
    explain(ending, because);
    std::string id_text;
    house_.ledger().append_id(id_text, id());
    std::string& text = house_.trace_scratch();
    text.clear();
    append_message(text, because, id_text);
    return text;
}

// True when the client's connection was given the reason in the format of the answer it reads.
bool Exchange::tell_client(const Ending& ending) {
    const Telling how = teller_.towards_client();
    Conn& conn = client();
    if (how == Telling::nothing || gone(ending) || down_complete_ || conn.finishing()) return false;
    std::string& out = house_.scratch();
    out.clear();
    const std::string_view text = message(ending);
    deny_call(Side::client, text, out);
    Teller::write(how, text, out);
    char line[24];
    const bool chunk = !tunnel_ && !down_flow_raw_;
    const Conn::Part parts[] = {
        {chunk ? chunk_line(out.size(), line) : std::string_view(), nullptr},
        {out, nullptr},
        {chunk ? chunk_end : std::string_view(), nullptr}};
    if (const int error = conn.write(parts); error != 0) {
        entry_->add_trail(Side::client, Op::write, error);
        return false;
    }
    entry_->facts.told = how;
    return true;
}

// The same towards the upstream, where a tunnel has a format for it.
bool Exchange::tell_upstream(const Ending& ending) {
    const Telling how = teller_.towards_upstream();
    if (how == Telling::nothing || upstream_ == nullptr || ending.by() == Side::upstream ||
        up_ == Up::cut || upstream_->finishing())
        return false;
    std::string& out = house_.scratch();
    out.clear();
    const std::string_view text = message(ending);
    deny_call(Side::upstream, text, out);
    Teller::write(how, text, out);
    const int error = upstream_->write(out);
    if (error != 0) entry_->add_trail(Side::upstream, Op::write, error);
    return error == 0;
}

// An answer of our own, while the upstream's has not begun.
void Exchange::reply(const Ending& ending, bool keep) {
    std::string& because = house_.id_scratch();
    because.clear();
    explain(ending, because);
    std::string& id_text = house_.trace_scratch();
    id_text.clear();
    house_.ledger().append_id(id_text, id());
    Reply reply;
    reply.status = refused_status_ != 0 ? refused_status_ : row(ending.reason()).status;
    reply.reason = ending.reason();
    reply.because = because;
    reply.verbatim = missing_;
    reply.record_id = id_text;
    reply.proxy_name = house_.settings().via_name;
    if (ping_) reply.api_version = house_.api_version();
    reply.head_method = head_method_;
    // Docker's CLI 20.10 takes `Connection: close` on a refused upgrade for a broken answer; the
    // connection is closed all the same.
    reply.close = !keep && upgrade_.empty();
    reply.request_minor = minor_version_;
    reply.keep_alive_1_0 = keep && minor_version_ == 0;
    if (retry_after_ms_ > 0)
        reply.retry_after_s = static_cast<uint32_t>((retry_after_ms_ + 999) / 1000);
    else if (reply.status == 503 || reply.status == 429) reply.retry_after_s = 1;
    if (reply.status == 401) reply.challenge = auth_challenge;
    if (overrun_ && overrun_->rate.on())
        reply.rate = {overrun_->setting, overrun_->rate.count, overrun_->rate.period_s,
                      overrun_->answer.remaining, reply.retry_after_s};
    std::string& out = house_.scratch();
    out.clear();
    if (refuse_in_tunnel()) {
        write_refused_tunnel(reply, upgrade_, out);
        reply.status = 101;
        entry_->facts.told = Telling::refusals;
    } else {
        write_reply(reply, out);
    }
    entry_->facts.status = reply.status;
    if (const int error = client().write(out); error != 0)
        entry_->add_trail(Side::client, Op::write, error);
}

// Docker's clients show the status of a refused upgrade only. Where the setting says so, it is granted,
// and the refusal stands in the tunnel. Not before the route is known.
bool Exchange::refuse_in_tunnel() const {
    return house_.tellings().has(Telling::refusals) && answer_ == Answer::frames &&
           same_name(upgrade_, "tcp");
}

}  // namespace becaused
