#include "ops/gzip.hh"

#include <zlib.h>

#include "base/status.hh"

namespace becaused {

std::string gzip(std::string_view bytes) {
    constexpr int window_bits = 15 + 16;  // zlib.h: with a gzip header
    constexpr int memory_level = 8;       // zlib's own
    z_stream stream{};
    if (::deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, window_bits, memory_level,
                       Z_DEFAULT_STRATEGY) != Z_OK)
        return {};
    std::string out(::deflateBound(&stream, bytes.size()), '\0');
    // It only reads from there.
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(bytes.data()));
    stream.avail_in = static_cast<uInt>(bytes.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const bool whole = ::deflate(&stream, Z_FINISH) == Z_STREAM_END;
    out.resize(whole ? stream.total_out : 0);
    ignored(::deflateEnd(&stream), "its memory is free in any case");
    return out;
}

}  // namespace becaused
