# libuv: the event loop. The static archive is libuv_a.a on Debian 12 and libuv.a on Debian 13.
find_path(LIBUV_INCLUDE_DIR uv.h REQUIRED)
find_library(LIBUV_LIBRARY NAMES libuv_a.a libuv.a uv REQUIRED)
add_library(libuv INTERFACE)
target_include_directories(libuv SYSTEM INTERFACE ${LIBUV_INCLUDE_DIR})
target_link_libraries(libuv INTERFACE ${LIBUV_LIBRARY} Threads::Threads ${CMAKE_DL_LIBS} rt)
