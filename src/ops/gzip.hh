// Bytes as gzip (RFC 1952), in memory. Pure.
#pragma once

#include <string>
#include <string_view>

namespace becaused {

// Empty: there was no memory for it.
std::string gzip(std::string_view bytes);

}  // namespace becaused
