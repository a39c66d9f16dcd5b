#include "net/tls_p256.hh"

#include <mbedtls/bignum.h>
#include <mbedtls/version.h>

#include <array>
#include <cstdint>

#include "net/tls_context.hh"

namespace becaused {

#if MBEDTLS_VERSION_MAJOR >= 3

bool prepare_p256() { return true; }
mbedtls_ecp_group* p256_with_table(const mbedtls_ecp_group&, const mbedtls_ecp_point*) {
    return nullptr;
}
uint64_t p256_table_uses() { return 0; }

#else

static_assert(sizeof(mbedtls_mpi_uint) == 8, "limbs are taken apart into halves");

namespace {

mbedtls_ecp_group kept;  // for the process's life
bool ready = false;
uint64_t uses = 0;

// The first multiplication of a group's generator leaves the table in it.
int make_table(mbedtls_ecp_group& group) {
    mbedtls_ecp_point point;
    mbedtls_mpi one;
    mbedtls_ecp_point_init(&point);
    mbedtls_mpi_init(&one);
    int error = mbedtls_mpi_lset(&one, 1);
    if (error == 0) error = mbedtls_ecp_mul(&group, &point, &one, &group.G, tls_random, nullptr);
    mbedtls_mpi_free(&one);
    mbedtls_ecp_point_free(&point);
    return error;
}

// Words of 32 bits in wider places, the lowest first: carries are kept, not followed.
using Words = std::array<int64_t, 8>;

// Brings each word into 32 bits; what is beyond 2^256 is returned. (A shift of a negative number rounds
// down, as C++20 says.)
int64_t carry(Words& words) {
    int64_t over = 0;
    for (int64_t& word : words) {
        over += word;
        word = over & 0xffffffff;
        over >>= 32;
    }
    return over;
}

}  // namespace

// FIPS 186-4 D.2.3, its nine terms added up word by word: no branch and no address depends on the number.
// 2^256 is 2^224 - 2^192 - 2^96 + 1 modulo p. What is beyond 2^256 is between -4 and 6 at first; folded
// in, it leaves -1, 0 or 1; and folding that leaves nothing, since what remains is near the other end.
int reduce_p256(mbedtls_mpi* product) {
    if (const int error = mbedtls_mpi_grow(product, 8); error != 0) return error;
    std::array<int64_t, 16> a;
    for (size_t i = 0; i < 8; ++i) {
        a[2 * i] = static_cast<int64_t>(product->p[i] & 0xffffffff);
        a[2 * i + 1] = static_cast<int64_t>(product->p[i] >> 32U);
    }
    Words words = {
        a[0] + a[8] + a[9] - a[11] - a[12] - a[13] - a[14],
        a[1] + a[9] + a[10] - a[12] - a[13] - a[14] - a[15],
        a[2] + a[10] + a[11] - a[13] - a[14] - a[15],
        a[3] + 2 * a[11] + 2 * a[12] + a[13] - a[15] - a[8] - a[9],
        a[4] + 2 * a[12] + 2 * a[13] + a[14] - a[9] - a[10],
        a[5] + 2 * a[13] + 2 * a[14] + a[15] - a[10] - a[11],
        a[6] + 3 * a[14] + 2 * a[15] + a[13] - a[8] - a[9],
        a[7] + 3 * a[15] + a[8] - a[10] - a[11] - a[12] - a[13],
    };
    int64_t over = carry(words);
    for (int fold = 0; fold < 2; ++fold) {
        words[0] += over;
        words[3] -= over;
        words[6] -= over;
        words[7] += over;
        over = carry(words);
    }
    for (size_t i = 0; i < 4; ++i)
        product->p[i] = static_cast<mbedtls_mpi_uint>(words[2 * i]) |
                        static_cast<mbedtls_mpi_uint>(words[2 * i + 1]) << 32U;
    for (size_t i = 4; i < product->n; ++i) product->p[i] = 0;
    return 0;
}

bool prepare_p256() {
    if (ready) return true;
    mbedtls_ecp_group_init(&kept);
    int error = mbedtls_ecp_group_load(&kept, MBEDTLS_ECP_DP_SECP256R1);
    kept.modp = reduce_p256;
    if (error == 0) error = make_table(kept);
    ready = error == 0 && kept.T != nullptr;
    return ready;
}

mbedtls_ecp_group* p256_with_table(const mbedtls_ecp_group& group, const mbedtls_ecp_point* point) {
    if (!ready || group.id != MBEDTLS_ECP_DP_SECP256R1 || point != &group.G) return nullptr;
    ++uses;
    return &kept;
}

uint64_t p256_table_uses() { return uses; }

#endif

}  // namespace becaused
