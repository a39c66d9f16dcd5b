#include "gate/credentials.hh"

#include <algorithm>

#include "gate/paseto.hh"
#include "http/octets.hh"

namespace becaused {

namespace {

constexpr const char* too_long = "they are too long";

// RFC 9110 §11.2: token68.
bool is_token68(std::string_view text) {
    text = text.substr(0, text.find('='));  // padding may only stand at the end
    return !text.empty() && std::ranges::all_of(text, [](char c) {
        const char small = lower(c);
        return (small >= 'a' && small <= 'z') || (c >= '0' && c <= '9') ||
               std::string_view("-._~+/").find(c) != std::string_view::npos;
    });
}

bool is_whole_token68(std::string_view text) {
    return is_token68(text) && text.find_first_not_of('=', std::min(text.find('='), text.size())) ==
                                   std::string_view::npos;
}

// Takes "Scheme" and the blanks after it from the front, where `value` begins with it.
bool take_scheme(std::string_view& value, std::string_view scheme) {
    if (value.size() <= scheme.size() || value[scheme.size()] != ' ' ||
        !same_name(value.substr(0, scheme.size()), scheme))
        return false;
    value.remove_prefix(std::min(value.find_first_not_of(' ', scheme.size()), value.size()));
    return true;
}

const char* read_bearer(std::string_view token, Credentials& credentials) {
    if (!is_whole_token68(token)) return "the bearer token has bytes that no token has";
    credentials.secret = token;
    return nullptr;
}

const char* read_basic(std::string_view encoded, Credentials& credentials) {
    std::optional<Secret> decoded = from_base64(encoded);
    if (!decoded) return "what follows Basic is no base64";
    credentials.decoded = std::move(*decoded);
    const std::string_view pair = credentials.decoded.view();
    const size_t colon = pair.find(':');
    if (colon == std::string_view::npos) return "Basic has no colon between user and password";
    credentials.basic = true;
    credentials.user = pair.substr(0, colon);
    credentials.secret = pair.substr(colon + 1);
    const bool control =
        std::ranges::any_of(pair, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; });
    if (control) return "Basic has control bytes in it";
    return credentials.secret.empty() ? "Basic has no password" : nullptr;
}

}  // namespace

CredentialLine find_credentials(const RequestHead& head, std::string_view field) {
    CredentialLine line;
    bool found = false;
    for (const Field& candidate : head.fields) {
        if (!same_name(candidate.name, field)) continue;
        line.several = found;
        if (found) break;
        found = true;
        line.value = candidate.value;
    }
    return line;
}

const char* read_credentials(std::string_view value, std::string_view field,
                             Credentials& credentials) {
    if (value.size() > token_limit_bytes + 16) return too_long;
    if (take_scheme(value, "Bearer")) return read_bearer(value, credentials);
    if (take_scheme(value, "Basic")) return read_basic(value, credentials);
    if (field == "authorization" || field == "proxy-authorization")
        return "their scheme is neither Bearer nor Basic";
    return read_bearer(value, credentials);
}

}  // namespace becaused
