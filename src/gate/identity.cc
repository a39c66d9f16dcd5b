#include "gate/identity.hh"

#include <algorithm>

#include "base/status.hh"
#include "http/head.hh"
#include "http/octets.hh"

namespace becaused {

namespace {

// Cuts ":2376" off the end, if there is one; "[::1]" has colons that are no port's.
bool take_port(std::string_view& authority, std::string_view& port) {
    const size_t colon = authority.rfind(':');
    if (colon == std::string_view::npos || authority.find(']', colon) != std::string_view::npos)
        return false;
    port = authority.substr(colon + 1);
    authority = authority.substr(0, colon);
    return true;
}

}  // namespace

std::string_view name(Proof proof) {
    switch (proof) {
        case Proof::none: return "none";
        case Proof::token: return "token";
        case Proof::static_token: return "static_token";
        case Proof::password: return "password";
        case Proof::certificate: return "certificate";
        case Proof::service: return "service";
    }
    return "";
}

bool is_identity_name(std::string_view text) {
    return !text.empty() && text.size() <= name_limit_bytes &&
           std::ranges::none_of(text, [](char c) { return (c >= 0 && c < 0x20) || c == 0x7F; });
}

bool is_grant_name(std::string_view text) { return text.size() <= 64 && is_token(text); }

bool is_host_pattern(std::string_view pattern) {
    if (pattern.size() > 255) return false;
    std::string_view port;
    if (take_port(pattern, port) && (port.empty() || port.size() > 5 || !all(octet_digit, port)))
        return false;
    if (pattern == "*") return true;
    if (pattern.starts_with("*.")) pattern.remove_prefix(2);
    if (pattern.starts_with('[') && pattern.ends_with(']'))
        return std::ranges::all_of(pattern.substr(1, pattern.size() - 2),
                                   [](char c) { return is(octet_hex, c) || c == ':' || c == '.'; });
    return !pattern.empty() && all(octet_host, pattern);
}

bool host_matches(std::string_view pattern, std::string_view authority) {
    std::string_view wanted_port;
    std::string_view port;
    ignored(take_port(authority, port), "a Host needs no port");
    if (take_port(pattern, wanted_port) && wanted_port != port) return false;
    // "host." is "host", spelled as the root of all names (RFC 1034 §3.1).
    if (authority.ends_with('.')) authority.remove_suffix(1);
    if (authority.empty()) return false;
    if (pattern == "*") return true;
    if (!pattern.starts_with("*.")) return same_name(pattern, authority);
    const size_t dot = authority.find('.');
    return dot != 0 && dot != std::string_view::npos &&
           same_name(pattern.substr(1), authority.substr(dot));
}

bool good_for_host(const Identity& identity, std::string_view authority) {
    return identity.hosts.empty() ||
           std::ranges::any_of(identity.hosts, [&](const std::string& pattern) {
               return host_matches(pattern, authority);
           });
}

}  // namespace becaused
