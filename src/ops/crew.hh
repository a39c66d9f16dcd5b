// `becaused run --workers N`: a parent without a loop, and N processes that serve. The parent checks what
// must be true once, opens the ports, starts workers, starts those anew that end by themselves, passes on
// what it is told (ops/orders.hh), ends those that hang, and adds up what they have done. It has one thread and nothing of
// libuv's, so that it may fork at any time. Workers share no memory that anybody waits for.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ops/crew_ports.hh"
#include "ops/orders.hh"
#include "ops/state_file.hh"
#include "ops/station.hh"
#include "proxy/settings.hh"

namespace becaused {

class Crew {
  public:
    // A worker that ends so soon after its start, so often in a row, would do so for ever.
    static constexpr uint64_t soon_ms = 10'000;
    static constexpr int most_falls = 5;
    // Before the second start in a row; doubles. The first one is started at once.
    static constexpr uint64_t first_pause_ms = 100;
    // A worker whose loop stands still is told to abort, with its last words; after this it is killed.
    static constexpr uint64_t abort_ms = 1'000;
    // Beyond these, operators are told that they are one too many.
    static constexpr int most_relays = 8;

    Crew(const Settings& settings, uint32_t workers);
    Crew(const Crew&) = delete;
    Crew& operator=(const Crew&) = delete;
    ~Crew();

    // Ports, the place of the state, what workers share.
    Status open();
    // Returns in the parent when all of it is over, and in each worker when that is to begin: there
    // station() is set.
    int watch();
    const Station* station() const { return station_ ? &*station_ : nullptr; }

  private:
    struct Worker {
        uint32_t number = 0;
        pid_t pid = -1;    // -1: does not run
        int channel = -1;  // our end
        bool ready = false;
        uint64_t begun_ms = 0;
        uint64_t due_ms = 0;  // of the next start, when it does not run
        int falls = 0;        // in a row
        std::string last_end;
        uint64_t beats = 0;     // as last seen
        uint64_t heard_ms = 0;  // when there was a new one
        uint64_t hung_ms = 0;   // when it was told to abort; 0: it turns
        bool killed = false;
    };
    // What a worker shows as it goes on, in memory that it has in common with its parent.
    struct Shown {
        Totals totals;
        std::atomic<uint64_t> beats{0};
    };
    enum class Phase : uint8_t { first, all, serving, stopping };  // first: one worker goes ahead

    static uint64_t now_ms();  // of the monotonic clock
    Status open_state();
    Status open_records();
    Status open_admin();
    Status open_signals();
    bool start(Worker& worker);
    void become(Worker& worker, int channel);
    void leave_to_child();
    bool start_due();
    int wait_ms() const;
    void hear_signals();
    void hear_worker(Worker& worker);
    void reap();
    void bury(Worker& worker, int status);
    void accept_operator();
    bool turn_away(int conn) const;
    void stop();
    void tell_all(Order order) const;
    void look_after_workers(uint64_t now);
    void look_after(Worker& worker, uint64_t now);
    void tell_service(uint64_t now);
    Shown& shown_by(const Worker& worker) const { return shared_[worker.number - 1]; }
    uint64_t look_every_ms() const { return settings_.worker_watchdog_s * 1000ULL / 4; }
    bool over() const;
    int finish();

    const Settings& settings_;
    CrewPorts ports_;
    StateFile state_;
    std::string state_path_;  // empty: there is no black box
    Baton baton_;
    Shown* shared_ = nullptr;  // one for each worker
    uint64_t looked_ms_ = 0;   // after the workers
    uint64_t service_ms_ = 0;  // how often the service manager wants to hear of us; 0: never
    uint64_t told_ms_ = 0;     // when it did
    std::vector<Worker> workers_;
    int signals_ = -1;  // signalfd(2)
    sigset_t before_{};
    int admin_ = -1;
    bool admin_tcp_ = false;
    std::string admin_path_;
    uint64_t admin_inode_ = 0;
    int relays_ = 0;
    Phase phase_ = Phase::first;
    bool exports_ = false;
    int code_ = 0;
    Totals totals_;
    std::optional<Station> station_;
};

// The whole of it, in each of the processes.
int run_crew(const Settings& settings, uint32_t workers);

}  // namespace becaused
