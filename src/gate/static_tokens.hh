// Tokens that do not change: long random texts of which only a keyed BLAKE2b hash is kept. The key is a
// secret of its own, so that who reads the hashes cannot even tell a right guess from a wrong one.
// They need no slow hash, because nobody can guess 256 bits; that is why short ones are refused.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "gate/identity.hh"
#include "gate/secret.hh"
#include "gate/token_cache.hh"

namespace becaused {

// Shorter texts are passwords, and belong under Argon2id.
inline constexpr size_t static_token_least_bytes = 32;

// The key of the hashes: "hashkey." and 32 bytes.
class HashKey {
  public:
    static HashKey generate();
    static std::optional<HashKey> parse(std::string_view text);

    Secret text() const;
    Digest digest_of(std::string_view token) const;
    // "blake2b." and the hash: what the settings hold.
    std::string hash_text(std::string_view token) const;

  private:
    HashKey() = default;
    Secret bytes_;
};

// "bst_" and 256 random bits.
Secret make_static_token();
bool is_long_enough(std::string_view token);

class StaticTokens {
  public:
    void set_key(HashKey key) { key_.emplace(std::move(key)); }
    bool has_key() const { return key_.has_value(); }
    // `hash`: as HashKey::hash_text wrote it. Null when it was added, else why not (static).
    const char* add(std::string_view hash, IdentityRef identity);
    // Whose token it is; null for nobody's. Expired ones are found too.
    const IdentityRef* find(std::string_view token) const;
    bool empty() const { return tokens_.empty(); }

  private:
    std::optional<HashKey> key_;
    std::unordered_map<Digest, IdentityRef, DigestHash> tokens_;
};

}  // namespace becaused
