// HTTP/2 as tests write it, apart from src/: frames (RFC 9113 §4.1), fields (RFC 7541) that are written out
// literally, and what H2Calls makes of them as text. Used by unit tests, loopback tests and fuzzers.
#pragma once

#include <string>
#include <string_view>

#include "http/h2_calls.hh"

namespace becaused::test {

inline constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

inline std::string frame(int type, int flags, uint32_t stream, std::string_view payload = "") {
    std::string text;
    for (const unsigned shift : {16U, 8U, 0U})
        text += static_cast<char>(payload.size() >> shift & 255U);
    text += static_cast<char>(type);
    text += static_cast<char>(flags);
    for (const unsigned shift : {24U, 16U, 8U, 0U})
        text += static_cast<char>(stream >> shift & 255U);
    return text.append(payload);
}
inline std::string settings(std::string_view payload = "") { return frame(4, 0, 0, payload); }
inline std::string table_size(uint32_t size) {
    std::string text("\0\1", 2);
    for (const unsigned shift : {24U, 16U, 8U, 0U}) text += static_cast<char>(size >> shift & 255U);
    return text;
}
inline const std::string ack = frame(4, 1, 0);
inline std::string data(uint32_t stream, std::string_view text) {
    return frame(0, 0, stream, text);
}

// A literal of less than 127 bytes, without Huffman's code (RFC 7541 §5.2).
inline std::string literal(std::string_view text) {
    return static_cast<char>(text.size()) + std::string(text);
}
// :method POST, :scheme http (RFC 7541 Appendix A), and :path, not to be remembered (§6.2.2).
inline std::string call_fields(std::string_view path) { return "\x83\x86\x04" + literal(path); }
// The same, and :path goes into the table (§6.2.1).
inline std::string kept_call_fields(std::string_view path) {
    return "\x83\x86\x44" + literal(path);
}
// HEADERS with END_HEADERS.
inline std::string call(uint32_t stream, std::string_view path) {
    return frame(1, 4, stream, call_fields(path));
}

// What came out of H2Calls: the bytes that passed, what was called where in them, and how it ended.
struct Walk {
    std::string passed;
    std::string calls;  // "/a/B at 33\n"
    std::string end;    // "broken: ...", or empty
    std::string kept;   // held, and the rest of what was broken

    void feed(H2Calls& reader, std::string_view bytes) {
        std::string_view rest = bytes;
        while (end.empty()) {
            std::string_view piece;
            const H2Calls::Step step = reader.next(rest, piece);
            passed += piece;
            if (step == H2Calls::Step::more) return;
            if (step == H2Calls::Step::call)
                calls += std::string(reader.path()) + " at " + std::to_string(passed.size()) + '\n';
            if (step != H2Calls::Step::broken) continue;
            end = std::string("broken: ") + reader.flaw();
            kept = reader.held();
        }
        kept += rest;
    }
    bool operator==(const Walk&) const = default;
};

// `heard`: what the side that is called said before. `size`: of the pieces; `first`: of the first one.
inline Walk walk(std::string_view bytes, std::string_view heard = "", size_t size = SIZE_MAX,
                 size_t first = 0) {
    H2Calls reader;
    for (const char byte : heard) reader.heard({&byte, 1});
    Walk seen;
    seen.feed(reader, bytes.substr(0, first));
    bytes.remove_prefix(first);
    for (; !bytes.empty(); bytes.remove_prefix(std::min(size, bytes.size())))
        seen.feed(reader, bytes.substr(0, size));
    if (seen.end.empty()) seen.kept = reader.held();
    return seen;
}

// Empty, or where the pieces made a difference.
inline std::string cut_flaw(std::string_view bytes, std::string_view heard, bool all_cuts = true) {
    const Walk whole = walk(bytes, heard);
    for (size_t cut = 0; all_cuts && cut <= bytes.size(); ++cut)
        if (!(walk(bytes, heard, SIZE_MAX, cut) == whole)) return "cut at " + std::to_string(cut);
    for (size_t size = 1; size < 12; ++size)
        if (!(walk(bytes, heard, size) == whole)) return "in pieces of " + std::to_string(size);
    return {};
}

}  // namespace becaused::test
