#include "base/text.hh"

#include <charconv>
#include <ctime>

namespace becaused {

void append_number(std::string& out, uint64_t value) {
    char digits[20];
    const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
    out.append(digits, end);
}

void append_ms(std::string& out, uint64_t ns) {
    const uint64_t us = ns / 1000;
    append_number(out, us / 1000);
    const auto rest = static_cast<unsigned>(us % 1000);
    if (rest == 0) return;
    char decimals[4] = {'.', static_cast<char>('0' + rest / 100),
                        static_cast<char>('0' + rest / 10 % 10),
                        static_cast<char>('0' + rest % 10)};
    size_t length = 4;
    while (decimals[length - 1] == '0') --length;
    out.append(decimals, length);
}

void append_time(std::string& out, uint64_t wall_ns) {
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
    out.append(cached, 20);
    const auto ms = static_cast<unsigned>(wall_ns / 1'000'000U % 1000);
    out += static_cast<char>('0' + ms / 100);
    out += static_cast<char>('0' + ms / 10 % 10);
    out += static_cast<char>('0' + ms % 10);
    out += 'Z';
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

void append_escape(std::string& out, unsigned char byte) {
    static constexpr char hex[] = "0123456789abcdef";
    switch (byte) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default: break;
    }
    out += "\\u00";
    out += hex[byte >> 4U];
    out += hex[byte & 15U];
}

}  // namespace

void append_json_text(std::string& out, std::string_view text) {
    size_t plain = 0;  // start of the run that needs no change
    for (size_t i = 0; i < text.size();) {
        const auto byte = static_cast<unsigned char>(text[i]);
        if (byte >= 0x20 && byte < 0x7F && byte != '"' && byte != '\\') [[likely]] {
            ++i;
            continue;
        }
        const size_t length = byte >= 0x80 ? utf8_length(text.substr(i)) : 0;
        if (length > 0) {
            i += length;
            continue;
        }
        out.append(text.data() + plain, i - plain);
        if (byte >= 0x80) out += "\xEF\xBF\xBD";
        else append_escape(out, byte);
        plain = ++i;
    }
    out.append(text.data() + plain, text.size() - plain);
}

void JsonLine::key(std::string_view key) {
    if (!first_) out_ += ',';
    first_ = false;
    if (key.empty()) return;
    out_ += '"';
    out_ += key;
    out_ += "\":";
}

void JsonLine::text(std::string_view name, std::string_view value) {
    key(name);
    out_ += '"';
    append_json_text(out_, value);
    out_ += '"';
}

void JsonLine::number(std::string_view name, uint64_t value) {
    key(name);
    append_number(out_, value);
}

void JsonLine::ms(std::string_view name, uint64_t ns) {
    key(name);
    append_ms(out_, ns);
}

void JsonLine::time(std::string_view name, uint64_t wall_ns) {
    key(name);
    out_ += '"';
    append_time(out_, wall_ns);
    out_ += '"';
}

void JsonLine::flag(std::string_view name, bool value) {
    key(name);
    out_ += value ? "true" : "false";
}

void JsonLine::open(std::string_view name, char bracket) {
    key(name);
    out_ += bracket;
    first_ = true;
}

void JsonLine::close(char bracket) {
    out_ += bracket;
    first_ = false;
}

}  // namespace becaused
