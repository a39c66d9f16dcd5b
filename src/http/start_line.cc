// Request lines, status lines and authorities (RFC 9112 §3 and §4, RFC 3986 §3.2).
#include <arpa/inet.h>

#include <algorithm>
#include <cstring>

#include "http/guard.hh"
#include "http/octets.hh"

namespace becaused {

namespace {

constexpr size_t method_limit_bytes = 64;

bool version_like(std::string_view version) {
    return version.size() == 8 && version.substr(0, 5) == "HTTP/" && is(octet_digit, version[5]) &&
           version[6] == '.' && is(octet_digit, version[7]);
}

bool speakable(std::string_view version) { return version == "HTTP/1.1" || version == "HTTP/1.0"; }

// Where a "%" lacks its two hex digits; the size if all have them.
size_t bad_escape(std::string_view bytes) {
    for (size_t at = bytes.find('%'); at != std::string_view::npos; at = bytes.find('%', at + 1))
        if (at + 2 >= bytes.size() || !is(octet_hex, bytes[at + 1]) ||
            !is(octet_hex, bytes[at + 2]))
            return at;
    return bytes.size();
}

bool valid_port(std::string_view port) {
    uint64_t number = 0;
    return port.empty() || (port.size() <= 5 && read_decimal(port, number) && number <= 65535);
}

bool valid_ipv6(std::string_view address) {
    char text[INET6_ADDRSTRLEN];
    if (address.size() >= sizeof text) return false;
    std::memcpy(text, address.data(), address.size());
    text[address.size()] = '\0';
    in6_addr parsed;
    return inet_pton(AF_INET6, text, &parsed) == 1;
}

bool valid_host_name(std::string_view name) {
    for (const char byte : name)
        if (!is(octet_host, byte) && byte != '%') return false;
    return !name.empty() && bad_escape(name) == name.size();
}

// What is wrong with a target, and at which of its bytes; nothing if `detail` is null.
struct TargetFlaw {
    const char* detail = nullptr;
    size_t at = 0;
};

const char* byte_detail(char byte) {
    if (byte == '#') return "a fragment in the request target";
    if (byte == '"') return "a quote in the request target";
    if (is_space(byte)) return "more than one space in the request line";
    if (static_cast<unsigned char>(byte) >= 0x80) return "a non-ASCII byte in the request target";
    return "a byte in the request target that belongs escaped";
}

size_t first_not(Octet set, std::string_view bytes, size_t at) {
    while (at < bytes.size() && is(set, bytes[at])) ++at;
    return at;
}

// Cuts the path and query that begin at `begin` of the target.
TargetFlaw split_origin(std::string_view target, size_t begin, RequestHead& head) {
    const size_t path_end = first_not(octet_path, target, begin);
    head.path_and_query = target.substr(begin);
    head.path = target.substr(begin, path_end - begin);
    head.query = {};
    const size_t escape = bad_escape(head.path);
    if (escape < head.path.size())
        return {"a cut escape in the request target's path", begin + escape};
    if (path_end == target.size()) return {};
    if (target[path_end] != '?') return {byte_detail(target[path_end]), path_end};
    head.query = target.substr(path_end + 1);
    const size_t end = first_not(octet_query, target, path_end + 1);
    if (end < target.size()) return {byte_detail(target[end]), end};
    return {};
}

size_t scheme_size(std::string_view target) {
    if (target.size() > 7 && same_name(target.substr(0, 7), "http://")) return 7;
    if (target.size() > 8 && same_name(target.substr(0, 8), "https://")) return 8;
    return 0;
}

// http://authority[/path[?query]]
TargetFlaw judge_absolute(std::string_view target, RequestHead& head) {
    const size_t scheme = scheme_size(target);
    if (scheme == 0) return {"the request target is neither a path nor an http URL", 0};
    const size_t end = std::min(target.find_first_of("/?#", scheme), target.size());
    head.authority = target.substr(scheme, end - scheme);
    const size_t user = head.authority.find('@');
    if (user != std::string_view::npos)
        return {"user information in the request target", scheme + user};
    if (!valid_authority(head.authority)) return {"the request target's host is not valid", scheme};
    if (end < target.size() && target[end] == '/') return split_origin(target, end, head);
    if (end < target.size()) return {"the request target has no path", end};
    // RFC 9112 §3.2.4: without a path, OPTIONS asks about the server as a whole.
    head.path_and_query = head.path = head.method == "OPTIONS" ? "*" : "/";
    head.query = {};
    return {};
}

TargetFlaw judge_target(std::string_view target, RequestHead& head) {
    if (target[0] == '/') return split_origin(target, 0, head);
    if (is_space(target[0])) return {byte_detail(target[0]), 0};
    if (target != "*") return judge_absolute(target, head);
    head.path_and_query = head.path = target;
    head.query = {};
    if (head.method == "OPTIONS") return {};
    return {"`*` as request target without OPTIONS", 0};
}

}  // namespace

bool valid_authority(std::string_view authority) {
    size_t end = 0;
    if (!authority.empty() && authority[0] == '[') {
        end = authority.find(']');
        if (end == std::string_view::npos || !valid_ipv6(authority.substr(1, end - 1)))
            return false;
        ++end;
    } else {
        end = std::min(authority.find(':'), authority.size());
        if (!valid_host_name(authority.substr(0, end))) return false;
    }
    if (end == authority.size()) return true;
    return authority[end] == ':' && valid_port(authority.substr(end + 1));
}

std::optional<ParseFault> judge_request_line(std::string_view line, RequestHead& head) {
    const auto fault = [](Flaw flaw, const char* detail, size_t offset) {
        return make_fault(Side::client, flaw, detail, offset);
    };
    const size_t first = std::min(line.find(' '), line.size());
    const size_t last = line.rfind(' ');
    head.method = line.substr(0, first);
    head.authority = {};
    if (!is_token(head.method)) return fault(Flaw::malformed, "the method is not a token", 0);
    // PRI exists only in HTTP/2's preface, which llhttp would look for.
    if (head.method.size() > method_limit_bytes ||
        (head.method == "PRI" && speakable(line.substr(last + 1))))
        return fault(Flaw::unsupported, "the method is not one that is known", 0);
    if (first >= line.size())
        return fault(Flaw::malformed, "the request line has no target", first);
    if (last == first)
        return fault(Flaw::malformed, "the request line has no HTTP version", line.size());
    const std::string_view version = line.substr(last + 1);
    if (!speakable(version)) {
        if (version_like(version))
            return fault(Flaw::version, "an HTTP version other than 1.0 and 1.1", last + 1);
        return fault(Flaw::malformed, "the request line does not end in an HTTP version", last + 1);
    }
    head.minor_version = static_cast<uint8_t>(version[7] - '0');
    head.target = line.substr(first + 1, last - first - 1);
    if (head.target.empty())
        return fault(Flaw::malformed, "more than one space in the request line", first + 1);
    if (head.target.size() > target_limit_bytes)
        return fault(Flaw::target_too_large, "the request target is over 8 KiB", first + 1);
    if (head.method == "CONNECT")
        return fault(Flaw::unsupported, "CONNECT makes this a forward proxy", 0);
    const TargetFlaw flaw = judge_target(head.target, head);
    if (flaw.detail != nullptr) return fault(Flaw::malformed, flaw.detail, first + 1 + flaw.at);
    return std::nullopt;
}

std::optional<ParseFault> judge_status_line(std::string_view line, ResponseHead& head) {
    const auto fault = [](const char* detail, size_t offset) {
        return make_fault(Side::upstream, Flaw::malformed, detail, offset);
    };
    if (!speakable(line.substr(0, 8)))
        return fault("the status line does not begin with HTTP/1.0 or HTTP/1.1", 0);
    if (line.size() < 12 || line[8] != ' ' || !all(octet_digit, line.substr(9, 3)) ||
        (line.size() > 12 && line[12] != ' '))
        return fault("the status is not three digits", 8);
    head.minor_version = static_cast<uint8_t>(line[7] - '0');
    head.status =
        static_cast<uint16_t>((line[9] - '0') * 100 + (line[10] - '0') * 10 + line[11] - '0');
    if (head.status < 100 || head.status > 599) return fault("the status is not in 100 to 599", 9);
    head.reason = line.size() > 13 ? line.substr(13) : std::string_view();
    return std::nullopt;
}

}  // namespace becaused
