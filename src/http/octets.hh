// Byte classes (RFC 9110 §5.6.2, RFC 3986) and the small walks over bytes that heads need: the next
// control byte, the elements of a comma list, decimal numbers. Pure, no state, no allocation.
#pragma once

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

namespace becaused {

enum Octet : uint8_t {
    octet_token = 1,  // tchar
    octet_path = 2,   // pchar or "/", a "%" included
    octet_query = 4,  // visible ASCII but quotes, "#", "<", ">": what browsers leave as it is, too
    octet_host = 8,   // unreserved: names and IPv4 addresses
    octet_digit = 16,
    octet_hex = 32,
    octet_visible = 64,  // 0x21..0x7e
};

namespace octets {

constexpr bool among(std::string_view set, int byte) {
    return set.find(static_cast<char>(byte)) != std::string_view::npos;
}

constexpr std::array<uint8_t, 256> make_table() {
    std::array<uint8_t, 256> table{};
    for (int byte = 0x21; byte <= 0x7e; ++byte) {
        const bool digit = byte >= '0' && byte <= '9';
        const int lower = byte | 0x20;
        const bool alpha = lower >= 'a' && lower <= 'z';
        const bool plain = digit || alpha;
        unsigned set = octet_visible;
        if (plain || among("!#$%&'*+-.^_`|~", byte)) set |= octet_token;
        if (plain || among("-._~!$&'()*+,;=:@/%", byte)) set |= octet_path;
        if (!among("\"#<>", byte)) set |= octet_query;
        if (plain || among("-._~", byte)) set |= octet_host;
        if (digit) set |= octet_digit;
        if (digit || (lower >= 'a' && lower <= 'f')) set |= octet_hex;
        table[static_cast<size_t>(byte)] = static_cast<uint8_t>(set);
    }
    return table;
}

inline constexpr std::array<uint8_t, 256> table = make_table();

}  // namespace octets

inline bool is(Octet set, char byte) {
    return (octets::table[static_cast<unsigned char>(byte)] & set) != 0;
}

// All bytes are of that class; true for none.
inline bool all(Octet set, std::string_view bytes) {
    for (const char byte : bytes)
        if (!is(set, byte)) return false;
    return true;
}

inline bool is_token(std::string_view bytes) { return !bytes.empty() && all(octet_token, bytes); }

// ASCII only.
inline char lower(char byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte;
}

// The first byte from `at` on that is a control byte other than tab, or DEL; `end` if there is none.
// Eight bytes at a time: the lowest flagged byte of a word is exact, because borrows only go upward.
inline const char* find_control(const char* at, const char* end) {
    constexpr uint64_t ones = 0x0101010101010101;
    constexpr uint64_t tops = ones * 0x80;
#ifdef __SSE2__  // sixteen at a time, where that is in every processor
    while (end - at >= 16) {
        const __m128i bytes = _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
        const __m128i low = _mm_cmpeq_epi8(_mm_min_epu8(bytes, _mm_set1_epi8(0x1f)), bytes);
        const __m128i tab = _mm_cmpeq_epi8(bytes, _mm_set1_epi8('\t'));
        const __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));
        const auto found =
            static_cast<unsigned>(_mm_movemask_epi8(_mm_or_si128(_mm_andnot_si128(tab, low), del)));
        if (found != 0) return at + std::countr_zero(found);
        at += 16;
    }
#endif
    while (end - at >= 8) {
        uint64_t word;
        std::memcpy(&word, at, sizeof word);
        if constexpr (std::endian::native == std::endian::big) word = __builtin_bswap64(word);
        const uint64_t dels = word ^ (ones * 0x7f);
        const uint64_t low = (word - ones * 0x20) & ~word & tops;
        const uint64_t del = (dels - ones) & ~dels & tops;
        if ((low | del) == 0) {
            at += 8;
            continue;
        }
        at += std::countr_zero(low | del) / 8;
        if (*at != '\t') return at;
        ++at;
    }
    for (; at < end; ++at) {
        const auto byte = static_cast<unsigned char>(*at);
        if ((byte < 0x20 && byte != '\t') || byte == 0x7f) return at;
    }
    return end;
}

inline bool is_space(char byte) { return byte == ' ' || byte == '\t'; }

// Without the white space around it (OWS, RFC 9110 §5.6.3).
inline std::string_view trimmed(std::string_view bytes) {
    while (!bytes.empty() && is_space(bytes.front())) bytes.remove_prefix(1);
    while (!bytes.empty() && is_space(bytes.back())) bytes.remove_suffix(1);
    return bytes;
}

// Takes the next element off a comma list (RFC 9110 §5.6.1), trimmed; empty elements are given too.
// Not for lists whose elements may hold quoted strings. Call while `!list.empty()`.
inline std::string_view take_element(std::string_view& list) {
    const size_t comma = list.find(',');
    const std::string_view element = trimmed(list.substr(0, comma));
    list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
    return element;
}

inline constexpr uint64_t most_bytes = static_cast<uint64_t>(INT64_MAX);

// Digits only, at most 2^63 - 1.
inline bool read_decimal(std::string_view digits, uint64_t& number) {
    uint64_t sum = 0;
    for (const char byte : digits) {
        if (!is(octet_digit, byte)) return false;
        const auto digit = static_cast<uint64_t>(byte - '0');
        if (sum > (most_bytes - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    number = sum;
    return !digits.empty();
}

}  // namespace becaused
