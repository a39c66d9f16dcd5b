#include "base/text.hh"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <ctime>

namespace becaused {

char* write_number(char* to, uint64_t value) {
    if (value < 10) {
        *to = static_cast<char>('0' + value);
        return to + 1;
    }
    return std::to_chars(to, to + 20, value).ptr;
}

void append_number(std::string& out, uint64_t value) {
    char digits[20];
    out.append(digits, write_number(digits, value));
}

char* write_ms(char* to, uint64_t ns) {
    const uint64_t us = ns / 1000;
    to = write_number(to, us / 1000);
    const auto rest = static_cast<unsigned>(us % 1000);
    if (rest == 0) return to;
    to[0] = '.';
    to[1] = static_cast<char>('0' + rest / 100);
    to[2] = static_cast<char>('0' + rest / 10 % 10);
    to[3] = static_cast<char>('0' + rest % 10);
    to += 4;
    while (to[-1] == '0') --to;
    return to;
}

char* write_time(char* to, uint64_t wall_ns) {
    // The second's text is the same for thousands of records: formatted once.
    static thread_local time_t cached_second = -1;
    static thread_local char cached[21];
    const auto second = static_cast<time_t>(wall_ns / 1'000'000'000U);
    if (second != cached_second) {
        tm parts{};
        ::gmtime_r(&second, &parts);
        std::strftime(cached, sizeof cached, "%Y-%m-%dT%H:%M:%S.", &parts);
        cached_second = second;
    }
    std::memcpy(to, cached, 20);
    const auto ms = static_cast<unsigned>(wall_ns / 1'000'000U % 1000);
    to[20] = static_cast<char>('0' + ms / 100);
    to[21] = static_cast<char>('0' + ms / 10 % 10);
    to[22] = static_cast<char>('0' + ms % 10);
    to[23] = 'Z';
    return to + 24;
}

void append_size(std::string& out, uint64_t bytes) {
    static constexpr const char* units[] = {" B", " kB", " MB", " GB", " TB"};
    size_t unit = 0;
    uint64_t tenths = bytes * 10;
    while (tenths >= 10'000 && unit < 4) {
        tenths = (tenths + 500) / 1000;
        ++unit;
    }
    append_number(out, tenths / 10);
    if (unit > 0 && tenths < 100 && tenths % 10 != 0) {
        out += '.';
        out += static_cast<char>('0' + tenths % 10);
    }
    out += units[unit];
}

void append_duration(std::string& out, uint64_t ms) {
    if (ms < 1000) {
        append_number(out, ms);
        out += " ms";
    } else if (ms < 120'000) {
        append_number(out, ms / 1000);
        if (ms < 10'000 && ms % 1000 >= 100) {
            out += '.';
            out += static_cast<char>('0' + ms % 1000 / 100);
        }
        out += " s";
    } else if (ms < 7'200'000) {
        append_number(out, ms / 60'000);
        out += " min";
    } else {
        append_number(out, ms / 3'600'000);
        out += " h";
    }
}

namespace {

// Length of the valid UTF-8 sequence at the front of `text`, 0 when it is not valid.
size_t utf8_length(std::string_view text) {
    const auto at = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
    const auto follows = [&](size_t i) { return i < text.size() && (at(i) & 0xC0U) == 0x80U; };
    const unsigned char lead = at(0);
    if (lead >= 0xC2 && lead <= 0xDF) return follows(1) ? 2 : 0;
    if (lead >= 0xE0 && lead <= 0xEF) {
        if (!follows(1) || !follows(2)) return 0;
        if (lead == 0xE0 && at(1) < 0xA0) return 0;
        if (lead == 0xED && at(1) > 0x9F) return 0;
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        if (!follows(1) || !follows(2) || !follows(3)) return 0;
        if (lead == 0xF0 && at(1) < 0x90) return 0;
        if (lead == 0xF4 && at(1) > 0x8F) return 0;
        return 4;
    }
    return 0;
}

// All ASCII but control bytes, DEL, quote and backslash.
bool plain(unsigned char byte) {
    return byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\';
}

constexpr uint64_t each(uint8_t byte) { return 0x0101010101010101U * byte; }

// Eight bytes at once; may say no to what is plain behind one that is not.
bool all_plain(uint64_t word) {
    const auto holds = [word](uint8_t byte) {
        const uint64_t zero = word ^ each(byte);
        return (zero - each(1)) & ~zero;
    };
    const uint64_t control = (word - each(0x20)) & ~word;
    return ((control | holds('"') | holds('\\') | holds(0x7F) | word) & each(0x80)) == 0;
}

char* write_escape(char* to, unsigned char byte) {
    static constexpr char hex[] = "0123456789abcdef";
    *to++ = '\\';
    switch (byte) {
        case '"':
        case '\\': *to++ = static_cast<char>(byte); return to;
        case '\n': *to++ = 'n'; return to;
        case '\r': *to++ = 'r'; return to;
        case '\t': *to++ = 't'; return to;
        default: break;
    }
    for (const char c : {'u', '0', '0', hex[byte >> 4U], hex[byte & 15U]}) *to++ = c;
    return to;
}

}  // namespace

char* write_json_text(char* to, std::string_view text) {
    const char* from = text.data();
    const char* const end = from + text.size();
    while (from != end) {
        uint64_t word;
        while (static_cast<size_t>(end - from) >= sizeof word) {
            std::memcpy(&word, from, sizeof word);
            if (!all_plain(word)) break;
            std::memcpy(to, &word, sizeof word);
            from += sizeof word;
            to += sizeof word;
        }
        while (from != end && plain(static_cast<unsigned char>(*from))) *to++ = *from++;
        if (from == end) break;
        const auto byte = static_cast<unsigned char>(*from);
        const std::string_view rest(from, static_cast<size_t>(end - from));
        if (byte < 0x80) {
            to = write_escape(to, byte);
            ++from;
        } else if (const size_t length = utf8_length(rest); length > 0) {
            to = std::copy_n(from, length, to);
            from += length;
        } else {
            to = std::copy_n("\xEF\xBF\xBD", 3, to);
            ++from;
        }
    }
    return to;
}

void append_json_text(std::string& out, std::string_view text) {
    const size_t before = out.size();
    out.resize(before + json_text_limit(text.size()));
    const char* end = write_json_text(out.data() + before, text);
    out.resize(static_cast<size_t>(end - out.data()));
}

}  // namespace becaused
