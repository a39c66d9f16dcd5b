// Text for machines and for people: numbers, times, sizes, what stands inside a JSON string. Each at the
// end of a string; or at `to`, where there is room, and the end of what was written is returned.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace becaused {

// As memcpy(3), without its call where there is little to copy.
inline char* copy_short(char* to, std::string_view from) {
    const size_t size = from.size();
    if (size >= 8 && size <= 16) {
        uint64_t front, back;
        std::memcpy(&front, from.data(), 8);
        std::memcpy(&back, from.data() + size - 8, 8);
        std::memcpy(to, &front, 8);
        std::memcpy(to + size - 8, &back, 8);
    } else if (size >= 4 && size < 8) {
        uint32_t front, back;
        std::memcpy(&front, from.data(), 4);
        std::memcpy(&back, from.data() + size - 4, 4);
        std::memcpy(to, &front, 4);
        std::memcpy(to + size - 4, &back, 4);
    } else if (size > 0) {
        std::memcpy(to, from.data(), size);
    }
    return to + size;
}

void append_number(std::string& out, uint64_t value);
char* write_number(char* to, uint64_t value);  // 20 bytes at most
// Milliseconds with three decimals from nanoseconds, "12.345"; trailing zeros left out.
char* write_ms(char* to, uint64_t ns);  // 24 bytes at most
// "2026-11-21T12:00:00.123Z" (RFC 3339), from nanoseconds since 1970.
char* write_time(char* to, uint64_t wall_ns);  // 24 bytes
// For people: "12 B", "1.2 kB", "300 MB"; "250 ms", "12 s", "15 min", "2 h".
void append_size(std::string& out, uint64_t bytes);
void append_duration(std::string& out, uint64_t ms);
// As the inside of a JSON string: quotes, backslash and control bytes escaped, bytes that are not UTF-8
// replaced by U+FFFD (RFC 8259 §8.1).
void append_json_text(std::string& out, std::string_view text);
char* write_json_text(char* to, std::string_view text);
// The room that it may need.
constexpr size_t json_text_limit(size_t bytes) { return 6 * bytes + 8; }

}  // namespace becaused
