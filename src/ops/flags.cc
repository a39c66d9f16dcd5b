#include "ops/flags.hh"

#include <algorithm>

#include "ops/nearest.hh"
#include "ops/phrase.hh"

namespace becaused {

namespace {

std::string suggestion_among(std::string_view typed, std::span<const Flag> known) {
    std::vector<std::string_view> names;
    for (const Flag& flag : known) names.push_back(flag.name);
    return suggestion(typed, names);
}

}  // namespace

Result<Flags> Flags::parse(std::string_view command, std::span<const std::string> arguments,
                           std::span<const Flag> known) {
    Flags flags;
    for (size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (!argument.starts_with('-') || argument == "-") {
            flags.words_.emplace_back(argument);
            continue;
        }
        const size_t equals = argument.find('=');
        const std::string_view name = argument.substr(0, equals);
        const auto flag = std::ranges::find(known, name, &Flag::name);
        if (flag == known.end())
            return Status::failed(
                phrase(command, ": ", name, ": no such flag", suggestion_among(name, known)));
        std::vector<std::string>& values = flags.values_[std::string(name)];
        if (!values.empty() && !flag->repeatable)
            return Status::failed(phrase(command, ": ", name, ": given twice"));
        const bool inside = equals != std::string_view::npos;
        if (flag->argument.empty()) {
            if (inside) return Status::failed(phrase(command, ": ", name, ": takes no value"));
            values.emplace_back();
            continue;
        }
        std::string_view value = inside ? argument.substr(equals + 1) : std::string_view();
        if (!inside && i + 1 < arguments.size()) value = arguments[++i];
        if (value.empty())
            return Status::failed(
                phrase(command, ": ", name, ": needs a value: ", name, ' ', flag->argument));
        values.emplace_back(value);
    }
    return flags;
}

std::string Flags::text(std::string_view flag) const {
    const auto found = values_.find(flag);
    return found == values_.end() ? std::string() : found->second.front();
}

std::vector<std::string> Flags::all(std::string_view flag) const {
    const auto found = values_.find(flag);
    return found == values_.end() ? std::vector<std::string>() : found->second;
}

}  // namespace becaused
