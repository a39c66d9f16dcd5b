// One connection of an operator: a request is read, answered and the connection ended. Lists what is open
// in pieces, each bounded in time and in what it queues, so that nobody else waits for it. Owned by Admin;
// dies after the loop's turn, once its Conn is gone.
#pragma once

#include <optional>
#include <string>

#include "net/conn.hh"
#include "ops/admin.hh"

namespace becaused {

// A page in a browser may name any host for a port of this machine: only the machine's own names, or its
// addresses, are asked for by people.
bool is_own_host(std::string_view authority);

class AdminVisit final : public Deferred, private ConnSink, private WheelNode {
  public:
    explicit AdminVisit(Admin& admin) : admin_(admin) {}

    ConnSink* sink() { return this; }
    // Null: it could not be made.
    void begin(Conn* conn);
    // It is answered unasked, and its record is this.
    void turn_away(const Ending& ending);
    void cut(const Ending& ending);

  private:
    // A list's bytes that may wait for their reader, and that one turn of the loop may make.
    static constexpr uint64_t queue_limit_bytes = 64 * 1024;
    static constexpr size_t turn_limit_bytes = 256 * 1024;
    static constexpr size_t request_limit_bytes = 8 * 1024;

    enum class State : uint8_t { asking, listing, leaving, ended };

    void answer(const RequestHead& head);
    void refuse(uint16_t status, std::string_view message, std::string_view allow = {});
    void end_one(std::string_view id);
    void list();
    void reply(uint16_t status, std::string_view body, std::string_view allow = {});
    void leave();
    void arm();
    void end(const Ending& ending, Conn::Close how);
    ClockName clock() const;

    void on_connected(Conn&) override {}
    void on_bytes(Conn& conn, const Slice& bytes) override;
    void on_finish(Conn& conn) override;
    void on_fault(Conn& conn, const Fault& fault) override;
    void on_room(Conn& conn) override;
    void on_gone(Conn& conn) override;
    void on_ring() override;
    void after_turn() override;

    Admin& admin_;
    Conn* conn_ = nullptr;
    State state_ = State::asking;
    std::string request_;
    std::optional<Ending> turned_away_;
    EntryId listed_id_ = 0;  // up to here
    EntryId last_id_ = 0;    // what is opened later is not listed
    uint64_t moved_ns_ = 0;
    bool paced_ = false;  // the next piece comes with the next tick
};

}  // namespace becaused
