// Connections without a request: before any byte, between requests, and those that were never let in.
#pragma once

#include "matrix/reach.hh"

namespace becaused::test {

inline std::vector<Cell> before_any_byte() {
    return {
        {"client FIN", every, client_connects, client_finishes,
         "client probe by=nobody phase=keepalive op=none\n", "FIN", "none"},
        {"client closes", every, client_connects, client_leaves,
         "client probe by=nobody phase=keepalive op=none\n", "left", "none"},
        {"client RST", tcp, client_connects, client_resets,
         "client client_reset by=client phase=keepalive op=read errno=ECONNRESET\n", "left",
         "none"},
        {"clock keepalive", every, client_connects, silence(120'000),
         "client keepalive_idle by=nobody phase=keepalive op=clock clock=keepalive/120000\n", "FIN",
         "none"},
        {"stop", every, client_connects, stop,
         "client shutdown_idle by=operator phase=keepalive op=none\n", "FIN", "none"},
        {"stop twice", every, client_connects, stop_twice,
         "client shutdown_idle by=operator phase=keepalive op=none\n", "FIN", "none"},
    };
}

}  // namespace becaused::test
