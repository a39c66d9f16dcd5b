#include "gate/token_cache.hh"

#include <sodium.h>

#include <cstring>

#include "gate/secret.hh"

namespace becaused {

// The digest is as good as random: any part of it will do.
size_t DigestHash::operator()(const Digest& digest) const {
    size_t hash;
    std::memcpy(&hash, digest.data(), sizeof hash);
    return hash;
}

TokenCache::TokenCache(size_t limit) {
    ready_crypto();
    fill_random(hash_key_.data(), hash_key_.size());
    start_anew(limit);
}

void TokenCache::start_anew(size_t limit) {
    CHECK(limit > 0);
    limit_ = limit;
    entries_.clear();
    entries_.reserve(limit);
}

Digest TokenCache::digest_of(std::string_view credentials) const {
    Digest digest;
    crypto_generichash(digest.data(), digest.size(), bytes_of(credentials), credentials.size(),
                       hash_key_.data(), hash_key_.size());
    return digest;
}

const TokenCache::Found* TokenCache::find(const Digest& digest, uint64_t now_ns, int64_t wall_ms) {
    const auto place = entries_.find(digest);
    if (place == entries_.end()) return nullptr;
    Entry& entry = place->second;
    const IdentityRef& identity = entry.found.identity;
    const bool over = identity && wall_ms >= identity->expires_ms;
    if (now_ns >= entry.fresh_until_ns || over) {
        entries_.erase(place);
        return nullptr;
    }
    entry.unlink();
    by_use_.push_back(entry);
    return &entry.found;
}

TokenCache::Entry& TokenCache::place(const Digest& digest) {
    const auto known = entries_.find(digest);
    if (known == entries_.end() && entries_.size() >= limit_)
        entries_.erase(entries_.find(by_use_.front()->digest));
    Entry& entry = entries_[digest];
    entry.digest = digest;
    entry.unlink();
    by_use_.push_back(entry);
    return entry;
}

void TokenCache::keep(const Digest& digest, IdentityRef identity, uint64_t fresh_until_ns) {
    Entry& entry = place(digest);
    entry.found = {std::move(identity), {}};
    entry.fresh_until_ns = fresh_until_ns;
}

void TokenCache::keep_refusal(const Digest& digest, const TokenFlaw& refusal,
                              uint64_t fresh_until_ns) {
    Entry& entry = place(digest);
    entry.found = {{}, refusal};
    entry.fresh_until_ns = fresh_until_ns;
}

}  // namespace becaused
