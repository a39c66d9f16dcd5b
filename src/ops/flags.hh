// The flags and words of a command that has no settings, against the list of what it knows.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hh"

namespace becaused {

struct Flag {
    std::string_view name;      // "--for"
    std::string_view argument;  // as shown: "DURATION"; empty: a switch
    bool repeatable = false;
};

class Flags {
  public:
    // `command` is only for messages. Arguments that are no flags are `words()`; so is "-".
    static Result<Flags> parse(std::string_view command, std::span<const std::string> arguments,
                               std::span<const Flag> known);

    bool has(std::string_view flag) const { return values_.contains(flag); }
    // The flag's value, or empty.
    std::string text(std::string_view flag) const;
    std::vector<std::string> all(std::string_view flag) const;
    const std::vector<std::string>& words() const { return words_; }

  private:
    std::map<std::string, std::vector<std::string>, std::less<>> values_;
    std::vector<std::string> words_;
};

}  // namespace becaused
