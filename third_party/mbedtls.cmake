# mbedTLS: TLS (2.28 on Debian 12, 3.6 on Debian 13).
find_path(MBEDTLS_INCLUDE_DIR mbedtls/version.h REQUIRED)
find_library(MBEDTLS_LIBRARY NAMES libmbedtls.a mbedtls REQUIRED)
find_library(MBEDX509_LIBRARY NAMES libmbedx509.a mbedx509 REQUIRED)
find_library(MBEDCRYPTO_LIBRARY NAMES libmbedcrypto.a mbedcrypto REQUIRED)
add_library(mbedtls INTERFACE)
target_include_directories(mbedtls SYSTEM INTERFACE ${MBEDTLS_INCLUDE_DIR})
target_link_libraries(mbedtls INTERFACE
  ${MBEDTLS_LIBRARY} ${MBEDX509_LIBRARY} ${MBEDCRYPTO_LIBRARY} Threads::Threads)
# src/net/tls_ciphers.cc stands in for these, with libsodium's code.
foreach(symbol gcm_setkey gcm_free gcm_crypt_and_tag gcm_auth_decrypt
        chachapoly_encrypt_and_tag chachapoly_auth_decrypt ecp_mul_restartable)
  target_link_options(mbedtls INTERFACE "-Wl,--wrap=mbedtls_${symbol}")
endforeach()
