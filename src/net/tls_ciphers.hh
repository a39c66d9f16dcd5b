// The ciphers under TLS: libsodium's AES-256-GCM, ChaCha20-Poly1305 and X25519 in the place of
// mbedTLS's own, which are six to nine times slower. They are put there when the program is linked
// (-Wl,--wrap, CMakeLists.txt); keys, nonces and tags stay where mbedTLS keeps them. What is not
// TLS's (other key sizes, nonces or tags) is done by mbedTLS as before; only GCM in pieces
// (gcm_starts) is refused with an AES-256 key.
#pragma once

#include <cstdint>

#include "base/status.hh"

namespace becaused {

// Makes libsodium ready and proves, with published vectors, that mbedTLS's entry points give the right
// bytes and that they are libsodium's. Once, before any TLS; fails where the program was linked wrongly.
Status check_tls_ciphers();

// How many of them libsodium has done.
uint64_t tls_cipher_calls();

// The CPU has AES and carry-less multiplication: AES-256-GCM is offered first, else not at all.
bool fast_aes();

}  // namespace becaused
