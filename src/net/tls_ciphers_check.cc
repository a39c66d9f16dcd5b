// What the ciphers under TLS must give, as published, each time the program starts to use them.

#include <mbedtls/chachapoly.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/ecp.h>
#include <mbedtls/gcm.h>
#include <mbedtls/version.h>
#include <sodium.h>

#include <array>
#include <string>

#include "net/tls_ciphers.hh"
#include "net/tls_context.hh"
#include "net/tls_p256.hh"

namespace becaused {

namespace {

template <size_t N>
using Octets = std::array<unsigned char, N>;

// NIST's GCM test case 14: 256-bit zero key, zero nonce, one block of zeros (The Galois/Counter Mode
// of Operation, McGrew and Viega, appendix B).
constexpr Octets<16> gcm_cipher = {0xce, 0xa7, 0x40, 0x3d, 0x4d, 0x60, 0x6b, 0x6e,
                                   0x07, 0x4e, 0xc5, 0xd3, 0xba, 0xf3, 0x9d, 0x18};
constexpr Octets<16> gcm_tag = {0xd0, 0xd1, 0xc8, 0xa7, 0x99, 0x99, 0x6b, 0xf0,
                                0x26, 0x5b, 0x98, 0xb5, 0xd4, 0x8a, 0xb9, 0x19};

bool gcm_is_right() {
    const Octets<32> key{};
    const Octets<12> nonce{};
    Octets<16> text{}, tag{};
    mbedtls_gcm_context context;
    mbedtls_gcm_init(&context);
    int error = mbedtls_gcm_setkey(&context, MBEDTLS_CIPHER_ID_AES, key.data(), 256);
    if (error == 0)
        error = mbedtls_gcm_crypt_and_tag(&context, MBEDTLS_GCM_ENCRYPT, text.size(), nonce.data(),
                                          nonce.size(), nullptr, 0, text.data(), text.data(),
                                          tag.size(), tag.data());
    const bool right = error == 0 && text == gcm_cipher && tag == gcm_tag;
    tag[0] ^= 1U;
    const int refused =
        mbedtls_gcm_auth_decrypt(&context, text.size(), nonce.data(), nonce.size(), nullptr, 0,
                                 tag.data(), tag.size(), text.data(), text.data());
    mbedtls_gcm_free(&context);
    return right && refused == MBEDTLS_ERR_GCM_AUTH_FAILED;
}

// RFC 8439 §2.8.2.
bool chacha_is_right() {
    Octets<32> key;
    for (size_t i = 0; i < key.size(); ++i) key[i] = static_cast<unsigned char>(0x80 + i);
    const Octets<12> nonce = {7, 0, 0, 0, 0x40, 0x41, 0x42, 0x43, 0x44, 0x45, 0x46, 0x47};
    const Octets<12> extra = {0x50, 0x51, 0x52, 0x53, 0xc0, 0xc1,
                              0xc2, 0xc3, 0xc4, 0xc5, 0xc6, 0xc7};
    constexpr char plain[] =
        "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the "
        "future, sunscreen would be it.";
    constexpr Octets<16> expected = {0x1a, 0xe1, 0x0b, 0x59, 0x4f, 0x09, 0xe2, 0x6a,
                                     0x7e, 0x90, 0x2e, 0xcb, 0xd0, 0x60, 0x06, 0x91};
    Octets<sizeof plain - 1> text;
    Octets<16> tag{};
    mbedtls_chachapoly_context context;
    mbedtls_chachapoly_init(&context);
    int error = mbedtls_chachapoly_setkey(&context, key.data());
    if (error == 0)
        error = mbedtls_chachapoly_encrypt_and_tag(
            &context, text.size(), nonce.data(), extra.data(), extra.size(),
            reinterpret_cast<const unsigned char*>(plain), text.data(), tag.data());
    mbedtls_chachapoly_free(&context);
    return error == 0 && tag == expected;
}

// The multiple of the point, or of the generator where there is none.
bool x25519(const Octets<32>& secret, const Octets<32>* from, Octets<32>& out) {
    Octets<32> clamped = secret;
    clamped[0] &= 248U;
    clamped[31] = static_cast<unsigned char>((clamped[31] & 127U) | 64U);
    mbedtls_ecp_group group;
    mbedtls_ecp_point point;
    mbedtls_mpi scalar;
    mbedtls_ecp_group_init(&group);
    mbedtls_ecp_point_init(&point);
    mbedtls_mpi_init(&scalar);
    int error = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_CURVE25519);
    if (error == 0) error = mbedtls_mpi_read_binary_le(&scalar, clamped.data(), clamped.size());
    if (error == 0 && from != nullptr) {
        error = mbedtls_mpi_read_binary_le(&point.X, from->data(), from->size());
        if (error == 0) error = mbedtls_mpi_lset(&point.Z, 1);
    }
    if (error == 0)
        error = mbedtls_ecp_mul_restartable(&group, &point, &scalar,
                                            from == nullptr ? &group.G : &point, nullptr, nullptr,
                                            nullptr);
    if (error == 0) error = mbedtls_mpi_write_binary_le(&point.X, out.data(), out.size());
    mbedtls_mpi_free(&scalar);
    mbedtls_ecp_point_free(&point);
    mbedtls_ecp_group_free(&group);
    return error == 0;
}

// RFC 7748 §6.1: Alice's private key gives her public key, and with Bob's the shared secret.
bool x25519_is_right() {
    constexpr Octets<32> secret = {0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1,
                                   0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0,
                                   0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a};
    constexpr Octets<32> expected = {0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54,
                                     0x74, 0x8b, 0x7d, 0xdc, 0xb4, 0x3e, 0xf7, 0x5a,
                                     0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38, 0x1a, 0xf4,
                                     0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a};
    constexpr Octets<32> bob = {0xde, 0x9e, 0xdb, 0x7d, 0x7b, 0x7d, 0xc1, 0xb4, 0xd3, 0x5b, 0x61,
                                0xc2, 0xec, 0xe4, 0x35, 0x37, 0x3f, 0x83, 0x43, 0xc8, 0x5b, 0x78,
                                0x67, 0x4d, 0xad, 0xfc, 0x7e, 0x14, 0x6f, 0x88, 0x2b, 0x4f};
    constexpr Octets<32> shared = {0x4a, 0x5d, 0x9d, 0x5b, 0xa4, 0xce, 0x2d, 0xe1, 0x72, 0x8e, 0x3b,
                                   0xf4, 0x80, 0x35, 0x0f, 0x25, 0xe0, 0x7e, 0x21, 0xc9, 0x47, 0xd1,
                                   0x9e, 0x33, 0x76, 0xf0, 0x9b, 0x3c, 0x1e, 0x16, 0x17, 0x42};
    Octets<32> out{}, both{};
    return x25519(secret, nullptr, out) && out == expected && x25519(secret, &bob, both) &&
           both == shared;
}

// RFC 6979 A.2.5: what P-256 signs of "sample" with SHA-256, when the nonce is made of both.
bool p256_is_right() {
    constexpr Octets<32> secret = {0xc9, 0xaf, 0xa9, 0xd8, 0x45, 0xba, 0x75, 0x16, 0x6b, 0x5c, 0x21,
                                   0x57, 0x67, 0xb1, 0xd6, 0x93, 0x4e, 0x50, 0xc3, 0xdb, 0x36, 0xe8,
                                   0x9b, 0x12, 0x7b, 0x8a, 0x62, 0x2b, 0x12, 0x0f, 0x67, 0x21};
    constexpr Octets<64> expected = {
        0xef, 0xd4, 0x8b, 0x2a, 0xac, 0xb6, 0xa8, 0xfd, 0x11, 0x40, 0xdd, 0x9c, 0xd4,
        0x5e, 0x81, 0xd6, 0x9d, 0x2c, 0x87, 0x7b, 0x56, 0xaa, 0xf9, 0x91, 0xc3, 0x4d,
        0x0e, 0xa8, 0x4e, 0xaf, 0x37, 0x16, 0xf7, 0xcb, 0x1c, 0x94, 0x2d, 0x65, 0x7c,
        0x41, 0xd4, 0x36, 0xc7, 0xa1, 0xb6, 0xe2, 0x9f, 0x65, 0xf3, 0xe9, 0x00, 0xdb,
        0xb9, 0xaf, 0xf4, 0x06, 0x4d, 0xc4, 0xab, 0x2f, 0x84, 0x3a, 0xcd, 0xa8};
    Octets<crypto_hash_sha256_BYTES> hash;
    crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>("sample"), 6);
    Octets<64> signature{};
    mbedtls_ecp_group group;
    mbedtls_mpi key, r, s;
    mbedtls_ecp_group_init(&group);
    for (mbedtls_mpi* each : {&key, &r, &s}) mbedtls_mpi_init(each);
    int error = mbedtls_ecp_group_load(&group, MBEDTLS_ECP_DP_SECP256R1);
    if (error == 0) error = mbedtls_mpi_read_binary(&key, secret.data(), secret.size());
    if (error == 0)
        error = mbedtls_ecdsa_sign_det_ext(&group, &r, &s, &key, hash.data(), hash.size(),
                                           MBEDTLS_MD_SHA256, tls_random, nullptr);
    if (error == 0) error = mbedtls_mpi_write_binary(&r, signature.data(), 32);
    if (error == 0) error = mbedtls_mpi_write_binary(&s, signature.data() + 32, 32);
    for (mbedtls_mpi* each : {&key, &r, &s}) mbedtls_mpi_free(each);
    mbedtls_ecp_group_free(&group);
    return error == 0 && signature == expected;
}

bool p256_has_its_table() {
    const uint64_t before = p256_table_uses();
    return p256_is_right() && (MBEDTLS_VERSION_MAJOR >= 3 || p256_table_uses() > before);
}

}  // namespace

Status check_tls_ciphers() {
    if (sodium_init() < 0) return Status::failed("tls: libsodium cannot start");
    if (!prepare_p256()) return Status::failed("tls: no memory for the table of P-256");
    const auto proven = [](bool (*is_right)(), bool from_sodium) {
        const uint64_t before = tls_cipher_calls();
        return is_right() && (!from_sodium || tls_cipher_calls() > before);
    };
    const char* wrong = !proven(gcm_is_right, fast_aes()) ? "AES-256-GCM"
                        : !proven(chacha_is_right, true)  ? "ChaCha20-Poly1305"
                        : !proven(x25519_is_right, true)  ? "X25519"
                        : !p256_has_its_table()           ? "P-256"
                                                          : nullptr;
    if (wrong == nullptr) return Status::fine();
    return Status::failed(std::string("tls: ") + wrong +
                          " fails its self-test: this program is built wrongly, do not use it");
}

}  // namespace becaused
