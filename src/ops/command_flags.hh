// The flags of every command but those that are settings (ops/options.hh): one table for the parsers, for
// the shells' completions and for the tests of help.
#pragma once

#include <span>
#include <string_view>

#include "ops/flags.hh"

namespace becaused {

// Of "why", "kill", "check", or of an action: "token issue"; none for others.
std::span<const Flag> flags_of(std::string_view command);

// The commands, and the actions behind their commands, that flags_of() has flags for.
std::span<const std::string_view> commands_with_flags();

}  // namespace becaused
