// Sends records to an OpenTelemetry collector (OTLP/HTTP, JSON; as gzip and by https where that is asked
// for): collected in memory that is bounded, made into a batch by another thread once a second or when
// there are many, sent one batch at a time over a connection that is kept. What the collector cannot take
// now (429, 502, 503, 504, or nobody there) is tried again, later and later, or when it says; what it
// refuses, and what does not fit, is dropped, counted, and said on standard error. Nothing waits for it
// but the end of the process, for some seconds.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/chunked.hh"
#include "http/framing.hh"
#include "net/worker.hh"
#include "ops/otlp.hh"
#include "proxy/dial.hh"

namespace becaused {

class Exporter final : private ConnSink, private DialSink, private WheelNode, private Work {
  public:
    static constexpr uint64_t flush_ns = 1'000 * ns_per_ms;
    static constexpr size_t batch_limit_bytes = 128 * 1024;  // of record lines
    static constexpr uint64_t answer_limit_ns = 10'000 * ns_per_ms;
    static constexpr uint64_t finish_limit_ns = 5'000 * ns_per_ms;

    // `settings`: records_otlp is a URL (ops/address.hh); journal_bytes bounds what waits here too.
    Exporter(Loop& loop, Ledger& ledger, const Settings& settings);
    ~Exporter() { CHECK(conn_ == nullptr && !dial_.active() && state_ != State::encoding); }

    // Reads the certificate that signs the collector's, where it is asked by https.
    Status load();
    // A record's line. Copies it, no more.
    void record(std::string_view line);
    // Sends what is left, for some seconds at most, and lets go of its connections.
    void finish();

    uint64_t exported() const { return exported_; }
    uint64_t dropped() const { return dropped_; }

  private:
    enum class State : uint8_t { idle, encoding, sending, answering, pausing };

    void begin_batch();
    void send();
    void use(Conn& conn, bool reused);
    bool take_head();
    bool take_body();
    void answered();
    void again(std::string_view why, uint64_t pause_ms = 0);
    void next();
    void stop_now();
    void end();
    void wait_until(uint64_t due_ns);
    void drop_conn(const Ending& ending, Conn::Close how);
    void lost(const Ending& ending, std::string_view why);
    void count_dropped(uint64_t records, std::string_view why);
    void say_dropped();
    void say(std::string_view text);

    void run() noexcept override;
    void done() override;
    void on_connected(Conn&) override { CHECK(false && "the dial connects"); }
    void on_bytes(Conn& conn, const Slice& bytes) override;
    void on_finish(Conn& conn) override;
    void on_fault(Conn& conn, const Fault& fault) override;
    void on_room(Conn&) override {}
    void on_gone(Conn&) override {}
    void on_dialed(Conn& conn) override;
    void on_dial_failed(const Ending& ending) override;
    void on_ring() override;

    Loop& loop_;
    std::string url_;
    bool gzip_;          // is wanted
    Settings settings_;  // the upstream is the collector
    std::string path_;
    std::unique_ptr<TlsStore> tls_;  // null: plain
    Upstream upstream_;
    HeadParser parser_;
    ExchangeFacts facts_;  // for the dial's attempts
    Dial dial_;
    Conn* conn_ = nullptr;
    State state_ = State::idle;
    std::string waiting_;  // lines
    uint64_t waiting_records_ = 0;
    std::string lines_;  // being encoded
    std::vector<std::string> own_peers_;
    OtlpBatch batch_;
    bool packed_ = false;  // its body is gzip
    std::string answer_;   // as it comes, its head first
    ResponseHead head_;
    BodyFraming framing_;
    ChunkedDecoder chunks_;
    std::string body_;
    bool head_read_ = false;
    bool keep_ = false;  // the connection, after this answer
    bool reused_ = false;
    uint16_t status_ = 0;
    std::string retry_after_;
    uint32_t failures_ = 0;  // of this batch, in a row
    uint64_t finish_by_ns_ = 0;
    bool finishing_ = false;
    bool finished_ = false;
    uint64_t exported_ = 0;
    uint64_t dropped_ = 0;
    uint64_t unsaid_ = 0;   // of these: the collector does not know
    uint64_t said_ns_ = 0;  // 0: nothing was yet
};

}  // namespace becaused
