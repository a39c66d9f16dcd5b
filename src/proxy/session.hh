// One client connection: cuts its bytes into requests, one exchange at a time, in order, and closes it so
// that the client hears the last answer. Owns the Conn's sink role and the current exchange; its one
// wheel node serves every clock of the connection and of its exchange. Dies after the loop's turn,
// once the Conn is gone.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "net/conn.hh"
#include "proxy/exchange.hh"
#include "proxy/head_part.hh"

namespace becaused {

class House;

// A session's place in the house's list.
class SessionNode : public ListNode {};

class Session final : public SessionNode, public Deferred, private ConnSink, private WheelNode {
  public:
    // `overflow`: one too many; its requests are answered with accept_limit.
    Session(House& house, bool overflow);

    // Where its Conn reports to.
    ConnSink* sink() { return this; }
    // The accepted connection; null when it could not be made (the session is deleted after the turn).
    void begin(Conn* conn);

    // From its exchange, all of them once per exchange:
    // the answer is delivered and the request read to its end: on to the next request, or close.
    // `wanted`: the client would have gone on.
    void exchange_done(bool keep_alive, bool wanted);
    // It was answered, but the rest of the request is unread or the connection is not to be trusted:
    // half-close, read what comes for a while, then close with `ending`.
    void exchange_lingers(const Ending& ending);
    // The answer is cut: nothing more may be sent. `told`: the last bytes say why, and a reset would
    // destroy those that the client's kernel has not got: they are delivered first, within the clock
    // linger.
    void exchange_cut(const Ending& ending, Conn::Close how, bool told);

    Conn& conn() { return *conn_; }
    bool has_conn() const { return conn_ != nullptr; }
    House& house() { return house_; }
    Exchange* exchange() { return exchange_; }
    bool overflow() const { return overflow_; }
    // Whose certificate the client showed (empty: nobody's that is known); null: it showed none.
    const IdentityRef* certificate();
    // This is the last request that this connection may carry.
    bool last_request() const;
    // Bytes that came after the current request and wait.
    bool has_stash() const { return stashed_bytes() > 0; }
    // Of them: those of a body that is framed so, and of which nothing is taken yet.
    uint64_t stashed_of(const BodyFraming& body);
    // The exchange can take (more) bytes: give it those that wait.
    void feed();
    // A clock's due time may have come nearer.
    void rearm();
    // Told to stop: idle connections go now, busy ones after their exchange. `ending`: cut at once.
    void drain();
    void kill(const Ending& ending);

  private:
    enum class State : uint8_t {
        preparing,  // a PROXY header or the TLS handshake is due
        idle,       // between requests
        exchange,   // in a request; its head may still be incomplete
        linger,     // answered, FIN sent or queued; reading to the client's FIN
        parting,    // told why, and to be reset once the client's kernel has every byte
        ended,
    };
    static constexpr size_t stash_limit_bytes = 64 * 1024;
    static constexpr uint64_t linger_limit_bytes = 16 * 1024 * 1024;

    // What most connections do without at most times, and none has while it waits for its next request:
    // ten thousand wait.
    struct Aside {
        explicit Aside(House& house) : head_part(house) {}

        HeadPart head_part;          // a head that came in pieces
        SliceQueue stash;            // bytes after the current request
        std::optional<Ending> last;  // how a lingering connection ends
        uint64_t lingered_bytes = 0;
    };
    struct Certified {
        IdentityRef identity;
        uint32_t generation = 0;  // of the rules that found it; 0: none did yet
    };

    Aside& aside();
    uint64_t stashed_bytes() const { return aside_ ? aside_->stash.bytes() : 0; }
    void drop_stash();
    void drop_empty_aside();
    size_t consume(const Slice& bytes);
    size_t skip_empty_line(std::string_view bytes);
    size_t consume_head(const Slice& bytes);
    void fail_head(const Ending& ending);
    void parse_head(std::string_view bytes);
    void begin_exchange();
    bool spent() const;
    Ending farewell(bool wanted) const;
    void end(const Ending& ending, Conn::Close how);
    void leave_preparing();
    Phase quiet_phase() const;
    void start_linger(const Ending& ending);
    void start_parting(const Ending& ending);
    bool part();
    void read_what_comes();
    uint64_t next_due(uint64_t now_ns) const;

    void on_addressed(Conn& conn) override;
    void on_connected(Conn& conn) override;
    void on_bytes(Conn& conn, const Slice& bytes) override;
    void on_spliced(Conn& conn, size_t count) override;
    void on_finish(Conn& conn) override;
    void on_fault(Conn& conn, const Fault& fault) override;
    void on_room(Conn& conn) override;
    // Between requests, in a head and behind the last answer: so a client hears that there is no memory,
    // where it would wait for that of others.
    bool keeps_little(const Conn&) const override { return state_ != State::exchange || in_head_; }
    void on_gone(Conn& conn) override;
    void describe(const Conn& conn, Standing& standing) const override;
    bool end_open(Conn& conn, const Ending& ending) override;
    void on_ring() override;
    void after_turn() override;

    House& house_;
    Conn* conn_ = nullptr;
    Exchange* exchange_ = nullptr;
    std::unique_ptr<Aside> aside_;          // null: empty
    std::unique_ptr<Certified> certified_;  // null: the client showed no certificate
    uint64_t since_ns_ = 0;                 // of the state, for its clock
    State state_ = State::idle;
    bool overflow_ = false;
    bool in_head_ = false;     // the exchange's head is incomplete
    bool empty_line_ = false;  // the one empty line before a request was skipped
    bool half_line_ = false;   // its CR was, and its LF is due
    bool draining_ = false;
    bool told_ = false;  // what is on its way says why it ends
    bool feeding_ = false;
};

}  // namespace becaused
