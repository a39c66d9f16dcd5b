# llhttp: the HTTP/1 parser. Debian 13 has a library; Debian 12 ships the C sources only (inside
# node-llhttp), compiled here. There strict mode is a compile-time choice, which the header must be
# told too; from 9.0 on it is always strict.
find_path(LLHTTP_INCLUDE_DIR llhttp.h PATHS /usr/share/include/llhttp REQUIRED)
find_library(LLHTTP_LIBRARY NAMES libllhttp.a llhttp)
if(LLHTTP_LIBRARY)
  add_library(llhttp INTERFACE)
  target_include_directories(llhttp SYSTEM INTERFACE ${LLHTTP_INCLUDE_DIR})
  target_link_libraries(llhttp INTERFACE ${LLHTTP_LIBRARY})
else()
  find_path(LLHTTP_SOURCE_DIR llhttp.c PATHS /usr/share/llhttp NO_DEFAULT_PATH REQUIRED)
  add_library(llhttp STATIC
    ${LLHTTP_SOURCE_DIR}/api.c ${LLHTTP_SOURCE_DIR}/http.c ${LLHTTP_SOURCE_DIR}/llhttp.c)
  target_include_directories(llhttp SYSTEM PUBLIC ${LLHTTP_INCLUDE_DIR})
  target_compile_definitions(llhttp PUBLIC LLHTTP_STRICT_MODE=1)
  target_compile_options(llhttp PRIVATE -w)
  # Its api.c adds 0 to a null pointer, which clang's sanitizer reports: no business of ours.
  if(BECAUSED_SANITIZE)
    target_compile_options(llhttp PRIVATE -fno-sanitize=undefined)
  endif()
endif()
