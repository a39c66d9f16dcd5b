// The one event loop: libuv, the turn's clock, the wheel, the slabs, and what must wait until a turn is
// over. Single-threaded; owns every one of them. Nothing above this room sees libuv.
#pragma once

#include <uv.h>

#include <array>
#include <cstdint>
#include <memory>
#include <span>

#include "base/bytes.hh"
#include "base/clock.hh"
#include "base/list.hh"
#include "base/status.hh"
#include "net/splice.hh"
#include "net/wheel.hh"

namespace becaused {

class Conn;
struct TlsRoom;

// Work for after the turn: the end of a session, resumed reads. Linked at most once.
class Deferred : public ListNode {
  public:
    Deferred() = default;
    // Called once per defer(), unlinked; may delete the object.
    virtual void after_turn() = 0;

  protected:
    ~Deferred() = default;
};

// A Conn in one of the loop's lists.
class ProbeNode : public ListNode {
  public:
    virtual void probe() = 0;
    virtual void slabs_are_back() = 0;

  protected:
    ~ProbeNode() = default;
};

class Loop {
  public:
    // `slab_limit`: the most 256 KiB slabs alive at once.
    explicit Loop(size_t slab_limit);
    Loop(const Loop&) = delete;
    Loop& operator=(const Loop&) = delete;
    ~Loop();  // every handle but the loop's own must be closed

    // Failed: there are no descriptors for a loop, and nothing may be asked of it but this.
    Status status() const;

    // Runs until stop(), then until every handle is closed.
    void run();
    // One turn without waiting; true while there is more to do (tests).
    bool turn();
    void stop() { ::uv_stop(&uv_); }

    Clock& clock() { return clock_; }
    uint64_t now_ns() { return clock_.now_ns(); }
    Wheel& wheel() { return wheel_; }
    SlabPool& slabs() { return slabs_; }
    SplicePool& splices() { return splices_; }
    // Shared by the loop's TLS connections; made when the first one is.
    TlsRoom& tls_room();
    // What is read where no slab may be left, and copied: heads, and what is not kept; for one call.
    std::span<char> spare_room() { return spare_room_; }
    uv_loop_t* uv() { return &uv_; }
    uint64_t turn_number() const { return turn_number_; }

    void defer(Deferred& work) {
        if (!work.linked()) deferred_.push_back(work);
    }
    // Sockets that libuv tells nothing about (paused, or after EOF) are probed once a second.
    void watch(ProbeNode& node) {
        if (!node.linked()) probed_.push_back(node);
        arm_probe();
    }
    // The same, and slabs_are_back is called when that is so.
    void wait_for_slabs(ProbeNode& node) {
        node.unlink();
        slab_waiters_.push_back(node);
        arm_probe();
    }

    // How many bytes one stream may read in this turn: less when many streams are busy, so that small
    // requests stay quick beside bulk.
    size_t read_budget() const { return bulk_last_turn_ > 4 ? 64 * 1024 : 256 * 1024; }
    void note_bulk_read() { ++bulk_this_turn_; }

    // Called after each turn, for identity checks in tests' builds.
    void on_turn(void (*callback)(void*) noexcept, void* context) {
        turn_callback_ = callback;
        turn_context_ = context;
    }
    // While somebody waits for time to pass only (1; -1 when it has), the loop does not end, though none
    // of its sockets is active.
    void stay(int change);
    // Handles of this loop that are not closed yet (the loop's own left out).
    size_t open_handles();
    // Tests drive time by hand: the wheel's timer is never started.
    void manual_time() { manual_ = true; }
    // Rings clocks and probes as the timer would (tests).
    void tick();

  private:
    class ProbeClock final : public WheelNode {
      public:
        explicit ProbeClock(Loop& loop) : loop_(loop) {}
        void on_ring() override { loop_.probe_all(); }

      private:
        Loop& loop_;
    };

    static void prepare_cb(uv_prepare_t* handle) noexcept;
    static void check_cb(uv_check_t* handle) noexcept;
    static void timer_cb(uv_timer_t* handle) noexcept;
    static void wheel_busy(void* context) noexcept;
    static void slab_relief(void* context) noexcept;
    void run_deferred();
    void before_poll();
    void after_poll();
    void arm_probe();
    void probe_all();
    static void probe_all(List<ProbeNode>& nodes);

    uv_loop_t uv_{};
    int error_ = 0;  // of uv_loop_init
    uv_prepare_t prepare_{};
    uv_check_t check_{};
    uv_timer_t timer_{};
    Clock clock_;
    Wheel wheel_;
    SlabPool slabs_;
    SplicePool splices_;
    std::unique_ptr<TlsRoom> tls_room_;
    std::array<char, 64 * 1024> spare_room_;  // untouched, and so no memory, until it is needed
    bool relief_ = false;
    bool manual_ = false;
    int waited_for_ = 0;
    uint64_t turn_number_ = 1;
    uint32_t bulk_this_turn_ = 0;
    uint32_t bulk_last_turn_ = 0;
    List<Deferred> deferred_;
    List<ProbeNode> probed_;
    List<ProbeNode> slab_waiters_;  // probed as well
    ProbeClock probe_clock_;
    void (*turn_callback_)(void*) noexcept = nullptr;
    void* turn_context_ = nullptr;
};

}  // namespace becaused
