# OpenSSL: the other end of TLS in tests, so that not both ends are mbedTLS. Never in the program.
find_package(OpenSSL REQUIRED)
add_library(openssl INTERFACE)
target_link_libraries(openssl INTERFACE OpenSSL::SSL OpenSSL::Crypto)
