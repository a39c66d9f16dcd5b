// The chunked coding (RFC 9112 §7.1), strict: CRLF only, hex only, sizes of at most 16 digits that fit
// 63 bits, extensions read, bounded and dropped, trailers bounded and judged. The decoder keeps no body
// bytes and copies none; it holds only the trailer section, which is bounded.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/head.hh"
#include "http/parser.hh"

namespace becaused {

enum class Flaw : uint8_t;  // http/guard.hh

inline constexpr size_t chunk_extension_limit_bytes = 1024;        // per chunk
inline constexpr size_t chunk_extensions_limit_bytes = 16 * 1024;  // per body
inline constexpr size_t trailer_limit_bytes = 8 * 1024;

class ChunkedDecoder {
  public:
    // `from`: who sent the body; decides whether faults are client_malformed (400) or
    // upstream_malformed (502).
    void start(Side from);

    enum class Step : uint8_t {
        need_more,  // all bytes consumed
        data,       // `data` are body bytes; call again with the rest
        complete,   // the body and its trailers are over; bytes may be left
        fault,      // see `fault()`
    };
    // Consumes bytes from the front of `bytes` and says what they were. Call until need_more, complete
    // or fault. `data` is a view into the bytes passed in.
    Step next(std::string_view& bytes, std::string_view& data);

    // Body bytes still missing of the current chunk: what may be forwarded without looking (0 between
    // chunks).
    uint64_t chunk_left() const { return left_; }
    // Tells the decoder that `count` <= chunk_left() body bytes went by outside of next().
    void skip(uint64_t count) {
        left_ -= count;
        offset_ += count;
    }

    // Valid after Step::fault.
    const ParseFault& fault() const { return fault_; }
    // After Step::complete: trailer lines that may be forwarded, each with its CRLF, in order and
    // byte-exact: fields that frame, route, authenticate or are hop-by-hop (RFC 9110 §6.5.1) were a
    // fault (framing, routing, Host) or left out. Empty when there were none.
    std::string_view trailers() const { return trailers_; }

  private:
    enum class State : uint8_t;
    bool take_line_byte(char byte);
    bool take_size_byte(char byte);
    bool take_extension_byte(char byte);
    bool take_trailers(std::string_view& bytes);
    bool judge_trailers();
    // Remembers the fault; always false.
    bool refuse(Flaw flaw, const char* detail, uint64_t offset);

    Side from_ = Side::client;
    State state_{};
    uint8_t digits_ = 0;
    uint64_t left_ = 0;
    uint32_t extension_bytes_ = 0;   // of this chunk
    uint32_t extensions_bytes_ = 0;  // of the body
    uint64_t offset_ = 0;            // framing and body bytes seen, for fault offsets
    std::string section_;            // raw trailer section while it arrives
    std::string trailers_;
    ParseFault fault_;
};

// The line before `size` > 0 bytes of chunk data: hex size and CRLF, into `line` (at least 20 bytes).
std::string_view chunk_line(uint64_t size, char* line);
// After each chunk's data.
inline constexpr std::string_view chunk_end = "\r\n";
// The last chunk without trailers.
inline constexpr std::string_view last_chunk = "0\r\n\r\n";

}  // namespace becaused
