#include "ops/command_flags.hh"

#include <algorithm>
#include <array>

namespace becaused {

namespace {

constexpr Flag why_flags[] = {
    {"-f", ""},
    {"--follow", ""},
    {"--summary", ""},
    {"--all", ""},
    {"--reason", "NAME"},
    {"--by", "SIDE"},
    {"--path", "PATTERN"},
    {"--id", "ID"},
    {"--since", "WHEN"},
    {"--json", ""},
    {"--utc", ""},
    {"--wide", ""},
    {"--live", ""},
    {"--verify", ""},
    {"--records-key-file", "FILE"},
    {"--admin", "ADDR"},
    {"--state", "DIR"},
};

constexpr Flag kill_flags[] = {{"--admin", "ADDR"}, {"--state", "DIR"}};

constexpr Flag check_flags[] = {
    {"--request", "'METHOD TARGET'"},
    {"--body", "FILE"},
    {"--identity", "NAME"},
    {"--field", "'NAME: VALUE'", true},
};

constexpr Flag keygen_flags[] = {{"--hash-key", ""}};

constexpr Flag issue_flags[] = {
    {"--key", "FILE"},        {"--sub", "NAME"},        {"--aud", "NAME"},
    {"--iss", "NAME"},        {"--for", "DURATION"},    {"--no-expiry", ""},
    {"--not-before", "TIME"}, {"--jti", "ID"},          {"--profile", "NAME"},
    {"--rate", "NAME"},       {"--host", "HOST", true}, {"--claim", "NAME=JSON", true},
    {"--kid", "ID"},          {"--assertion", "TEXT"},  {"--out", "FILE"},
};

constexpr Flag verify_flags[] = {
    {"--access", "FILE"}, {"--public", "KEY"}, {"--aud", "NAME"}, {"--assertion", "TEXT"},
    {"--user", "NAME"},   {"--host", "HOST"},  {"--at", "TIME"},
};

constexpr Flag hash_flags[] = {
    {"--password", ""}, {"--key", "FILE"},        {"--name", "NAME"},    {"--profile", "NAME"},
    {"--rate", "NAME"}, {"--host", "HOST", true}, {"--expires", "TIME"}, {"--out", "FILE"},
};

struct Row {
    std::string_view command;
    std::span<const Flag> flags;
};

constexpr Row rows[] = {
    {"check", check_flags},         {"why", why_flags},           {"kill", kill_flags},
    {"token keygen", keygen_flags}, {"token issue", issue_flags}, {"token verify", verify_flags},
    {"token hash", hash_flags},
};

constexpr auto commands = [] {
    std::array<std::string_view, std::size(rows)> names;
    for (size_t i = 0; i < names.size(); ++i) names[i] = rows[i].command;
    return names;
}();

}  // namespace

std::span<const Flag> flags_of(std::string_view command) {
    const Row* found = std::ranges::find(rows, command, &Row::command);
    return found == std::end(rows) ? std::span<const Flag>() : found->flags;
}

std::span<const std::string_view> commands_with_flags() { return commands; }

}  // namespace becaused
