#include "gate/token.hh"

#include <algorithm>

namespace becaused {

namespace {

bool among(const std::vector<std::string>& names, const std::string& name) {
    return std::ranges::find(names, name) != names.end();
}

// Wall times may be far from now in either direction, but never so far that a leeway overflows:
// parse_datetime knows the years 0 to 9999 only.
std::optional<TokenFlaw> judge_times(const Claims& claims, const TokenRules& rules, int64_t now) {
    const int64_t leeway = rules.leeway_ms;
    if (!claims.expires_ms && !rules.allow_no_expiry)
        return TokenFlaw{Reason::auth_invalid, "the token has no end (exp)", true};
    if (claims.expires_ms && now >= *claims.expires_ms + leeway)
        return TokenFlaw{Reason::auth_expired, "the token has expired", true};
    if (claims.not_before_ms && now < *claims.not_before_ms - leeway)
        return TokenFlaw{Reason::auth_invalid, "the token is not valid yet; is a clock wrong?",
                         true};
    if (claims.issued_ms && now < *claims.issued_ms - leeway)
        return TokenFlaw{Reason::auth_invalid, "the token is from the future; is a clock wrong?",
                         true};
    return std::nullopt;
}

const char* judge_names(const Claims& claims, const TokenRules& rules) {
    if (claims.subject.empty()) return "the token names nobody (sub)";
    const bool audience =
        rules.audiences.empty() ? claims.audience.empty() : among(rules.audiences, claims.audience);
    if (!audience) return "the token is for another audience (aud)";
    if (!rules.issuers.empty() && !among(rules.issuers, claims.issuer))
        return "the token is from another issuer (iss)";
    return nullptr;
}

}  // namespace

const char* open_token(std::string_view token, const TokenRules& rules, OpenedToken& opened) {
    std::optional<Paseto> parts = split_paseto(token);
    if (!parts) return "the token is no v4.public token";
    opened.parts = std::move(*parts);
    std::string kid;
    if (read_key_id(opened.parts.footer, kid) != nullptr) return "the token's footer is malformed";
    opened.named = !kid.empty();
    opened.key = kid.empty() ? rules.keys.only() : rules.keys.find(kid);
    if (opened.key != nullptr) return nullptr;
    return kid.empty() ? "the token names no key (kid)" : "the token's key is not known here (kid)";
}

std::optional<TokenFlaw> prove_token(const OpenedToken& opened, const TokenRules& rules,
                                     int64_t wall_ms, Claims& claims) {
    if (!verify_signature(opened.parts, opened.key->key, rules.implicit))
        return TokenFlaw{Reason::auth_invalid, "the token's signature is wrong"};
    if (wall_ms >= opened.key->until_ms)
        return TokenFlaw{Reason::auth_invalid, "the token's key is retired", true};
    if (const char* fault = read_claims(opened.parts.payload, claims))
        return TokenFlaw{Reason::auth_invalid, fault, true};
    if (const char* fault = judge_names(claims, rules))
        return TokenFlaw{Reason::auth_invalid, fault, true};
    return judge_times(claims, rules, wall_ms);
}

Identity identity_of(Claims claims, const RingKey& key, const TokenRules& rules) {
    Identity identity;
    identity.name = std::move(claims.subject);
    identity.proof = Proof::token;
    identity.profile = std::move(claims.profile);
    identity.rate = std::move(claims.rate);
    identity.hosts = std::move(claims.hosts);
    identity.token_id = std::move(claims.token_id);
    identity.expires_ms = key.until_ms;
    if (claims.expires_ms)
        identity.expires_ms = std::min(identity.expires_ms, *claims.expires_ms + rules.leeway_ms);
    return identity;
}

}  // namespace becaused
