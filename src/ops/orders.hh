// What a parent tells its workers, over a socket pair (unix(7), SOCK_SEQPACKET): each message is one byte
// and perhaps a descriptor. Signals would not do: whoever signals the whole group (a terminal, systemd)
// would tell each worker twice. And the end of the pair tells a worker that its parent is gone.
#pragma once

#include <cstdint>

#include "net/readable.hh"

namespace becaused {

enum class Order : char {
    stop = 's',    // the second time: at once
    reopen = 'h',  // as SIGHUP
    ask = 'a',     // with a connection of an operator's
    refuse = 'f',  // with one for whom there is no room
    ready = 'r',   // the worker's only word: it serves
    gone = 0,      // the other end is closed
    none = 1,      // nothing is there now
};

// Never waits. `passed`: a descriptor for the other side, which gets one of its own; -1: none. False: the
// other side is gone, or takes nothing.
bool send_order(int channel, Order order, int passed = -1);
struct Received {
    Order order = Order::none;
    int passed = -1;  // the receiver's to close
};
Received receive_order(int channel);

class OrderSink {
  public:
    // `passed` is the sink's.
    virtual void on_order(const Received& received) = 0;

  protected:
    ~OrderSink() = default;
};

// A worker's end of the pair, on its loop.
class Orders final : private ReadableSink {
  public:
    Orders(Loop& loop, OrderSink& sink) : readable_(loop, *this), sink_(sink) {}

    Status open(int channel);
    // Before the loop ends.
    void close() { readable_.close(); }

  private:
    void on_readable() override;

    Readable readable_;
    OrderSink& sink_;
    int channel_ = -1;
};

}  // namespace becaused
