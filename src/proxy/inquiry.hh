// Asks the upstream itself whose a container is: one small GET (for an exec two), over the pool that all
// requests use. All of it has the time of the clock `auth`, and each answer room for 1 MiB. A connection
// that was idle and died before a byte came is replaced once. Owned by its exchange.
#pragma once

#include <optional>
#include <string>

#include "http/chunked.hh"
#include "http/framing.hh"
#include "proxy/dial.hh"

namespace becaused {

class House;

// What was found out.
struct Finding {
    enum class What : uint8_t {
        own,
        foreign,  // somebody else's, nobody's, or not there
        unclear,  // the upstream answered, but not that
        failed,   // it did not
    };
    What what = What::unclear;
    std::string id;                // own: the full id of what was asked about
    const char* flaw = "";         // unclear: why, static
    std::optional<Ending> ending;  // failed
};

class InquirySink {
  public:
    // Once per start(), never from inside of it; the inquiry may be deleted then.
    virtual void on_found(const Finding& finding) = 0;

  protected:
    ~InquirySink() = default;
};

class Inquiry final : public Deferred, private ConnSink, private DialSink, private WheelNode {
  public:
    // For the exchange `asker`, whose `facts` get the dial's attempts; they outlive this.
    Inquiry(House& house, EntryId asker, ExchangeFacts& facts, InquirySink& sink);
    ~Inquiry();

    // Is the container, or the exec's, of this identity? `name`: as Docker's API has names.
    void start(bool exec, std::string_view name, std::string_view identity);
    // Nobody waits for it any more. `why`: for its connection's record.
    void give_up(const Ending& why);

  private:
    void ask(std::string_view name);
    void use(Conn& conn, bool reused);
    void take_heads();
    void take_head(std::string_view bytes);
    void take_body(std::string_view bytes);
    // The answer is whole; `extra`: more bytes came.
    void whole(bool extra);
    void judge_answer();
    void lost(const Fault& fault);
    void malformed(const Ending& ending);
    void unclear(const char* flaw);
    void failed(const Ending& ending);
    void finish(Finding finding);
    void drop(const Ending& ending, Conn::Close how);

    void on_connected(Conn&) override { CHECK(false && "the dial connects"); }
    void on_bytes(Conn& conn, const Slice& bytes) override;
    void on_finish(Conn& conn) override;
    void on_fault(Conn&, const Fault& fault) override { lost(fault); }
    void on_room(Conn&) override {}
    void on_gone(Conn&) override {}
    void describe(const Conn&, Standing& standing) const override;
    void on_dialed(Conn& conn) override { use(conn, false); }
    void on_dial_failed(const Ending& ending) override { failed(ending); }
    void on_ring() override;
    void after_turn() override { sink_.on_found(finding_); }

    House& house_;
    EntryId asker_;
    ExchangeFacts& facts_;
    InquirySink& sink_;
    Dial dial_;
    Conn* conn_ = nullptr;
    std::string identity_;
    std::string exec_id_;  // while its container is not known yet, and after
    bool asks_exec_ = false;
    std::string request_;
    std::string part_;  // of the answer's head, then its body
    BodyFraming framing_;
    ChunkedDecoder decoder_;
    uint16_t status_ = 0;  // 0: the head is not here yet
    bool lasting_ = false;
    bool reused_ = false;
    bool heard_ = false;  // a byte of the answer
    bool done_ = false;
    Finding finding_;
};

}  // namespace becaused
