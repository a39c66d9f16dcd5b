// The one table of settings: key, kind, range, field and help. The flag `--max-requests`, the
// variable `BECAUSED_MAX_REQUESTS` and the file's key `max_requests` are all made from it, and so
// are the help texts and OPTIONS.md. Defaults stand once, in proxy/settings.hh.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <variant>

#include "base/status.hh"
#include "proxy/settings.hh"

namespace becaused {

enum class Kind : uint8_t {
    boolean,
    count,
    workers,      // a count, or `auto`, which the field holds as 0
    size,         // 64KiB; the field holds bytes
    duration_ms,  // 2s; the field holds milliseconds
    duration_s,   // 2m; the field holds whole seconds
    word,         // a token of RFC 9110 §5.6.2
    profile,
    tell,       // words of Telling, or `off`
    mode,       // enforce, report or learn
    admin,      // an address, auto or off
    user,       // NAME or UID, also with :GROUP
    collector,  // http://127.0.0.1:4318/v1/logs
    file,       // a path
    files,      // paths, in order
    networks,   // 10.0.0.0/8
    rate,       // 100/s burst 200
    rates,      // NAME=RATE
    limits,     // SIZE [METHOD] PATTERN
    url,        // http://127.0.0.1:8181/check
    fields,     // names of header fields
    listen,     // addresses
    upstream,   // an address
    clock,      // NAME=DURATION
    route,      // CLASS [METHOD] PATTERN
    config,     // the file that holds settings; not a setting itself
};

using SettingMember =
    std::variant<std::monostate, bool Settings::*, uint32_t Settings::*, uint64_t Settings::*,
                 std::string Settings::*, std::vector<std::string> Settings::*, Rate Settings::*>;

struct Option {
    std::string_view key;
    Kind kind;
    std::string_view argument;  // as shown in help; empty for booleans
    SettingMember field;        // of kinds that hold one plain value
    uint64_t least;             // in the field's unit
    uint64_t most;
    bool may_be_off;              // durations: `off` is stored as 0
    std::string_view help;        // what it is for, without the default
    std::string_view topic = {};  // help of its own beside that of `run`: tls, ...
};

std::span<const Option> options();
// The option of this key, or null.
const Option* find_option(std::string_view key);
// The one option of this kind; only for kinds that stand once in the table.
const Option& the_option(Kind kind);
size_t index_of(const Option& option);

// May stand several times as a flag.
bool repeatable(const Option& option);

std::string flag_name(const Option& option);         // --max-requests
std::string environment_name(const Option& option);  // BECAUSED_MAX_REQUESTS
std::string_view unit_words(const Option& option);   // "duration", "size", ...

// Parses, checks the range, and puts `text` into its field; kinds without a field are not for here.
Status assign(Settings& settings, const Option& option, std::string_view text);
// The value of a plain field as its text, as in a flag.
std::string value_text(const Settings& settings, const Option& option);
// "1 to 4096", "1KiB to 1GiB", or empty for kinds without a range.
std::string range_text(const Option& option);
// The default as help shows it: "4096", "none", "required".
std::string default_text(const Option& option);

}  // namespace becaused
