// Which gRPC methods profiles let through tunnels, and what is a method's name at all.
#include "gate/calls.hh"

#include "gate/profile.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using test_support::Row;

namespace {

using Texts = std::vector<std::string>;

void a_method_has_two_parts_of_plain_letters(void**) {
    const std::string longest = "/" + std::string(100, 's') + "/" + std::string(98, 'm');
    const std::string too_long = longest + "m";
    const Row rows[] = {
        {"a method", "/moby.buildkit.v1.Control/Solve", "moby.buildkit.v1.Control/Solve"},
        {"the longest", longest, std::string_view(longest).substr(1)},
        {"too long", too_long, ""},
        {"nothing", "", ""},
        {"no slash before it", "moby.buildkit.v1.Control/Solve", ""},
        {"one part", "/Solve", ""},
        {"no service", "//Solve", ""},
        {"no method", "/moby.buildkit.v1.Control/", ""},
        {"three parts, of which gRPC takes the last two apart", "/a/moby.Control/Solve", ""},
        {"an escape, which net/http decodes", "/moby.Control/Sol%76e", ""},
        {"a query, which net/http drops", "/moby.Control/Solve?x", ""},
        {"a fragment", "/moby.Control/Solve#x", ""},
        {"a blank", "/moby.Control/Solve ", ""},
        {"a NUL", std::string_view("/moby.Control/Solve\0", 20), ""},
        {"a letter that is not ASCII", "/moby.Control/Solv\xc3\xa9", ""},
        {"a URL", "http://a/moby.Control/Solve", ""},
    };
    for (const Row& row : rows) {
        if (method_of(row.bytes) != row.expected)
            print_error("row: %s\n", std::string(row.name).c_str());
        assert_text_equal(method_of(row.bytes), row.expected);
    }
}

// "yes" or "no" for each of the paths without their slash.
std::string allowed(const CallRules& rules, const Texts& methods) {
    std::string text;
    for (const std::string& method : methods) text += rules.allows(method) ? "yes " : "no ";
    return text;
}

void the_builders_list_has_what_builds_call_and_not_what_disturbs_others(void**) {
    const Texts grpc = {"moby.buildkit.v1.Control/Solve",
                        "moby.buildkit.v1.Control/Status",
                        "moby.buildkit.v1.Control/ListWorkers",
                        "moby.buildkit.v1.frontend.LLBBridge/Solve",
                        "grpc.health.v1.Health/Check",
                        "moby.buildkit.v1.Control/Prune",
                        "moby.buildkit.v1.Control/UpdateBuildHistory",
                        "moby.buildkit.v1.Control/Session",
                        "moby.buildkit.v1.Control/solve",
                        "containerd.services.content.v1.Content/Write",
                        "moby.filesync.v1.FileSync/DiffCopy"};
    assert_text_equal(allowed(CallRules::of_builds(CallList::grpc), grpc),
                      "yes yes yes yes yes no no no no no no ");
    const Texts session = {"moby.filesync.v1.FileSync/DiffCopy",
                           "moby.filesync.v1.FileSync/TarStream",
                           "moby.filesync.v1.FileSend/DiffCopy",
                           "moby.filesync.v1.Auth/GetTokenAuthority",
                           "moby.filesync.v1.Auth/Credentials",
                           "moby.buildkit.secrets.v1.Secrets/GetSecret",
                           "moby.sshforward.v1.SSH/ForwardAgent",
                           "moby.upload.v1.Upload/Pull",
                           "grpc.health.v1.Health/Check",
                           "moby.buildkit.v1.Control/Solve",
                           "other.Service/Call"};
    assert_text_equal(allowed(CallRules::of_builds(CallList::session), session),
                      "yes yes yes yes yes yes yes yes yes no no ");
}

void a_list_replaces_and_one_of_exceptions_takes_away(void**) {
    const Texts methods = {"moby.filesync.v1.FileSync/DiffCopy",
                           "moby.buildkit.secrets.v1.Secrets/GetSecret", "a.B/C"};
    CallRules rules = CallRules::of_builds(CallList::session);
    assert_true(rules.adopt({}).ok());
    assert_text_equal(allowed(rules, methods), "yes yes no ");
    assert_true(rules.adopt({"!moby.buildkit.secrets.v1.*/*"}).ok());
    assert_text_equal(allowed(rules, methods), "yes no no ");
    assert_true(rules.adopt({"a.B/*"}).ok());
    assert_text_equal(allowed(rules, methods), "no no yes ");
    assert_true(rules.adopt({"**", "!*/C"}).ok());
    assert_text_equal(allowed(rules, methods), "yes yes no ");
    assert_false(rules.all());
    assert_true(rules.adopt({"**"}).ok());
    assert_text_equal(allowed(rules, methods), "yes yes yes ");
    assert_true(rules.all());
    assert_true(CallRules::everything().all());
    assert_false(CallRules().all());
    assert_text_equal(allowed(CallRules(), methods), "no no no ");
}

void what_is_no_pattern_is_named(void**) {
    for (const std::string text : {"Solve", "/moby.Control/Solve", "a/b/c", "", "!", "a b/c", "a/",
                                   "moby.Control/Sol%76e", "!!a.B/C", "***"}) {
        CallRules rules;
        assert_text_equal(rules.adopt({"a.B/C", text}).message(),
                          '"' + text +
                              "\" is no gRPC method: write it like moby.buildkit.v1.Control/Solve "
                              "or moby.filesync.v1.*/*, with ! before it to take it away; ** are "
                              "all");
    }
}

void profiles_have_a_list_for_each_tunnel(void**) {
    ProfileSettings own;
    own.name = "own";
    own.session = {"!moby.buildkit.secrets.v1.Secrets/*"};
    ProfileSettings narrow = own;
    narrow.name = "narrow";
    narrow.base = "own";
    narrow.session = {"!moby.sshforward.v1.SSH/*"};
    narrow.grpc = {"moby.buildkit.v1.Control/Info"};
    ProfileSettings ruled;
    ruled.name = "ruled";
    ruled.base = "admin";
    ruled.grpc = {"!moby.buildkit.v1.Control/Prune"};
    const std::vector<ProfileSettings> all = {own, narrow, ruled};
    Result<Policy> policy = Policy::make(all);
    assert_true(policy.ok());
    const Texts session = {"moby.filesync.v1.FileSync/DiffCopy",
                           "moby.buildkit.secrets.v1.Secrets/GetSecret",
                           "moby.sshforward.v1.SSH/ForwardAgent"};
    const Texts grpc = {"moby.buildkit.v1.Control/Info", "moby.buildkit.v1.Control/Solve",
                        "moby.buildkit.v1.Control/Prune"};
    const auto said = [&](std::string_view name) {
        const Profile* profile = policy.value().find(name);
        return allowed(profile->calls(CallList::session), session) + "/ " +
               allowed(profile->calls(CallList::grpc), grpc);
    };
    assert_text_equal(said("builder"), "yes yes yes / yes yes no ");
    assert_text_equal(said("run_sandboxed"), "yes yes yes / yes yes no ");
    assert_text_equal(said("own"), "yes no yes / yes yes no ");
    assert_text_equal(said("narrow"), "yes no no / yes no no ");
    assert_text_equal(said("ruled"), "yes yes yes / yes yes no ");
    assert_text_equal(said("admin"), "yes yes yes / yes yes yes ");
    assert_text_equal(said("any"), "yes yes yes / yes yes yes ");
    own.session = {"Secrets"};
    assert_text_contains(Policy::make({&own, 1}).status().message(),
                         "profile own: session: \"Secrets\" is no gRPC method");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_method_has_two_parts_of_plain_letters),
        cmocka_unit_test(the_builders_list_has_what_builds_call_and_not_what_disturbs_others),
        cmocka_unit_test(a_list_replaces_and_one_of_exceptions_takes_away),
        cmocka_unit_test(what_is_no_pattern_is_named),
        cmocka_unit_test(profiles_have_a_list_for_each_tunnel),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
