#include "gate/static_tokens.hh"

#include <sodium.h>

#include <algorithm>
#include <array>
#include <cstring>

namespace becaused {

namespace {

constexpr std::string_view key_prefix = "hashkey.";
constexpr std::string_view hash_prefix = "blake2b.";
constexpr std::string_view token_prefix = "bst_";
constexpr size_t key_bytes = 32;

Secret spelled(std::string_view prefix, std::string_view bytes) {
    std::string text = base64url(bytes);
    text.insert(0, prefix);
    Secret secret(text);
    wipe(text);
    return secret;
}

Secret random_bytes(size_t count) {
    ready_crypto();
    Secret bytes = Secret::of_size(count);
    fill_random(bytes.data(), count);
    return bytes;
}

}  // namespace

HashKey HashKey::generate() {
    HashKey key;
    key.bytes_ = random_bytes(key_bytes);
    return key;
}

std::optional<HashKey> HashKey::parse(std::string_view text) {
    if (!text.starts_with(key_prefix)) return std::nullopt;
    std::optional<std::string> bytes = from_base64url(text.substr(key_prefix.size()));
    if (!bytes || bytes->size() != key_bytes) return std::nullopt;
    HashKey key;
    key.bytes_ = Secret(*bytes);
    wipe(*bytes);
    return key;
}

Secret HashKey::text() const { return spelled(key_prefix, bytes_.view()); }

Digest HashKey::digest_of(std::string_view token) const {
    Digest digest;
    crypto_generichash(digest.data(), digest.size(), bytes_of(token), token.size(),
                       bytes_of(bytes_.view()), bytes_.size());
    return digest;
}

std::string HashKey::hash_text(std::string_view token) const {
    const Digest digest = digest_of(token);
    return std::string(hash_prefix) +
           base64url({reinterpret_cast<const char*>(digest.data()), digest.size()});
}

Secret make_static_token() { return spelled(token_prefix, random_bytes(32).view()); }

bool is_long_enough(std::string_view token) { return token.size() >= static_token_least_bytes; }

const char* StaticTokens::add(std::string_view hash, IdentityRef identity) {
    if (!hash.starts_with(hash_prefix)) return "it is no hash of a token (blake2b.…)";
    const std::optional<std::string> bytes = from_base64url(hash.substr(hash_prefix.size()));
    Digest digest{};
    if (!bytes || bytes->size() != digest.size()) return "it is no hash of a token (blake2b.…)";
    std::memcpy(digest.data(), bytes->data(), digest.size());
    return tokens_.emplace(digest, std::move(identity)).second ? nullptr
                                                               : "the same token is there twice";
}

const IdentityRef* StaticTokens::find(std::string_view token) const {
    if (tokens_.empty() || !key_) return nullptr;
    // The table is searched by a hash that nobody outside can compute, so the search's time says
    // nothing about the tokens.
    const auto found = tokens_.find(key_->digest_of(token));
    return found == tokens_.end() ? nullptr : &found->second;
}

}  // namespace becaused
