// Between Endpoint (the ledger's small address) and the kernel's sockaddr.
#pragma once

#include <sys/socket.h>

#include "ledger/entry.hh"

namespace becaused {

// `length` is the address's own; families other than IPv4, IPv6 and unix give Kind::none.
Endpoint endpoint_of(const sockaddr* address);
// IPv4 or IPv6 only. Returns the length used in `out`.
socklen_t fill_sockaddr(const Endpoint& endpoint, sockaddr_storage& out);
// A literal address ("127.0.0.1", "::1") with a port; Kind::none for anything else.
Endpoint parse_literal(const std::string& host, uint16_t port);

// Addresses that share their first `bits`: "10.0.0.0/8", "2001:db8::/32", "192.0.2.7".
struct Network {
    Endpoint first;
    uint8_t bits = 0;
};
// Kind::none for anything else, and where bits are set beyond the prefix.
Network parse_network(const std::string& text);
bool contains(const Network& network, const Endpoint& address);
// Only this machine's own can connect there.
bool is_loopback(const Endpoint& endpoint);

}  // namespace becaused
