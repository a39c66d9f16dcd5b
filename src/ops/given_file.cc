// Settings from TOML. The library is kept to this file and access_file.cc: it parses, the rest is ours.
#include <toml++/toml.h>

#include <algorithm>
#include <array>

#include "ledger/vocabulary.hh"
#include "ops/given.hh"
#include "ops/nearest.hh"
#include "ops/phrase.hh"

namespace becaused {

namespace {

struct Line {
    std::string_view key;
    const toml::node* node;
    toml::source_index number;
};

// The table's entries in the order in which they stand, so that the first mistake is named first.
std::vector<Line> lines_of(const toml::table& table) {
    std::vector<Line> lines;
    for (auto&& [key, node] : table) lines.push_back({key.str(), &node, key.source().begin.line});
    std::ranges::stable_sort(lines, {}, &Line::number);
    return lines;
}

class Reader {
  public:
    Reader(const std::string& path, std::vector<Given>& all) : path_(path), all_(all) {}

    Status read(const toml::table& root);

  private:
    Origin origin(const Line& line) const {
        return {Source::file, phrase(path_, ':', line.number)};
    }
    Status wrong(const Line& line, std::string_view key, std::string_view why) const {
        return Status::failed(phrase(path_, ':', line.number, ": ", key, ": ", why));
    }
    Status unknown(const Line& line, std::string_view prefix,
                   std::span<const std::string_view> names) const {
        return wrong(line, phrase(prefix, line.key),
                     phrase("no such key", suggestion(line.key, names)));
    }
    void add(const Line& line, const Option& option, std::string name, std::string value) {
        all_.push_back({&option, std::move(name), std::move(value), origin(line)});
    }

    Status read_value(const Line& line, const Option& option, std::string_view key,
                      std::string name);
    Status read_list(const Line& line, const Option& option);
    Status read_clocks(const Line& line, const Option& option);
    Status read_routes(const Line& line, const Option& option);
    Status read_route(const Line& route, const toml::table& table, const Option& option);

    const std::string& path_;
    std::vector<Given>& all_;
};

Status Reader::read(const toml::table& root) {
    std::vector<std::string_view> keys;
    for (const Option& option : options())
        if (option.kind != Kind::config) keys.push_back(option.key);
    for (const Line& line : lines_of(root)) {
        const Option* option = find_option(line.key);
        if (option == nullptr && find_clock(line.key))
            return wrong(line, line.key, "no such key; it is a clock: write it below [clock]");
        if (option == nullptr || option->kind == Kind::config) return unknown(line, "", keys);
        Status status = Status::fine();
        if (repeatable(*option) && option->kind != Kind::clock && option->kind != Kind::route)
            status = read_list(line, *option);
        else if (option->kind == Kind::clock) status = read_clocks(line, *option);
        else if (option->kind == Kind::route) status = read_routes(line, *option);
        else status = read_value(line, *option, line.key, "");
        if (!status.ok()) return status;
    }
    return Status::fine();
}

Status Reader::read_value(const Line& line, const Option& option, std::string_view key,
                          std::string name) {
    const toml::node& node = *line.node;
    const toml::value<int64_t>* integer = node.as_integer();
    if (option.kind == Kind::workers && integer != nullptr) {
        add(line, option, std::move(name), std::to_string(integer->get()));
        return Status::fine();
    }
    if (option.kind == Kind::boolean || option.kind == Kind::count) {
        const bool count = option.kind == Kind::count;
        if (count ? integer == nullptr : !node.is_boolean())
            return wrong(line, key,
                         count ? "must be a whole number, without quotes"
                               : "must be true or false, without quotes");
        add(line, option, std::move(name),
            count                      ? std::to_string(integer->get())
            : node.as_boolean()->get() ? "true"
                                       : "false");
        return Status::fine();
    }
    if (integer != nullptr && unit_words(option).starts_with("duration"))
        return wrong(line, key,
                     phrase(integer->get(), " has no unit: write \"", integer->get(), "s\" or \"",
                            integer->get(), "ms\""));
    if (integer != nullptr && option.kind == Kind::size)
        return wrong(line, key,
                     phrase(integer->get(), " has no unit: write \"", integer->get(), "KiB\" or \"",
                            integer->get(), "MiB\""));
    if (!node.is_string()) return wrong(line, key, "must be a text in quotes");
    add(line, option, std::move(name), node.as_string()->get());
    return Status::fine();
}

Status Reader::read_list(const Line& line, const Option& option) {
    if (line.node->is_string()) return read_value(line, option, line.key, "");
    const toml::array* items = line.node->as_array();
    const bool listen = option.kind == Kind::listen;
    if (items == nullptr)
        return wrong(line, line.key,
                     listen ? "must be an address, or a list of them"
                            : "must be a text in quotes, or a list of them");
    for (const toml::node& node : *items) {
        const Line item{line.key, &node, node.source().begin.line};
        if (!node.is_string())
            return wrong(item, line.key,
                         listen ? "must be addresses in quotes" : "must be texts in quotes");
        add(item, option, "", node.as_string()->get());
    }
    return Status::fine();
}

Status Reader::read_clocks(const Line& line, const Option& option) {
    const toml::table* clocks = line.node->as_table();
    if (clocks == nullptr)
        return wrong(line, line.key, "must be a table: [clock], then NAME = \"DURATION\"");
    for (const Line& clock : lines_of(*clocks)) {
        const toml::table* by_class = clock.node->as_table();
        if (by_class == nullptr) {
            Status status =
                read_value(clock, option, phrase("clock.", clock.key), std::string(clock.key));
            if (!status.ok()) return status;
            continue;
        }
        for (const Line& inner : lines_of(*by_class)) {
            std::string name = phrase(clock.key, '.', inner.key);
            Status status = read_value(inner, option, phrase("clock.", name), name);
            if (!status.ok()) return status;
        }
    }
    return Status::fine();
}

Status Reader::read_routes(const Line& line, const Option& option) {
    const toml::array* routes = line.node->as_array();
    if (routes == nullptr || !routes->is_array_of_tables())
        return wrong(line, line.key, "must be tables: [[route]], then class, method and path");
    for (const toml::node& route : *routes) {
        const Line at{line.key, &route, route.source().begin.line};
        Status status = read_route(at, *route.as_table(), option);
        if (!status.ok()) return status;
    }
    return Status::fine();
}

Status Reader::read_route(const Line& route, const toml::table& table, const Option& option) {
    static constexpr std::array<std::string_view, 3> keys = {"class", "method", "path"};
    for (const Line& line : lines_of(table)) {
        if (std::ranges::find(keys, line.key) == keys.end()) return unknown(line, "route.", keys);
        if (!line.node->is_string())
            return wrong(line, phrase("route.", line.key), "must be a text in quotes");
    }
    if (!table.contains("class")) return wrong(route, "route", "has no class");
    if (!table.contains("path")) return wrong(route, "route", "has no path");
    std::string text;
    for (const std::string_view key : keys) {
        const std::string part = table[key].value_or(std::string());
        if (part.find_first_of(" \t") != std::string::npos)
            return wrong(route, phrase("route.", key), phrase('"', part, "\" has a blank in it"));
        text += phrase(text.empty() ? "" : " ", part);
    }
    add(route, option, "", text);
    return Status::fine();
}

}  // namespace

Result<std::vector<Given>> given_by_file(std::string_view text, const std::string& path) {
    const toml::parse_result parsed = toml::parse(text, path);
    if (!parsed) {
        const toml::parse_error& error = parsed.error();
        return Status::failed(
            phrase(path, ':', error.source().begin.line, ": ", error.description()));
    }
    std::vector<Given> all;
    Status status = Reader(path, all).read(parsed.table());
    if (!status.ok()) return status;
    return all;
}

}  // namespace becaused
