// The PROXY protocol (HAProxy's proxy-protocol.txt, versions 1 and 2): what a load balancer says of the
// client before the client's own first byte. Pure.
#pragma once

#include <cstddef>
#include <string_view>

#include "ledger/entry.hh"

namespace becaused {

struct ProxyHeader {
    enum class What : uint8_t {
        incomplete,
        complete,
        malformed,
    };
    // The longest header that is taken: version 2 with its extensions. Version 1 has at most 107 bytes.
    static constexpr size_t limit_bytes = 1024;

    What what = What::incomplete;
    size_t size = 0;          // complete: its bytes, at the front of what was given
    const char* detail = "";  // malformed: static
    bool named = false;  // it names the client; else the balancer speaks for itself (health checks)
    Endpoint client;
    Endpoint local;
};

// `bytes`: everything that came so far. Decides as early as it can.
ProxyHeader parse_proxy_header(std::string_view bytes);

}  // namespace becaused
