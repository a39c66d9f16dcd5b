// What is learnt from requests: the smallest profile that lets them pass, to the letter; and that it does,
// once it was read from its own text. Each session is learnt, loaded, and played again.
#include "gate/learner.hh"

#include "ops/access_file.hh"
#include "support/policy_text.hh"
#include "support/cmocka.hh"

using namespace becaused;

namespace {

struct Request {
    std::string_view line;
    std::string_view body = {};
};
using Requests = std::vector<Request>;

std::string head_of(const Request& request) {
    std::string head = std::string(request.line) + " HTTP/1.1\r\n";
    if (!request.body.empty())
        head += "Content-Type: application/json\r\nContent-Length: " +
                std::to_string(request.body.size()) + "\r\n";
    return head;
}

// As an exchange shows it.
void show(Learner& learner, const Request& request, std::string_view profile = "any") {
    HeadParser parser;
    RequestHead head;
    const std::string bytes = head_of(request) + "Host: docker\r\n\r\n";
    assert_true(!parser.parse_request(bytes, head));
    const Gate gate({}, Policy());
    const Verdict verdict = learner.see(head, gate.look(head), profile);
    if (verdict.decision == Verdict::Decision::needs_body)
        learner.see_body(verdict.payload, request.body, profile);
}

std::string learnt(const Requests& requests) {
    Learner learner;
    for (const Request& request : requests) show(learner, request);
    return learner.text();
}

// The part behind what every such file begins with.
std::string profiles_of(const std::string& text) { return text.substr(text.find("\n\n") + 2); }

// What the text's profile says to each of them.
std::string replayed(const std::string& text, const Requests& requests,
                     std::string_view profile = "learnt_any") {
    Result<AccessRules> rules = access_from_text(text, "learnt.toml");
    if (!rules.ok()) return rules.status().message();
    const Gate gate({}, std::move(rules.value().policy));
    for (const Request& request : requests) {
        std::string said = test_support::judge(gate, profile, head_of(request), request.body);
        if (said != "pass") return std::string(request.line) + ": " + said;
    }
    return "pass";
}

void nothing_is_learnt_from_nothing(void**) {
    assert_text_equal(
        learnt({}),
        "# Learnt by becaused (mode = learn): the smallest profiles that let pass what was seen.\n"
        "# What limits amounts (max_memory, max_cpus, max_pids), labels and own are yours to "
        "add.\n");
}

void routes_are_learnt_by_name(void**) {
    const Requests session = {{"HEAD /_ping"},
                              {"GET /v1.41/version"},
                              {"POST /v1.41/build?t=a&dockerfile=D"},
                              {"GET /v1.41/version"},
                              {"POST /images/a/b/push?tag=c"}};
    const std::string text = learnt(session);
    assert_text_equal(profiles_of(text),
                      "# From 5 requests under profile any.\n"
                      "[[profile]]\n"
                      "name = \"learnt_any\"\n"
                      "base = \"ping\"\n"
                      "allow = [\n    \"build\",\n    \"image_push\",\n    \"version\",\n]\n"
                      "forbid = [\n    \"ports\",\n]\n");
    assert_text_equal(replayed(text, session), "pass");
    for (const std::string_view other : {"GET /info", "POST /build?networkmode=host",
                                         "GET /containers/json", "POST /images/a/tag"})
        assert_true(replayed(text, {{other}}) != "pass");
}

// One member each: the rule that it breaks is learnt, and no other.
struct Lifted {
    std::string_view rule;
    Request request;
};
const Lifted lifted[] = {
    {"privileged", {"POST /containers/create", R"({"HostConfig":{"Privileged":true}})"}},
    {"binds", {"POST /containers/create", R"({"HostConfig":{"Binds":["/:/x"]}})"}},
    {"mounts", {"POST /containers/create", R"({"HostConfig":{"Mounts":[{"Type":"image"}]}})"}},
    {"network_mode", {"POST /containers/create", R"({"HostConfig":{"NetworkMode":"host"}})"}},
    {"pid_mode", {"POST /containers/create", R"({"HostConfig":{"PidMode":"host"}})"}},
    {"cap_add", {"POST /containers/create", R"({"HostConfig":{"CapAdd":["NET_ADMIN"]}})"}},
    {"body_keys", {"POST /containers/create", R"({"NewKey":1})"}},
    {"pids_limit", {"POST /containers/x/update", R"({"PidsLimit":-1})"}},
    {"exec_user", {"POST /containers/x/exec", R"({"User":"root"})"}},
    {"volume_options", {"POST /volumes/create", R"({"Driver":"nfs"})"}},
    {"network_driver", {"POST /networks/create", R"({"Driver":"macvlan"})"}},
    {"build_network", {"POST /build?networkmode=host"}},
    {"build_outputs", {"POST /build?outputs=%5B%7B%22Type%22%3A%22x%22%7D%5D"}},
    {"image_import", {"POST /images/create?fromImage=a&fromSrc=-"}},
    {"query_keys", {"GET /images/json?new=1"}},
};

void rules_are_learnt_one_by_one(void**) {
    for (const Lifted& row : lifted) {
        const std::string text = learnt({row.request});
        assert_text_contains(text, "permit = [\n    \"" + std::string(row.rule) +
                                       "\",\n]\nforbid = [\n    \"ports\",\n]\n");
        assert_text_equal(replayed(text, {row.request}), "pass");
        // Where another rule is learnt, this one still holds.
        const Request& other = row.rule == "binds" ? lifted[0].request : lifted[1].request;
        std::string both = learnt({other,
                                   {row.request.line.substr(0, row.request.line.find('?')),
                                    row.request.body.empty() ? "" : "{}"}});
        assert_true(replayed(both, {row.request}) != "pass");
    }
}

void several_rules_of_one_body_are_learnt_together(void**) {
    const Requests session = {
        {"POST /v1.41/containers/create?name=a",
         R"({"HostConfig":{"Privileged":true,"Binds":["/:/x"],"PortBindings":{"80/tcp":[{}]}}})"},
        {"POST /v1.41/containers/create", R"({"HostConfig":{"CapAdd":["ALL"],"Devices":[{}]}})"}};
    const std::string text = learnt(session);
    assert_text_equal(profiles_of(text),
                      "# From 2 requests under profile any.\n"
                      "[[profile]]\n"
                      "name = \"learnt_any\"\n"
                      "base = \"ping\"\n"
                      "allow = [\n    \"container_create\",\n]\n"
                      "permit = [\n    \"binds\",\n    \"cap_add\",\n    \"devices\",\n"
                      "    \"privileged\",\n]\n");
    assert_text_equal(replayed(text, session), "pass");
}

void paths_that_no_row_names_are_learnt_as_they_are(void**) {
    const Requests session = {{"GET /v1.41/debug/vars"}, {"OPTIONS /version"}, {"GET /new/~a.b"}};
    const std::string text = learnt(session);
    assert_text_contains(text,
                         "allow = [\n    \"GET /debug/vars\",\n    \"GET /new/~a.b\",\n"
                         "    \"OPTIONS /version\",\n]\n");
    assert_text_equal(replayed(text, session), "pass");
    assert_true(replayed(text, {{"GET /debug/pprof"}}) != "pass");
}

void paths_without_end_are_not_learnt(void**) {
    Learner learner;
    std::vector<std::string> lines;
    for (int i = 0; i < 300; ++i) lines.push_back("GET /x" + std::to_string(i));
    for (const std::string& line : lines) show(learner, {line});
    const std::string text = learner.text();
    assert_text_equal(replayed(text, {{lines[0]}, {lines[255]}}), "pass");
    assert_true(replayed(text, {{lines[256]}}) != "pass");
    assert_text_contains(text,
                         "since no rule lets it pass (44 times): policy_denied: a method or path");
}

void what_no_rule_lets_pass_is_said(void**) {
    const Requests session = {
        {"GET /images//json"},
        {"GET /images/json?a;b"},
        {"GET /version?a=1"},
        {"POST /containers/create", R"({"hostconfig":{}})"},
        {"POST /containers/create", R"({"hostconfig":{}})"},
        {"GET /odd/%2A"},
    };
    assert_text_equal(
        profiles_of(learnt(session)),
        "# From 6 requests under profile any.\n"
        "[[profile]]\n"
        "name = \"learnt_any\"\n"
        "base = \"ping\"\n"
        "allow = [\n    \"container_create\",\n    \"image_list\",\n    \"version\",\n]\n"
        "permit = [\n    \"query_keys\",\n]\n"
        "forbid = [\n    \"ports\",\n]\n"
        "# Refused all the same, since no rule lets it pass (1 times): policy_denied: a method or "
        "path "
        "that ROUTES.md does not name is not allowed by profile learnt_any\n"
        "# Refused all the same, since no rule lets it pass (1 times): policy_uninspectable: a ; "
        "in the "
        "query, which not all readers take for the same\n"
        "# Refused all the same, since no rule lets it pass (2 times): policy_uninspectable: a key "
        "in "
        "the JSON in other capitals than Docker's API has\n"
        "# Refused all the same, since no rule lets it pass (1 times): policy_uninspectable: an "
        "empty "
        "segment in the path: write single slashes, and none at the end\n");
}

void each_profile_in_force_has_its_own(void**) {
    Learner learner;
    show(learner, {"GET /info"}, "builder");
    show(learner, {"GET /events"}, "admin");
    const std::string longest(64, 'p');
    show(learner, {"GET /version"}, longest);
    const std::string text = learner.text();
    assert_text_equal(replayed(text, {{"GET /info"}}, "learnt_builder"), "pass");
    assert_text_equal(replayed(text, {{"GET /events"}}, "learnt_admin"), "pass");
    assert_text_equal(replayed(text, {{"GET /version"}}, "learnt-3"), "pass");
    assert_true(replayed(text, {{"GET /events"}}, "learnt_builder") != "pass");
    assert_text_contains(text,
                         "under profile " + longest + ".\n[[profile]]\nname = \"learnt-3\"\n");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(nothing_is_learnt_from_nothing),
        cmocka_unit_test(routes_are_learnt_by_name),
        cmocka_unit_test(rules_are_learnt_one_by_one),
        cmocka_unit_test(several_rules_of_one_body_are_learnt_together),
        cmocka_unit_test(paths_that_no_row_names_are_learnt_as_they_are),
        cmocka_unit_test(paths_without_end_are_not_learnt),
        cmocka_unit_test(what_no_rule_lets_pass_is_said),
        cmocka_unit_test(each_profile_in_force_has_its_own),
    };
    return cmocka_run_group_tests_name("learner", tests, nullptr, nullptr);
}
