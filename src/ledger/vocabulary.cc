#include "ledger/vocabulary.hh"

namespace becaused {

namespace {

#define BECAUSED_NAME_SECOND(symbol, text, ...) text,
#define BECAUSED_NAME_SYMBOL(symbol, ...) #symbol,
#define BECAUSED_WORDS(symbol, text, words) words,

constexpr std::string_view side_names[] = {BECAUSED_SIDES(BECAUSED_NAME_SECOND)};
constexpr std::string_view phase_names[] = {BECAUSED_PHASES(BECAUSED_NAME_SECOND)};
constexpr std::string_view phase_words[] = {BECAUSED_PHASES(BECAUSED_WORDS)};
constexpr std::string_view op_names[] = {BECAUSED_OPS(BECAUSED_NAME_SECOND)};
constexpr std::string_view route_class_names[] = {BECAUSED_ROUTE_CLASSES(BECAUSED_NAME_SECOND)};
constexpr std::string_view route_class_words[] = {BECAUSED_ROUTE_CLASSES(BECAUSED_WORDS)};
constexpr std::string_view class_names[] = {BECAUSED_CLASSES(BECAUSED_NAME_SYMBOL)};

constexpr std::string_view telling_names[] = {BECAUSED_TELLINGS(BECAUSED_NAME_SYMBOL)};
constexpr std::string_view telling_words[] = {BECAUSED_TELLINGS(BECAUSED_NAME_SECOND)};

#define BECAUSED_REASON_ROW(symbol, by, end_class, status, proxy_error, sentence) \
    {Reason::symbol, #symbol, Side::by, EndClass::end_class, status, proxy_error, sentence},
constexpr ReasonRow reason_rows[] = {BECAUSED_REASONS(BECAUSED_REASON_ROW)};

#define BECAUSED_CLOCK_ROW(symbol, quick, transfer, build, follow, tunnel, session, limits) \
    {ClockName::symbol, #symbol, {quick, transfer, build, follow, tunnel, session}, limits},
constexpr ClockRow clock_rows[] = {BECAUSED_CLOCKS(BECAUSED_CLOCK_ROW)};

}  // namespace

const ReasonRow& row(Reason reason) { return reason_rows[static_cast<size_t>(reason)]; }
const ClockRow& row(ClockName clock) { return clock_rows[static_cast<size_t>(clock)]; }

std::string_view name(Side side) { return side_names[static_cast<size_t>(side)]; }
std::string_view name(Phase phase) { return phase_names[static_cast<size_t>(phase)]; }
std::string_view name(Op op) { return op_names[static_cast<size_t>(op)]; }
std::string_view name(ClockName clock) { return row(clock).symbol; }
std::string_view name(RouteClass route_class) {
    return route_class_names[static_cast<size_t>(route_class)];
}
std::string_view name(EndClass end_class) { return class_names[static_cast<size_t>(end_class)]; }
std::string_view name(Reason reason) { return row(reason).symbol; }
std::string_view name(Telling telling) { return telling_names[static_cast<size_t>(telling)]; }
std::string_view words(Telling telling) { return telling_words[static_cast<size_t>(telling)]; }
std::string_view words(Phase phase) { return phase_words[static_cast<size_t>(phase)]; }
std::string_view words(RouteClass route_class) {
    return route_class_words[static_cast<size_t>(route_class)];
}

std::optional<Reason> find_reason(std::string_view symbol) {
    for (const ReasonRow& candidate : reason_rows)
        if (candidate.symbol == symbol) return candidate.reason;
    return std::nullopt;
}

std::optional<ClockName> find_clock(std::string_view symbol) {
    for (const ClockRow& candidate : clock_rows)
        if (candidate.symbol == symbol) return candidate.clock;
    return std::nullopt;
}

std::optional<RouteClass> find_route_class(std::string_view symbol) {
    for (size_t i = 0; i < route_class_count; ++i)
        if (route_class_names[i] == symbol) return static_cast<RouteClass>(i);
    return std::nullopt;
}

std::optional<Telling> find_telling(std::string_view symbol) {
    for (size_t i = 0; i < telling_count; ++i)
        if (telling_names[i] == symbol) return static_cast<Telling>(i);
    return std::nullopt;
}

ClockTable::ClockTable() {
    for (const ClockRow& clock : clock_rows)
        for (size_t i = 0; i < route_class_count; ++i)
            set(static_cast<RouteClass>(i), clock.clock, clock.default_ms[i]);
}

}  // namespace becaused
