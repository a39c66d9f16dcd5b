// What an operator may ask the living process: `GET /live` lists what is open, `DELETE /live/ID` ends one
// of them. HTTP/1.1 on an address of its own, one request a connection, on the loop that serves
// everybody: answers are written in pieces, and no request of an operator reaches the upstream. Each
// connection here has its record too (side operator).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "http/parser.hh"
#include "net/listener.hh"
#include "proxy/settings.hh"

namespace becaused {

class AdminVisit;

class Admin final : public ListenerSink {
  public:
    // Beyond these, newcomers are told that they are one too many.
    static constexpr size_t most_visits = 8;
    // Beyond these too there is no time to tell them.
    static constexpr size_t most_told = 8;

    Admin(Loop& loop, Ledger& ledger, const ClockTable& clocks)
        : loop_(loop), ledger_(ledger), clocks_(clocks), listener_(loop, *this) {}
    Admin(const Admin&) = delete;
    Admin& operator=(const Admin&) = delete;
    ~Admin();  // closed, or never opened, and the loop has run since

    // A literal address; what settings.admin says (ops/address.hh: parse_admin).
    Status open(const ListenAddress& address);
    // A connection that another process accepted; ours from here on. `room`: false: there was none for it
    // over there, and so it is told.
    void take(int fd, bool room = true);
    const Endpoint& local() const { return listener_.local(); }
    // Whoever still asks is cut.
    void close();

  private:
    friend class AdminVisit;
    void on_accept(Listener& listener, int fd, const Endpoint& peer, int error) override;
    void admit(Arrival arrival, int error, bool room);
    void drop(const Arrival& arrival, const Ending& ending);
    void visit_gone(AdminVisit& visit);

    Loop& loop_;
    Ledger& ledger_;
    const ClockTable& clocks_;
    Listener listener_;
    Entrance handed_over_;  // where operators came to that another process let in
    HeadParser parser_;
    RequestHead head_;
    std::vector<std::unique_ptr<AdminVisit>> visits_;
    bool closed_ = false;
};

}  // namespace becaused
