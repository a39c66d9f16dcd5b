# nghttp2: HPACK, to read what BuildKit calls in its tunnels. Of the library only that is used.
find_path(NGHTTP2_INCLUDE_DIR nghttp2/nghttp2.h REQUIRED)
find_library(NGHTTP2_LIBRARY NAMES libnghttp2.a nghttp2 REQUIRED)
add_library(nghttp2 INTERFACE)
target_include_directories(nghttp2 SYSTEM INTERFACE ${NGHTTP2_INCLUDE_DIR})
target_link_libraries(nghttp2 INTERFACE ${NGHTTP2_LIBRARY})
