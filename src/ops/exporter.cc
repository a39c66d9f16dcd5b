#include "ops/exporter.hh"

#include <algorithm>
#include <cstdio>
#include <ctime>
#include <random>

#include "base/json_line.hh"
#include "http/write.hh"
#include "ledger/record.hh"
#include "ops/address.hh"
#include "ops/gzip.hh"
#include "ops/phrase.hh"
#include "ops/why_list.hh"
#include "proxy/blame.hh"

namespace becaused {

namespace {

constexpr size_t answer_limit_bytes = 64 * 1024;

// The same machinery as towards dockerd, with another address.
Settings towards_collector(const Settings& settings) {
    Settings own;
    Result<Url> url = parse_url(settings.records_otlp);
    CHECK(url.ok());
    own.upstream = url.value().address;
    own.clocks = settings.clocks;
    own.pool_size = 1;
    own.connect_tries = 1;
    own.tcp_keepalive_s = settings.tcp_keepalive_s;
    own.tcp_user_timeout_s = settings.tcp_user_timeout_s;
    own.journal_bytes = settings.journal_bytes;
    return own;
}

// 1 s, 2 s, 4 s, up to a minute; half of it to all of it, so that those who failed together do not come
// back together.
uint64_t back_off_ms(uint32_t failures) {
    static std::minstd_rand random{std::random_device{}()};
    const uint64_t full_ms = std::min<uint64_t>(1'000ULL << std::min(failures - 1, 6U), 60'000);
    return full_ms / 2 + random() % (full_ms / 2 + 1);
}

std::unique_ptr<TlsStore> tls_of(Loop& loop, const Settings& settings) {
    Result<Url> url = parse_url(settings.records_otlp);
    CHECK(url.ok());
    const Address& collector = url.value().address;
    if (!collector.tls) return nullptr;
    TlsFiles files;
    files.authorities = settings.records_otlp_tlscacert;
    files.peer = TlsFiles::Peer::demanded;
    files.server_name = collector.host;
    return std::make_unique<TlsStore>(loop, TlsContext::Role::client, std::move(files));
}

bool worth_retrying(uint16_t status) {
    return status == 429 || status == 502 || status == 503 || status == 504;
}

}  // namespace

Exporter::Exporter(Loop& loop, Ledger& ledger, const Settings& settings)
    : loop_(loop),
      url_(settings.records_otlp),
      gzip_(settings.records_otlp_gzip),
      settings_(towards_collector(settings)),
      path_(parse_url(settings.records_otlp).value().path),
      tls_(tls_of(loop, settings)),
      upstream_(loop, settings_, tls_.get()),
      dial_(loop, ledger, settings_, upstream_, *this) {}

Status Exporter::load() {
    const Status status = tls_ ? tls_->load() : Status::fine();
    return status.ok() ? status : Status::failed("records_otlp_" + status.message());
}

void Exporter::wait_until(uint64_t due_ns) {
    if (finishing_) due_ns = std::min(due_ns, finish_by_ns_);
    loop_.wheel().arm(*this, due_ns);
}

void Exporter::record(std::string_view line) {
    if (finished_) return;
    if (waiting_.size() + line.size() > settings_.journal_bytes) {
        count_dropped(1, "not taken fast enough, and the memory for them is full");
        return;
    }
    waiting_ += line;
    ++waiting_records_;
    if (state_ != State::idle) return;
    const bool many = waiting_.size() >= batch_limit_bytes;
    loop_.wheel().arm_earlier(*this, loop_.now_ns() + (many ? 0 : flush_ns));
}

void Exporter::begin_batch() {
    size_t size = waiting_.size();
    if (size > batch_limit_bytes) size = waiting_.rfind('\n', batch_limit_bytes - 1) + 1;
    if (size == 0) size = waiting_.find('\n') + 1;  // a line that is longer than a batch
    lines_ = waiting_.substr(0, size);
    waiting_.erase(0, size);
    waiting_records_ -= static_cast<uint64_t>(std::ranges::count(lines_, '\n'));
    if (unsaid_ > 0) say_dropped();
    own_peers_.clear();
    if (!upstream_.is_unix())
        for (const Endpoint& address : upstream_.resolver()->addresses())
            append_endpoint(own_peers_.emplace_back(), address);
    state_ = State::encoding;
    Wheel::disarm(*this);
    begin(loop_);
}

// Whoever reads the logs should not have to read standard error too.
void Exporter::say_dropped() {
    const uint64_t now_ns = loop_.now_ns();
    JsonLine line;
    line.begin();
    line.number<"v">(record_version);
    line.word<"event">("journal");
    line.time<"time">(loop_.clock().wall_ns(now_ns));
    line.number<"dropped">(std::exchange(unsaid_, 0));
    line.word<"because">("Records were dropped: the collector did not take them.");
    lines_ += line.end();
}

void Exporter::run() noexcept {
    batch_ = otlp_batch(lines_, own_peers_);
    packed_ = false;
    if (!gzip_ || batch_.body.empty()) return;
    std::string packed = gzip(batch_.body);
    packed_ = !packed.empty();
    if (packed_) batch_.body = std::move(packed);
}

void Exporter::done() {
    lines_.clear();
    failures_ = 0;
    if (batch_.unreadable > 0) count_dropped(batch_.unreadable, "they are no records");
    if (batch_.records == 0) next();
    else send();
}

void Exporter::send() {
    state_ = State::sending;
    answer_.clear();
    body_.clear();
    head_read_ = false;
    facts_ = {};
    wait_until(loop_.now_ns() + answer_limit_ns);
    if (Conn* idle = upstream_.take(true)) use(*idle, true);
    else dial_.start(facts_);
}

void Exporter::use(Conn& conn, bool reused) {
    conn_ = &conn;
    reused_ = reused;
    conn.set_sink(this);
    state_ = State::answering;
    ++conn.entry().facts.exchanges;
    std::string head = phrase("POST ", path_, " HTTP/1.1\r\n");
    append_line(head, "Host", upstream_.host());
    append_line(head, "User-Agent", "OTel-OTLP-Exporter-becaused/" BECAUSED_VERSION);
    append_line(head, "Content-Type", "application/json");
    if (packed_) append_line(head, "Content-Encoding", "gzip");
    append_number_line(head, "Content-Length", batch_.body.size());
    head += "\r\n";
    const Conn::Part parts[] = {{head, nullptr}, {batch_.body, nullptr}};
    if (const int error = conn.write(parts); error != 0)
        on_fault(conn, conn.judge(Op::write, error));
    else if (!reused) conn.start();
}

void Exporter::on_dialed(Conn& conn) { use(conn, false); }

void Exporter::on_dial_failed(const Ending& ending) {
    if (ending.reason() == Reason::upstream_tls_failed)
        return again(phrase("TLS with it failed (", ending.detail(), ")"));
    again(phrase("it cannot be reached (",
                 ending.error() == 0 ? "no answer" : error_name(ending.error()), ")"));
}

void Exporter::on_bytes(Conn&, const Slice& bytes) {
    if (state_ != State::answering) return;
    answer_ += bytes.view();
    while (!head_read_)
        if (!take_head()) return;
    if (take_body()) answered();
}

// False: more is needed, or it is of no use (and the connection is gone).
bool Exporter::take_head() {
    const auto end = find_head_end(answer_, 0);
    if (!end && answer_.size() <= answer_limit_bytes) return false;
    auto fault = end ? parser_.parse_response(std::string_view(answer_).substr(0, *end), head_)
                     : refuse_incomplete_response(answer_);
    if (end && !fault) fault = decide_response_body(head_, AskedFor{}, framing_);
    if (!end || fault) {
        lost(Ending::malformed(Reason::upstream_malformed, Phase::first_byte,
                               fault ? fault->detail : "a head over 64 KiB",
                               fault ? fault->parser_error : "guard", fault ? fault->offset : 0),
             "its answer is not valid HTTP/1.1");
        return false;
    }
    status_ = head_.status;
    retry_after_.clear();
    for (const Field& field : head_.fields)
        if (same_name(field.name, "Retry-After")) retry_after_ = field.value;
    keep_ = !head_.connection.close && (head_.minor_version == 1 || head_.connection.keep_alive);
    answer_.erase(0, *end);
    head_read_ = status_ >= 200;
    if (head_read_ && framing_.kind == BodyKind::chunked) chunks_.start(Side::upstream);
    return true;
}

// True once the body is there, as far as it is wanted.
bool Exporter::take_body() {
    if (framing_.kind == BodyKind::none) return true;
    if (framing_.kind == BodyKind::length && answer_.size() >= framing_.length) {
        body_ = answer_.substr(0, framing_.length);
        answer_.erase(0, framing_.length);
        return true;
    }
    if (framing_.kind == BodyKind::chunked) {
        std::string_view rest = answer_;
        ChunkedDecoder::Step step = ChunkedDecoder::Step::data;
        while (step == ChunkedDecoder::Step::data) {
            std::string_view data;
            step = chunks_.next(rest, data);
            body_ += data;
        }
        answer_.erase(0, answer_.size() - rest.size());
        if (step == ChunkedDecoder::Step::complete) return true;
        if (step == ChunkedDecoder::Step::fault) keep_ = false;
        if (step == ChunkedDecoder::Step::fault) return true;  // its status says enough
    }
    if (framing_.kind == BodyKind::until_close) body_ = answer_;
    if (body_.size() + answer_.size() <= answer_limit_bytes) return false;
    keep_ = false;
    return true;
}

void Exporter::answered() {
    state_ = State::idle;
    const bool good = keep_ && answer_.empty() && framing_.kind != BodyKind::until_close &&
                      !conn_->finished_reading();
    if (good) upstream_.give_back(*std::exchange(conn_, nullptr));
    else drop_conn(Ending::clean(Reason::complete, Phase::done), Conn::Close::fin);
    const OtlpAnswer said = read_otlp_answer(body_);
    const std::string why =
        phrase("HTTP ", status_, said.message.empty() ? "" : ": ", harmless(said.message));
    if (worth_retrying(status_)) {
        again(why, retry_after_ms(retry_after_, static_cast<int64_t>(::time(nullptr))));
        return;
    }
    if (status_ < 200 || status_ > 299) {
        count_dropped(batch_.records, why);
    } else {
        const uint64_t rejected = std::min(said.rejected, batch_.records);
        exported_ += batch_.records - rejected;
        if (rejected > 0) count_dropped(rejected, phrase("rejected: ", harmless(said.message)));
    }
    next();
}

void Exporter::on_finish(Conn&) {
    if (state_ == State::answering && head_read_ && framing_.kind == BodyKind::until_close)
        return answered();
    on_fault(*conn_, {Fault::What::closed, Op::read, 0});
}

void Exporter::on_fault(Conn&, const Fault& fault) {
    const bool stale = reused_ && answer_.empty() && !head_read_;
    const Ending ending = ending_of(Side::upstream, fault, Phase::first_byte);
    if (!stale) return lost(ending, "its connection ended before it answered");
    // An idle connection that had died: the next one is not.
    drop_conn(ending, Conn::Close::reset);
    state_ = State::sending;
    dial_.start(facts_);
}

void Exporter::lost(const Ending& ending, std::string_view why) {
    drop_conn(ending, Conn::Close::reset);
    again(why);
}

void Exporter::drop_conn(const Ending& ending, Conn::Close how) {
    if (conn_ == nullptr) return;
    Conn& conn = *std::exchange(conn_, nullptr);
    conn.set_sink(nullptr);
    conn.end(ending, how);
}

void Exporter::again(std::string_view why, uint64_t pause_ms) {
    ++failures_;
    state_ = State::pausing;
    if (failures_ == 1)
        say(phrase(why, "; ", batch_.records, " records wait in memory and are tried again"));
    const uint64_t wait_ms = std::max(pause_ms, back_off_ms(failures_));
    wait_until(loop_.now_ns() + wait_ms * ns_per_ms);
}

void Exporter::next() {
    batch_ = {};
    state_ = State::idle;
    if (finishing_ && waiting_.empty()) return end();
    if (finishing_ || waiting_.size() >= batch_limit_bytes) return begin_batch();
    if (!waiting_.empty()) wait_until(loop_.now_ns() + flush_ns);
}

void Exporter::on_ring() {
    const uint64_t now_ns = loop_.now_ns();
    if (finishing_ && now_ns >= finish_by_ns_) return stop_now();
    switch (state_) {
        case State::encoding: return;
        case State::idle:
            if (!waiting_.empty()) begin_batch();
            else if (finishing_) end();
            return;
        case State::pausing: send(); return;
        case State::sending:
        case State::answering: break;
    }
    const Ending late =
        Ending::by_clock(Reason::upstream_silent, Phase::first_byte, ClockName::first_byte,
                         answer_limit_ns / ns_per_ms, answer_limit_ns / ns_per_ms);
    if (dial_.active()) dial_.cancel(late);
    lost(late, "it did not answer in time");
}

void Exporter::finish() {
    if (finishing_) return;
    finishing_ = true;
    finish_by_ns_ = loop_.now_ns() + finish_limit_ns;
    loop_.stay(1);
    // Connections that close now have yet to file their records; and nothing is put off any more.
    if (state_ == State::idle || state_ == State::pausing)
        wait_until(loop_.now_ns() + 2 * Wheel::tick_ns);
    else if (state_ != State::encoding) loop_.wheel().arm_earlier(*this, finish_by_ns_);
}

// The time for finishing is over. What a thread encodes comes back first.
void Exporter::stop_now() {
    const Ending ending = Ending::decided(Reason::shutdown, Phase::first_byte, Op::admin, 0);
    if (dial_.active()) dial_.cancel(ending);
    drop_conn(ending, Conn::Close::reset);
    if (const uint64_t left = batch_.records + waiting_records_; left > 0)
        count_dropped(left, "the process ends");
    waiting_.clear();
    waiting_records_ = 0;
    batch_ = {};
    end();
}

void Exporter::end() {
    state_ = State::idle;
    finished_ = true;
    Wheel::disarm(*this);
    loop_.stay(-1);
    upstream_.close();
}

void Exporter::count_dropped(uint64_t records, std::string_view why) {
    dropped_ += records;
    unsaid_ += records;
    say(phrase(why, ": dropping (", dropped_, " so far)"));
}

// One trouble is one story, however often it comes.
void Exporter::say(std::string_view text) {
    constexpr uint64_t pause_ns = 10'000 * ns_per_ms;
    const uint64_t now_ns = loop_.now_ns();
    if (said_ns_ != 0 && now_ns - said_ns_ < pause_ns) return;
    said_ns_ = now_ns;
    ignored(std::fputs(phrase("becaused: records_otlp: ", url_, ": ", text, '\n').c_str(), stderr),
            "nobody is left to hear it");
}

}  // namespace becaused
