// One question to the authorisation service: gets a connection, writes the request, reads the answer's
// head, and lets the connection go. A connection that was idle and died before a byte came is replaced
// once. Everything together has the time of the clock `auth`. Owned by the service.
#pragma once

#include <string>

#include "proxy/dial.hh"
#include "proxy/service.hh"

namespace becaused {

class Ask final : public Deferred, private ConnSink, private DialSink, private WheelNode {
  public:
    // `asker`: the exchange that waits for the answer.
    Ask(Service& service, uint64_t ticket, EntryId asker, const Digest& question,
        std::string request);
    ~Ask();

    void start();
    // Nobody waits for the answer any more. `why`: for its connection's record.
    void give_up(const Ending& why);

    uint64_t ticket() const { return ticket_; }
    const Digest& question() const { return question_; }

  private:
    void use(Conn& conn, bool reused);
    void take_head(std::string_view bytes, bool more);
    void lost(const Fault& fault);
    void unavailable(const char* detail);
    void finish(const ServiceAnswer& answer);
    void drop(const Ending& ending, Conn::Close how);

    void on_connected(Conn&) override { CHECK(false && "the dial connects"); }
    void on_bytes(Conn& conn, const Slice& bytes) override;
    void on_finish(Conn& conn) override;
    void on_fault(Conn&, const Fault& fault) override { lost(fault); }
    void on_room(Conn&) override {}
    void on_gone(Conn&) override {}
    void describe(const Conn&, Standing& standing) const override;
    void on_dialed(Conn& conn) override;
    void on_dial_failed(const Ending& ending) override;
    void on_ring() override;
    void after_turn() override;

    Service& service_;
    uint64_t ticket_;
    EntryId asker_;
    Digest question_;
    std::string request_;
    std::string part_;     // of the answer's head
    ExchangeFacts facts_;  // for the dial's attempts
    Dial dial_;
    Conn* conn_ = nullptr;
    ServiceAnswer answer_;
    bool reused_ = false;
    bool done_ = false;
};

}  // namespace becaused
