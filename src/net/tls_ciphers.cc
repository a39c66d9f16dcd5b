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

#include "net/tls_p256.hh"

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

// Curve25519: X25519 takes and gives little-endian u coordinates (RFC 7748 §5). P-256's generator: the
// same multiplication, with a table that is there already.
int __wrap_mbedtls_ecp_mul_restartable(mbedtls_ecp_group* group, mbedtls_ecp_point* result,
                                       const mbedtls_mpi* scalar, const mbedtls_ecp_point* point,
                                       int (*random)(void*, unsigned char*, size_t), void* context,
                                       mbedtls_ecp_restart_ctx* restart) {
    if (group->id != MBEDTLS_ECP_DP_CURVE25519) {
        mbedtls_ecp_group* known = p256_with_table(*group, point);
        return __real_mbedtls_ecp_mul_restartable(known == nullptr ? group : known, result, scalar,
                                                  known == nullptr ? point : &known->G, random,
                                                  context, restart);
    }
    std::array<unsigned char, 32> k, u, out;
    int error = mbedtls_mpi_write_binary_le(scalar, k.data(), k.size());
    if (error == 0) error = mbedtls_mpi_write_binary_le(&point->X, u.data(), u.size());
    if (error == 0) {
        ++sodium_calls;
        // Fails when the peer's point is of low order: all bits of the secret would be zero (§6.1).
        const int failed = point == &group->G
                               ? crypto_scalarmult_curve25519_base(out.data(), k.data())
                               : crypto_scalarmult_curve25519(out.data(), k.data(), u.data());
        if (failed != 0) error = MBEDTLS_ERR_ECP_INVALID_KEY;
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

}  // namespace becaused
