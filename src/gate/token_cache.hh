// Credentials that were judged a moment ago, so that a signature is checked once and not per request.
// The key is a BLAKE2b hash, keyed with what only this process knows, of the credentials as they were
// sent: the text itself is not kept. Bounded; the entry unused for longest makes room. Only what was
// proven gets in (also what was proven to be of no use any more), so strangers cannot fill it.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <unordered_map>

#include "base/list.hh"
#include "gate/identity.hh"
#include "gate/token.hh"

namespace becaused {

// A hash of credentials. 256 bits: two never fall together.
using Digest = std::array<unsigned char, 32>;
struct DigestHash {
    size_t operator()(const Digest& digest) const;
};

class TokenCache {
  public:
    struct Found {
        IdentityRef identity;  // empty: refused
        TokenFlaw refusal;
    };

    // `limit`: entries, at least 1.
    explicit TokenCache(size_t limit);

    Digest digest_of(std::string_view credentials) const;
    // Null when it is not known, no longer fresh, or the identity has expired meanwhile.
    const Found* find(const Digest& digest, uint64_t now_ns, int64_t wall_ms);
    // Known until `fresh_until_ns` (monotonic), or until the identity expires.
    void keep(const Digest& digest, IdentityRef identity, uint64_t fresh_until_ns);
    void keep_refusal(const Digest& digest, const TokenFlaw& refusal, uint64_t fresh_until_ns);
    // Forgets everything. `limit`: as above.
    void start_anew(size_t limit);
    size_t size() const { return entries_.size(); }

  private:
    struct Entry : ListNode {
        Digest digest;
        Found found;
        uint64_t fresh_until_ns = 0;
    };
    Entry& place(const Digest& digest);

    size_t limit_ = 0;
    Digest hash_key_{};
    std::unordered_map<Digest, Entry, DigestHash> entries_;
    List<Entry> by_use_;  // the one unused for longest first
};

}  // namespace becaused
