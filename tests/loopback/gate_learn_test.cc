// mode = learn: everything passes, and the profile that is written lets the same requests pass where it is
// enforced, and no others. A session is recorded by one proxy and played to another.
#include "support/guarded.hh"
#include "support/cmocka.hh"

using namespace becaused::test;

namespace {

#define JSON_TYPE "Content-Type: application/json\r\n"

// Somebody of that profile.
void have_somebody(Stage& stage, std::string_view profile, std::string_view before = "") {
    stage.options.access = std::string(before) + "[stranger]\nname = \"s\"\nprofile = \"" +
                           std::string(profile) + "\"\n";
}

std::string with_body(std::string_view line, std::string_view fields, std::string_view body) {
    return request_of(line, JSON_TYPE + std::string(fields)) + std::string(body);
}
std::string sized(std::string_view line, std::string_view body) {
    return with_body(line, "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}

// With bodies of both framings, and some that a policy would refuse.
const std::string session[] = {
    request_of("GET /v1.41/version"),
    request_of("POST /v1.41/build?networkmode=host&t=a", "Content-Length: 3\r\n") + "tar",
    sized("POST /containers/create?name=a",
          R"({"Image":"x","HostConfig":{"Privileged":true,"Binds":["/:/host"]}})"),
    with_body("POST /containers/create", "Transfer-Encoding: chunked\r\n",
              chunked(R"({"HostConfig":{"PortBindings":{"80/tcp":[{"HostPort":"80"}]}}})", 5)),
    sized("POST /containers/a/exec", R"({"Cmd":["sh"],"User":"root"})"),
    request_of("DELETE /containers/a?force=1"),
    request_of("GET /debug/vars"),
};

// Each is passed on and answered; what the upstream got of all.
std::string play(Stage& stage) {
    std::string got;
    for (const std::string& request : session) {
        stage.send(request);
        if (!stage.upstream.open()) assert_true(stage.accept());
        got += stage.upstream_got() + '\n';
        assert_answered(stage);
    }
    return got;
}

// The profile that a session under `profile` teaches, and what the upstream got of it.
std::string lesson(std::string_view profile, std::string& got, std::string& would_refuse) {
    Stage stage;
    have_somebody(stage, profile);
    stage.options.settings.mode = "learn";
    got = play(stage);
    for (const std::string& record : stage.rig().records())
        would_refuse += field_of(record, "would_refuse") + '\n';
    return stage.rig().house().learner()->text();
}

struct InForce {
    std::string_view name;
    std::string_view profile;
};
const InForce in_force[] = {
    {"what passes unseen is learnt from", "any"},
    {"what has every route is learnt from", "admin"},
    {"what would be refused by its route is learnt from", "ping"},
    {"what would be refused by its body is learnt from", "run_sandboxed"},
};
void check_lesson(Stage& stage, const InForce& row) {
    std::string seen, would_refuse;
    const std::string text = lesson(row.profile, seen, would_refuse);
    const bool refuses = row.profile != "any";  // `admin` lacks what ROUTES.md does not name
    assert_true(refuses == (would_refuse.find("not allowed by profile") != std::string::npos));
    assert_text_equal(
        text.substr(text.find("\n\n") + 2),
        "# From 7 requests under profile " + std::string(row.profile) +
            ".\n[[profile]]\nname = \"learnt_" + std::string(row.profile) +
            "\"\nbase = \"ping\"\n"
            "allow = [\n    \"GET /debug/vars\",\n    \"build\",\n    \"container_create\",\n"
            "    \"container_delete\",\n    \"container_exec\",\n    \"version\",\n]\n"
            "permit = [\n    \"binds\",\n    \"build_network\",\n    \"exec_user\",\n"
            "    \"privileged\",\n]\n");
    // Enforced, the same bytes reach the upstream.
    have_somebody(stage, "learnt_" + std::string(row.profile), text);
    assert_text_equal(play(stage), seen);
    for (const std::string_view line :
         {"GET /info", "GET /containers/a/json", "GET /debug/pprof"}) {
        stage.send(request_of(line));
        assert_text_equal(exchange_summary(stage),
                          "exchange policy_denied by=gate phase=gate op=judge status=403\n");
    }
    stage.send(sized("POST /containers/create", R"({"HostConfig":{"PidMode":"host"}})"));
    assert_text_equal(exchange_summary(stage),
                      "exchange policy_denied by=gate phase=gate op=judge status=403\n");
    assert_text_equal(stage.upstream_bytes(), "");
}

void a_body_too_long_to_be_learnt_from_passes_and_is_counted(Stage& stage) {
    have_somebody(stage, "any");
    stage.options.settings.mode = "learn";
    const std::string body = R"({"Image":")" + times(1'100'000, "x") + R"("})";
    const std::string sent = with_body("POST /containers/create", "Transfer-Encoding: chunked\r\n",
                                       chunked(body, 50'000));
    stage.send("");
    size_t at = 0;
    std::string got;
    for (int i = 0; i < 200 && at < sent.size(); ++i) {
        at += stage.client.send(std::string_view(sent).substr(at, 60'000));
        stage.rig().settle();
        if (!stage.upstream.open() && !stage.accept()) continue;
        got += stage.upstream_bytes();
    }
    for (int i = 0; i < 60 && !got.ends_with("0\r\n\r\n"); ++i) got += stage.upstream_bytes();
    assert_true(got.ends_with("0\r\n\r\n"));
    assert_text_contains(stage.rig().house().learner()->text(),
                         "(1 times): policy_uninspectable: a JSON body over 1 MiB");
}

void who_is_not_let_in_teaches_nothing(Stage& stage) {
    stage.options.access = token_entry("runner", runner_token);
    stage.options.settings.mode = "learn";
    assert_turned_away(stage, request_of("GET /version"),
                       {401, "auth_missing", "", false, {}, false, challenge});
    assert_false(stage.rig().house().learner()->text().find("[[profile]]") != std::string::npos);
}

void no_other_mode_learns(Stage& stage) {
    stage.options.settings.mode = "report";
    assert_served(stage, request_of("GET /version"), version_got);
    assert_null(stage.rig().house().learner());
}

}  // namespace

int main() {
    Cases cases;
    cases.add(in_force, check_lesson);
    cases.add(SCENARIO(a_body_too_long_to_be_learnt_from_passes_and_is_counted));
    cases.add(SCENARIO(who_is_not_let_in_teaches_nothing));
    cases.add(SCENARIO(no_other_mode_learns));
    return cases.run("gate_learn");
}
