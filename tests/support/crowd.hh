// Dozens of clients and the upstream that they come to see, all of them sockets of the test, acting out
// the plans of support/fates.hh against a Rig at once. Time stands still for as long as anything moves;
// when nothing does, and the kernel has delivered all it was given (support/in_flight.hh), it is let on
// tick by tick, so that clocks ring for those who stopped and for nobody else. Owns every socket; the plans belong to the test.
#pragma once

#include <deque>
#include <string>
#include <vector>

#include "support/fates.hh"
#include "support/message_reader.hh"
#include "support/rig.hh"

namespace becaused::test {

class Crowd {
  public:
    // What the kernel takes at most for one who reads no more: it must not take all there is.
    static constexpr int deaf_buffer = 64 * 1024;

    // `plans`: by number; plan 0 is nobody's. They must not move while the crowd lives.
    Crowd(Rig& rig, Random& random, std::vector<Plan>& plans, size_t clients);
    Crowd(const Crowd&) = delete;
    Crowd& operator=(const Crowd&) = delete;
    ~Crowd();

    enum class Mode : uint8_t {
        usual,
        refused,    // nobody listens
        restarted,  // nobody listens, until everyone has been refused once
        drained,    // the house is stopped in the midst of it
    };
    // Plays the plans from `first` to before `end`. False when something hangs; see stuck().
    bool play(uint32_t first, uint32_t end, Mode mode);
    // What hangs, in words.
    std::string stuck() const;
    // Everyone leaves.
    void leave();
    // What should never be seen by anybody: bytes out of turn, unknown requests.
    const std::vector<std::string>& oddities() const { return oddities_; }

  private:
    struct Client {
        Peer peer;
        std::deque<Plan*> todo;
        std::deque<Plan*> waiting;  // begun and not answered; reading the front's answer
        Plan* sending = nullptr;    // the last of `waiting`, if not all of it is sent
        std::string out;
        size_t out_at = 0;
        size_t depth = 1;  // requests at once
        size_t piece = 0;  // bytes per step
        MessageReader reader;
        Plan* actor = nullptr;  // whose act is due
        unsigned delay = 0;     // steps until then
        bool ending = false;    // the last answer said close: nothing follows
        bool muted = false;
        bool deaf = false;
        bool half_closed = false;
        short seen = 0;  // poll(2)'s
    };
    struct Server {
        Peer peer;
        Plan* plan = nullptr;
        MessageReader reader;
        std::string out;
        size_t out_at = 0;
        size_t piece = 0;
        bool answering = false;
        bool acted = false;
        bool muted = false;
        bool deaf = false;
        bool half_closed = false;
        short seen = 0;
    };

    bool step();
    void look();
    bool desert();
    void wake_deaf();
    bool done() const;
    void open_door(Mode mode);

    bool step(Client& client);
    bool connect(Client& client);
    static bool may_begin(const Client& client);
    bool send(Client& client);
    bool hear(Client& client);
    void answered(Client& client);
    bool act(Client& client);
    void trigger(Client& client, Plan& plan);
    void lose(Client& client);

    bool step(Server& server);
    bool read_request(Server& server);
    bool hear(Server& server);
    bool answer(Server& server);
    void act(Server& server);
    bool ends(Server& server);

    void odd(const std::string& what);

    Rig& rig_;
    Random& random_;
    std::vector<Plan>& plans_;
    std::vector<Client> clients_;
    std::deque<Server> servers_;
    std::vector<std::string> oddities_;
    std::string under_way_;  // at the last look
    bool closing_ = false;   // the house takes nobody any more
};

}  // namespace becaused::test
