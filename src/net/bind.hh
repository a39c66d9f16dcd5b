// Sockets bound to where clients connect, for whoever will listen on them: a listener, or the process that
// hands them to several. Failures are one line that names the address as it was given (`text`).
#pragma once

#include <cstdint>
#include <string>

#include "base/status.hh"
#include "ledger/entry.hh"
#include "net/conn.hh"

namespace becaused {

// SO_REUSEADDR is set; IPv6 sockets are IPv6 only unless the address is "::" (then both families). Socket
// options are inherited by what is accepted. `shared`: others that say so may bind the same port
// (SO_REUSEPORT, socket(7)).
Result<int> bind_tcp(const Endpoint& at, const SocketOptions& options, bool shared,
                     const std::string& text);

struct UnixPlace {
    int fd = -1;
    uint64_t inode = 0;
};
// Replaces a socket file that nobody listens on; one that is alive is an error.
Result<UnixPlace> bind_unix(const std::string& path, uint32_t mode, const std::string& group,
                            const std::string& text);
// Unless somebody has put another file there. Not 0: the negative errno for which it is there still.
[[nodiscard("what stays behind is to be said")]] int unlink_unix(const std::string& path,
                                                                 uint64_t inode);

}  // namespace becaused
