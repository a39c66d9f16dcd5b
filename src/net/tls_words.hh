// What goes wrong in TLS, in words for people. All of them are static.
#pragma once

#include <cstdint>

namespace becaused {

constexpr char no_protocol_in_common[] = "it does not offer http/1.1 (ALPN)";

// What an alert that came means (its number: RFC 8446 §6, RFC 5246 §7.2).
const char* alert_words(int number);
// What is wrong with the peer's certificate, the gravest first. `flags`: MBEDTLS_X509_BADCERT_*.
const char* certificate_fault(uint32_t flags);
// The alert that says so (RFC 8446 §6.2), as mbedTLS chooses it where it judges by itself.
unsigned char certificate_alert(uint32_t flags);
// What an mbedTLS error says; never null.
const char* tls_error_words(int error);

}  // namespace becaused
