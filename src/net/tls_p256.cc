#include "net/tls_p256.hh"

#include <mbedtls/bignum.h>
#include <mbedtls/version.h>

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

}  // namespace

bool prepare_p256() {
    if (ready) return true;
    mbedtls_ecp_group_init(&kept);
    int error = mbedtls_ecp_group_load(&kept, MBEDTLS_ECP_DP_SECP256R1);
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
