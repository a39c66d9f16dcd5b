// The settings in force and where each came from: flag over environment over file over default.
// Loading reads the config file and nothing else; it changes nothing. Every mistake is one line
// that names the key and, for files, the line.
#pragma once

#include <array>
#include <span>
#include <string>
#include <vector>

#include "base/status.hh"
#include "ops/given.hh"
#include "proxy/settings.hh"

namespace becaused {

class Config {
  public:
    Config();

    const Settings& settings() const { return settings_; }
    // The file that was read; empty: none.
    const std::string& file() const { return file_; }
    // Where the value in force came from. Of lists, the first element's.
    const Origin& origin(const Option& option) const { return origins_[index_of(option)]; }
    const Origin& origin(RouteClass route_class, ClockName clock) const {
        return clock_origins_[static_cast<size_t>(route_class)][static_cast<size_t>(clock)];
    }

  private:
    friend class ConfigLoader;

    Settings settings_;
    std::string file_;
    std::vector<Origin> origins_;  // by option
    std::array<std::array<Origin, clock_count>, route_class_count> clock_origins_;
};

// `arguments`: what follows the command's name; `environment`: lines NAME=VALUE.
// `to_run`: it must say where to listen, and before what.
Result<Config> load_config(std::span<const std::string> arguments,
                           std::span<const std::string> environment, bool to_run = true);

// The settings as a TOML file that would give them again, each with its origin as a comment.
std::string config_text(const Config& config);

}  // namespace becaused
