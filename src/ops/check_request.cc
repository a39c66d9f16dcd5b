#include "ops/check_request.hh"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "gate/gate.hh"
#include "gate/owner_text.hh"
#include "http/octets.hh"
#include "http/parser.hh"
#include "ops/access_file.hh"
#include "ops/nearest.hh"
#include "ops/phrase.hh"
#include "ops/value.hh"

namespace becaused {

namespace {

Result<std::string> read_body(const std::string& path) {
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                               std::fclose);
    if (!file) return Status::failed(phrase("--body ", path, ": ", std::strerror(errno)));
    std::string body(judged_body_limit_bytes + 2, '\0');
    body.resize(std::fread(body.data(), 1, body.size(), file.get()));
    if (std::ferror(file.get()) != 0)
        return Status::failed(phrase("--body ", path, ": ", std::strerror(errno)));
    return body;
}

bool has_field(const std::vector<std::string>& fields, std::string_view name) {
    return std::ranges::any_of(fields, [&](const std::string& field) {
        return same_name(std::string_view(field).substr(0, field.find(':')), name);
    });
}

std::string head_of(const RequestQuestion& question, size_t body_bytes) {
    std::string head = phrase(question.request, " HTTP/1.1\r\n");
    if (!has_field(question.fields, "Host")) head += "Host: docker\r\n";
    for (const std::string& field : question.fields) head += phrase(field, "\r\n");
    if (!question.body.empty()) {
        if (!has_field(question.fields, "Content-Type"))
            head += "Content-Type: application/json\r\n";
        if (!has_field(question.fields, "Transfer-Encoding"))
            head += phrase("Content-Length: ", body_bytes, "\r\n");
    }
    return head + "\r\n";
}

// The profile of that identity in the access file; empty: the settings'.
Result<std::string> profile_of(const std::string& identity, const AccessRules& rules) {
    std::vector<std::string_view> names;
    for (const Identity& one : rules.people) {
        if (one.name == identity) return one.profile;
        names.push_back(one.name);
    }
    return Status::failed(phrase("--identity: the access file has no ", in_quotes(identity),
                                 suggestion(identity, names),
                                 " (for whoever a token names, give --profile)"));
}

// What a profile that cares whose containers are would do to it.
Refusal judge_owner(const RequestQuestion& question, const RequestHead& head,
                    const Verdict& verdict, const Profile& profile, std::string_view body) {
    if (verdict.reach == Reach::none) return {};
    if (!can_own(question.identity)) return profile.refuse_nobody();
    Changed changed;
    if (verdict.reach == Reach::create) changed = with_owner(body, question.identity);
    if (verdict.reach == Reach::list)
        changed = with_owner_filter(head.path_and_query, question.identity);
    if (verdict.reach == Reach::in_query) changed = container_in_query(head.query);
    if (verdict.reach == Reach::in_body) changed = container_in_body(body);
    return changed.flaw == nullptr ? Refusal() : Refusal::uninspectable(changed.flaw);
}

RequestAnswer answer_of(const RequestQuestion& question, const Asked& asked, const Profile& profile,
                        const Verdict& verdict, const Refusal& refusal) {
    const std::string route = asked.match.row == nullptr ? std::string("no route of Docker's API")
                                                         : phrase("route ", asked.match.row->name);
    RequestAnswer answer;
    answer.passes = !refusal;
    if (answer.passes)
        answer.text = phrase(question.request, ": passes (profile ", profile.name(), ", ", route,
                             ", class ", name(asked.route.route_class), ")");
    if (answer.passes && verdict.reach != Reach::none)
        answer.text +=
            phrase(": own: ", words(verdict.reach), ' ', owner_label, '=', question.identity);
    if (!answer.passes)
        answer.text = phrase(question.request, ": refused (profile ", profile.name(), ", ", route,
                             "): ", name(refusal.reason), ": ", refusal.text);
    return answer;
}

}  // namespace

Result<RequestAnswer> check_request(const Settings& settings, const RequestQuestion& question) {
    AccessRules rules;
    if (!settings.access.empty()) {
        Result<AccessRules> loaded = load_access(settings.access);
        if (!loaded.ok()) return loaded.status();
        rules = std::move(loaded.value());
    }
    std::string wanted = settings.profile;
    if (!question.identity.empty()) {
        Result<std::string> profile = profile_of(question.identity, rules);
        if (!profile.ok()) return profile.status();
        if (!profile.value().empty()) wanted = std::move(profile.value());
    }
    const Gate gate({settings.routes, settings.body_limits}, std::move(rules.policy), "ping");
    const Profile* profile = gate.profile(wanted);
    if (profile == nullptr)
        return Status::failed(phrase("profile: no profile is named ", in_quotes(wanted)));
    Result<std::string> body = question.body.empty() ? std::string() : read_body(question.body);
    if (!body.ok()) return body.status();
    const std::string bytes = head_of(question, body.value().size());
    HeadParser parser;
    RequestHead head;
    if (const auto fault = parser.parse_request(bytes, head))
        return Status::failed(
            phrase("--request ", in_quotes(question.request),
                   ": is no request: write it like 'GET /v1.43/images/json': ", fault->detail));
    const Asked asked = gate.look(head);
    const Verdict verdict = gate.judge(head, asked, *profile);
    Refusal refusal = verdict.decision == Verdict::Decision::refuse ? verdict.refusal : Refusal();
    if (verdict.decision == Verdict::Decision::needs_body)
        refusal = judge_body(verdict, body.value());
    if (!refusal) refusal = judge_owner(question, head, verdict, *profile, body.value());
    return answer_of(question, asked, *profile, verdict, refusal);
}

}  // namespace becaused
