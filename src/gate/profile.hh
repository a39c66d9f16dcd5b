// Who may do what: a profile is a set of routes, the rules that hold inside of them, and what a user
// added or took away. Made once at start-up from the route table and the settings, never changed; the
// Policy owns all of them and hands them out by name, as identities are mapped to them.
#pragma once

#include <array>
#include <bitset>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hh"
#include "gate/calls.hh"
#include "gate/route_table.hh"
#include "gate/rule.hh"

namespace becaused {

// The most that a build, a container or an update may ask for; 0: no ceiling. What is not asked for is
// the daemon's default and passes.
struct Ceilings {
    uint64_t memory_bytes = 0;
    uint32_t cpus = 0;
    uint32_t pids = 0;
};

// A profile of the user's own, as settings give it.
struct ProfileSettings {
    std::string name;
    std::string base = "builder";  // a built-in profile, or one that stands before this
    // A route's name ("image_tag", "container_*"), or [METHOD] PATTERN ("POST /images/*/tag"), where `*`
    // stands for anything within a segment and `**` for any rest. What is denied beats what is allowed.
    std::vector<std::string> allow;
    std::vector<std::string> deny;
    std::vector<std::string> permit;  // rules that are lifted: "binds"
    std::vector<std::string> forbid;  // rules that are put on: "ports"
    // "team=ci", or "team" with any value: what containers, volumes, networks must be created with.
    std::vector<std::string> labels;
    std::vector<std::string> grpc;     // CallRules::adopt
    std::vector<std::string> session;  // the same
    bool own = false;  // only containers that the same identity created (gate/owner.hh)
    Ceilings ceilings;
};

struct PathRule {
    std::string method;  // empty: any
    std::string pattern;
    const char* text = "";  // the refusal, of those that deny
};
// [METHOD] PATTERN.
Result<PathRule> parse_path_rule(std::string_view text);

struct Label {
    std::string key;
    std::optional<std::string> value;  // none: any
    const char* text = "";             // the refusal where it is missing
};
inline constexpr size_t most_labels = 64;

class Profile {
  public:
    const std::string& name() const { return name_; }
    // Everything passes unseen: the profile `any`.
    bool unjudged() const { return unjudged_; }
    // Queries and bodies are judged, not only routes.
    bool judges_content() const { return !rules_.empty() || !labels_.empty(); }
    // Nobody touches a container of somebody else's; such a profile judges content.
    bool own() const { return own_; }

    bool allows(const RouteRow& row) const { return routes_[index_of(row)]; }
    bool allows(std::string_view method, std::string_view path) const;
    bool enforces(Rule rule) const { return rules_.has(rule); }
    const Ceilings& ceilings() const { return ceilings_; }
    std::span<const Label> labels() const { return labels_; }
    // Of a tunnel with calls.
    const CallRules& calls(CallList list) const { return calls_[static_cast<size_t>(list)]; }

    // Nothing if the rule is not enforced.
    Refusal refuse(Rule rule) const;
    // The rule whose refusal that is, of this profile's.
    std::optional<Rule> rule_behind(const Refusal& refusal) const;
    // Nothing if no pattern denies it.
    Refusal refuse_denied(std::string_view method, std::string_view path) const;
    // `row`: null when no route is at that path.
    Refusal refuse_route(const RouteRow* row) const;
    // What would reach a container that is not the asker's own; also one that is not there.
    Refusal refuse_foreign() const { return {foreign_text_, Reason::policy_denied, 404}; }
    // A route or a body that reaches everybody's, as far as one can see.
    Refusal refuse_shared() const { return {shared_text_, Reason::policy_denied, 0}; }
    // Nobody asks whose it could be.
    Refusal refuse_nobody() const { return {nobody_text_, Reason::policy_denied, 0}; }

  private:
    friend class Policy;

    Status adopt(const ProfileSettings& settings);
    Status adopt_paths(const ProfileSettings& settings);
    Status adopt_rules(const ProfileSettings& settings);
    Status adopt_calls(const ProfileSettings& settings);
    Status adopt_own(const ProfileSettings& settings);
    // `wanted`: a row's name, in which `*` stands for anything.
    Status set_routes(std::string_view wanted, bool allowed);
    void write_texts();

    std::string name_;
    bool unjudged_ = false;
    std::bitset<most_routes> routes_;
    std::vector<PathRule> allow_;
    std::vector<PathRule> deny_;
    RuleSet rules_;
    std::vector<Label> labels_;
    Ceilings ceilings_;
    std::array<CallRules, call_list_count> calls_;
    bool own_ = false;
    std::array<const char*, rule_count> rule_texts_{};
    std::array<const char*, most_routes> route_texts_{};
    const char* no_route_text_ = "";
    const char* foreign_text_ = "";
    const char* shared_text_ = "";
    const char* nobody_text_ = "";
};

// The names of the built-in profiles, narrowest first.
std::span<const std::string_view> built_in_profiles();

class Policy {
  public:
    Policy();  // the built-in profiles
    // And the user's. Mistakes name the profile and the key.
    static Result<Policy> make(std::span<const ProfileSettings> profiles);

    // Valid as long as the policy; null: no such profile.
    const Profile* find(std::string_view name) const;
    std::span<const Profile> profiles() const { return profiles_; }

  private:
    Status add(const ProfileSettings& settings);

    std::vector<Profile> profiles_;
};

}  // namespace becaused
