// Addresses as in DOCKER_HOST: `tcp://127.0.0.1:2375`, `tcp://[::1]:2375`,
// `unix:///run/docker.sock`. Pure functions: nothing is resolved, opened or looked up.
#pragma once

#include <string_view>

#include "base/status.hh"
#include "proxy/settings.hh"

namespace becaused {

// Where to listen: a literal address (port 0: any free one) or an absolute socket path, which may
// carry `?mode=0660&group=docker`.
Result<ListenAddress> parse_listen(std::string_view text);
// Where operators ask (ops/admin.hh): a socket path, mode 0600 unless it says otherwise, or a loopback
// address.
Result<ListenAddress> parse_admin(std::string_view text);
// Where dockerd is: a literal address or a name with a port, or an absolute socket path.
Result<Address> parse_upstream(std::string_view text);

// An HTTP service: http:// or https://, a host, a port unless it is the usual one, a path.
struct Url {
    Address address;
    std::string path;
};
Result<Url> parse_url(std::string_view text);

// The name that stands for the same socket, whatever the spelling of the mode or group.
std::string identity(const Address& address);

}  // namespace becaused
