#include "ops/value.hh"

#include <charconv>

#include "ops/phrase.hh"

namespace becaused {

namespace {

struct Unit {
    std::string_view name;
    uint64_t worth;
};

constexpr Unit duration_units[] = {
    {"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1000}, {"ms", 1}};
constexpr Unit size_units[] = {
    {"GiB", uint64_t{1} << 30}, {"MiB", uint64_t{1} << 20}, {"KiB", uint64_t{1} << 10}, {"B", 1}};

bool digit(char c) { return c >= '0' && c <= '9'; }

// Takes a number and the letters after it from the front of `text`; false when there are none.
bool take_amount(std::string_view& text, uint64_t& number, std::string_view& letters) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc()) return false;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    size_t length = 0;
    while (length < text.size() && !digit(text[length])) ++length;
    letters = text.substr(0, length);
    text.remove_prefix(length);
    return true;
}

template <size_t count>
const Unit* find_unit(const Unit (&units)[count], std::string_view name) {
    for (const Unit& unit : units)
        if (unit.name == name) return &unit;
    return nullptr;
}

template <size_t count>
std::string exact_text(const Unit (&units)[count], uint64_t amount) {
    for (const Unit& unit : units)
        if (amount % unit.worth == 0) return phrase(amount / unit.worth, unit.name);
    return std::to_string(amount);  // the last unit is worth one
}

// amount + number * worth, or false when that is more than 64 bits hold.
bool add(uint64_t& amount, uint64_t number, uint64_t worth) {
    uint64_t product = 0;
    return !__builtin_mul_overflow(number, worth, &product) &&
           !__builtin_add_overflow(amount, product, &amount);
}

bool only_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

}  // namespace

Result<uint64_t> parse_duration(std::string_view text) {
    if (text == "off") return uint64_t{0};
    if (only_digits(text))
        return Status::failed(phrase('"', text, "\" has no unit: write ", text, "ms, ", text, "s, ",
                                     text, "m or ", text, 'h'));
    const Status bad = Status::failed(
        phrase('"', text, "\" is no duration: write it like 500ms, 2s, 5m, 1h30m, or off"));
    uint64_t amount = 0;
    if (text.empty()) return bad;
    for (std::string_view rest = text; !rest.empty();) {
        uint64_t number = 0;
        std::string_view letters;
        if (!take_amount(rest, number, letters)) return bad;
        const Unit* unit = find_unit(duration_units, letters);
        if (unit == nullptr || !add(amount, number, unit->worth)) return bad;
    }
    if (amount == 0) return Status::failed(phrase('"', text, "\" would mean off: write off"));
    return amount;
}

Result<uint64_t> parse_size(std::string_view text) {
    if (only_digits(text))
        return Status::failed(
            phrase('"', text, "\" has no unit: write ", text, "B, ", text, "KiB or ", text, "MiB"));
    const Status bad =
        Status::failed(phrase('"', text, "\" is no size: write it like 512B, 64KiB, 8MiB or 1GiB"));
    std::string_view rest = text;
    uint64_t number = 0;
    uint64_t amount = 0;
    std::string_view letters;
    if (!take_amount(rest, number, letters) || !rest.empty()) return bad;
    const Unit* unit = find_unit(size_units, letters);
    if (unit == nullptr || !add(amount, number, unit->worth)) return bad;
    return amount;
}

Result<uint64_t> parse_count(std::string_view text) {
    uint64_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (!only_digits(text) || error != std::errc())
        return Status::failed(phrase('"', text, "\" is no whole number"));
    return number;
}

Result<bool> parse_boolean(std::string_view text) {
    if (text == "true" || text == "1") return true;
    if (text == "false" || text == "0") return false;
    return Status::failed(phrase('"', text, "\" is neither true nor false"));
}

std::string duration_text(uint64_t ms) {
    return ms == 0 ? std::string("off") : exact_text(duration_units, ms);
}

std::string size_text(uint64_t bytes) {
    return bytes == 0 ? std::string("0B") : exact_text(size_units, bytes);
}

std::string in_quotes(std::string_view text) {
    constexpr char hex[] = "0123456789abcdef";
    std::string out = "\"";
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '"' || c == '\\') out += phrase('\\', c);
        else if (byte < 0x20 || byte == 0x7f)
            out += phrase("\\u00", hex[byte >> 4], hex[byte & 15]);
        else out += c;
    }
    return out + '"';
}

std::string_view stripped(std::string_view text) {
    const size_t first = text.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

std::vector<std::string_view> split(std::string_view text, char separator) {
    std::vector<std::string_view> parts;
    while (!text.empty()) {
        const size_t end = std::min(text.find(separator), text.size());
        const std::string_view part = stripped(text.substr(0, end));
        if (!part.empty()) parts.push_back(part);
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return parts;
}

}  // namespace becaused
