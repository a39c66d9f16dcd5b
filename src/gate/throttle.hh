// Who may try again, and when. Failed attempts are counted per address and per (address, claimed
// identity); beyond a few free ones each failure doubles a delay in which further tries are refused
// unread. Never per identity alone: a stranger elsewhere cannot lock anybody out (src/DECISIONS.md).
// The table is bounded; the entry untouched for longest makes room. Owned by the Authenticator.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "base/list.hh"
#include "ledger/entry.hh"

namespace becaused {

struct ThrottleRules {
    struct Limits {
        uint32_t free_failures;   // without any delay
        uint32_t first_delay_ms;  // after the next one; doubles with each
        uint32_t longest_delay_ms;
    };
    Limits user{5, 1000, 900'000};  // a user from one address
    // An address, and a signing key from one address: many people may share these, and signatures
    // cannot be guessed, so more is free and the delay stays small.
    Limits address{20, 1000, 60'000};
    uint32_t forget_ms = 3'600'000;  // after this long without a failure it starts anew
    uint32_t entries = 4096;
};

// Who somebody says to be, before it is proven.
struct Claimed {
    enum class Kind : uint8_t { nobody, user, key };
    Kind kind = Kind::nobody;
    std::string_view name;  // of the user, or of the key that a token names
};

class Throttle {
  public:
    explicit Throttle(const ThrottleRules& rules);

    // Milliseconds until this address may try as this identity; 0: now. An identity that was proven
    // from this address before answers for its own failures only, not for those of its neighbours.
    // `now_ns` is monotonic, here and below.
    uint64_t wait_ms(const Endpoint& address, const Claimed& claimed, uint64_t now_ns);
    void failed(const Endpoint& address, const Claimed& claimed, uint64_t now_ns);
    void proved(const Endpoint& address, const Claimed& claimed, uint64_t now_ns);

    void set_rules(const ThrottleRules& rules) { rules_ = rules; }
    size_t size() const { return entries_.size(); }

  private:
    struct Entry : ListNode {
        uint64_t key = 0;
        uint64_t locked_until_ns = 0;
        uint64_t failed_ns = 0;  // the last time
        uint32_t failures = 0;
        bool proven = false;
    };

    uint64_t key_of(const Endpoint& address, const Claimed& claimed) const;
    Entry* find(uint64_t key, uint64_t now_ns);
    Entry& touch(uint64_t key, uint64_t now_ns);
    void count(uint64_t key, const ThrottleRules::Limits& limits, uint64_t now_ns);

    ThrottleRules rules_;
    std::array<unsigned char, 16> hash_key_{};
    std::unordered_map<uint64_t, Entry> entries_;
    List<Entry> by_age_;  // the one untouched for longest first
};

}  // namespace becaused
