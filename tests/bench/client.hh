// client: one connection of the load, sending the next request when the last is answered.
//
// Owned by the load's loop for its whole run; belongs to one Group, where it counts. Every answer
// is checked (status, framing, length, a sink's count); the first thing wrong ends the client, with
// a reason. It never starts a request after the group's deadline or beyond its limit.
#pragma once

#include <string>

#include "group.hh"
#include "inbox.hh"
#include "message.hh"
#include "outbox.hh"
#include "wire.hh"

namespace bench {

class Client {
  public:
    Client(Group& group, const Address& target, Poller& poller);
    ~Client();
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;

    // Connects and sends the first request, if there is one left to start.
    void start();
    void handle(std::uint32_t events);
    // For a client that is not idle when the run's patience is over.
    void give_up();
    [[nodiscard]] bool idle() const { return fd_ < 0; }

  private:
    void open();
    void end();
    void fail(const std::string& what);
    void fail_errno(const char* operation);

    [[nodiscard]] bool may_start(std::int64_t now) const;
    void send_request();
    void send_on();
    void read_on();
    void on_answer();
    void on_close();
    // Empty when the answer is right.
    [[nodiscard]] std::string what_is_wrong() const;
    void next();
    void listen_for(std::uint32_t events);

    Group& group_;
    const Address& target_;
    Poller& poller_;
    int fd_ = -1;
    std::uint32_t events_ = 0;
    std::int64_t begun_ns_ = 0;
    bool answered_ = false;  // waits for the proxy's close (connection per request)
    Inbox inbox_;
    Outbox outbox_;
    bool sending_ = false;
    Message answer_{Message::Role::response};
};

}  // namespace bench
