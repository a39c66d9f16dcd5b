#include "ops/version.hh"

#include <llhttp.h>
#include <mbedtls/version.h>
#include <nghttp2/nghttp2.h>
#include <nlohmann/json.hpp>
#include <sodium.h>
#include <toml++/toml.h>
#include <uv.h>

#include "ops/phrase.hh"

namespace becaused {

namespace {

std::string dotted(int major, int minor, int patch) {
    return phrase(major, '.', minor, '.', patch);
}

constexpr std::string_view compiler =
#ifdef __clang__
    "clang " __clang_version__;
#else
    "gcc " __VERSION__;
#endif

}  // namespace

std::string version_text() {
    char mbedtls[32] = {};
    mbedtls_version_get_string(mbedtls);
    const std::string llhttp =
        dotted(LLHTTP_VERSION_MAJOR, LLHTTP_VERSION_MINOR, LLHTTP_VERSION_PATCH);
    const std::string toml = dotted(TOML_LIB_MAJOR, TOML_LIB_MINOR, TOML_LIB_PATCH);
    const std::string json = dotted(NLOHMANN_JSON_VERSION_MAJOR, NLOHMANN_JSON_VERSION_MINOR,
                                    NLOHMANN_JSON_VERSION_PATCH);
    return phrase("becaused ", BECAUSED_VERSION, "\nlibuv ", uv_version_string(), "\nllhttp ",
                  llhttp, "\nnghttp2 ", nghttp2_version(0)->version_str, "\nmbedTLS ", mbedtls,
                  "\nlibsodium ", sodium_version_string(), "\ntoml++ ", toml, "\nnlohmann json ",
                  json, "\ncompiler ", compiler, '\n');
}

}  // namespace becaused
