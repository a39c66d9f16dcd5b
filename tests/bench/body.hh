// body: the body that one end sends, plain or chunked, as windows on one shared pattern.
//
// A value of a few words: no memory per body, whatever its length. Never reads what it sends.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "wire.hh"

namespace bench {

class Body {
  public:
    // io.Copy's buffer, and so the chunk that a Go server (dockerd) sends.
    static constexpr std::uint64_t chunk_bytes = 32768;

    Body() = default;

    static Body plain(std::uint64_t bytes) {
        static const std::string pattern(512 * 1024, 'b');
        return Body(pattern, bytes, {});
    }

    // `bytes` is a multiple of chunk_bytes, so that the stream repeats without an odd last chunk.
    static Body chunked(std::uint64_t bytes) {
        static const std::string chunk = "8000\r\n" + std::string(chunk_bytes, 'c') + "\r\n";
        static const std::string pattern = repeated(chunk, 16);
        if (bytes % chunk_bytes != 0) die("a chunked body is a multiple of 32768 bytes");
        return Body(pattern, bytes / chunk_bytes * chunk.size(), "0\r\n\r\n");
    }

    [[nodiscard]] bool done() const { return at_ == pattern_end_ + last_.size(); }

    // What comes next; never empty before done().
    [[nodiscard]] std::string_view next() const {
        if (at_ >= pattern_end_) return last_.substr(static_cast<std::size_t>(at_ - pattern_end_));
        const std::string_view window =
            pattern_.substr(static_cast<std::size_t>(at_ % pattern_.size()));
        return window.substr(0, static_cast<std::size_t>(
                                    std::min<std::uint64_t>(window.size(), pattern_end_ - at_)));
    }

    void sent(std::uint64_t bytes) { at_ += bytes; }

  private:
    Body(std::string_view pattern, std::uint64_t pattern_end, std::string_view last)
        : pattern_(pattern), last_(last), pattern_end_(pattern_end) {}

    static std::string repeated(const std::string& text, int times) {
        std::string all;
        for (int i = 0; i < times; ++i) all += text;
        return all;
    }

    std::string_view pattern_;
    std::string_view last_;
    std::uint64_t pattern_end_ = 0;
    std::uint64_t at_ = 0;
};

}  // namespace bench
