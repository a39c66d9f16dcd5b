#define MBEDTLS_ALLOW_PRIVATE_ACCESS  // 3.x hides its fields; these are read as 2.28 shows them

#include "net/tls_ciphers.hh"

#include <mbedtls/chachapoly.h>
#include <mbedtls/ecp.h>
#include <mbedtls/gcm.h>
#include <mbedtls/version.h>
#include <sodium.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>

namespace becaused {

namespace {

using AesState = crypto_aead_aes256gcm_state;

constexpr size_t tls_nonce = 12;
constexpr size_t tls_tag = 16;
// Says that a GCM context's table holds a pointer to our key instead of mbedTLS's table.
constexpr uint64_t ours = 0x62656361'75736564;

struct AesKey {
    AesState state;
    std::array<unsigned char, 32> bytes;  // for mbedTLS, when it is asked for what libsodium lacks
};

uint64_t sodium_calls = 0;  // proves the link

uint64_t* table_of(mbedtls_gcm_context* context) {
#if MBEDTLS_VERSION_MAJOR >= 3
    return reinterpret_cast<uint64_t*>(&context->H);
#else
    return context->HL;
#endif
}

AesKey* key_of(mbedtls_gcm_context* context) {
    const uint64_t* table = table_of(context);
    if (table[1] != ours) return nullptr;
    AesKey* key = nullptr;
    std::memcpy(&key, table, sizeof key);  // NOLINT(bugprone-sizeof-expression): the pointer itself
    return key;
}

void drop_key(mbedtls_gcm_context* context) {
    AesKey* key = key_of(context);
    if (key == nullptr) return;
    sodium_memzero(key, sizeof *key);
    std::free(key);  // NOLINT: from aligned_alloc
    sodium_memzero(table_of(context), 2 * sizeof(uint64_t));
}

bool set_aes_key(mbedtls_gcm_context* context, const unsigned char* bytes) {
    constexpr size_t size = (sizeof(AesKey) + 63) / 64 * 64;
    auto* key = static_cast<AesKey*>(std::aligned_alloc(64, size));
    if (key == nullptr) return false;
    crypto_aead_aes256gcm_beforenm(&key->state, bytes);
    std::memcpy(key->bytes.data(), bytes, key->bytes.size());
    uint64_t* table = table_of(context);
    std::memcpy(table, &key, sizeof key);  // NOLINT(bugprone-sizeof-expression): the pointer itself
    table[1] = ours;
    return true;
}

// The key that mbedtls_chachapoly_setkey left in the cipher's state: words 4 to 11 (RFC 8439 §2.3).
std::array<unsigned char, 32> chacha_key(const mbedtls_chachapoly_context* context) {
    std::array<unsigned char, 32> key;
    std::memcpy(key.data(), context->chacha20_ctx.state + 4, key.size());
    return key;
}

bool is_tls(size_t nonce_bytes, size_t tag_bytes) {
    return nonce_bytes == tls_nonce && tag_bytes == tls_tag;
}

}  // namespace

extern "C" {

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the linker's names
int __real_mbedtls_gcm_setkey(mbedtls_gcm_context*, mbedtls_cipher_id_t, const unsigned char*,
                              unsigned);
void __real_mbedtls_gcm_free(mbedtls_gcm_context*);
int __real_mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context*, int, size_t, const unsigned char*,
                                     size_t, const unsigned char*, size_t, const unsigned char*,
                                     unsigned char*, size_t, unsigned char*);
int __real_mbedtls_gcm_auth_decrypt(mbedtls_gcm_context*, size_t, const unsigned char*, size_t,
                                    const unsigned char*, size_t, const unsigned char*, size_t,
                                    const unsigned char*, unsigned char*);
int __real_mbedtls_ecp_mul_restartable(mbedtls_ecp_group*, mbedtls_ecp_point*, const mbedtls_mpi*,
                                       const mbedtls_ecp_point*,
                                       int (*)(void*, unsigned char*, size_t), void*,
                                       mbedtls_ecp_restart_ctx*);
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)
}  // extern "C"

namespace {

// mbedTLS's own code, with a context of its own for a moment where the key is with us.
template <typename Call>
int with_mbedtls(mbedtls_gcm_context* context, const AesKey* key, Call call) {
    if (key == nullptr) return call(context);
    mbedtls_gcm_context plain;
    mbedtls_gcm_init(&plain);
    int error = __real_mbedtls_gcm_setkey(&plain, MBEDTLS_CIPHER_ID_AES, key->bytes.data(), 256);
    if (error == 0) error = call(&plain);
    __real_mbedtls_gcm_free(&plain);
    return error;
}

}  // namespace

extern "C" {

// NOLINTBEGIN(bugprone-reserved-identifier,readability-identifier-naming): the linker's names
int __wrap_mbedtls_gcm_setkey(mbedtls_gcm_context* context, mbedtls_cipher_id_t cipher,
                              const unsigned char* key, unsigned key_bits) {
    drop_key(context);
    if (cipher != MBEDTLS_CIPHER_ID_AES || key_bits != 256 || !fast_aes())
        return __real_mbedtls_gcm_setkey(context, cipher, key, key_bits);
    // Nothing of an earlier key stays: mbedTLS's calls in pieces, which are not ours, fail without one.
    __real_mbedtls_gcm_free(context);
    return set_aes_key(context, key) ? 0 : MBEDTLS_ERR_CIPHER_ALLOC_FAILED;
}

void __wrap_mbedtls_gcm_free(mbedtls_gcm_context* context) {
    if (context != nullptr) drop_key(context);
    __real_mbedtls_gcm_free(context);
}

int __wrap_mbedtls_gcm_crypt_and_tag(mbedtls_gcm_context* context, int mode, size_t length,
                                     const unsigned char* nonce, size_t nonce_bytes,
                                     const unsigned char* extra, size_t extra_bytes,
                                     const unsigned char* input, unsigned char* output,
                                     size_t tag_bytes, unsigned char* tag) {
    const AesKey* key = key_of(context);
    if (key != nullptr && mode == MBEDTLS_GCM_ENCRYPT && is_tls(nonce_bytes, tag_bytes)) {
        ++sodium_calls;
        const int failed = crypto_aead_aes256gcm_encrypt_detached_afternm(
            output, tag, nullptr, input, length, extra, extra_bytes, nullptr, nonce, &key->state);
        return failed == 0 ? 0 : MBEDTLS_ERR_GCM_BAD_INPUT;
    }
    return with_mbedtls(context, key, [&](mbedtls_gcm_context* plain) {
        return __real_mbedtls_gcm_crypt_and_tag(plain, mode, length, nonce, nonce_bytes, extra,
                                                extra_bytes, input, output, tag_bytes, tag);
    });
}

int __wrap_mbedtls_gcm_auth_decrypt(mbedtls_gcm_context* context, size_t length,
                                    const unsigned char* nonce, size_t nonce_bytes,
                                    const unsigned char* extra, size_t extra_bytes,
                                    const unsigned char* tag, size_t tag_bytes,
                                    const unsigned char* input, unsigned char* output) {
    const AesKey* key = key_of(context);
    if (key != nullptr && is_tls(nonce_bytes, tag_bytes)) {
        ++sodium_calls;
        const int failed = crypto_aead_aes256gcm_decrypt_detached_afternm(
            output, nullptr, input, length, tag, extra, extra_bytes, nonce, &key->state);
        return failed == 0 ? 0 : MBEDTLS_ERR_GCM_AUTH_FAILED;
    }
    return with_mbedtls(context, key, [&](mbedtls_gcm_context* plain) {
        return __real_mbedtls_gcm_auth_decrypt(plain, length, nonce, nonce_bytes, extra,
                                               extra_bytes, tag, tag_bytes, input, output);
    });
}

int __wrap_mbedtls_chachapoly_encrypt_and_tag(mbedtls_chachapoly_context* context, size_t length,
                                              const unsigned char nonce[12],
                                              const unsigned char* extra, size_t extra_bytes,
                                              const unsigned char* input, unsigned char* output,
                                              unsigned char tag[16]) {
    ++sodium_calls;
    std::array<unsigned char, 32> key = chacha_key(context);
    crypto_aead_chacha20poly1305_ietf_encrypt_detached(output, tag, nullptr, input, length, extra,
                                                       extra_bytes, nullptr, nonce, key.data());
    sodium_memzero(key.data(), key.size());
    return 0;
}

int __wrap_mbedtls_chachapoly_auth_decrypt(mbedtls_chachapoly_context* context, size_t length,
                                           const unsigned char nonce[12],
                                           const unsigned char* extra, size_t extra_bytes,
                                           const unsigned char tag[16], const unsigned char* input,
                                           unsigned char* output) {
    ++sodium_calls;
    std::array<unsigned char, 32> key = chacha_key(context);
    const int failed = crypto_aead_chacha20poly1305_ietf_decrypt_detached(
        output, nullptr, input, length, tag, extra, extra_bytes, nonce, key.data());
    sodium_memzero(key.data(), key.size());
    return failed == 0 ? 0 : MBEDTLS_ERR_CHACHAPOLY_AUTH_FAILED;
}

// Curve25519 only: X25519 takes and gives little-endian u coordinates (RFC 7748 §5).
int __wrap_mbedtls_ecp_mul_restartable(mbedtls_ecp_group* group, mbedtls_ecp_point* result,
                                       const mbedtls_mpi* scalar, const mbedtls_ecp_point* point,
                                       int (*random)(void*, unsigned char*, size_t), void* context,
                                       mbedtls_ecp_restart_ctx* restart) {
    if (group->id != MBEDTLS_ECP_DP_CURVE25519)
        return __real_mbedtls_ecp_mul_restartable(group, result, scalar, point, random, context,
                                                  restart);
    std::array<unsigned char, 32> k, u, out;
    int error = mbedtls_mpi_write_binary_le(scalar, k.data(), k.size());
    if (error == 0) error = mbedtls_mpi_write_binary_le(&point->X, u.data(), u.size());
    if (error == 0) {
        ++sodium_calls;
        // Fails when the peer's point is of low order: all bits of the secret would be zero (§6.1).
        if (crypto_scalarmult_curve25519(out.data(), k.data(), u.data()) != 0)
            error = MBEDTLS_ERR_ECP_INVALID_KEY;
    }
    if (error == 0) error = mbedtls_mpi_read_binary_le(&result->X, out.data(), out.size());
    if (error == 0) error = mbedtls_mpi_lset(&result->Z, 1);
    mbedtls_mpi_free(&result->Y);  // x-only coordinates: a Montgomery point has no Y
    sodium_memzero(k.data(), k.size());
    sodium_memzero(out.data(), out.size());
    return error;
}
// NOLINTEND(bugprone-reserved-identifier,readability-identifier-naming)

}  // extern "C"

uint64_t tls_cipher_calls() { return sodium_calls; }

bool fast_aes() { return crypto_aead_aes256gcm_is_available() == 1; }

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

// RFC 7748 §6.1: Alice's private key gives her public key.
bool x25519_is_right() {
    constexpr Octets<32> secret = {0x77, 0x07, 0x6d, 0x0a, 0x73, 0x18, 0xa5, 0x7d, 0x3c, 0x16, 0xc1,
                                   0x72, 0x51, 0xb2, 0x66, 0x45, 0xdf, 0x4c, 0x2f, 0x87, 0xeb, 0xc0,
                                   0x99, 0x2a, 0xb1, 0x77, 0xfb, 0xa5, 0x1d, 0xb9, 0x2c, 0x2a};
    constexpr Octets<32> expected = {0x85, 0x20, 0xf0, 0x09, 0x89, 0x30, 0xa7, 0x54,
                                     0x74, 0x8b, 0x7d, 0xdc, 0xb4, 0x3e, 0xf7, 0x5a,
                                     0x0d, 0xbf, 0x3a, 0x0d, 0x26, 0x38, 0x1a, 0xf4,
                                     0xeb, 0xa4, 0xa9, 0x8e, 0xaa, 0x9b, 0x4e, 0x6a};
    Octets<32> clamped = secret, out{};
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
    if (error == 0)
        error = mbedtls_ecp_mul_restartable(&group, &point, &scalar, &group.G, nullptr, nullptr,
                                            nullptr);
    if (error == 0) error = mbedtls_mpi_write_binary_le(&point.X, out.data(), out.size());
    mbedtls_mpi_free(&scalar);
    mbedtls_ecp_point_free(&point);
    mbedtls_ecp_group_free(&group);
    return error == 0 && out == expected;
}

}  // namespace

Status check_tls_ciphers() {
    if (sodium_init() < 0) return Status::failed("tls: libsodium cannot start");
    const auto proven = [](bool (*is_right)(), bool from_sodium) {
        const uint64_t before = sodium_calls;
        return is_right() && (!from_sodium || sodium_calls > before);
    };
    const char* wrong = !proven(gcm_is_right, fast_aes()) ? "AES-256-GCM"
                        : !proven(chacha_is_right, true)  ? "ChaCha20-Poly1305"
                        : !proven(x25519_is_right, true)  ? "X25519"
                                                          : nullptr;
    if (wrong == nullptr) return Status::fine();
    return Status::failed(std::string("tls: ") + wrong +
                          " fails its self-test: this program is built wrongly, do not use it");
}

}  // namespace becaused
