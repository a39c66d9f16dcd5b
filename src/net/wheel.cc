#include "net/wheel.hh"

#include <algorithm>

namespace becaused {

size_t Wheel::slot_of(uint64_t due_ns) const {
    // Rounded up: a clock may ring late by a tick, never early. What is due already rings next tick;
    // what is due after a whole turn waits in the last slot of this turn and is looked at again.
    const uint64_t tick = (due_ns + tick_ns - 1) / tick_ns;
    const uint64_t first = last_tick_ + 1;
    return std::clamp(tick, first, first + slots - 2) % slots;
}

void Wheel::arm(WheelNode& node, uint64_t due_ns) {
    node.unlink();
    node.due_ns_ = due_ns;
    if (idle_) {
        idle_ = false;
        last_tick_ = clock_.now_ns() / tick_ns;
        if (busy_ != nullptr) busy_(busy_context_);
    }
    lists_[slot_of(due_ns)].push_back(node);
}

void Wheel::tick() {
    const uint64_t now_ns = clock_.now_ns();
    const uint64_t now_tick = now_ns / tick_ns;
    // After a long halt (a stopped machine) one turn visits every slot; more would visit none anew.
    uint64_t from = last_tick_ + 1;
    if (now_tick >= from + slots) from = now_tick - slots + 1;
    for (uint64_t tick = from; tick <= now_tick; ++tick) {
        List<WheelNode> due;
        due.splice(lists_[tick % slots]);
        last_tick_ = tick;
        while (WheelNode* node = due.front()) {
            node->unlink();
            if (node->due_ns_ <= now_ns) node->on_ring();
            else lists_[slot_of(node->due_ns_)].push_back(*node);
        }
    }
    idle_ = std::all_of(lists_.begin(), lists_.end(), [](auto& list) { return list.empty(); });
}

}  // namespace becaused
