#include "ops/address.hh"

#include <arpa/inet.h>
#include <sys/un.h>

#include <charconv>

#include "net/address.hh"
#include "ops/phrase.hh"
#include "ops/value.hh"

namespace becaused {

namespace {

Status bad(std::string_view text, std::string_view why) {
    return Status::failed(phrase('"', text, "\" ", why));
}

bool literal(const std::string& host, bool bracketed) {
    unsigned char bytes[sizeof(in6_addr)];
    if (!bracketed) return inet_pton(AF_INET, host.c_str(), bytes) == 1;
    // fe80::1%eth0: the scope is checked when it is bound.
    return inet_pton(AF_INET6, host.substr(0, host.find('%')).c_str(), bytes) == 1;
}

bool host_name(std::string_view host) {
    if (host.empty() || host.size() > 253 || host.front() == '-' || host.front() == '.')
        return false;
    // All digits and dots, but no valid IPv4 literal: a mistyped address, not a name.
    if (host.find_first_not_of("0123456789.") == std::string_view::npos) return false;
    constexpr std::string_view allowed =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._";
    return host.find_first_not_of(allowed) == std::string_view::npos;
}

Status split_host(std::string_view text, std::string_view rest, Address& address, bool& bracketed) {
    bracketed = !rest.empty() && rest.front() == '[';
    const size_t host_end = bracketed ? rest.find(']') : rest.rfind(':');
    if (bracketed && host_end == std::string_view::npos) return bad(text, "has no closing bracket");
    const size_t colon = bracketed ? host_end + 1 : host_end;
    if (colon >= rest.size() || rest[colon] != ':')
        return bad(text, "has no port: write it like tcp://127.0.0.1:2375");
    address.host = rest.substr(bracketed ? 1 : 0, host_end - (bracketed ? 1 : 0));
    if (!bracketed && address.host.find(':') != std::string::npos)
        return bad(text, "needs brackets round its IPv6 address, like tcp://[::1]:2375");
    const std::string_view port = rest.substr(colon + 1);
    const auto [end, error] = std::from_chars(port.data(), port.data() + port.size(), address.port);
    if (error != std::errc() || end != port.data() + port.size())
        return bad(text, phrase("has no valid port after the colon: \"", port, '"'));
    return Status::fine();
}

Status parse_tcp(std::string_view text, std::string_view rest, bool listening, Address& address) {
    bool bracketed = false;
    Status split = split_host(text, rest, address, bracketed);
    if (!split.ok()) return split;
    if (address.host.empty() && listening)
        return bad(text, "names no address: write tcp://0.0.0.0:PORT or tcp://[::]:PORT for all");
    const bool is_literal = literal(address.host, bracketed);
    if (!is_literal && (bracketed || !host_name(address.host)))
        return bad(text, phrase("has no valid host: \"", address.host, '"'));
    if (!is_literal && listening)
        return bad(text, "is a name: listen on an address, like tcp://127.0.0.1:2375");
    if (address.port == 0 && !listening) return bad(text, "has no port that can be connected to");
    return Status::fine();
}

Status parse_unix(std::string_view text, std::string_view path, Address& address) {
    if (path.empty() || path.front() != '/')
        return bad(text, "needs an absolute path, like unix:///run/docker.sock");
    if (path.back() == '/') return bad(text, "names a directory, not a socket");
    if (path.size() >= sizeof(sockaddr_un::sun_path))
        return bad(text, phrase("is too long: a socket's path has at most ",
                                sizeof(sockaddr_un::sun_path) - 1, " bytes"));
    if (path.find('\0') != std::string_view::npos) return bad(text, "has a NUL in its path");
    address.kind = Address::Kind::unix;
    address.path = path;
    return Status::fine();
}

Status parse_scheme(std::string_view text, bool listening, Address& address) {
    address.text = text;
    constexpr std::string_view tcp = "tcp://";
    constexpr std::string_view tls = "tls://";
    constexpr std::string_view unix_scheme = "unix://";
    if (text.starts_with(tcp)) return parse_tcp(text, text.substr(tcp.size()), listening, address);
    if (text.starts_with(tls) && !listening) {
        address.tls = true;
        return parse_tcp(text, text.substr(tls.size()), listening, address);
    }
    if (text.starts_with(unix_scheme))
        return parse_unix(text, text.substr(unix_scheme.size()), address);
    return bad(text,
               "is no address: write it like tcp://127.0.0.1:2375 or unix:///run/docker.sock");
}

Status parse_socket_option(std::string_view text, std::string_view option, ListenAddress& address) {
    if (address.kind == Address::Kind::tcp) {
        if (option == "tls=off") address.plain = true;
        if (option == "proxy=on") address.proxied = true;
        if (option == "tls=off" || option == "proxy=on") return Status::fine();
        return bad(text, phrase("has an unknown part: \"", option,
                                "\"; a port may have ?tls=off or ?proxy=on"));
    }
    constexpr std::string_view mode = "mode=";
    constexpr std::string_view group = "group=";
    if (option.starts_with(mode)) {
        const std::string_view digits = option.substr(mode.size());
        const char* end = digits.data() + digits.size();
        const auto [stop, error] = std::from_chars(digits.data(), end, address.mode, 8);
        if (error != std::errc() || stop != end || address.mode > 0777)
            return bad(text, phrase("has a mode that is not octal 0 to 0777: \"", digits, '"'));
        return Status::fine();
    }
    if (option.starts_with(group) && option.size() > group.size()) {
        address.group = option.substr(group.size());
        return Status::fine();
    }
    return bad(text, phrase("has an unknown part: \"", option,
                            "\"; a socket may have ?mode=0660&group=docker"));
}

}  // namespace

Result<ListenAddress> parse_listen(std::string_view text) {
    ListenAddress address;
    const size_t question = text.find('?');
    const Status status = parse_scheme(text.substr(0, question), true, address);
    if (!status.ok()) return status;
    address.text = text;
    if (question == std::string_view::npos) return address;
    for (const std::string_view option : split(text.substr(question + 1), '&')) {
        const Status known = parse_socket_option(text, option, address);
        if (!known.ok()) return known;
    }
    return address;
}

Result<ListenAddress> parse_admin(std::string_view text) {
    Result<ListenAddress> parsed = parse_listen(text);
    if (!parsed.ok()) return parsed;
    ListenAddress& address = parsed.value();
    if (address.kind == Address::Kind::unix) {
        if (text.find("mode=") == std::string_view::npos) address.mode = 0600;
        return parsed;
    }
    if (address.plain || address.proxied)
        return bad(text, "is plain HTTP: neither tls nor proxy can be said of it");
    if (address.host != "localhost" && !is_loopback(parse_literal(address.host, 0)))
        return bad(text, "is no loopback address: whoever reaches it may end what they like");
    return parsed;
}

Result<Address> parse_upstream(std::string_view text) {
    Address address;
    const Status status = parse_scheme(text, false, address);
    if (!status.ok()) return status;
    return address;
}

Result<Url> parse_url(std::string_view text) {
    const bool secure = text.starts_with("https://");
    if (!secure && !text.starts_with("http://"))
        return bad(text, "is no URL: write it like http://HOST:PORT/PATH");
    const std::string_view rest = text.substr(text.find("//") + 2);
    const size_t slash = std::min(rest.find('/'), rest.size());
    Url url;
    url.path = slash == rest.size() ? "/" : std::string(rest.substr(slash));
    for (const char byte : url.path)
        if (byte <= ' ' || byte >= 0x7f || byte == '#')
            return bad(text, "has a path with a byte that no URL has");
    std::string host(rest.substr(0, slash));
    const bool port = host.find(':', host.rfind(']') == std::string::npos ? 0 : host.rfind(']')) !=
                      std::string::npos;
    if (!port) host += secure ? ":443" : ":80";
    url.address.text = text;
    url.address.tls = secure;
    const Status status = parse_tcp(text, host, false, url.address);
    if (!status.ok()) return status;
    return url;
}

std::string identity(const Address& address) {
    if (address.kind == Address::Kind::unix) return phrase("unix ", address.path);
    return phrase("tcp ", address.host, ' ', address.port);
}

}  // namespace becaused
