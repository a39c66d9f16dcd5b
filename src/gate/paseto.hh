// PASETO v4.public: a payload and a footer under an Ed25519 signature. Only bytes and the signature;
// what the payload says is gate/claims.hh. Pure, keeps nothing.
// Source: paseto-standard/paseto-spec, docs/01-Protocol-Versions/Version4.md (Sign, Verify), Common.md (PAE).
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>

#include "gate/keys.hh"

namespace becaused {

inline constexpr std::string_view paseto_prefix = "v4.public.";
// Longer tokens are refused unread: a head has room for one, and nothing we read needs more.
inline constexpr size_t token_limit_bytes = 8 * 1024;

// A token taken apart. Nothing in it is proven until `verify_signature` said so; the footer may name the
// key to prove it with, and that is all it may do before.
struct Paseto {
    std::string payload;
    std::array<char, 64> signature{};
    std::string footer;
};

// Nothing for what is not a v4.public token of at most token_limit_bytes in its one canonical spelling.
std::optional<Paseto> split_paseto(std::string_view token);

// `implicit`: what both sides know and the token does not carry (an implicit assertion); often empty.
bool verify_signature(const Paseto& token, const PublicKey& key, std::string_view implicit);

std::string sign_paseto(const SecretKey& key, std::string_view payload, std::string_view footer,
                        std::string_view implicit);

}  // namespace becaused
