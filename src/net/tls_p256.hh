// P-256 as servers sign with it. mbedTLS 2.28 copies the key pair for every signature, and so makes the
// table of the generator's multiples anew, which is more than half of the work. Here one group keeps its
// table; all arithmetic is mbedTLS's. 3.6 has the table built in: nothing is done there.
#pragma once

#include <mbedtls/ecp.h>

#include <cstdint>

namespace becaused {

// Makes the table. Once, before any other thread uses mbedTLS: later it is only read. False: short of
// memory, and everything stays mbedTLS's own.
bool prepare_p256();

// The group with the table where `point` is the generator of a P-256 group, else null.
mbedtls_ecp_group* p256_with_table(const mbedtls_ecp_group& group, const mbedtls_ecp_point* point);

// How often it was used.
uint64_t p256_table_uses();

}  // namespace becaused
