#include "gate/profile.hh"

#include <algorithm>
#include <set>

#include "gate/path.hh"
#include "gate/route.hh"

namespace becaused {

namespace {

struct BuiltIn {
    std::string_view name;
    uint8_t bit;
};
constexpr BuiltIn from_table[] = {
    {"ping", in_ping},           {"inspect", in_inspect}, {"build", in_build},
    {"push_pull", in_push_pull}, {"builder", in_builder}, {"run_sandboxed", in_run},
};
constexpr std::string_view names[] = {"ping",    "inspect",       "build", "push_pull",
                                      "builder", "run_sandboxed", "admin", "any"};

// Refusals end in records, which may outlive every profile: their texts are kept for good. Few are
// made, at start-up, and each once.
const char* keep(std::string text) {
    static auto& kept = *new std::set<std::string>;
    return kept.insert(std::move(text)).first->c_str();
}

std::string method_text(uint8_t methods) {
    constexpr std::pair<uint8_t, std::string_view> bits[] = {{method_get, "GET"},
                                                             {method_head, "HEAD"},
                                                             {method_post, "POST"},
                                                             {method_put, "PUT"},
                                                             {method_delete, "DELETE"}};
    std::string text;
    for (const auto& [bit, method] : bits)
        if ((methods & bit) != 0) text.append(text.empty() ? "" : "|").append(method);
    return text;
}

bool fits(const PathRule& rule, std::string_view method, std::string_view path) {
    return (rule.method.empty() || rule.method == method) && matches(rule.pattern, path);
}

std::string in_quotes(std::string_view text) { return '"' + std::string(text) + '"'; }

bool is_path_rule(std::string_view text) {
    return text.find_first_of("/ \t") != std::string_view::npos;
}

bool plain_name(std::string_view name) {
    constexpr std::string_view set = "abcdefghijklmnopqrstuvwxyz0123456789_-";
    return !name.empty() && name.size() <= 64 &&
           name.find_first_not_of(set) == std::string_view::npos;
}

}  // namespace

std::span<const std::string_view> built_in_profiles() { return names; }

Result<PathRule> parse_path_rule(std::string_view text) {
    PathRule rule;
    const size_t blank = std::min(text.find(' '), text.size());
    const size_t begin = text.find_first_not_of(' ', blank);
    rule.pattern = begin == std::string_view::npos ? text : text.substr(begin);
    if (begin != std::string_view::npos) rule.method = text.substr(0, blank);
    const bool method =
        rule.method.find_first_not_of("ABCDEFGHIJKLMNOPQRSTUVWXYZ") == std::string::npos;
    const bool pattern = !rule.pattern.empty() && rule.pattern[0] == '/' &&
                         rule.pattern.find_first_of(" \t?#%") == std::string::npos;
    const bool versioned = without_version(rule.pattern).size() != rule.pattern.size();
    if (method && pattern && !versioned) return rule;
    return Status::failed(in_quotes(text) +
                          " is no rule: write a route's name (see `becaused docs routes`), or"
                          " [METHOD] PATTERN without the version, like POST /images/*/tag");
}

bool Profile::allows(std::string_view method, std::string_view path) const {
    return std::ranges::any_of(allow_,
                               [&](const PathRule& rule) { return fits(rule, method, path); });
}

Refusal Profile::refuse(Rule rule) const {
    if (!enforces(rule)) return {};
    return {rule_texts_[static_cast<size_t>(rule)], reason(rule), 0};
}

std::optional<Rule> Profile::rule_behind(const Refusal& refusal) const {
    const auto found = std::ranges::find(rule_texts_, refusal.text);  // each is kept once
    if (found == rule_texts_.end()) return std::nullopt;
    return static_cast<Rule>(found - rule_texts_.begin());
}

Refusal Profile::refuse_denied(std::string_view method, std::string_view path) const {
    for (const PathRule& rule : deny_)
        if (fits(rule, method, path)) return {rule.text, Reason::policy_denied, 0};
    return {};
}

Refusal Profile::refuse_route(const RouteRow* row) const {
    const char* text = row == nullptr ? no_route_text_ : route_texts_[index_of(*row)];
    return {text, Reason::policy_denied, 0};
}

Status Profile::set_routes(std::string_view wanted, bool allowed) {
    bool found = false;
    for (const RouteRow& row : route_rows()) {
        if (!matches(wanted, row.name)) continue;
        found = true;
        routes_[index_of(row)] = allowed;
    }
    if (found) return Status::fine();
    return parse_path_rule(wanted).status();
}

Status Profile::adopt_paths(const ProfileSettings& settings) {
    for (const bool allowed : {true, false}) {
        for (const std::string& text : allowed ? settings.allow : settings.deny) {
            const std::string where = allowed ? "allow: " : "deny: ";
            if (!is_path_rule(text)) {
                const Status status = set_routes(text, allowed);
                if (!status.ok()) return Status::failed(where + status.message());
                continue;
            }
            Result<PathRule> rule = parse_path_rule(text);
            if (!rule.ok()) return Status::failed(where + rule.status().message());
            (allowed ? allow_ : deny_).push_back(rule.value());
        }
    }
    return Status::fine();
}

Status Profile::adopt_rules(const ProfileSettings& settings) {
    for (const bool lifted : {true, false}) {
        for (const std::string& symbol : lifted ? settings.permit : settings.forbid) {
            const std::optional<Rule> rule = find_rule(symbol);
            if (!rule)
                return Status::failed((lifted ? "permit: " : "forbid: ") + in_quotes(symbol) +
                                      " is no rule (`becaused docs routes` lists them)");
            if (lifted) rules_.remove(*rule);
            else rules_.add(*rule);
        }
    }
    for (const std::string& text : settings.labels) {
        const size_t equals = text.find('=');
        if (text.empty() || equals == 0)
            return Status::failed("labels: " + in_quotes(text) +
                                  " is no label: write KEY=VALUE, or KEY for any value");
        if (labels_.size() == most_labels) return Status::failed("labels: 64 are the most");
        Label label{text.substr(0, equals), std::nullopt, ""};
        if (equals != std::string::npos) label.value = text.substr(equals + 1);
        labels_.push_back(std::move(label));
    }
    return adopt_own(settings);
}

// A container that uses another one's volumes or links reaches it.
Status Profile::adopt_own(const ProfileSettings& settings) {
    own_ = own_ || settings.own;
    if (!own_) return Status::fine();
    for (const Rule rule : {Rule::volumes_from, Rule::links}) {
        if (std::ranges::find(settings.permit, becaused::name(rule)) != settings.permit.end())
            return Status::failed("permit: " + std::string(becaused::name(rule)) +
                                  " lets a container use another one, which own forbids");
        rules_.add(rule);
    }
    return Status::fine();
}

Status Profile::adopt_calls(const ProfileSettings& settings) {
    for (const CallList list : {CallList::grpc, CallList::session}) {
        const bool grpc = list == CallList::grpc;
        const Status status =
            calls_[static_cast<size_t>(list)].adopt(grpc ? settings.grpc : settings.session);
        if (!status.ok())
            return Status::failed(std::string(becaused::name(list)) + ": " + status.message());
    }
    return Status::fine();
}

Status Profile::adopt(const ProfileSettings& settings) {
    name_ = settings.name;
    ceilings_ = settings.ceilings;
    for (const Status& status :
         {adopt_paths(settings), adopt_rules(settings), adopt_calls(settings)})
        if (!status.ok()) return Status::failed("profile " + name_ + ": " + status.message());
    write_texts();
    return Status::fine();
}

void Profile::write_texts() {
    const std::string by = " not allowed by profile " + name_;
    for (size_t i = 0; i < rule_count; ++i)
        rule_texts_[i] = keep(std::string(words(static_cast<Rule>(i))) + " are" + by);
    for (const RouteRow& row : route_rows())
        route_texts_[index_of(row)] = keep(method_text(row.methods) + ' ' + std::string(row.path) +
                                           " (" + std::string(row.name) + ") is" + by);
    no_route_text_ = keep("a method or path that ROUTES.md does not name is" + by);
    for (Label& label : labels_)
        label.text = keep("containers, volumes and networks without the label " + label.key +
                          (label.value ? '=' + *label.value : std::string()) + " are" + by);
    foreign_text_ = keep("containers that the identity did not create (own) are" + by);
    shared_text_ = keep("requests that reach containers of others (own) are" + by);
    nobody_text_ = keep("requests about containers by nobody who could own them (own) are" + by);
    for (PathRule& rule : deny_)
        rule.text = keep(rule.method + (rule.method.empty() ? "" : " ") + rule.pattern +
                         " is denied by profile " + name_);
}

Policy::Policy() {
    for (const std::string_view built_in : names) {
        Profile profile;
        profile.name_ = built_in;
        profile.unjudged_ = built_in == "any";
        const bool free = profile.unjudged_ || built_in == "admin";
        const auto* bit = std::ranges::find(from_table, built_in, &BuiltIn::name);
        for (const RouteRow& row : route_rows())
            profile.routes_[index_of(row)] = free || (row.profiles & bit->bit) != 0;
        if (!free) profile.rules_ = RuleSet::all();
        for (const CallList list : {CallList::grpc, CallList::session})
            profile.calls_[static_cast<size_t>(list)] =
                free ? CallRules::everything() : CallRules::of_builds(list);
        profile.rules_.remove(Rule::ports);
        profile.write_texts();
        profiles_.push_back(std::move(profile));
    }
}

Status Policy::add(const ProfileSettings& settings) {
    const std::string where = "profile " + settings.name + ": ";
    if (!plain_name(settings.name))
        return Status::failed("profile " + in_quotes(settings.name) +
                              ": a name is 1 to 64 small letters, digits, _ or -");
    if (find(settings.name) != nullptr)
        return Status::failed(where + "there is one of that name already: choose another");
    const Profile* base = find(settings.base);
    if (base == nullptr)
        return Status::failed(where + "base: " + in_quotes(settings.base) +
                              " is no profile that is built in or stands before this one");
    if (base->unjudged())
        return Status::failed(where + "base: any judges nothing; use admin, which has all routes");
    Profile profile = *base;
    Status status = profile.adopt(settings);
    if (status.ok()) profiles_.push_back(std::move(profile));
    return status;
}

Result<Policy> Policy::make(std::span<const ProfileSettings> profiles) {
    Policy policy;
    for (const ProfileSettings& settings : profiles) {
        const Status status = policy.add(settings);
        if (!status.ok()) return status;
    }
    return policy;
}

const Profile* Policy::find(std::string_view name) const {
    const auto found = std::ranges::find(profiles_, name, &Profile::name);
    return found == profiles_.end() ? nullptr : &*found;
}

}  // namespace becaused
