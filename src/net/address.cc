#include "net/address.hh"

#include <arpa/inet.h>
#include <netinet/in.h>

#include <algorithm>
#include <charconv>
#include <cstring>

namespace becaused {

namespace {

// ::ffff:a.b.c.d, which a dual-stack listener shows for IPv4 clients, is the IPv4 address it holds.
bool is_mapped_ip4(const std::array<uint8_t, 16>& address) {
    return std::all_of(address.begin(), address.begin() + 10, [](uint8_t b) { return b == 0; }) &&
           address[10] == 0xFF && address[11] == 0xFF;
}

bool bit_of(const Endpoint& endpoint, unsigned bit) {
    return (endpoint.address[bit / 8] >> (7 - bit % 8) & 1U) != 0;
}

}  // namespace

Endpoint endpoint_of(const sockaddr* address) {
    Endpoint endpoint;
    if (address->sa_family == AF_INET) {
        sockaddr_in in{};
        std::memcpy(&in, address, sizeof in);
        endpoint.kind = Endpoint::Kind::ip4;
        endpoint.port = ntohs(in.sin_port);
        std::memcpy(endpoint.address.data(), &in.sin_addr, 4);
    } else if (address->sa_family == AF_INET6) {
        sockaddr_in6 in{};
        std::memcpy(&in, address, sizeof in);
        endpoint.kind = Endpoint::Kind::ip6;
        endpoint.port = ntohs(in.sin6_port);
        std::memcpy(endpoint.address.data(), &in.sin6_addr, 16);
        if (is_mapped_ip4(endpoint.address)) {
            endpoint.kind = Endpoint::Kind::ip4;
            std::copy_n(endpoint.address.begin() + 12, 4, endpoint.address.begin());
        }
    } else if (address->sa_family == AF_UNIX) {
        endpoint.kind = Endpoint::Kind::unix;
    }
    return endpoint;
}

socklen_t fill_sockaddr(const Endpoint& endpoint, sockaddr_storage& out) {
    out = {};
    if (endpoint.kind == Endpoint::Kind::ip4) {
        sockaddr_in in{};
        in.sin_family = AF_INET;
        in.sin_port = htons(endpoint.port);
        std::memcpy(&in.sin_addr, endpoint.address.data(), 4);
        std::memcpy(&out, &in, sizeof in);
        return sizeof in;
    }
    CHECK(endpoint.kind == Endpoint::Kind::ip6);
    sockaddr_in6 in{};
    in.sin6_family = AF_INET6;
    in.sin6_port = htons(endpoint.port);
    std::memcpy(&in.sin6_addr, endpoint.address.data(), 16);
    std::memcpy(&out, &in, sizeof in);
    return sizeof in;
}

Endpoint parse_literal(const std::string& host, uint16_t port) {
    Endpoint endpoint;
    endpoint.port = port;
    if (::inet_pton(AF_INET, host.c_str(), endpoint.address.data()) == 1)
        endpoint.kind = Endpoint::Kind::ip4;
    else if (::inet_pton(AF_INET6, host.c_str(), endpoint.address.data()) == 1)
        endpoint.kind = Endpoint::Kind::ip6;
    return endpoint;
}

Network parse_network(const std::string& text) {
    const size_t slash = text.find('/');
    Network network;
    network.first = parse_literal(text.substr(0, slash), 0);
    if (network.first.kind == Endpoint::Kind::none) return {};
    const unsigned most = network.first.kind == Endpoint::Kind::ip4 ? 32 : 128;
    unsigned bits = most;
    if (slash != std::string::npos) {
        const char* end = text.data() + text.size();
        const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, bits);
        if (error != std::errc() || stop != end || bits > most) return {};
    }
    network.bits = static_cast<uint8_t>(bits);
    for (unsigned bit = bits; bit < most; ++bit)
        if (bit_of(network.first, bit)) return {};
    return network;
}

bool is_loopback(const Endpoint& endpoint) {
    if (endpoint.kind == Endpoint::Kind::ip4) return endpoint.address[0] == 127;
    const bool ip6 = endpoint.kind == Endpoint::Kind::ip6;
    return ip6 && endpoint.address.back() == 1 &&
           std::all_of(endpoint.address.begin(), endpoint.address.end() - 1,
                       [](uint8_t byte) { return byte == 0; });
}

bool contains(const Network& network, const Endpoint& address) {
    if (network.first.kind != address.kind || address.kind == Endpoint::Kind::none) return false;
    for (unsigned bit = 0; bit < network.bits; ++bit)
        if (bit_of(network.first, bit) != bit_of(address, bit)) return false;
    return true;
}

}  // namespace becaused
