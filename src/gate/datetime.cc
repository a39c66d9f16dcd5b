#include "gate/datetime.hh"

#include <chrono>
#include <cstdio>

namespace becaused {

namespace {

constexpr int64_t ms_per_minute = 60'000;
constexpr int64_t ms_per_day = 24 * 60 * ms_per_minute;

// Takes `digits` digits from the front; -1 when there are others.
int take_digits(std::string_view& text, size_t digits) {
    if (text.size() < digits) return -1;
    int number = 0;
    for (const char c : text.substr(0, digits)) {
        if (c < '0' || c > '9') return -1;
        number = number * 10 + (c - '0');
    }
    text.remove_prefix(digits);
    return number;
}

bool take(std::string_view& text, char expected) {
    if (text.empty() || text.front() != expected) return false;
    text.remove_prefix(1);
    return true;
}

// "2026-11-21" as days since 1970.
std::optional<int64_t> take_day(std::string_view& text) {
    const int year = take_digits(text, 4);
    if (year < 0 || !take(text, '-')) return std::nullopt;
    const int month = take_digits(text, 2);
    if (month < 0 || !take(text, '-')) return std::nullopt;
    const int day = take_digits(text, 2);
    if (day < 0) return std::nullopt;
    const std::chrono::year_month_day date{std::chrono::year(year),
                                           std::chrono::month(static_cast<unsigned>(month)),
                                           std::chrono::day(static_cast<unsigned>(day))};
    if (!date.ok()) return std::nullopt;
    return std::chrono::sys_days(date).time_since_epoch().count();
}

// "12:00" as minutes; -1 when it is none.
int take_minutes(std::string_view& text) {
    const int hours = take_digits(text, 2);
    if (hours < 0 || hours > 23 || !take(text, ':')) return -1;
    const int minutes = take_digits(text, 2);
    return minutes < 0 || minutes > 59 ? -1 : hours * 60 + minutes;
}

// ".25" as milliseconds, rounded down; 0 where none is written, -1 for a dot without digits.
int take_fraction(std::string_view& text) {
    if (!take(text, '.')) return 0;
    int ms = 0;
    int worth = 100;
    size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits) {
        ms += worth * (text[digits] - '0');
        worth /= 10;
    }
    text.remove_prefix(digits);
    return digits == 0 ? -1 : ms;
}

// "Z", "+01:00" in minutes.
std::optional<int> take_offset(std::string_view& text) {
    if (take(text, 'Z')) return 0;
    const bool behind = take(text, '-');
    if (!behind && !take(text, '+')) return std::nullopt;
    const int minutes = take_minutes(text);
    if (minutes < 0) return std::nullopt;
    return behind ? -minutes : minutes;
}

}  // namespace

std::optional<int64_t> parse_datetime(std::string_view text) {
    const std::optional<int64_t> day = take_day(text);
    if (!day || !take(text, 'T')) return std::nullopt;
    const int minutes = take_minutes(text);
    if (minutes < 0 || !take(text, ':')) return std::nullopt;
    const int seconds = take_digits(text, 2);
    if (seconds < 0 || seconds > 59) return std::nullopt;
    const int ms = take_fraction(text);
    const std::optional<int> offset = take_offset(text);
    if (ms < 0 || !offset || !text.empty()) return std::nullopt;
    return *day * ms_per_day + (minutes - *offset) * ms_per_minute + seconds * 1000 + ms;
}

std::string datetime_text(int64_t ms) {
    using std::chrono::floor;
    const std::chrono::sys_time<std::chrono::milliseconds> at{std::chrono::milliseconds(ms)};
    const auto midnight = floor<std::chrono::days>(at);
    const std::chrono::year_month_day date(midnight);
    const std::chrono::hh_mm_ss time(floor<std::chrono::seconds>(at - midnight));
    char text[48];
    std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02dZ",
                  static_cast<int>(date.year()), static_cast<unsigned>(date.month()),
                  static_cast<unsigned>(date.day()), static_cast<int>(time.hours().count()),
                  static_cast<int>(time.minutes().count()),
                  static_cast<int>(time.seconds().count()));
    return text;
}

}  // namespace becaused
