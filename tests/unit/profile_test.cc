// Profiles of a user's own: what settings make of the built-in ones, and what mistakes in them say.
#include "gate/profile.hh"

#include "support/policy_text.hh"
#include "support/cmocka.hh"

using namespace becaused;

namespace {

using Texts = std::vector<std::string>;

ProfileSettings own(std::string base, Texts allow, Texts deny) {
    ProfileSettings settings;
    settings.name = "own";
    settings.base = std::move(base);
    settings.allow = std::move(allow);
    settings.deny = std::move(deny);
    return settings;
}

// What profile `own` says to each of the requests, METHOD TARGET.
std::string judge(const ProfileSettings& settings, std::string_view request) {
    Result<Policy> policy = Policy::make({&settings, 1});
    if (!policy.ok()) return policy.status().message();
    const Gate gate({}, std::move(policy.value()));
    return test_support::judge(gate, "own", std::string(request) + " HTTP/1.1\r\n", "{}");
}

std::string complaint(std::vector<ProfileSettings> profiles) {
    const Result<Policy> policy = Policy::make(profiles);
    return policy.ok() ? "fine" : policy.status().message();
}

void routes_are_added_by_name_and_by_pattern(void**) {
    const ProfileSettings settings =
        own("builder", {"container_l*", "DELETE /images/**", "/debug/*", "image_prune"}, {});
    assert_text_equal(judge(settings, "GET /containers/json"), "pass");
    assert_text_equal(judge(settings, "GET /containers/x/logs?stdout=1"), "pass");
    assert_text_equal(judge(settings, "GET /containers/x/json"),
                      "policy_denied: GET /containers/{name}/json (container_inspect) is not "
                      "allowed by profile own");
    assert_text_equal(judge(settings, "DELETE /v1.41/images/a/b?force=1"), "pass");
    assert_text_equal(judge(settings, "POST /images/prune"), "pass");
    assert_text_equal(judge(settings, "GET /debug/vars?x=1&x=2"), "pass");
    assert_text_equal(judge(settings, "GET /debug/pprof/heap"),
                      "policy_denied: a method or path that ROUTES.md does not name is not allowed "
                      "by profile own");
    assert_text_equal(judge(settings, "POST /build"), "pass");
}

void what_a_pattern_allows_is_still_judged_by_its_row(void**) {
    const ProfileSettings settings = own("ping", {"/**"}, {});
    assert_text_equal(judge(settings, "GET /version"), "pass");
    assert_text_equal(judge(settings, "POST /build?networkmode=host"),
                      "policy_denied: build networks other than default, bridge and none (build "
                      "--network) are not allowed by profile own");
    assert_text_equal(judge(settings, "GET //version"),
                      "policy_uninspectable 400: an empty segment in the path: write single "
                      "slashes, and none at the end");
    assert_text_equal(judge(settings, "POST /containers/create"),
                      "policy_uninspectable: no body, where the route takes JSON");
}

void what_is_denied_beats_what_is_allowed(void**) {
    const ProfileSettings settings =
        own("admin", {"POST /images/*/tag"}, {"POST /images/**", "/v*", "image_delete"});
    assert_text_equal(judge(settings, "POST /images/a/tag"),
                      "policy_denied: POST /images/** is denied by profile own");
    assert_text_equal(judge(settings, "GET /volumes"),
                      "policy_denied: /v* is denied by profile own");
    assert_text_equal(judge(settings, "DELETE /images/a"),
                      "policy_denied: DELETE /images/{image} (image_delete) is not allowed by "
                      "profile own");
    assert_text_equal(judge(settings, "GET /images/json?new=1"), "pass");
}

void patterns_see_the_path_as_dockerd_does(void**) {
    const ProfileSettings settings = own("admin", {}, {"/images/a*b/json", "/**/secret*/**"});
    assert_text_equal(judge(settings, "GET /v1.41/images/a%20b/json"),
                      "policy_denied: /images/a*b/json is denied by profile own");
    assert_text_equal(judge(settings, "GET /images/secret%3A1/json"),
                      "policy_denied: /**/secret*/** is denied by profile own");
}

void profiles_can_start_from_others_of_the_user(void**) {
    ProfileSettings first = own("builder", {"volume_list"}, {});
    first.name = "first";
    first.permit = {"build_network"};
    ProfileSettings second = own("first", {"network_list"}, {});
    const std::vector<ProfileSettings> both = {first, second};
    Result<Policy> policy = Policy::make(both);
    assert_true(policy.ok());
    const Gate gate({}, std::move(policy.value()));
    const auto said = [&](std::string_view profile, std::string_view target) {
        return test_support::judge(gate, profile, std::string(target) + " HTTP/1.1\r\n", "");
    };
    assert_text_equal(said("own", "GET /volumes"), "pass");
    assert_text_equal(said("own", "GET /networks"), "pass");
    assert_text_equal(said("own", "POST /build?networkmode=host"), "pass");
    assert_text_equal(said("own", "GET /containers/json"),
                      "policy_denied: GET /containers/json (container_list) is not allowed by "
                      "profile own");
    assert_text_equal(
        said("first", "GET /networks"),
        "policy_denied: GET /networks (network_list) is not allowed by profile first");
}

void rules_on_top_of_admin_judge_only_what_they_name(void**) {
    ProfileSettings settings = own("admin", {}, {});
    settings.forbid = {"build_network"};
    assert_text_equal(judge(settings, "POST /build?networkmode=host"),
                      "policy_denied: build networks other than default, bridge and none (build "
                      "--network) are not allowed by profile own");
    assert_text_equal(judge(settings, "POST /build?remote=http:a&new=1"), "pass");
}

void built_in_profiles_are_there_by_name(void**) {
    const Policy policy;
    for (const std::string_view name : built_in_profiles())
        assert_text_equal(policy.find(name)->name(), name);
    assert_int_equal(policy.profiles().size(), built_in_profiles().size());
    assert_null(policy.find("Builder"));
    assert_true(policy.find("any")->unjudged());
    assert_false(policy.find("admin")->unjudged());
}

// Each is contained in the next, so that granting more never takes anything away.
void wider_profiles_have_all_routes_of_narrower_ones(void**) {
    const Policy policy;
    constexpr std::pair<std::string_view, std::string_view> pairs[] = {
        {"ping", "inspect"},          {"ping", "build"},         {"ping", "push_pull"},
        {"build", "builder"},         {"push_pull", "builder"},  {"builder", "run_sandboxed"},
        {"inspect", "run_sandboxed"}, {"run_sandboxed", "admin"}};
    for (const auto& [narrow, wide] : pairs)
        for (const RouteRow& row : route_rows())
            if (policy.find(narrow)->allows(row)) assert_true(policy.find(wide)->allows(row));
}

void mistakes_name_the_profile_and_the_key(void**) {
    assert_text_equal(complaint({own("nobody", {}, {})}),
                      "profile own: base: \"nobody\" is no profile that is built in or stands "
                      "before this one");
    assert_text_equal(complaint({own("any", {}, {})}),
                      "profile own: base: any judges nothing; use admin, which has all routes");
    assert_text_equal(complaint({own("admin", {}, {}), own("admin", {}, {})}),
                      "profile own: there is one of that name already: choose another");
    ProfileSettings settings = own("admin", {}, {});
    settings.name = "builder";
    assert_text_equal(complaint({settings}),
                      "profile builder: there is one of that name already: choose another");
    settings.name = "My CI";
    assert_text_equal(complaint({settings}),
                      "profile \"My CI\": a name is 1 to 64 small letters, digits, _ or -");
    constexpr std::string_view no_rule =
        " is no rule: write a route's name (see `becaused docs routes`), or [METHOD] PATTERN "
        "without the version, like POST /images/*/tag";
    for (const char* text : {"POST images/x", "post /images/x", "/v1.41/images/x", "container_x",
                             "GET /a?b", "GET /a%20b", "", "GET", "GET /a /b"}) {
        assert_text_equal(
            complaint({own("admin", {text}, {})}),
            "profile own: allow: \"" + std::string(text) + '"' + std::string(no_rule));
        assert_text_equal(complaint({own("admin", {}, {text})}),
                          "profile own: deny: \"" + std::string(text) + '"' + std::string(no_rule));
    }
    settings = own("admin", {}, {});
    settings.permit = {"bind"};
    assert_text_equal(
        complaint({settings}),
        "profile own: permit: \"bind\" is no rule (`becaused docs routes` lists them)");
    settings.permit = {};
    settings.forbid = {"kept"};
    assert_text_equal(
        complaint({settings}),
        "profile own: forbid: \"kept\" is no rule (`becaused docs routes` lists them)");
    settings.forbid = {};
    for (const char* text : {"=", "=ci", ""}) {
        settings.labels = {text};
        assert_text_equal(complaint({settings}),
                          "profile own: labels: \"" + std::string(text) +
                              "\" is no label: write KEY=VALUE, or KEY for any value");
    }
    settings.labels = Texts(65, "a=b");
    assert_text_equal(complaint({settings}), "profile own: labels: 64 are the most");
    settings.labels = {"a=", "a=b=c", "a"};
    assert_text_equal(complaint({settings}), "fine");
    settings.own = true;
    for (const std::string rule : {"volumes_from", "links"}) {
        settings.permit = {rule};
        assert_text_equal(complaint({settings}),
                          "profile own: permit: " + rule +
                              " lets a container use another one, which own forbids");
    }
    settings.permit = {"binds"};
    assert_text_equal(complaint({settings}), "fine");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(routes_are_added_by_name_and_by_pattern),
        cmocka_unit_test(what_a_pattern_allows_is_still_judged_by_its_row),
        cmocka_unit_test(what_is_denied_beats_what_is_allowed),
        cmocka_unit_test(patterns_see_the_path_as_dockerd_does),
        cmocka_unit_test(profiles_can_start_from_others_of_the_user),
        cmocka_unit_test(rules_on_top_of_admin_judge_only_what_they_name),
        cmocka_unit_test(built_in_profiles_are_there_by_name),
        cmocka_unit_test(wider_profiles_have_all_routes_of_narrower_ones),
        cmocka_unit_test(mistakes_name_the_profile_and_the_key),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
