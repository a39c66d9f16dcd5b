# zlib: rotated records are compressed with it.
find_path(ZLIB_INCLUDE_DIR zlib.h REQUIRED)
find_library(ZLIB_LIBRARY NAMES libz.a z REQUIRED)
add_library(zlib INTERFACE)
target_include_directories(zlib SYSTEM INTERFACE ${ZLIB_INCLUDE_DIR})
target_link_libraries(zlib INTERFACE ${ZLIB_LIBRARY})
