# cmocka: the tests. Reached only through tests/support/cmocka.hh.
find_path(CMOCKA_INCLUDE_DIR cmocka.h REQUIRED)
find_library(CMOCKA_LIBRARY NAMES cmocka REQUIRED)
add_library(cmocka_lib INTERFACE)
target_include_directories(cmocka_lib SYSTEM INTERFACE ${CMOCKA_INCLUDE_DIR})
target_link_libraries(cmocka_lib INTERFACE ${CMOCKA_LIBRARY})
