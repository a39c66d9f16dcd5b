#include "http/json_boundary.hh"

#include <array>
#include <bit>
#include <cstring>

#include "base/text.hh"

namespace becaused {

namespace {

constexpr std::array<bool, 256> make_structural() {
    std::array<bool, 256> table{};
    for (const char byte : {'"', '{', '}', '[', ']'})
        table[static_cast<unsigned char>(byte)] = true;
    return table;
}
constexpr std::array<bool, 256> structural_bytes = make_structural();

// Bytes of a word that are zero get their highest bit set, and so may some above the first of those
// (Mycroft 1987): the lowest bit set is exact.
constexpr uint64_t ones = 0x0101010101010101U;
constexpr uint64_t zero_bytes(uint64_t word) { return (word - ones) & ~word & (ones << 7U); }

// How many bytes of a string's inside stand before its end or a backslash. Long ones (BuildKit's traces)
// are what a progress stream consists of.
size_t plain_string_bytes(std::string_view bytes) {
    size_t at = 0;
    if constexpr (std::endian::native == std::endian::little) {
        for (; at + sizeof(uint64_t) <= bytes.size(); at += sizeof(uint64_t)) {
            uint64_t word = 0;
            std::memcpy(&word, bytes.data() + at, sizeof word);
            const uint64_t found =
                zero_bytes(word ^ (ones * '"')) | zero_bytes(word ^ (ones * '\\'));
            if (found != 0) return at + static_cast<size_t>(std::countr_zero(found)) / 8;
        }
    }
    while (at < bytes.size() && bytes[at] != '"' && bytes[at] != '\\') ++at;
    return at;
}

size_t plain_object_bytes(std::string_view bytes) {
    size_t at = 0;
    while (at < bytes.size() && !structural_bytes[static_cast<unsigned char>(bytes[at])]) ++at;
    return at;
}

bool blank(char byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n'; }

}  // namespace

void JsonBoundary::passed(std::string_view bytes) {
    while (!bytes.empty()) {
        size_t skipped = 0;
        switch (state_) {
            case State::lost: return;
            case State::between:
                if (!blank(bytes.front()))
                    state_ = bytes.front() == '{' ? State::inside : State::lost;
                if (state_ == State::inside) depth_ = 1;
                bytes.remove_prefix(1);
                continue;
            case State::escape:
                state_ = State::string;
                bytes.remove_prefix(1);
                continue;
            case State::string: skipped = plain_string_bytes(bytes); break;
            case State::inside: skipped = plain_object_bytes(bytes); break;
        }
        bytes.remove_prefix(skipped);
        if (bytes.empty()) return;
        if (state_ == State::string) state_ = bytes.front() == '"' ? State::inside : State::escape;
        else structural(bytes.front());
        bytes.remove_prefix(1);
    }
}

// Which bracket closes which is not looked at: who sends something else than JSON has lost its reader
// already.
void JsonBoundary::structural(char byte) {
    if (byte == '"') {
        state_ = State::string;
    } else if (byte == '{' || byte == '[') {
        if (++depth_ > deepest) state_ = State::lost;
    } else if (--depth_ == 0) {
        state_ = State::between;
    }
}

void append_error_message(std::string& out, std::string_view text) {
    out += "{\"errorDetail\":{\"message\":\"";
    append_json_text(out, text);
    out += "\"},\"error\":\"";
    append_json_text(out, text);
    out += "\"}\r\n";
}

}  // namespace becaused
