// The reference pages, generated from the tables that the program itself uses.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace becaused {

std::span<const std::string_view> docs_pages();
// The text of the page `reasons`, `clocks`, `options`, `routes` or `schema`; nothing for others.
std::optional<std::string> docs_page(std::string_view page);

// Docker's API as the gate sees it: routes, profiles, rules.
std::string routes_page();

// The JSON Schema (2020-12) of record lines; its enums are the ledger's vocabulary.
std::string record_schema();

}  // namespace becaused
