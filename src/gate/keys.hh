// Ed25519 keys as PASERK writes them (k4.public., k4.secret., and k4.pid. for a key's id), and the ring
// of public keys whose signatures count. A ring owns its keys and is never changed while in use.
// A type for each kind of key, so that one can never be used as another.
// Source: paseto-standard/paserk, types/public.md, types/secret.md, operations/ID.md.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gate/datetime.hh"
#include "gate/secret.hh"

namespace becaused {

class PublicKey {
  public:
    static constexpr size_t size = 32;

    // Exactly 32 bytes. Whether they are a point of the curve is asked by `usable`.
    static std::optional<PublicKey> from_bytes(std::string_view bytes);
    // "k4.public." and nothing else.
    static std::optional<PublicKey> parse(std::string_view paserk);

    std::string_view bytes() const { return {bytes_.data(), size}; }
    std::string paserk() const;
    // "k4.pid.…": what a token's footer names the key by.
    std::string id() const;
    // A point of the group of prime order, in canonical form. Signatures of the few others prove nothing.
    bool usable() const;

  private:
    PublicKey() = default;
    std::array<char, size> bytes_{};
};

// Signs. Wiped when it dies.
class SecretKey {
  public:
    static constexpr size_t size = 64;  // the seed, then the public key

    static SecretKey generate();
    // Exactly 64 bytes whose halves belong together: with another public half, signatures would give
    // the secret away.
    static std::optional<SecretKey> from_bytes(std::string_view bytes);
    // "k4.secret." and nothing else.
    static std::optional<SecretKey> parse(std::string_view paserk);

    std::string_view bytes() const { return bytes_.view(); }
    Secret paserk() const;
    PublicKey public_key() const;

  private:
    SecretKey() = default;
    Secret bytes_;
};

struct RingKey {
    PublicKey key;
    std::string id;               // what a footer's kid may say: its PASERK id
    std::string alias;            // or this; empty: none
    int64_t until_ms = never_ms;  // wall time; retired from then on
};

class KeyRing {
  public:
    static constexpr size_t limit = 64;

    // Null when it was added, else why not (static). `alias` may be empty.
    const char* add(const PublicKey& key, std::string alias, int64_t until_ms = never_ms);
    // The key of that id or alias, or null. An id is a public name: the search need not hide it.
    const RingKey* find(std::string_view kid) const;
    // The key that a token without kid must mean: the only one there is. Null with none or several.
    const RingKey* only() const { return keys_.size() == 1 ? &keys_.front() : nullptr; }
    bool empty() const { return keys_.empty(); }
    size_t size() const { return keys_.size(); }

  private:
    std::vector<RingKey> keys_;
};

}  // namespace becaused
