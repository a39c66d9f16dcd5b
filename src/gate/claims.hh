// What a token says, read strictly: PASETO's registered claims and becaused's own (TOKENS.md has the table).
// A claim of the wrong type, a time that is no RFC 3339 time, a name that stands twice: refused. Claims
// that nobody here knows are kept. Pure; texts that say what is wrong are static and quote nothing.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace becaused {

struct OtherClaim {
    std::string name;
    std::string json;  // its value as JSON
};

struct Claims {
    std::string issuer;                    // iss
    std::string subject;                   // sub
    std::string audience;                  // aud
    std::string token_id;                  // jti
    std::optional<int64_t> expires_ms;     // exp; wall times
    std::optional<int64_t> not_before_ms;  // nbf
    std::optional<int64_t> issued_ms;      // iat
    std::string profile;
    std::string rate;
    std::vector<std::string> hosts;
    std::vector<OtherClaim> others;  // in the order of their names
};

inline constexpr size_t claims_limit = 64;       // names in a payload, nested ones too
inline constexpr size_t hosts_limit = 16;        // host patterns in a token
inline constexpr size_t claims_depth_limit = 8;  // of nesting

// Null when `json` was read into `claims`, else what is wrong with it.
const char* read_claims(std::string_view json, Claims& claims);
// The claims as JSON, one line; what is empty is left out.
std::string claims_text(const Claims& claims);

// A footer is free: null with an empty `kid` for one that is no JSON object or has no kid. What begins
// like an object must be one, without nesting. Nothing but `kid` is to be read from it.
const char* read_key_id(std::string_view footer, std::string& kid);
inline constexpr size_t footer_limit_bytes = 512;

// The text as JSON on several lines of printable ASCII, for people; nothing when it is no JSON object.
std::optional<std::string> json_for_people(std::string_view json);

}  // namespace becaused
