// How often: the generic cell rate algorithm (ITU-T I.371, GCRA) over a table that a flood of keys cannot
// grow. One number per key, the time at which its bucket would be empty again; no timers. Pure: time is an
// argument. Also how many at once: counts per key, as many as there are live holders.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.hh"
#include "ledger/entry.hh"

namespace becaused {

// So many per period on average, and `burst` of them at once. Off: count 0.
struct Rate {
    uint32_t count = 0;
    uint32_t period_s = 1;
    uint32_t burst = 0;  // 0: as many as `count`

    bool on() const { return count > 0; }
    uint64_t interval_ns() const { return period_s * 1'000'000'000ULL / count; }
    uint64_t most() const { return burst == 0 ? count : burst; }
};

// "100/s", "100/10s", "600/m burst 50", "off".
Result<Rate> parse_rate(std::string_view text);
std::string rate_text(const Rate& rate);

// Who is counted: a keyed hash (SipHash, a secret of this process), so that nobody can choose keys that
// push others out of the table.
using RateKey = uint64_t;
RateKey rate_key(std::string_view name);
// An IPv4 address, or the /64 of an IPv6 address (a host has all of it); all unix peers are one.
RateKey rate_key(const Endpoint& peer);

class RateTable {
  public:
    struct Answer {
        uint64_t wait_ns = 0;    // 0: it may pass
        uint64_t remaining = 0;  // how many more could pass right now
        uint64_t reset_ns = 0;   // until the bucket is full again
    };

    // `places` is rounded up to a power of two; 16 bytes each.
    explicit RateTable(size_t places);

    // May `cost` pass at `now_ns`? Taken when it may; nothing is taken when not. A cost above the burst
    // never passes.
    Answer ask(RateKey key, const Rate& rate, uint64_t now_ns, uint64_t cost = 1);
    // Takes `cost_ns` in any case. How long until no more than `depth_ns` is owed; 0: it is not more.
    uint64_t charge(RateKey key, uint64_t cost_ns, uint64_t depth_ns, uint64_t now_ns);
    size_t places() const { return mask_ + 1; }

  private:
    static constexpr size_t ways = 4;
    struct Place {
        RateKey key = 0;
        uint64_t empty_ns = 0;  // when its bucket is full again (GCRA's theoretical arrival time)
    };
    Place& find(RateKey key);

    size_t mask_;
    std::unique_ptr<Place[]> places_;
};

class CountTable {
  public:
    // True and counted when fewer than `most` (0: no limit) hold the key.
    bool take(RateKey key, uint32_t most);
    void give_back(RateKey key);
    uint32_t count(RateKey key) const;
    size_t size() const { return counts_.size(); }

  private:
    using Counts = std::unordered_map<RateKey, uint32_t>;
    using Node = Counts::node_type;
    static constexpr size_t spare_limit = 64;

    Counts counts_;
    std::vector<Node> spare_;  // of keys that nobody holds any more, for the next ones
};

}  // namespace becaused
