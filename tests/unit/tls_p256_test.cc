// P-256's kept table: judged by published vectors, by mbedTLS's multiplication without it, and by OpenSSL.

#include "net/tls_p256.hh"

#include <mbedtls/bignum.h>
#include <mbedtls/ecdsa.h>
#include <mbedtls/md.h>
#include <mbedtls/pk.h>
#include <mbedtls/version.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <sodium.h>

#include <array>
#include <random>
#include <string>
#include <string_view>

#include "net/tls_ciphers.hh"
#include "net/tls_context.hh"
#include "support/cmocka.hh"

using namespace becaused;

#if MBEDTLS_VERSION_MAJOR >= 3
int main() { return 0; }  // mbedTLS has the table built in
#else

namespace {

struct Number : mbedtls_mpi {
    Number() { mbedtls_mpi_init(this); }
    explicit Number(const char* hex) : Number() {
        assert_int_equal(mbedtls_mpi_read_string(this, 16, hex), 0);
    }
    Number(const Number&) = delete;
    Number& operator=(const Number&) = delete;
    ~Number() { mbedtls_mpi_free(this); }
    std::string text() const {
        std::string text(300, '\0');
        size_t size = 0;
        assert_int_equal(mbedtls_mpi_write_string(this, 16, text.data(), text.size(), &size), 0);
        text.resize(size - 1);
        return text;
    }
};

struct Curve : mbedtls_ecp_group {
    Curve() {
        mbedtls_ecp_group_init(this);
        assert_int_equal(mbedtls_ecp_group_load(this, MBEDTLS_ECP_DP_SECP256R1), 0);
    }
    Curve(const Curve&) = delete;
    Curve& operator=(const Curve&) = delete;
    ~Curve() { mbedtls_ecp_group_free(this); }
};

struct Point : mbedtls_ecp_point {
    Point() { mbedtls_ecp_point_init(this); }
    Point(const Point&) = delete;
    Point& operator=(const Point&) = delete;
    ~Point() { mbedtls_ecp_point_free(this); }
};

}  // namespace

// RFC 6979 A.2.5.
static void signatures_are_the_published_ones(void**) {
    Curve curve;
    const Number key("C9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721");
    const struct {
        std::string_view message;
        const char* r;
        const char* s;
    } published[] = {
        {"sample", "EFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716",
         "F7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8"},
        {"test", "F1ABB023518351CD71D881567B1EA663ED3EFCF6C5132B354F28D3B0B7D38367",
         "19F4113742A2B14BD25926B49C649155F267E60D3814B4C0CC84250E46F0083"},
    };
    for (const auto& each : published) {
        std::array<unsigned char, 32> hash;
        crypto_hash_sha256(hash.data(), reinterpret_cast<const unsigned char*>(each.message.data()),
                           each.message.size());
        Number r, s;
        const uint64_t before = p256_table_uses();
        assert_int_equal(mbedtls_ecdsa_sign_det_ext(&curve, &r, &s, &key, hash.data(), hash.size(),
                                                    MBEDTLS_MD_SHA256, tls_random, nullptr),
                         0);
        assert_int_equal(p256_table_uses() - before, 1);
        assert_text_equal(r.text(), Number(each.r).text());
        assert_text_equal(s.text(), Number(each.s).text());
    }
}

// mbedtls_ecp_mul stays inside of mbedTLS, which makes a table of its own there.
static void multiples_are_what_mbedtls_alone_makes_of_them(void**) {
    std::mt19937_64 random(28);
    const Curve order;
    for (int round = 0; round < 200; ++round) {
        Curve ours, theirs;
        Number scalar;
        std::array<unsigned char, 32> octets;
        for (unsigned char& octet : octets) octet = static_cast<unsigned char>(random());
        assert_int_equal(mbedtls_mpi_read_binary(&scalar, octets.data(), octets.size()), 0);
        assert_int_equal(mbedtls_mpi_mod_mpi(&scalar, &scalar, &order.N), 0);
        if (round < 4) assert_int_equal(mbedtls_mpi_lset(&scalar, round + 1), 0);
        if (round >= 4 && round < 8)
            assert_int_equal(mbedtls_mpi_sub_int(&scalar, &order.N, round - 3), 0);
        Point one, other;
        const uint64_t before = p256_table_uses();
        assert_int_equal(mbedtls_ecp_mul_restartable(&ours, &one, &scalar, &ours.G, tls_random,
                                                     nullptr, nullptr),
                         0);
        assert_int_equal(p256_table_uses() - before, 1);
        assert_null(ours.T);  // it was not needed
        assert_int_equal(mbedtls_ecp_mul(&theirs, &other, &scalar, &theirs.G, tls_random, nullptr),
                         0);
        assert_int_equal(p256_table_uses() - before, 1);
        assert_int_equal(mbedtls_ecp_point_cmp(&one, &other), 0);
    }
}

// Only the generator has a table; a scalar out of range is refused as ever.
static void other_points_and_scalars_are_mbedtls_own(void**) {
    Curve curve;
    const Number two("2");
    Point doubled, again, expected;
    assert_int_equal(mbedtls_ecp_mul(&curve, &doubled, &two, &curve.G, tls_random, nullptr), 0);
    const uint64_t before = p256_table_uses();
    assert_int_equal(
        mbedtls_ecp_mul_restartable(&curve, &again, &two, &doubled, tls_random, nullptr, nullptr),
        0);
    assert_int_equal(p256_table_uses(), before);
    assert_int_equal(mbedtls_ecp_mul(&curve, &expected, &two, &doubled, tls_random, nullptr), 0);
    assert_int_equal(mbedtls_ecp_point_cmp(&again, &expected), 0);
    const Number zero("0");
    for (const mbedtls_mpi* scalar :
         {static_cast<const mbedtls_mpi*>(&zero), static_cast<const mbedtls_mpi*>(&curve.N)})
        assert_int_equal(mbedtls_ecp_mul_restartable(&curve, &again, scalar, &curve.G, tls_random,
                                                     nullptr, nullptr),
                         MBEDTLS_ERR_ECP_INVALID_KEY);
}

// As a handshake signs: through the key's copy, which has no table.
static void openssl_verifies_what_a_key_signs(void**) {
    mbedtls_pk_context key;
    mbedtls_pk_init(&key);
    assert_int_equal(mbedtls_pk_setup(&key, mbedtls_pk_info_from_type(MBEDTLS_PK_ECKEY)), 0);
    assert_int_equal(
        mbedtls_ecp_gen_key(MBEDTLS_ECP_DP_SECP256R1, mbedtls_pk_ec(key), tls_random, nullptr), 0);
    std::array<unsigned char, 200> der;
    const int size = mbedtls_pk_write_pubkey_der(&key, der.data(), der.size());
    assert_true(size > 0);
    const unsigned char* begin = der.data() + der.size() - size;
    EVP_PKEY* theirs = d2i_PUBKEY(nullptr, &begin, size);
    assert_non_null(theirs);
    for (int round = 0; round < 200; ++round) {
        std::array<unsigned char, 32> hash;
        assert_int_equal(tls_random(nullptr, hash.data(), hash.size()), 0);
        std::array<unsigned char, MBEDTLS_PK_SIGNATURE_MAX_SIZE> signature;
        size_t length = 0;
        const uint64_t before = p256_table_uses();
        assert_int_equal(mbedtls_pk_sign(&key, MBEDTLS_MD_SHA256, hash.data(), hash.size(),
                                         signature.data(), &length, tls_random, nullptr),
                         0);
        assert_int_equal(p256_table_uses() - before, 1);
        EVP_PKEY_CTX* context = EVP_PKEY_CTX_new(theirs, nullptr);
        assert_int_equal(EVP_PKEY_verify_init(context), 1);
        assert_int_equal(
            EVP_PKEY_verify(context, signature.data(), length, hash.data(), hash.size()), 1);
        signature[length - 1] ^= 1U;
        assert_int_not_equal(
            EVP_PKEY_verify(context, signature.data(), length, hash.data(), hash.size()), 1);
        EVP_PKEY_CTX_free(context);
    }
    EVP_PKEY_free(theirs);
    mbedtls_pk_free(&key);
}

int main() {
    if (!check_tls_ciphers().ok()) return 1;
    const CMUnitTest tests[] = {
        cmocka_unit_test(signatures_are_the_published_ones),
        cmocka_unit_test(multiples_are_what_mbedtls_alone_makes_of_them),
        cmocka_unit_test(other_points_and_scalars_are_mbedtls_own),
        cmocka_unit_test(openssl_verifies_what_a_key_signs),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}

#endif
