// The texts of --help: one screen per command. The settings in them come from the table of options.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace becaused {

// The names that help knows, in the order in which they are shown.
std::span<const std::string_view> command_names();
std::string help_text();
// Of a command, or of a command's action: "token issue".
std::optional<std::string> help_text(std::string_view command);

// The pages of help that are about settings: records, tls, gate.
std::span<const std::string_view> topic_names();
// One line about a command or a topic; empty for others.
std::string_view help_summary(std::string_view page);
// What may follow a command: keygen, issue, ... of token; none of others.
std::vector<std::string_view> actions_of(std::string_view command);

}  // namespace becaused
