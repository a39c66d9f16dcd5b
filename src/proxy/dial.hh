// Getting a fresh upstream connection for one exchange: names resolved, every address tried in turn,
// the whole repeated with exponential back-off and jitter within a budget. Nothing of the request is
// sent before a connection stands, so every request may wait here. Each try is in the exchange's record.
#pragma once

#include "net/conn.hh"
#include "net/resolver.hh"
#include "proxy/upstream.hh"

namespace becaused {

class DialSink {
  public:
    DialSink() = default;
    DialSink(const DialSink&) = delete;
    DialSink& operator=(const DialSink&) = delete;
    // The connection is the sink's (set_sink before the turn ends).
    virtual void on_dialed(Conn& conn) = 0;
    virtual void on_dial_failed(const Ending& ending) = 0;

  protected:
    ~DialSink() = default;
};

class Dial final : private ConnSink, private WheelNode, private ResolverWaiter {
  public:
    Dial(Loop& loop, Ledger& ledger, const Settings& settings, Upstream& upstream, DialSink& sink)
        : loop_(loop), ledger_(ledger), settings_(settings), upstream_(upstream), sink_(sink) {}

    // `facts` get the attempts; they must live until on_dialed, on_dial_failed or cancel. The sink is
    // never called from inside start().
    void start(ExchangeFacts& facts);
    // Gives up because of `ending` (the exchange's); the connecting socket's record says `partner`.
    void cancel(const Ending& ending);
    bool active() const { return facts_ != nullptr; }

  private:
    // nobody: the socket could not even be made, which is yet to be reported.
    enum class Waiting : uint8_t { nothing, name, connection, nobody, pause };

    void resolve();
    void try_next();
    void failed(int error, const Ending& ending);
    Ending timed_out() const;
    ClockName clock() const;
    uint32_t limit_ms() const;
    void arm_connect_clock();
    void note(Op op, int error);

    void on_connected(Conn& conn) override;
    void on_bytes(Conn&, const Slice&) override { CHECK(false && "not reading yet"); }
    void on_finish(Conn&) override { CHECK(false && "not reading yet"); }
    void on_fault(Conn& conn, const Fault& fault) override;
    void on_room(Conn&) override {}
    void on_gone(Conn&) override {}
    void on_ring() override;
    void on_resolved(int error) override;

    Loop& loop_;
    Ledger& ledger_;
    const Settings& settings_;
    Upstream& upstream_;
    DialSink& sink_;
    ExchangeFacts* facts_ = nullptr;
    Conn* conn_ = nullptr;
    Waiting waiting_ = Waiting::nothing;
    uint32_t tries_ = 0;
    size_t address_ = 0;
    uint64_t try_began_ns_ = 0;
    EntryId try_id_ = 0;
    int try_error_ = 0;
};

}  // namespace becaused
