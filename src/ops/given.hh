// Settings as they were given: which option, what text, and where it stood. The three sources
// (flags, environment, file) turn into lists of these; config.cc alone gives them a meaning.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "base/status.hh"
#include "ops/options.hh"

namespace becaused {

enum class Source : uint8_t { preset, file, environment, flag };  // in order of precedence

struct Origin {
    Source source = Source::preset;
    std::string place;  // "--listen", "BECAUSED_LISTEN", "becaused.toml:3"
};

// "flag --listen", "environment BECAUSED_LISTEN", "becaused.toml:3", "default".
std::string origin_text(const Origin& origin);

struct Given {
    const Option* option = nullptr;
    std::string name;  // clocks: NAME or CLASS.NAME
    std::string value;
    Origin origin;
};

// What stands before a complaint about it: "becaused.toml:3: clock.connect", "--clock connect".
std::string place_text(const Given& given);

// `arguments` without the program's and the command's name. Anything that is no flag is refused.
Result<std::vector<Given>> given_by_flags(std::span<const std::string> arguments);
// `environment`: lines NAME=VALUE; those that do not begin with BECAUSED_ and empty values are not
// settings. Lists are separated by commas.
Result<std::vector<Given>> given_by_environment(std::span<const std::string> environment);
// The TOML in `text`; `path` is only for messages.
Result<std::vector<Given>> given_by_file(std::string_view text, const std::string& path);

}  // namespace becaused
