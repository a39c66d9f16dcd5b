// `becaused check`: the settings in force as TOML, each with its origin. Parsing what is printed
// gives the same settings again.
#include <algorithm>

#include "ops/config.hh"
#include "ops/patience.hh"
#include "ops/phrase.hh"
#include "ops/value.hh"

namespace becaused {

namespace {

std::string line(std::string_view setting, const Origin& origin) {
    constexpr size_t column = 48;
    std::string text(setting);
    text.append(text.size() < column ? column - text.size() : 1, ' ');
    return phrase(text, "# ", origin_text(origin), '\n');
}

std::string listen_lines(const Config& config, const Option& option) {
    const std::vector<ListenAddress>& listen = config.settings().listen;
    if (listen.size() == 1)
        return line(phrase(option.key, " = ", in_quotes(listen[0].text)), config.origin(option));
    std::string text = line(phrase(option.key, " = ["), config.origin(option));
    for (const ListenAddress& address : listen)
        text += phrase("    ", in_quotes(address.text), ",\n");
    return text + "]\n";
}

std::string list_text(const std::vector<std::string>& list) {
    std::string text = "[";
    for (const std::string& item : list)
        text += phrase(text.size() > 1 ? ", " : "", in_quotes(item));
    return text + ']';
}

template <typename T>
std::string texts_line(const Config& config, const Option& option, const std::vector<T>& values,
                       std::string (*text_of)(const T&)) {
    std::vector<std::string> texts;
    texts.reserve(values.size());
    for (const T& value : values) texts.push_back(text_of(value));
    return line(phrase(option.key, " = ", list_text(texts)), config.origin(option));
}

std::string plain_line(const Config& config, const Option& option) {
    if (const auto* list = std::get_if<std::vector<std::string> Settings::*>(&option.field))
        return line(phrase(option.key, " = ", list_text(config.settings().*(*list))),
                    config.origin(option));
    const std::string value = value_text(config.settings(), option);
    const bool bare = option.kind == Kind::boolean || option.kind == Kind::count ||
                      (option.kind == Kind::workers && value != "auto");
    return line(phrase(option.key, " = ", bare ? value : in_quotes(value)), config.origin(option));
}

bool same_origin(const Origin& left, const Origin& right) {
    return left.source == right.source && left.place == right.place;
}

// One line says it for all classes. The clock `tunnel` never has such a line: in TOML,
// `clock.tunnel` is the table of the class.
bool uniform(const Config& config, ClockName clock) {
    if (clock == ClockName::tunnel) return false;
    for (size_t i = 1; i < route_class_count; ++i) {
        const auto route_class = static_cast<RouteClass>(i);
        if (config.settings().clocks.ms(route_class, clock) != config.settings().clocks.ms(clock) ||
            !same_origin(config.origin(route_class, clock),
                         config.origin(RouteClass::quick, clock)))
            return false;
    }
    return true;
}

std::string clock_line(const Config& config, RouteClass route_class, ClockName clock) {
    const uint32_t ms = config.settings().clocks.ms(route_class, clock);
    return line(phrase(name(clock), " = ", in_quotes(duration_text(ms))),
                config.origin(route_class, clock));
}

std::string clock_lines(const Config& config) {
    std::string text = "\n[clock]\n";
    for (size_t c = 0; c < clock_count; ++c)
        if (const auto clock = static_cast<ClockName>(c); uniform(config, clock))
            text += clock_line(config, RouteClass::quick, clock);
    for (size_t i = 0; i < route_class_count; ++i) {
        const auto route_class = static_cast<RouteClass>(i);
        std::string lines;
        for (size_t c = 0; c < clock_count; ++c)
            if (const auto clock = static_cast<ClockName>(c); !uniform(config, clock))
                lines += clock_line(config, route_class, clock);
        if (!lines.empty()) text += phrase("\n[clock.", name(route_class), "]\n", lines);
    }
    return text;
}

std::string route_lines(const Config& config, const Option& option) {
    std::string text;
    for (const RoutePattern& route : config.settings().routes) {
        text += phrase('\n', line("[[route]]", config.origin(option)));
        text += phrase("class = ", in_quotes(name(route.route_class)), '\n');
        if (!route.method.empty()) text += phrase("method = ", in_quotes(route.method), '\n');
        text += phrase("path = ", in_quotes(route.pattern), '\n');
    }
    return text;
}

}  // namespace

std::string config_text(const Config& config) {
    std::string text;
    for (const Option& option : options()) {
        if (option.kind == Kind::listen) text += listen_lines(config, option);
        else if (option.kind == Kind::upstream)
            text += line(phrase(option.key, " = ", in_quotes(config.settings().upstream.text)),
                         config.origin(option));
        else if (option.kind == Kind::rates)
            text += texts_line(config, option, config.settings().rate_classes, rate_class_text);
        else if (option.kind == Kind::limits)
            text += texts_line(config, option, config.settings().body_limits, body_limit_text);
        else if (option.kind == Kind::url)
            text += line(phrase(option.key, " = ", in_quotes(config.settings().auth_service.text)),
                         config.origin(option));
        else if (!std::holds_alternative<std::monostate>(option.field))
            text += plain_line(config, option);
    }
    return text + clock_lines(config) + route_lines(config, the_option(Kind::route));
}

}  // namespace becaused
