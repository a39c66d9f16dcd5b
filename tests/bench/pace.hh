// pace: starts a group's requests at fixed times, whether or not earlier ones are answered.
//
// A request that has to wait for a free connection is late, and its latency counts from the time when
// it was due: a proxy that stops for a while is charged with all who would have come meanwhile. Owns
// its timer; clients that wait for work are only named here, and outlive it.
#pragma once

#include <sys/timerfd.h>
#include <unistd.h>

#include <cstdint>
#include <deque>
#include <vector>

#include "wire.hh"

namespace bench {

// Who does a paced request; the only one is Client.
class Worker {
  public:
    virtual void serve(std::int64_t due_ns) = 0;

  protected:
    ~Worker() = default;
};

class Pace {
  public:
    explicit Pace(std::uint64_t per_second)
        : interval_ns_(1'000'000'000 / static_cast<std::int64_t>(per_second)) {}
    ~Pace() {
        if (timer_ >= 0) close(timer_);
    }
    Pace(const Pace&) = delete;
    Pace& operator=(const Pace&) = delete;

    // The first request is due at start_ns, none at end_ns or later.
    void begin(const Poller& poller, std::int64_t start_ns, std::int64_t end_ns) {
        timer_ = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
        if (timer_ < 0) die_errno("timerfd_create");
        const itimerspec when{as_time(interval_ns_), as_time(start_ns)};
        if (timerfd_settime(timer_, TFD_TIMER_ABSTIME, &when, nullptr) != 0) {
            die_errno("timerfd_settime");
        }
        next_ns_ = start_ns;
        end_ns_ = end_ns;
        poller.add(timer_, EPOLLIN, this);
    }

    void tick() {
        std::uint64_t times = 0;
        if (read(timer_, &times, sizeof times) != sizeof times) return;
        for (; times > 0 && next_ns_ < end_ns_; --times) {
            due_.push_back(next_ns_);
            next_ns_ += interval_ns_;
        }
        while (!due_.empty() && !free_.empty()) {
            Worker* worker = free_.back();
            free_.pop_back();
            worker->serve(take_due());
        }
    }

    // True: nothing is due, and the worker is called when something is.
    [[nodiscard]] bool rests(Worker& worker) {
        if (!due_.empty()) return false;
        free_.push_back(&worker);
        return true;
    }
    [[nodiscard]] std::int64_t take_due() {
        const std::int64_t due = due_.front();
        due_.pop_front();
        return due;
    }
    [[nodiscard]] bool over() const { return next_ns_ >= end_ns_ && due_.empty(); }

  private:
    static timespec as_time(std::int64_t ns) {
        return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
    }

    std::int64_t interval_ns_;
    std::int64_t next_ns_ = 0;
    std::int64_t end_ns_ = 0;
    int timer_ = -1;
    std::deque<std::int64_t> due_;
    std::vector<Worker*> free_;
};

}  // namespace bench
