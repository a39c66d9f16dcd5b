// The one place that decides where a body ends (RFC 9112 §6.3), and the numbers that keep count of it.
// Pure: heads in, a decision out.
#pragma once

#include <cstdint>
#include <optional>

#include "http/head.hh"
#include "http/parser.hh"

namespace becaused {

enum class BodyKind : uint8_t {
    none,         // the message ends with its head
    length,       // exactly `length` bytes
    chunked,      // RFC 9112 §7.1
    until_close,  // answers only: all until the upstream's FIN
    tunnel,       // answers only: 101, or a raw-stream hijack: opaque bytes both ways
};

struct BodyFraming {
    BodyKind kind = BodyKind::none;
    uint64_t length = 0;  // for BodyKind::length, > 0
};

// Requests: Transfer-Encoding with Content-Length, or in HTTP/1.0, is client_ambiguous_framing.
std::optional<ParseFault> decide_request_body(const RequestHead& head, BodyFraming& framing);

// What the request said, as far as the answer's framing depends on it.
struct AskedFor {
    bool head_method = false;  // HEAD: the answer has no body whatever it says
    bool upgrade = false;      // the request that was forwarded asked for an upgrade
    bool hijackable = false;   // POST .../attach or exec/.../start: a 200 raw stream without length
                               // is a tunnel (DOCKER: application/vnd.docker.raw-stream or
                               // vnd.docker.multiplexed-stream)
    std::string_view upgrade_protocol = {};  // Upgrade's value as sent
};
// Answers. Interim (1xx but 101) answers: BodyKind::none. 101 without `upgrade`, or to a protocol that
// was not offered: upgrade_mismatch. Faults have status 502.
std::optional<ParseFault> decide_response_body(const ResponseHead& head, const AskedFor& asked,
                                               BodyFraming& framing);

}  // namespace becaused
