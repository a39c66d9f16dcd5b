#include "gate/query.hh"

#include <algorithm>
#include <optional>

#include "gate/body.hh"
#include "gate/limit.hh"
#include "gate/path.hh"
#include "http/octets.hh"

namespace becaused {

namespace {

// One word of RouteRow::query.
struct KeyWord {
    std::string_view key;
    bool repeats = false;
    bool judged = false;
    bool needed = false;
    size_t index = 0;
};

KeyWord take_word(std::string_view& words) {
    KeyWord word;
    const size_t end = std::min(words.find(' '), words.size());
    word.key = words.substr(0, end);
    words.remove_prefix(std::min(end + 1, words.size()));
    for (; !word.key.empty(); word.key.remove_suffix(1)) {
        const char mark = word.key.back();
        if (mark == '*') word.repeats = true;
        else if (mark == '!') word.judged = true;
        else if (mark == '+') word.needed = true;
        else break;
    }
    return word;
}

std::optional<KeyWord> find_word(std::string_view words, std::string_view key) {
    for (size_t index = 0; !words.empty(); ++index) {
        KeyWord word = take_word(words);
        word.index = index;
        if (word.key == key) return word;
    }
    return std::nullopt;
}

bool whole_escapes(std::string_view query) {
    for (size_t at = query.find('%'); at != std::string_view::npos; at = query.find('%', at + 1))
        if (at + 2 >= query.size() || !is(octet_hex, query[at + 1]) ||
            !is(octet_hex, query[at + 2]))
            return false;
    return true;
}

// Its escapes are whole. A view of `raw` itself where there is nothing to decode.
std::string_view decode(std::string_view raw, char* room) {
    if (raw.find_first_of("%+") == std::string_view::npos) return raw;
    size_t size = 0;
    for (size_t at = 0; at < raw.size(); ++at) {
        if (raw[at] != '%') {
            room[size++] = raw[at] == '+' ? ' ' : raw[at];
            continue;
        }
        room[size++] = unescaped(&raw[at + 1]);
        at += 2;
    }
    return {room, size};
}

struct ValueRule {
    std::string_view key;
    Rule rule = Rule::kept;
    // Either: what the value may be, besides nothing at all; or: a number.
    std::string_view allowed[3] = {};
    AmountTest amount = nullptr;
};

constexpr ValueRule value_rules[] = {
    {"networkmode", Rule::build_network, {"default", "bridge", "none"}},
    {"remote", Rule::build_remote, {"client-session"}},
    {"extrahosts", Rule::build_hosts},
    {"cgroupparent", Rule::cgroup_parent},
    {"securityopt", Rule::security_opt, {"null", "[]"}},
    {"fromSrc", Rule::image_import},
    {"checkpoint", Rule::checkpoints},
    {"checkpoint-dir", Rule::checkpoints},
    {"memory", Rule::memory_limit, {}, memory_amount},
    {"memswap", Rule::memory_limit, {}, memory_amount},
    {"shmsize", Rule::memory_limit, {}, memory_amount},
    {"cpuquota", Rule::cpu_limit, {}, cpu_quota_amount},
    {"cpuperiod", Rule::cpu_limit, {}, cpu_period_amount},
};

bool whole_number(std::string_view text, int64_t& number) {
    const bool negative = text[0] == '-';
    uint64_t magnitude = 0;
    if (!read_decimal(negative ? text.substr(1) : text, magnitude)) return false;
    number = static_cast<int64_t>(magnitude);
    if (negative) number = -number;
    return true;
}

Refusal judge_value(std::string_view key, std::string_view value, const Profile& profile) {
    if (value.empty()) return {};
    if (key == "networkmode" && profile.own() && value.starts_with("container:"))
        return profile.refuse_shared();
    if (key == "outputs") return value == "null" ? Refusal() : judge_build_outputs(value, profile);
    const auto* rule = std::ranges::find(value_rules, key, &ValueRule::key);
    CHECK(rule != std::end(value_rules));
    if (rule->amount != nullptr) {
        int64_t number = 0;
        if (!whole_number(value, number))
            return Refusal::uninspectable("a limit in the query that is no whole number");
        return profile.refuse(rule->amount(number, profile.ceilings()));
    }
    if (std::ranges::find(rule->allowed, value) != std::end(rule->allowed)) return {};
    return profile.refuse(rule->rule);
}

Refusal judge_needed(std::string_view words, uint64_t given) {
    for (size_t index = 0; !words.empty(); ++index)
        if (take_word(words).needed && (given >> index & 1) == 0)
            return Refusal::uninspectable(
                "a query without the key that decides what its route does (ROUTES.md marks it +)");
    return {};
}

}  // namespace

Refusal judge_query(const RouteRow* row, std::string_view query, const Profile& profile) {
    if (query.find(';') != std::string_view::npos)
        return Refusal::uninspectable("a ; in the query, which not all readers take for the same");
    if (!whole_escapes(query))
        return Refusal::uninspectable("an escape in the query that is cut or not hexadecimal");
    if (row == nullptr || !profile.judges_content()) return {};
    char room[target_limit_bytes];
    uint64_t seen = 0, given = 0;
    while (!query.empty()) {
        const size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        if (pair.empty()) continue;
        const size_t equals = std::min(pair.find('='), pair.size());
        const auto word = find_word(row->query, decode(pair.substr(0, equals), room));
        if (!word) {
            if (Refusal refusal = profile.refuse(Rule::query_keys)) return refusal;
            continue;
        }
        const uint64_t bit = uint64_t{1} << word->index;
        if ((seen & bit) != 0 && !word->repeats)
            return Refusal::uninspectable("a key of the query twice, where it may stand once");
        seen |= bit;
        const std::string_view raw = pair.substr(std::min(equals + 1, pair.size()));
        if (!raw.empty()) given |= bit;
        if (!word->judged) continue;
        if (Refusal refusal = judge_value(word->key, decode(raw, room), profile)) return refusal;
    }
    return judge_needed(row->query, given);
}

}  // namespace becaused
