// One signed token against the rules for it: the key that it names, its signature, its claims, its times.
// Done in two steps, because the first costs next to nothing and the second about 130 us: whoever
// does not even know a key's id is turned away by the first. Pure; the caller gives the time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gate/claims.hh"
#include "gate/identity.hh"
#include "gate/keys.hh"
#include "gate/paseto.hh"
#include "ledger/vocabulary.hh"

namespace becaused {

struct TokenFlaw {
    Reason reason = Reason::auth_invalid;
    const char* detail = "";  // static, and quotes nothing of what was sent
    bool proven = false;      // the signature was good: a fault of the issuer or of time, no guess
};

struct TokenRules {
    KeyRing keys;
    std::vector<std::string>
        audiences;  // a token's aud must be one of them; empty: it must have none
    std::vector<std::string> issuers;  // its iss must be one of them; empty: any, or none
    std::string implicit;              // the implicit assertion that it was signed with
    uint32_t leeway_ms = 30'000;       // how far the issuer's clock may be off
    bool allow_no_expiry = false;
};

struct OpenedToken {
    Paseto parts;
    const RingKey* key = nullptr;  // the ring's
};

// Without any proof: the token's parts, and the key that it names. Null when fine.
const char* open_token(std::string_view token, const TokenRules& rules, OpenedToken& opened);

// The signature, then the claims. Nothing when all is well: then `claims` holds what was proven.
std::optional<TokenFlaw> prove_token(const OpenedToken& opened, const TokenRules& rules,
                                   int64_t wall_ms, Claims& claims);

// What a proven token makes of its bearer. It ends with the token, its leeway included, or with its key.
Identity identity_of(Claims claims, const RingKey& key, const TokenRules& rules);

}  // namespace becaused
