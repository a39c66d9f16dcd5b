// What may stand on the command line, for shells that complete it: made from the tables of settings and of
// flags, so that no flag can be forgotten.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace becaused {

struct ShellFlag {
    enum class Value : uint8_t { none, free, word, file, directory, user };
    std::string name;           // --max-requests, -f
    std::string_view argument;  // as help shows it; empty: takes none
    std::string_view help;      // may be empty
    Value value = Value::none;
    std::vector<std::string> words;  // that can be its value; those that end with = go on
    bool repeatable = false;
};

// Of a command ("run"), or of an action ("token issue").
std::vector<ShellFlag> shell_flags(std::string_view command);
// Words that are no flags, and may be the next one: actions, pages, topics.
std::vector<std::string_view> shell_words(std::string_view command);
// May a file's name follow the flags?
bool takes_file(std::string_view command);

}  // namespace becaused
