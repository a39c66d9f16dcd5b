// All clocks on one uv_timer: a hashed wheel of 512 slots, one tick of 100 ms each. A node knows its due
// time; arming it relinks it, and the wheel rings it at the first tick at or after that time. Nodes due
// later than a turn of the wheel are looked at once a turn. The wheel owns no node.
#pragma once

#include <array>
#include <cstdint>

#include "base/clock.hh"
#include "base/list.hh"

namespace becaused {

class Wheel;

class WheelNode : public ListNode {
  public:
    WheelNode() = default;
    bool armed() const { return linked(); }
    uint64_t due_ns() const { return due_ns_; }
    // Called from the wheel's tick, the node disarmed; may arm or disarm any node.
    virtual void on_ring() = 0;

  protected:
    ~WheelNode() = default;

  private:
    friend class Wheel;
    uint64_t due_ns_ = 0;
};

class Wheel {
  public:
    static constexpr uint64_t tick_ns = 100 * ns_per_ms;

    explicit Wheel(Clock& clock) : clock_(clock) {}
    Wheel(const Wheel&) = delete;
    Wheel& operator=(const Wheel&) = delete;

    // Rings `node` at `due_ns` or up to a tick later. Re-arming moves it.
    void arm(WheelNode& node, uint64_t due_ns);
    // Arms only when that rings earlier than what is armed.
    void arm_earlier(WheelNode& node, uint64_t due_ns) {
        if (!node.armed() || due_ns < node.due_ns_) arm(node, due_ns);
    }
    static void disarm(WheelNode& node) { node.unlink(); }

    // Rings what is due. Called by the loop's timer, or by a test after moving its clock.
    void tick();
    // No node was armed at the last tick and none since: the timer may stop.
    bool idle() const { return idle_; }
    // Called when the first node is armed while idle.
    void on_busy(void (*callback)(void*) noexcept, void* context) {
        busy_ = callback;
        busy_context_ = context;
    }

  private:
    static constexpr size_t slots = 512;
    size_t slot_of(uint64_t due_ns) const;

    Clock& clock_;
    uint64_t last_tick_ = 0;  // in ticks since the clock's start
    bool idle_ = true;
    void (*busy_)(void*) noexcept = nullptr;
    void* busy_context_ = nullptr;
    std::array<List<WheelNode>, slots> lists_;
};

}  // namespace becaused
