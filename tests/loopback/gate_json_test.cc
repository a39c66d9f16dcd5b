// JSON that may not pass, through the real proxy: what it asks for, and the ways to say it so that another
// reader would understand something else (DOCKER.md). tests/unit/json_* knows many more.
#include "support/guarded.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

#define JSON_TYPE "Content-Type: application/json\r\n"
#define BY " are not allowed by profile run_sandboxed"
constexpr std::string_view bad = R"({"Image":"x","HostConfig":{"Privileged":true}})";
constexpr std::string_view why = "privileged containers (--privileged)" BY;

struct Denied {
    std::string_view name;
    std::string_view body;
    std::string_view detail;
    bool uninspectable = false;
    std::string_view line = "POST /containers/create";
};
#define CAPITALS "a key in the JSON in other capitals than Docker's API has"
constexpr Denied denials[] = {
    {"privileged", bad, why},
    {"privileged at the top, without a HostConfig", R"({"Image":"x","Privileged":true})", why},
    {"the host's files", R"({"Image":"x","HostConfig":{"Binds":["/:/host"]}})",
     "bind mounts of the host's files (-v /PATH:..., --mount type=bind)" BY},
    {"a volume that is a bind mount",
     R"({"Name":"v","DriverOpts":{"type":"none","o":"bind","device":"/"}})",
     "volume drivers and their options (--volume-driver, volume create -d, -o)" BY, false,
     "POST /volumes/create"},
    {"the host's network", R"({"HostConfig":{"NetworkMode":"host"}})",
     "networks of the host or of other containers (--network host, container:NAME)" BY},
    {"exec as root with all rights", R"({"Cmd":["sh"],"Privileged":true})",
     "privileged commands (exec --privileged)" BY, false, "POST /containers/x/exec"},
    {"an update of limits", R"({"RestartPolicy":{"Name":"always"}})",
     "restart policies (--restart)" BY, false, "POST /containers/x/update"},
    {"other capitals, which Go folds", R"({"HostConfig":{"privileged":true}})", CAPITALS, true},
    {"other capitals by an escape", R"({"HostConfig":{"\u0070rivileged":true}})", CAPITALS, true},
    {"a letter that Go folds to s", "{\"Ho\305\277tConfig\":{\"Privileged\":true}}",
     "a key in the JSON that is not ASCII", true},
    {"the same by an escape", R"({"Ho\u017ftConfig":{"Privileged":true}})",
     "a key in the JSON that is not ASCII", true},
    {"a key twice, whose last counts", R"({"HostConfig":{"Binds":[],"Binds":["/:/h"]}})",
     "a key twice in one object of the JSON", true},
    {"an object twice, which Go merges", R"({"HostConfig":{},"HostConfig":{"Privileged":true}})",
     "a key twice in one object of the JSON", true},
    {"a key that nobody knows", R"({"Image":"x","Superuser":true})",
     "keys in the JSON that becaused does not know" BY, true},
    {"bytes after the JSON", R"({"Image":"x"}{"HostConfig":{"Privileged":true}})",
     "JSON that is not valid", true},
    {"a byte order mark", "\357\273\277{\"Image\":\"x\"}", "a byte order mark before the JSON",
     true},
    {"a NUL behind it", "{\"Image\":\"x\"}\0"sv, "a NUL byte in the JSON", true},
    {"nothing but blanks", "        ", "JSON that is not valid", true},
    {"a list", "[]", "a value in the JSON of another type than Docker's API has there", true},
};
void check_denied(Stage& stage, std::string_view sent, const Denied& row) {
    stage.options.settings.profile = "run_sandboxed";
    assert_turned_away(
        stage, sent,
        kept({403, row.uninspectable ? "policy_uninspectable" : "policy_denied", row.detail}));
    assert_text_equal(field_of(stage.exchange(), "detail"), row.detail);
    assert_served(stage, request_of("GET /version"), version_got);
}
void check_denied_sized(Stage& stage, const Denied& row) {
    check_denied(stage,
                 request_of(row.line, JSON_TYPE "Content-Length: " +
                                          std::to_string(row.body.size()) + "\r\n") +
                     std::string(row.body),
                 row);
}
void check_denied_chunked(Stage& stage, const Denied& row) {
    check_denied(
        stage,
        request_of(row.line, JSON_TYPE "Transfer-Encoding: chunked\r\n") + chunked(row.body, 3),
        row);
}

}  // namespace

int main() {
    Cases cases;
    for (const Denied& row : denials) {
        cases.add(std::string(row.name), [&row](Stage& stage) { check_denied_sized(stage, row); });
        cases.add(std::string(row.name) + ", chunked",
                  [&row](Stage& stage) { check_denied_chunked(stage, row); });
    }
    return cases.run("gate_json");
}
