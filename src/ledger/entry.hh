// Open lines of the ledger. An Entry is opened with what it describes and filed exactly once with its
// Ending; destroyed unfiled it files `lost`, which is a bug (and aborts in test builds). The first
// cause wins: what shows later goes on the trail. Entries belong to the object they describe (a
// connection, an exchange); the Ledger only links them.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.hh"
#include "base/json_line.hh"
#include "base/list.hh"
#include "ledger/ending.hh"

namespace becaused {

class BlackBox;
class Ledger;

// Where a socket leads, small enough to keep per connection.
struct Endpoint {
    enum class Kind : uint8_t { none, ip4, ip6, unix };
    Kind kind = Kind::none;
    uint16_t port = 0;
    std::array<uint8_t, 16> address{};  // network order; ip4 uses the first four bytes
    const std::string* path = nullptr;  // unix: may be null (a client); outlives the entry
};
// "127.0.0.1:80", "[::1]:80", "unix:/run/docker.sock", "unix".
void append_endpoint(std::string& out, const Endpoint& endpoint);
// Without the port: "127.0.0.1", "::1", "unix".
void append_address(std::string& out, const Endpoint& endpoint);
// The same to `to`, where there is room for endpoint_limit; returns its end.
char* write_address(char* to, const Endpoint& endpoint);
inline constexpr size_t endpoint_limit = 64;  // either text, without a unix socket's path

// What came after the first cause.
struct TrailItem {
    Side side;
    Op op;
    int error;  // negative errno or 0
    uint64_t at_ns;
};

// How an open entry stands, as far as its facts do not say.
struct Standing {
    Phase phase = Phase::done;
    uint64_t phase_since_ns = 0;    // exchanges
    EntryId exchange_id = 0;        // connections: what they serve; 0: nothing
    uint64_t client_out_bytes = 0;  // exchanges, as for the next three
    uint64_t upstream_out_bytes = 0;
    uint64_t unsent_client_bytes = 0;
    uint64_t unsent_upstream_bytes = 0;
    // Somebody owes the next byte: what it would end as if its clock rang now.
    bool owed = false;
    Reason debt = Reason::lost;
    ClockName clock = ClockName::keepalive;
    uint32_t limit_ms = 0;  // 0: the clock is off
    uint64_t since_ns = 0;  // nothing has moved since
};

// Whoever holds an open entry: asked only when a person wants to see it, or to end it.
class Holder {
  public:
    Holder() = default;
    Holder(const Holder&) = delete;
    Holder& operator=(const Holder&) = delete;
    virtual void describe(Standing& standing) const = 0;
    // Ends it, in the phase it is in. False: it cannot end by itself now.
    virtual bool end_open(const Ending& ending) = 0;

  protected:
    ~Holder() = default;
};

class Entry : public ListNode {
  public:
    enum class Kind : uint8_t { connection, exchange };
    static constexpr size_t trail_limit = 4;
    static constexpr uint32_t no_slot = UINT32_MAX;

    Entry(const Entry&) = delete;
    Entry& operator=(const Entry&) = delete;
    ~Entry();

    EntryId id() const { return id_; }
    Kind kind() const { return kind_; }
    uint64_t opened_ns() const { return opened_ns_; }
    bool open() const { return open_; }
    // Notes what showed after the cause; beyond trail_limit it is left out.
    void add_trail(Side side, Op op, int error);
    // Writes the record. Once only.
    void file(const Ending& ending);
    // What happens now happens for it: a crash would name it.
    inline void serve();
    // Null: nobody can say more than its facts.
    void held_by(Holder* holder) { holder_ = holder; }
    Holder* holder() const { return holder_; }

  protected:
    Entry(Ledger& ledger, Kind kind);
    // One that another life opened, to be filed in its name (ledger/last_life.hh).
    Entry(Ledger& past, Kind kind, EntryId id, uint64_t opened_ns);
    Ledger& ledger() const { return ledger_; }
    uint32_t slot() const { return slot_; }
    // In the black box what changes has two places.
    bool turn() { return second_ = !second_; }

  private:
    friend class Ledger;
    Ledger& ledger_;
    EntryId id_;
    uint64_t opened_ns_;
    Kind kind_;
    bool open_ = true;
    uint8_t trail_count_ = 0;
    bool second_ = false;
    uint32_t slot_ = no_slot;  // in the black box
    Holder* holder_ = nullptr;
    std::unique_ptr<TrailItem[]> trail_;  // so many as trail_count_ says; null: none
};

// Where a connection came in.
struct Entrance {
    Endpoint local;  // the listener's, or what a load balancer says
    Endpoint via;    // the load balancer that named the peer; none: it came itself
};

struct TlsFacts {
    const char* version = nullptr;  // static; null: there was no handshake
    const char* cipher = nullptr;   // static
    std::string server_name;        // asked for by SNI
};

struct ConnectionFacts {
    Side side = Side::client;
    uint32_t exchanges = 0;
    Endpoint peer;
    // These two outlive the entry.
    const Entrance* entrance = nullptr;  // null: it was dialled
    const TlsFacts* tls = nullptr;       // null: plaintext
    uint64_t in_bytes = 0;
    uint64_t out_bytes = 0;     // handed to the kernel or queued for it
    uint64_t unsent_bytes = 0;  // of out_bytes: never acknowledged by the peer's kernel
    uint64_t last_in_ns = 0;    // 0: never
    uint64_t last_out_ns = 0;
    uint64_t connect_ns = 0;  // how long the connect took; upstream only
    EntryId exchange_id = 0;  // the exchange it ended in
};

class ConnectionEntry final : public Entry {
  public:
    explicit ConnectionEntry(Ledger& ledger) : Entry(ledger, Kind::connection) {}
    ConnectionEntry(Ledger& past, EntryId id, uint64_t opened_ns)
        : Entry(past, Kind::connection, id, opened_ns) {}
    // Puts into the black box what the facts say now; `phase`: while it serves no exchange.
    void note(Phase phase) {
        if (slot() != no_slot) put(phase);
    }
    // The same for what hardly changes: side and addresses.
    void note_peers();

    ConnectionFacts facts;

  private:
    void put(Phase phase);
};

// One try to get an upstream connection, or to use one.
struct Attempt {
    EntryId upstream_id;
    uint64_t took_ns;
    bool reused;
    Op op;  // what failed; none: it worked
    int error;
};

// What was called in a tunnel that speaks gRPC.
struct CallFacts {
    static constexpr size_t path_limit = 16;
    struct Path {
        std::string text;  // as the peer sent it
        uint64_t count = 0;
    };

    void count(std::string_view path);

    Side caller = Side::client;
    uint64_t streams = 0;     // that were opened and passed
    uint64_t more = 0;        // of them: to paths that are not among the first ones
    std::vector<Path> paths;  // in the order of their first call
};

struct ExchangeFacts {
    static constexpr size_t target_limit = 512;
    static constexpr size_t attempt_limit = 8;

    // Texts and attempts are set up to their lengths only: there is one of these for each request.
    std::array<char, 24> method;
    uint8_t method_length = 0;
    bool target_cut = false;
    uint16_t target_length = 0;
    std::array<char, target_limit> target;
    std::array<char, 128> request_id;
    uint8_t request_id_length = 0;  // 0: the record's own id was used
    std::array<char, 32> trace_id;
    bool has_trace_id = false;

    // Who asked, once it was proven; owned by who holds the entry, until it is filed.
    std::string_view identity;
    std::string_view proof;
    std::string_view token_id;
    // What a policy that only reports would have refused; static.
    const char* would_refuse = nullptr;
    const CallFacts* calls = nullptr;  // owned as the identity is; null: none was looked for

    uint8_t minor_version = 1;
    bool routed = false;
    RouteClass route = RouteClass::quick;
    uint16_t status = 0;           // told to the client; 0: none
    uint16_t upstream_status = 0;  // heard from the upstream; 0: none
    Telling told = Telling::nothing;
    Endpoint client;
    Endpoint upstream;
    EntryId client_id = 0;
    EntryId upstream_id = 0;
    uint64_t client_in_bytes = 0;
    uint64_t client_out_bytes = 0;
    uint64_t upstream_in_bytes = 0;
    uint64_t upstream_out_bytes = 0;
    uint64_t unsent_client_bytes = 0;
    uint64_t unsent_upstream_bytes = 0;
    uint64_t last_up_ns = 0;    // last progress of the request's bytes
    uint64_t last_down_ns = 0;  // last progress of the answer's bytes
    std::array<uint64_t, phase_count> phase_ns{};
    uint8_t attempt_count = 0;  // may exceed attempt_limit; the first ones are kept
    std::array<Attempt, attempt_limit> attempts;

    void set_method(std::string_view text);
    // Query values that may hold secrets are replaced by "...", the rest is cut at target_limit.
    void set_target(std::string_view text);
    std::string_view method_text() const { return {method.data(), method_length}; }
    std::string_view target_text() const { return {target.data(), target_length}; }
};

class ExchangeEntry final : public Entry {
  public:
    // What the facts do not say before it is filed.
    struct Now {
        Phase phase;
        uint64_t phase_since_ns;
        uint64_t client_out_bytes;
        uint64_t upstream_out_bytes;
    };

    explicit ExchangeEntry(Ledger& ledger) : Entry(ledger, Kind::exchange) {}
    ExchangeEntry(Ledger& past, EntryId id, uint64_t opened_ns)
        : Entry(past, Kind::exchange, id, opened_ns) {}
    bool in_box() const { return slot() != no_slot; }
    // Puts into the black box what the facts say now. Only while it is in_box().
    void note(const Now& now);
    // The same for what hardly changes; at any time.
    void note_client();
    void note_request();
    void note_upstream();

    ExchangeFacts facts;
};

// Where records go: whole lines, newline included.
class RecordSink {
  public:
    RecordSink() = default;
    RecordSink(const RecordSink&) = delete;
    RecordSink& operator=(const RecordSink&) = delete;
    virtual void record(std::string_view line) = 0;

  protected:
    ~RecordSink() = default;
};

class Ledger {
  public:
    explicit Ledger(Clock& clock);
    Ledger(const Ledger&) = delete;
    Ledger& operator=(const Ledger&) = delete;
    ~Ledger();

    void set_sink(RecordSink* sink) { sink_ = sink; }
    // Where entries opened from now on are kept for the next life; null: nowhere. Outlives them.
    void set_box(BlackBox* box) { box_ = box; }
    Clock& clock() { return clock_; }

    // "5f3a09c1-42": unique over restarts.
    void append_id(std::string& out, EntryId id) const;
    char* write_id(char* to, EntryId id) const;
    static constexpr size_t id_limit = 8 + 1 + 20;
    // The event:request_start line of an exchange.
    void announce(const ExchangeEntry& entry);

    uint64_t opened() const { return opened_; }
    uint64_t filed() const { return filed_; }
    uint64_t live() const { return live_count_; }
    uint64_t filed(Entry::Kind kind) const { return filed_by_kind_[static_cast<size_t>(kind)]; }
    uint64_t filed(Entry::Kind kind, Reason reason) const {
        return counts_[static_cast<size_t>(kind)][static_cast<size_t>(reason)];
    }
    // opened = filed + live, checked.
    void check_identity() const { CHECK(opened_ == filed_ + live_count_); }
    List<Entry>& live_entries() { return live_; }
    // The newest entry's; ids only grow.
    EntryId last_id() const { return last_id_; }
    // The open entry of this id, as append_id writes it; null: there is none.
    Entry* find_open(std::string_view id);
    // Whom the current turn serves: the last that asked for it, until it is filed or the turn is over.
    const Entry* served() const { return served_; }
    void serve_nobody() { served_ = nullptr; }

    // The life's part of the ids.
    const std::array<char, 8>& life() const { return life_; }
    void set_life(const std::array<char, 8>& life) { life_ = life; }
    void set_life(uint32_t life);  // tests

  private:
    friend class Entry;
    friend class ConnectionEntry;
    friend class ExchangeEntry;
    void open(Entry& entry);
    void close(Entry& entry, const Ending& ending);
    void write_trail(const Entry& entry);

    Clock& clock_;
    RecordSink* sink_ = nullptr;
    BlackBox* box_ = nullptr;
    const Entry* served_ = nullptr;
    std::array<char, 8> life_{};
    EntryId last_id_ = 0;
    uint64_t opened_ = 0;
    uint64_t filed_ = 0;
    uint64_t live_count_ = 0;
    std::array<uint64_t, 2> filed_by_kind_{};
    std::array<std::array<uint64_t, reason_count>, 2> counts_{};
    List<Entry> live_;
    JsonLine line_;         // the record being written
    std::string sentence_;  // and its last field
};

inline void Entry::serve() { ledger_.served_ = this; }

}  // namespace becaused
