#include "ops/given.hh"

#include <algorithm>

#include "ledger/vocabulary.hh"
#include "ops/nearest.hh"
#include "ops/phrase.hh"
#include "ops/secret_file.hh"
#include "ops/value.hh"

namespace becaused {

namespace {

// Compared without the prefix that all names share: with it, everything would resemble everything.
std::string suggestion_among(std::string_view typed, std::string_view prefix,
                             std::string (*spelling)(const Option&)) {
    std::vector<std::string> names;
    for (const Option& option : options()) names.push_back(spelling(option).substr(prefix.size()));
    const std::vector<std::string_view> views(names.begin(), names.end());
    return suggestion(typed.substr(prefix.size()), views, prefix);
}

// "; it is a clock: --clock drain=DURATION", or a setting that resembles what was typed.
std::string meant(std::string_view typed, std::string_view prefix,
                  std::string (*spelling)(const Option&), std::string_view clocks) {
    std::string name(typed.substr(prefix.size()));
    for (char& byte : name)
        byte = byte == '-' ? '_' : byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte + 32) : byte;
    if (find_clock(name)) return phrase("; it is a clock: ", clocks, name, "=DURATION");
    return suggestion_among(typed, prefix, spelling);
}

const Option* find_spelled(std::string_view typed, std::string (*spelling)(const Option&)) {
    for (const Option& option : options())
        if (spelling(option) == typed) return &option;
    return nullptr;
}

// Puts `text` into `given`; of a clock, the name before the = apart from the duration after it.
Status fill(Given& given, std::string_view text) {
    given.value = text;
    if (given.option->kind != Kind::clock) return Status::fine();
    const size_t equals = text.find('=');
    if (equals == std::string_view::npos)
        return Status::failed(phrase(given.origin.place, ": \"", text,
                                     "\" has no duration: write NAME=DURATION, like connect=2s"));
    given.name = stripped(text.substr(0, equals));
    given.value = stripped(text.substr(equals + 1));
    return Status::fine();
}

// Kubernetes and Docker's links set such variables for a service or container named "becaused", and
// scripts/deps has one. The key for hashes is a secret, which no setting is.
bool meant_for_others(std::string_view variable) {
    return variable == "BECAUSED_DEPS" || variable == "BECAUSED_PORT" ||
           variable == "BECAUSED_NAME" || variable == hash_key_variable ||
           variable.starts_with("BECAUSED_PORT_") || variable.starts_with("BECAUSED_SERVICE_") ||
           variable.starts_with("BECAUSED_ENV_");
}

}  // namespace

std::string origin_text(const Origin& origin) {
    switch (origin.source) {
        case Source::preset: return "default";
        case Source::file: return origin.place;
        case Source::environment: return phrase("environment ", origin.place);
        case Source::flag: return phrase("flag ", origin.place);
    }
    return "";
}

std::string place_text(const Given& given) {
    if (given.origin.source == Source::file)
        return phrase(given.origin.place, ": ", given.option->key, given.name.empty() ? "" : ".",
                      given.name);
    return phrase(given.origin.place, given.name.empty() ? "" : " ", given.name);
}

Result<std::vector<Given>> given_by_flags(std::span<const std::string> arguments) {
    std::vector<Given> all;
    std::vector<bool> seen(options().size());
    for (size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (!argument.starts_with("--") || argument == "--")
            return Status::failed(
                phrase('"', argument, "\": no such argument: settings are flags"));
        const size_t equals = argument.find('=');
        const std::string flag(argument.substr(0, equals));
        const Option* option = find_spelled(flag, flag_name);
        if (option == nullptr)
            return Status::failed(
                phrase(flag, ": no such flag", meant(flag, "--", flag_name, "--clock ")));
        if (seen[index_of(*option)] && !repeatable(*option))
            return Status::failed(phrase(flag, ": given twice"));
        seen[index_of(*option)] = true;
        std::string_view text = "true";
        if (equals != std::string_view::npos) {
            text = argument.substr(equals + 1);
        } else if (option->kind != Kind::boolean) {
            if (++i == arguments.size())
                return Status::failed(
                    phrase(flag, ": needs a value: ", flag, ' ', option->argument));
            text = arguments[i];
        }
        Given given{option, "", "", {Source::flag, flag}};
        const Status filled = fill(given, text);
        if (!filled.ok()) return filled;
        all.push_back(std::move(given));
    }
    return all;
}

Result<std::vector<Given>> given_by_environment(std::span<const std::string> environment) {
    std::vector<Given> all;
    for (const std::string_view line : environment) {
        const std::string variable(line.substr(0, line.find('=')));
        if (!variable.starts_with("BECAUSED_") || variable.size() + 1 >= line.size()) continue;
        const Option* option = find_spelled(variable, environment_name);
        if (option == nullptr) {
            if (meant_for_others(variable)) continue;
            return Status::failed(
                phrase(variable, ": no such setting",
                       meant(variable, "BECAUSED_", environment_name, "BECAUSED_CLOCK=")));
        }
        const std::string_view text = line.substr(variable.size() + 1);
        const std::vector<std::string_view> values =
            repeatable(*option) ? split(text, ',') : std::vector<std::string_view>{text};
        for (const std::string_view value : values) {
            Given given{option, "", "", {Source::environment, variable}};
            const Status filled = fill(given, value);
            if (!filled.ok()) return filled;
            all.push_back(std::move(given));
        }
    }
    return all;
}

}  // namespace becaused
