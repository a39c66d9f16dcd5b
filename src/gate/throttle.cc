#include "gate/throttle.hh"

#include <sodium.h>

#include <algorithm>
#include <span>
#include <string>

#include "base/clock.hh"
#include "gate/secret.hh"

namespace becaused {

namespace {

constexpr std::array<uint8_t, 12> mapped_prefix = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF};

// What counts as one address: IPv4 whole, IPv6 by its first 64 bits, since whoever has one address
// there has the whole network; IPv4 inside IPv6 (RFC 4291 §2.5.5.2) as IPv4. Unix sockets are one.
std::string_view address_bytes(const Endpoint& address) {
    const std::string_view bytes(reinterpret_cast<const char*>(address.address.data()),
                                 address.address.size());
    switch (address.kind) {
        case Endpoint::Kind::ip4: return bytes.substr(0, 4);
        case Endpoint::Kind::ip6:
            return std::ranges::equal(mapped_prefix, std::span(address.address).first<12>())
                       ? bytes.substr(12)
                       : bytes.substr(0, 8);
        case Endpoint::Kind::none:
        case Endpoint::Kind::unix: return {};
    }
    return {};
}

}  // namespace

Throttle::Throttle(const ThrottleRules& rules) : rules_(rules) {
    ready_crypto();
    static_assert(sizeof hash_key_ == crypto_shorthash_KEYBYTES);
    fill_random(hash_key_.data(), hash_key_.size());
}

// Keyed with what only this process knows: nobody can find two that fall together.
uint64_t Throttle::key_of(const Endpoint& address, const Claimed& claimed) const {
    const std::string_view from = address_bytes(address);
    std::string text;
    text += static_cast<char>(claimed.kind);
    text += static_cast<char>(from.size());
    text += from;
    text += claimed.name;
    uint64_t key = 0;
    static_assert(sizeof key == crypto_shorthash_BYTES);
    crypto_shorthash(reinterpret_cast<unsigned char*>(&key), bytes_of(std::string_view(text)),
                     text.size(), hash_key_.data());
    return key;
}

Throttle::Entry* Throttle::find(uint64_t key, uint64_t now_ns) {
    const auto found = entries_.find(key);
    if (found == entries_.end()) return nullptr;
    Entry& entry = found->second;
    if (now_ns >= entry.failed_ns + rules_.forget_ms * ns_per_ms) entry.failures = 0;
    return &entry;
}

Throttle::Entry& Throttle::touch(uint64_t key, uint64_t now_ns) {
    Entry* entry = find(key, now_ns);
    if (entry == nullptr) {
        if (entries_.size() >= rules_.entries) entries_.erase(entries_.find(by_age_.front()->key));
        entry = &entries_[key];
        entry->key = key;
    }
    entry->unlink();
    by_age_.push_back(*entry);
    return *entry;
}

void Throttle::count(uint64_t key, const ThrottleRules::Limits& limits, uint64_t now_ns) {
    Entry& entry = touch(key, now_ns);
    entry.failed_ns = now_ns;
    if (++entry.failures <= limits.free_failures) return;
    // Doubled at most 31 times: far beyond any limit, and no overflow.
    const uint32_t doublings = std::min(entry.failures - limits.free_failures - 1, 31U);
    const uint64_t delay_ms =
        std::min<uint64_t>(uint64_t{limits.first_delay_ms} << doublings, limits.longest_delay_ms);
    entry.locked_until_ns = now_ns + delay_ms * ns_per_ms;
}

uint64_t Throttle::wait_ms(const Endpoint& address, const Claimed& claimed, uint64_t now_ns) {
    const auto left_ms = [&](const Entry* entry) -> uint64_t {
        if (entry == nullptr || entry->locked_until_ns <= now_ns) return 0;
        return (entry->locked_until_ns - now_ns + ns_per_ms - 1) / ns_per_ms;
    };
    const Entry* own =
        claimed.kind == Claimed::Kind::nobody ? nullptr : find(key_of(address, claimed), now_ns);
    if (own != nullptr && own->proven) return left_ms(own);
    return std::max(left_ms(own), left_ms(find(key_of(address, {}), now_ns)));
}

void Throttle::failed(const Endpoint& address, const Claimed& claimed, uint64_t now_ns) {
    // Whoever comes by a unix socket was let in by its mode, and all of them look alike: there only a
    // user's own failures count.
    const bool apart = !address_bytes(address).empty();
    if (claimed.kind == Claimed::Kind::user) count(key_of(address, claimed), rules_.user, now_ns);
    if (claimed.kind == Claimed::Kind::key && apart)
        count(key_of(address, claimed), rules_.address, now_ns);
    if (apart) count(key_of(address, {}), rules_.address, now_ns);
}

void Throttle::proved(const Endpoint& address, const Claimed& claimed, uint64_t now_ns) {
    if (claimed.kind == Claimed::Kind::nobody) return;
    Entry& own = touch(key_of(address, claimed), now_ns);
    own.failures = 0;
    own.locked_until_ns = 0;
    own.proven = true;
}

}  // namespace becaused
