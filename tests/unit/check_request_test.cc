// `becaused check --request`: the one line that says what would become of a request.
#include "ops/check_request.hh"

#include <unistd.h>

#include <cstdio>
#include <string>

#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using test_support::check_rows;
using test_support::Row;

namespace {

struct Fixture {
    std::string directory;
    std::string body;
    std::string access;
};
Fixture fixture;

void write_file(const std::string& path, std::string_view text) {
    std::FILE* file = std::fopen(path.c_str(), "we");
    assert_non_null(file);
    assert_int_equal(std::fwrite(text.data(), 1, text.size(), file), text.size());
    assert_int_equal(std::fclose(file), 0);
}

int set_up(void**) {
    char path[] = "/tmp/becaused-check-XXXXXX";
    if (::mkdtemp(path) == nullptr) return -1;
    fixture = {path, std::string(path) + "/body.json", std::string(path) + "/access.toml"};
    write_file(fixture.access,
               "[[profile]]\nname = \"mine\"\nbase = \"run_sandboxed\"\nown = true\n"
               "[[certificate]]\nsubject = \"CN=alice\"\nname = \"alice\"\nprofile = \"mine\"\n"
               "[[profile]]\nname = \"lister\"\nbase = \"ping\"\nallow = [\"container_list\"]\n"
               "[[certificate]]\nsubject = \"CN=watcher\"\nname = \"watcher\"\n"
               "profile = \"lister\"\n"
               "[[certificate]]\nsubject = \"CN=plain\"\nname = \"plain\"\n");
    return 0;
}

int tear_down(void**) {
    ::unlink(fixture.body.c_str());
    ::unlink(fixture.access.c_str());
    return ::rmdir(fixture.directory.c_str());
}

std::string asked(const std::string& profile, RequestQuestion question) {
    Settings settings;
    settings.profile = profile;
    settings.access = fixture.access;
    Result<RequestAnswer> answer = check_request(settings, question);
    if (!answer.ok()) return answer.status().message();
    // The exit code says the same as the words.
    assert_true(answer.value().passes ==
                (answer.value().text.find(": passes (") != std::string::npos));
    return answer.value().text;
}

constexpr Row requests[] = {
    {"a route of the profile", "GET /v1.43/images/json",
     "GET /v1.43/images/json: passes (profile builder, route image_list, class quick)"},
    {"a route of others", "GET /containers/json",
     "GET /containers/json: refused (profile builder, route container_list): policy_denied: "
     "GET /containers/json (container_list) is not allowed by profile builder"},
    {"a path that is none of Docker's", "GET /debug/vars",
     "GET /debug/vars: refused (profile builder, no route of Docker's API): policy_denied: "
     "a method or path that ROUTES.md does not name is not allowed by profile builder"},
    {"a query that a rule judges", "POST /build?networkmode=host",
     "POST /build?networkmode=host: refused (profile builder, route build): policy_denied: build "
     "networks other than default, bridge and none (build --network) are not allowed by profile "
     "builder"},
    {"no request at all", "images",
     "--request \"images\": is no request: write it like 'GET /v1.43/images/json': the request "
     "line has no HTTP version"},
};

void a_request_is_judged_by_the_settings_profile(void**) {
    check_rows(requests, "", "", [](std::string_view request) {
        return asked("builder", {std::string(request), "", "", {}});
    });
}

void a_body_is_judged_with_its_request(void**) {
    const std::string create = "POST /v1.43/containers/create";
    write_file(fixture.body, "{\"Image\":\"a\",\"HostConfig\":{\"Privileged\":true}}");
    assert_text_equal(asked("run_sandboxed", {create, fixture.body, "", {}}),
                      create +
                          ": refused (profile run_sandboxed, route container_create): "
                          "policy_denied: privileged containers (--privileged) are not "
                          "allowed by profile run_sandboxed");
    write_file(fixture.body, "{\"Image\":\"a\"}");
    assert_text_equal(asked("run_sandboxed", {create, fixture.body, "", {}}),
                      create +
                          ": passes (profile run_sandboxed, route container_create, class "
                          "transfer)");
    assert_text_equal(
        asked("run_sandboxed", {create, fixture.body, "", {"Content-Type: text/plain"}}),
        create +
            ": refused (profile run_sandboxed, route container_create): "
            "policy_uninspectable: a body without `Content-Type: application/json`");
    assert_text_equal(asked("run_sandboxed", {create, fixture.directory + "/none", "", {}}),
                      "--body " + fixture.directory + "/none: No such file or directory");
}

void an_identity_is_judged_by_its_own_profile(void**) {
    const std::string list = "GET /containers/json";
    assert_text_equal(asked("builder", {list, "", "watcher", {}}),
                      list + ": passes (profile lister, route container_list, class quick)");
    assert_text_contains(asked("builder", {list, "", "plain", {}}), "by profile builder");
    assert_text_equal(asked("builder", {list, "", "wathcer", {}}),
                      "--identity: the access file has no \"wathcer\"; did you mean watcher? (for "
                      "whoever a token names, give --profile)");
    assert_text_equal(asked("none", {list, "", "", {}}), "profile: no profile is named \"none\"");
}

void a_profile_that_cares_whose_containers_are_says_what_it_does(void**) {
    write_file(fixture.body, "{\"Image\":\"a\"}");
    const std::string create = "POST /containers/create";
    assert_text_equal(asked("ping", {create, fixture.body, "alice", {}}),
                      create +
                          ": passes (profile mine, route container_create, class transfer): own: "
                          "its body gets the label becaused.owner=alice");
    assert_text_equal(asked("ping", {"GET /containers/json", "", "alice", {}}),
                      "GET /containers/json: passes (profile mine, route container_list, class "
                      "quick): own: its filters get the label becaused.owner=alice");
    assert_text_equal(asked("ping", {"DELETE /containers/a", "", "alice", {}}),
                      "DELETE /containers/a: passes (profile mine, route container_delete, class "
                      "transfer): own: it passes if the container in the path has the label "
                      "becaused.owner=alice");
    write_file(fixture.body, R"({"Labels":{"becaused.owner":"bob"}})");
    assert_text_equal(asked("ping", {create, fixture.body, "alice", {}}),
                      create +
                          ": refused (profile mine, route container_create): "
                          "policy_uninspectable: a label becaused.owner that names somebody else");
    assert_text_equal(asked("mine", {"GET /containers/json", "", "", {}}),
                      "GET /containers/json: refused (profile mine, route container_list): "
                      "policy_denied: requests about containers by nobody who could own them (own) "
                      "are not allowed by profile mine");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_request_is_judged_by_the_settings_profile),
        cmocka_unit_test(a_body_is_judged_with_its_request),
        cmocka_unit_test(an_identity_is_judged_by_its_own_profile),
        cmocka_unit_test(a_profile_that_cares_whose_containers_are_says_what_it_does),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
