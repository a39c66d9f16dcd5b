// client: one connection of the load, sending the next request when the last is answered, or, in a
// paced group, when the next is due.
//
// Owned by the load's loop for its whole run; belongs to one Group, where it counts. Every answer
// is checked (status, framing, length, a sink's count); the first thing wrong ends the client, with
// a reason. It never starts a request after the group's deadline or beyond its limit. What opens a
// connection before the run begins (a tunnel's upgrade, else a first request) is checked, not counted.
#pragma once

#include <string>

#include "channel.hh"
#include "group.hh"
#include "inbox.hh"
#include "message.hh"
#include "outbox.hh"
#include "pace.hh"
#include "wire.hh"

namespace bench {

struct Target {
    Address address;
    Channel::Kind kind = Channel::Kind::tcp;
};

class Client final : public Worker {
  public:
    Client(Group& group, const Target& target, Poller& poller);
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Connects, for what comes before the run; it is idle() when that is done.
    void open_first();
    // Connects unless it is, and sends the first request, if there is one left to start.
    void start();
    void serve(std::int64_t due_ns) override;
    void handle(std::uint32_t events);
    // For a client that is not idle when the run's patience is over.
    void give_up();
    [[nodiscard]] const Group& group() const { return group_; }
    [[nodiscard]] bool idle() const { return !channel_.open() || resting_; }

  private:
    void open();
    void fail(const std::string& what);
    void fail_errno(const char* operation);

    [[nodiscard]] bool may_start(std::int64_t now) const;
    void send_request();
    void send(const std::string& head, Body body);
    void send_on();
    void read_on();
    void on_answer();
    void on_close();
    // Empty when the answer is right.
    [[nodiscard]] std::string what_is_wrong() const;
    void next();
    void listen_for(std::uint32_t events);

    Group& group_;
    const Target& target_;
    Poller& poller_;
    Channel channel_;
    std::uint32_t events_ = 0;
    std::int64_t begun_ns_ = 0;
    bool opening_ = false;
    bool resting_ = false;   // until start(), or until its pace calls
    bool answered_ = false;  // waits for the proxy's close (connection per request)
    Inbox inbox_;
    Outbox outbox_;
    bool sending_ = false;
    Message answer_{Message::Role::response};
};

}  // namespace bench
