// What the peer's certificate says of it, as text. Only of certificates that TLS has verified.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "net/conn.hh"

namespace becaused {

struct PeerCertificate {
    std::vector<std::pair<std::string, std::string>> subject;  // "CN" -> "ci-runner", in order
    std::vector<std::string> names;  // "dns:…", "email:…", "uri:…", "ip:…"
    std::string fingerprint;         // SHA-256 of the certificate, 64 small hex digits
    int64_t expires_ms = 0;          // since 1970
};

bool shows_certificate(const Conn& conn);
// Nothing where there is no TLS, or the peer sent none.
std::optional<PeerCertificate> peer_certificate(const Conn& conn);

}  // namespace becaused
