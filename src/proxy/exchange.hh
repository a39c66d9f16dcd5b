// One request and its answer: two halves, each with its state, between a session's client connection and
// one upstream connection. Owns the request's record, its dial, and the upstream connection while it
// uses it. The phase is a pure function of the halves; every way out leads through `complete` or
// `fail`, which file the record once and leave both connections in order.
//
//   up:    none -> head -> held -> body -> done          (cut: the upstream takes no more)
//               between head and held: gate (a password is being checked, or the upstream asked whose
//               a container is), judged (the body is collected, to be judged as a whole)
//   down:  none -> waiting -> interim* -> body -> done
//   tunnel: after 101 or a hijack; opaque bytes both ways, each half ends with its own FIN.
//
// Exchanges are kept and used again; they go back to the house after the loop's turn.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "gate/gate.hh"
#include "gate/owner_text.hh"
#include "http/forward.hh"
#include "net/conn.hh"
#include "proxy/access.hh"
#include "proxy/call_watch.hh"
#include "proxy/dial.hh"
#include "proxy/flow.hh"
#include "proxy/held_body.hh"
#include "proxy/inquiry.hh"
#include "proxy/limits.hh"
#include "proxy/teller.hh"

namespace becaused {

class House;
class Session;

class Exchange final : public Deferred,
                       private ConnSink,
                       private DialSink,
                       private AccessSink,
                       private InquirySink,
                       private Holder {
  public:
    enum class Up : uint8_t { none, head, gate, judged, held, body, done, cut };
    enum class Down : uint8_t { none, waiting, interim, body, done };

    explicit Exchange(House& house);
    ~Exchange() = default;

    // A request head begins to arrive on `session`.
    void open(Session& session);
    // Some of the head has come, and not all of it.
    void begin_head(size_t bytes);
    // The head is complete; `raw`: its bytes, valid during the call.
    void begin(const RequestHead& head, std::string_view raw);
    // The head was refused by the parser. `line`: what is readable of the request line.
    void refuse_head(const ParseFault& fault, std::string_view line, size_t raw_bytes);

    // What the session hears from the client.
    // Bytes after the head: takes what belongs to this request (or the tunnel); 0 when it wants none
    // now.
    size_t take(const Slice& bytes);
    // The same for bytes that lie in the upstream's pipe.
    void take_spliced(size_t count);
    // Bytes came that it wants later, or the next request.
    void body_waits();
    // Would take() take bytes now?
    bool takes_bytes() const;
    // Writes the request head if no body byte came along with it.
    void flush_head();
    void client_finished();
    void client_fault(const Fault& fault);
    void client_room();

    // Ends it for a reason of ours or of the client's clocks.
    void fail(const Ending& ending);

    // When its next clock rings (UINT64_MAX: none), and what to do when it may have rung.
    uint64_t next_due(uint64_t now_ns) const;
    void ring(uint64_t now_ns);

    Phase phase() const { return phase_; }
    EntryId id() const { return entry_->id(); }
    ExchangeFacts& facts() { return entry_->facts; }
    bool tunnel() const { return tunnel_; }
    bool answer_begun() const { return down_ == Down::body || down_ == Down::done; }
    const Conn* upstream() const { return upstream_; }

  private:
    // Until it may go on: exchange_gate.cc.
    bool admit(const RequestHead& head, const Route& route);
    bool identify(const RequestHead& head, const Route& route, std::string_view raw);
    void became(const IdentityRef& identity);
    void turned_away(const Judgement& judgement, const Route& route);
    void overdrawn(const Overrun& overrun);
    void on_identified(const Judgement& judgement) override;
    EntryId asker() const override { return id(); }
    const RequestHead& parse_again(std::string_view raw);
    const Profile* own_profile();
    void allow(const RequestHead& head, const Asked& asked, std::string_view raw);
    void learn(const RequestHead& head, const Asked& asked, const Profile& profile,
               Verdict& verdict);
    bool overlooked(const Refusal& refusal);
    void pass_untold();
    void body_too_large();
    void collect_body(const Verdict& verdict, std::string_view raw);
    size_t take_for_judgement(std::string_view bytes);
    bool count_held(size_t bytes);
    void judge_held();
    void send_held();
    void leave_wait();
    void drop_held();
    bool answer_locally(const RequestHead& head);
    void leave_gate(const Ending& ending);

    // Whose container it is: exchange_own.cc.
    void pass_on(const RequestHead& head, std::string_view raw);
    void inquire(const RequestHead& head, std::string_view raw);
    void on_found(const Finding& finding) override;
    void put_in(const RequestHead& head, const std::string& id);
    void deny(const RequestHead& head, const Refusal& refusal);
    void release(const RequestHead& head);

    // Bytes per second: exchange_shape.cc.
    void shape(bool up, uint64_t bytes);
    uint64_t shape_due() const;
    void shape_on(uint64_t now_ns);

    // The way up: exchange_up.cc.
    void send(const RequestHead& head);
    void write_request(const RequestHead& head);
    void take_head(size_t bytes);
    void remember(const RequestHead& head);
    void acquire(bool fresh);
    void use(Conn& conn, bool reused);
    void keep_for_replay(std::string_view bytes);
    void body_written(const Flow::Outcome& outcome);
    void client_moved(size_t count);
    void upstream_write_failed(int error);
    void upstream_lost_after_answer(const Fault& fault);
    bool may_replay() const;
    bool awaits_body() const;
    void replay(const Fault& fault);
    void send_again();
    void answer_missing(const Fault& fault);

    // The way down: exchange_down.cc.
    size_t take_answer_head(const Slice& bytes);
    size_t answer_head(std::string_view head_bytes, const Slice& bytes, size_t used);
    void malformed_answer(const ParseFault& fault);
    void interim(const ResponseHead& head);
    size_t final_head(const ResponseHead& head, const BodyFraming& framing, const Slice& after);
    void start_tunnel(const ResponseHead& head);
    void upstream_moved(size_t count);
    void answer_written(const Flow::Outcome& outcome);
    void client_write_failed(int error);
    void tunnel_half_over(const Fault& fault);

    // In tunnels: exchange_calls.cc.
    void follow_calls(const ResponseHead& head);
    void pass_tunnel(Side from, const Slice& bytes);
    void pass_calls(Side from, const Slice& bytes);
    bool write_tunnel(Side from, std::string_view bytes, const Slice* owner);
    bool may_call();
    bool may_go_unread();
    bool forgiven(const Refusal& refusal);
    void deny_call(Side side, std::string_view text, std::string& out) const;
    void finish_tunnel(Side from);

    // Past us, through the kernel: exchange_splice.cc.
    void splice(Side from, size_t came);
    uint64_t unseen_bytes(Side from) const;
    void write_spliced(Side from, size_t count);

    // What becaused says itself: exchange_tell.cc.
    void follow(const ResponseHead& head, const AnswerFraming& answer);
    void note_exec_request(std::string_view body);
    bool without_terminal() const;
    void explain(const Ending& ending, std::string& out) const;
    std::string_view message(const Ending& ending);
    bool tell_client(const Ending& ending);
    bool tell_upstream(const Ending& ending);
    void reply(const Ending& ending, bool keep);
    bool refuse_in_tunnel() const;

    // Both: exchange.cc.
    void settle();
    void release_upstream();
    void drop_upstream(const Ending& ending, Conn::Close how);
    void complete(Reason reason);
    void file(const Ending& ending);
    void set(Up up, Down down);
    void note();
    Conn& client();
    Conn& upstream();  // while it has one
    uint32_t limit_ms(ClockName clock) const;

    // The clocks: exchange_clocks.cc.
    struct Watch {
        ClockName clock = ClockName::request_body;
        uint64_t since_ns = 0;
        bool owed = false;      // somebody owes a byte, also where the clock is off
        uint32_t limit_ms = 0;  // 0: nobody owes, or the clock is off
        Conn* sink = nullptr;   // owes when it holds queued bytes
        Reason sink_reason = Reason::lost;
        Reason source_reason = Reason::lost;
    };
    void owe(Watch& watch) const;
    Watch watch_up() const;
    Watch watch_down() const;
    Watch watch_tunnel() const;
    bool rung(const Watch& watch, uint64_t now_ns, uint64_t& stamp_ns);
    void linger_over();

    // For people: exchange_open.cc.
    void describe(Standing& standing) const override;
    bool end_open(const Ending& ending) override;
    void describe(const Conn& conn, Standing& standing) const override;
    bool end_open(Conn& conn, const Ending& ending) override;

    void on_connected(Conn&) override { CHECK(false && "the dial connects"); }
    void on_bytes(Conn& conn, const Slice& bytes) override;
    void on_spliced(Conn& conn, size_t count) override;
    void on_finish(Conn& conn) override;
    void on_fault(Conn& conn, const Fault& fault) override;
    void on_room(Conn& conn) override;
    // The head of an answer: small ones come through, whoever holds the memory.
    bool keeps_little(const Conn&) const override {
        return down_ == Down::waiting || down_ == Down::interim;
    }
    void on_gone(Conn& conn) override;
    void on_dialed(Conn& conn) override;
    void on_dial_failed(const Ending& ending) override;
    void after_turn() override;

    House& house_;
    Session* session_ = nullptr;
    Conn* upstream_ = nullptr;
    IdentityRef identity_;  // outlives the entry, which looks into it
    std::optional<ExchangeEntry> entry_;
    Dial dial_;
    Flow up_flow_;
    Flow down_flow_;
    Teller teller_;
    Answer answer_ = Answer::plain;        // of the route
    CallList call_list_ = CallList::none;  // of the route
    std::unique_ptr<CallWatch> calls_;
    Up up_ = Up::none;
    Down down_ = Down::none;
    Phase phase_ = Phase::request_head;
    uint64_t phase_since_ns_ = 0;
    uint64_t up_stamp_ns_ = 0;    // last movement of the request's bytes
    uint64_t down_stamp_ns_ = 0;  // last movement of the answer's bytes
    std::string head_;            // the request head for the upstream; kept for replays
    std::string replay_body_;     // the body's raw bytes so far, while it may be replayed
    std::string answer_part_;     // an answer's head that came in pieces
    std::string upgrade_;         // the protocol asked for
    std::string exec_request_;    // the body of a request that starts an exec
    std::optional<Ending>
        up_fault_;  // the upstream's writing side failed; its answer may still come
    // The answer was whole and then a connection broke: the record of that connection says so, the
    // exchange has it on its trail only.
    std::optional<Ending> client_lost_;
    std::optional<Ending> upstream_lost_;
    std::optional<Ending> client_gone_;  // in tunnels: it left after its half-close
    uint64_t gone_ns_ = 0;
    BodyFraming request_framing_;
    // While it is judged: the head as it came, the body so far, and what was found out already.
    std::string held_head_;
    std::optional<HeldBody> held_body_;
    int64_t held_bytes_ = 0;  // as the house knows them, until they are on their way
    Verdict verdict_;
    std::unique_ptr<Inquiry> inquiry_;  // whose the container is; null: nobody was asked
    std::string named_;                 // the container that it is about
    std::string missing_;               // dockerd's words for one that is not there; empty: ours
    std::string target_;                // path and query for the upstream; empty: the client's
    std::string changed_body_;          // in place of the held one; empty: that one
    Holding holding_;
    std::optional<Overrun> overrun_;  // while it is being told
    uint64_t up_shaped_ns_ = 0;       // the client is not read until then; 0: it is
    uint64_t down_shaped_ns_ = 0;     // the same for the upstream
    uint64_t ticket_ = 0;             // of a password's check; 0: none
    uint64_t retry_after_ms_ = 0;     // for the answer; 0: not said
    uint64_t body_limit_bytes_ = UINT64_MAX;
    uint64_t client_out_base_ = 0;  // the connection's count when this exchange began
    uint64_t upstream_out_base_ = 0;
    uint16_t refused_status_ = 0;  // the parser's own status for a refused head; 0: the reason's
    uint32_t replays_ = 0;
    uint8_t minor_version_ = 1;
    bool tunnel_ = false;
    bool head_due_ = false;  // head_ is not written yet
    bool head_method_ = false;
    bool keep_alive_ = false;  // as far as the client's request says
    bool said_close_ = false;  // our answer's head told the client that we close
    bool awaits_100_ = false;  // the client asked for a 100 and may be waiting for it
    bool said_100_ = false;    // we said it: the upstream's is not passed on
    bool hijackable_ = false;
    bool ping_ = false;
    bool trailers_welcome_ = false;
    bool replayable_ = false;
    bool reused_ = false;          // the upstream connection was an idle one
    bool answer_byte_ = false;     // the upstream has sent something
    bool up_complete_ = false;     // the request's last byte was written (maybe still queued)
    bool down_complete_ = false;   // the answer's last byte was written (maybe still queued)
    bool upstream_keep_ = false;   // the answer leaves the upstream connection usable
    bool upstream_extra_ = false;  // it said more than its answer
    bool client_fin_ = false;      // the client sends no more; passed on in tunnels
    bool upstream_fin_ = false;
    bool head_read_ = false;      // the request's head was whole and valid
    bool down_flow_raw_ = false;  // the client's body ends with its connection
    bool finished_ = false;       // filed
};

// The phase that two halves are in.
Phase phase_of(Exchange::Up up, Exchange::Down down, bool tunnel);

}  // namespace becaused
