#include "gate/learner.hh"

#include <algorithm>

#include "base/check.hh"
#include "base/text.hh"
#include "gate/body.hh"

namespace becaused {

namespace {

// A stranger could ask for paths without end.
constexpr size_t most_patterns = 256;

// Every step adds a route or lifts a rule.
constexpr size_t most_steps = rule_count + 2;

std::string name_of(std::string_view profile, size_t lessons) {
    constexpr size_t longest = 57;  // of the 64 that a name may have
    if (profile.size() <= longest) return "learnt_" + std::string(profile);
    return "learnt-" + std::to_string(lessons);
}

// A pattern of these bytes fits nothing but the path itself, and needs no escapes in TOML.
bool plain_path(std::string_view path) {
    return std::ranges::all_of(path, [](char byte) {
        return byte > ' ' && byte < 0x7f &&
               std::string_view("*?#%\"\\").find(byte) == std::string_view::npos;
    });
}

void append_list(std::string& out, std::string_view key, std::vector<std::string> texts) {
    if (texts.empty()) return;
    std::ranges::sort(texts);
    out.append(key).append(" = [\n");
    for (const std::string& text : texts) out.append("    \"").append(text).append("\",\n");
    out += "]\n";
}

}  // namespace

void Learner::renew(Lesson& lesson) {
    Result<Policy> policy = Policy::make({&lesson.settings, 1});
    CHECK(policy.ok() && "what was learnt is a profile");
    lesson.gate = std::make_unique<const Gate>(RouteSettings(), std::move(policy.value()), "ping");
    lesson.profile = lesson.gate->policy().find(lesson.settings.name);
}

Learner::Lesson& Learner::lesson_of(std::string_view profile) {
    const auto found = lessons_.find(profile);
    if (found != lessons_.end()) return found->second;
    Lesson& lesson = lessons_[std::string(profile)];
    lesson.settings.name = name_of(profile, lessons_.size());
    lesson.settings.base = "ping";
    lesson.settings.forbid = {std::string(name(Rule::ports))};  // the one that is off by itself
    renew(lesson);
    return lesson;
}

// Adds the request's route; false: it was there.
bool Learner::allow(Lesson& lesson, const RequestHead& head, const Asked& asked) {
    const std::string_view path = asked.path.text();
    const RouteRow* row = asked.match.row;
    const bool there = (row != nullptr && lesson.profile->allows(*row)) ||
                       lesson.profile->allows(head.method, path);
    if (there) return false;
    if (row != nullptr) {
        lesson.settings.allow.emplace_back(row->name);
        return true;
    }
    const std::string pattern = std::string(head.method) + ' ' + std::string(path);
    if (lesson.patterns == most_patterns || !plain_path(path) || !parse_path_rule(pattern).ok())
        return false;
    ++lesson.patterns;
    lesson.settings.allow.push_back(pattern);
    return true;
}

// Lifts the rule that was broken; false: there was none behind it.
bool Learner::lift(Lesson& lesson, const Refusal& refusal) {
    const std::optional<Rule> rule = lesson.profile->rule_behind(refusal);
    if (!rule) return false;
    if (*rule == Rule::ports) lesson.settings.forbid.clear();
    else lesson.settings.permit.emplace_back(name(*rule));
    renew(lesson);
    return true;
}

Verdict Learner::see(const RequestHead& head, const Asked& asked, std::string_view profile) {
    Lesson& lesson = lesson_of(profile);
    ++lesson.requests;
    if (asked.path.flaw() == nullptr && allow(lesson, head, asked)) renew(lesson);
    Verdict verdict;
    for (size_t step = 0; step < most_steps; ++step) {
        verdict = lesson.gate->judge(head, asked, *lesson.profile);
        if (verdict.decision != Verdict::Decision::refuse) return verdict;
        if (!lift(lesson, verdict.refusal)) break;
    }
    miss_body(verdict.refusal, profile);
    return verdict;
}

void Learner::see_body(Payload payload, std::string_view body, std::string_view profile) {
    Lesson& lesson = lesson_of(profile);
    for (size_t step = 0; step < most_steps; ++step) {
        const Refusal refusal = judge_body(payload, body, *lesson.profile);
        if (!refusal) return;
        if (lift(lesson, refusal)) continue;
        miss_body(refusal, profile);
        return;
    }
}

void Learner::miss_body(const Refusal& refusal, std::string_view profile) {
    std::string text(name(refusal.reason));
    ++lesson_of(profile).unnamed[text.append(": ").append(refusal.text)];
}

void Learner::append(std::string& out, std::string_view profile, const Lesson& lesson) {
    out += "# From ";
    append_number(out, lesson.requests);
    out.append(" requests under profile ").append(profile).append(".\n[[profile]]\nname = \"");
    out.append(lesson.settings.name).append("\"\nbase = \"").append(lesson.settings.base);
    out += "\"\n";
    append_list(out, "allow", lesson.settings.allow);
    append_list(out, "permit", lesson.settings.permit);
    append_list(out, "forbid", lesson.settings.forbid);
    for (const auto& [text, count] : lesson.unnamed) {
        out += "# Refused all the same, since no rule lets it pass (";
        append_number(out, count);
        out.append(" times): ").append(text).append("\n");
    }
}

std::string Learner::text() const {
    std::string out =
        "# Learnt by becaused (mode = learn): the smallest profiles that let pass what was seen.\n"
        "# What limits amounts (max_memory, max_cpus, max_pids), labels and own are yours to "
        "add.\n";
    for (const auto& [profile, lesson] : lessons_) {
        out += '\n';
        append(out, profile, lesson);
    }
    return out;
}

}  // namespace becaused
