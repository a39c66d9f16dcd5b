// The texts of --help: one screen per command. The settings in them come from the table of options.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace becaused {

// The names that help knows, in the order in which they are shown.
std::span<const std::string_view> command_names();
std::string help_text();
// Of a command, or of a command's action: "token issue".
std::optional<std::string> help_text(std::string_view command);

}  // namespace becaused
