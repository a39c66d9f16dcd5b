#include "ops/shell_words.hh"

#include <algorithm>
#include <array>

#include "gate/profile.hh"
#include "ledger/vocabulary.hh"
#include "ops/command_flags.hh"
#include "ops/docs.hh"
#include "ops/help.hh"
#include "ops/options.hh"
#include "ops/phrase.hh"

namespace becaused {

namespace {

using Value = ShellFlag::Value;

template <typename Enum, size_t count>
std::vector<std::string> words_of(std::string_view suffix = {}) {
    std::vector<std::string> words;
    for (size_t i = 0; i < count; ++i) words.push_back(phrase(name(static_cast<Enum>(i)), suffix));
    return words;
}

std::vector<std::string> profile_words() {
    const auto names = built_in_profiles();
    return {names.begin(), names.end()};
}

// Words that stand for a value of this kind; none where nobody can know them.
std::vector<std::string> words_for(Kind kind) {
    switch (kind) {
        case Kind::profile: return profile_words();
        case Kind::mode: return {"enforce", "report", "learn"};
        case Kind::tell: return {"progress", "frames", "goaway", "refusals", "off"};
        case Kind::admin: return {"auto", "off"};
        case Kind::clock: return words_of<ClockName, clock_count>("=");
        case Kind::boolean:
        case Kind::count:
        case Kind::size:
        case Kind::duration_ms:
        case Kind::duration_s:
        case Kind::word:
        case Kind::user:
        case Kind::collector:
        case Kind::file:
        case Kind::files:
        case Kind::networks:
        case Kind::rate:
        case Kind::rates:
        case Kind::limits:
        case Kind::url:
        case Kind::fields:
        case Kind::listen:
        case Kind::upstream:
        case Kind::route:
        case Kind::config: break;
    }
    return {};
}

ShellFlag flag_of(const Option& option) {
    ShellFlag flag;
    flag.name = flag_name(option);
    flag.argument = option.argument;
    flag.help = option.help;
    flag.repeatable = repeatable(option);
    flag.words = words_for(option.kind);
    const bool path =
        option.kind == Kind::file || option.kind == Kind::files || option.kind == Kind::config;
    if (option.kind == Kind::boolean) flag.value = Value::none;
    else if (option.argument.starts_with("DIR")) flag.value = Value::directory;
    else if (path) flag.value = Value::file;
    else if (option.kind == Kind::user) flag.value = Value::user;
    else flag.value = flag.words.empty() ? Value::free : Value::word;
    return flag;
}

ShellFlag flag_of(const Flag& given) {
    ShellFlag flag;
    flag.name = given.name;
    flag.argument = given.argument;
    flag.repeatable = given.repeatable;
    if (given.name == "--reason") flag.words = words_of<Reason, reason_count>();
    if (given.name == "--by") flag.words = words_of<Side, side_count>();
    if (given.name == "--profile") flag.words = profile_words();
    if (given.argument.empty()) flag.value = Value::none;
    else if (given.argument == "FILE") flag.value = Value::file;
    else if (given.argument == "DIR") flag.value = Value::directory;
    else flag.value = flag.words.empty() ? Value::free : Value::word;
    return flag;
}

}  // namespace

std::vector<ShellFlag> shell_flags(std::string_view command) {
    std::vector<ShellFlag> flags;
    if (command == "run" || command == "check")
        for (const Option& option : options()) flags.push_back(flag_of(option));
    for (const Flag& flag : flags_of(command)) flags.push_back(flag_of(flag));
    return flags;
}

std::vector<std::string_view> shell_words(std::string_view command) {
    if (command == "docs") {
        const auto pages = docs_pages();
        return {pages.begin(), pages.end()};
    }
    if (command != "help") return actions_of(command);
    std::vector<std::string_view> words(command_names().begin(), command_names().end());
    words.insert(words.end(), topic_names().begin(), topic_names().end());
    return words;
}

bool takes_file(std::string_view command) {
    constexpr std::string_view takers[] = {"why", "token keygen", "token inspect", "token verify",
                                           "token hash"};
    return std::ranges::find(takers, command) != std::end(takers);
}

}  // namespace becaused
