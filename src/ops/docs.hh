// The reference pages, generated from the tables that the program itself uses.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace becaused {

std::span<const std::string_view> docs_pages();
// The text of one of these pages; nothing for others.
std::optional<std::string> docs_page(std::string_view page);

// Docker's API as the gate sees it: routes, profiles, rules.
std::string routes_page();

// The JSON Schema (2020-12) of record lines; its enums are the ledger's vocabulary.
std::string record_schema();

// becaused(1), as man(7) wants it.
std::string manual_page();

// What completes the command line in a shell.
std::string bash_completion();
std::string zsh_completion();
std::string fish_completion();

}  // namespace becaused
