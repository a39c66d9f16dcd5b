#include "gate/rule.hh"

namespace becaused {

namespace {

struct Row {
    std::string_view symbol;
    Reason reason;
    std::string_view words;
};

constexpr Row rows[] = {
#define BECAUSED_RULE_ROW(symbol, why, text) {#symbol, Reason::why, text},
    BECAUSED_RULES(BECAUSED_RULE_ROW)
#undef BECAUSED_RULE_ROW
        {"kept", Reason::complete, ""},
};

const Row& row_of(Rule rule) { return rows[static_cast<size_t>(rule)]; }

}  // namespace

std::string_view name(Rule rule) { return row_of(rule).symbol; }
std::string_view words(Rule rule) { return row_of(rule).words; }
Reason reason(Rule rule) { return row_of(rule).reason; }

std::optional<Rule> find_rule(std::string_view symbol) {
    for (size_t i = 0; i < rule_count; ++i)
        if (rows[i].symbol == symbol) return static_cast<Rule>(i);
    return std::nullopt;
}

}  // namespace becaused
