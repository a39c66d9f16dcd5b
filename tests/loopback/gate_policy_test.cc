// What may be done, through the real proxy: what profiles deny names the rule, and no way around a rule
// that is known (DOCKER.md, HTTP.md) leads a byte to the upstream.
#include "support/guarded.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

#define SLASH "an encoded slash in the path: write / where segments end"
#define DOTS "a . or .. segment in the path"
#define EMPTY "an empty segment in the path: write single slashes, and none at the end"
#define PLAINLY "an escape in the path that no byte needs: write it plainly"
#define UNKNOWN "a method or path that ROUTES.md does not name is not allowed by profile builder"
#define FORM "a form as body, which dockerd would read over the query: use the query alone"
#define SEMICOLON "a ; in the query, which not all readers take for the same"
#define TWICE "a key of the query twice, where it may stand once"
#define UPGRADES "an upgrade to a protocol that this route does not speak (ROUTES.md)"
#define BY_BUILDER " are not allowed by profile builder"
#define JSON_TYPE "Content-Type: application/json\r\n"

// Refused by the head alone. What follows the head is either the next request, or the body and the end
// of the connection.
struct Denied {
    std::string_view name;
    std::string_view line;
    std::string_view detail;
    int status = 403;
    std::string_view fields = {};
    std::string_view profile = "builder";
    bool closes = false;
    std::string_view reason = {};  // empty: policy_denied, or with 400 policy_uninspectable
};

constexpr Denied denials[] = {
    {"builder may not list containers", "GET /v1.41/containers/json",
     "GET /containers/json (container_list) is not allowed by profile builder"},
    {"builder may not create containers", "POST /containers/create",
     "POST /containers/create (container_create) is not allowed by profile builder"},
    {"builder may not prune", "POST /images/prune",
     "POST /images/prune (image_prune) is not allowed by profile builder"},
    {"nobody but the operator joins a swarm", "POST /swarm/join",
     "POST /swarm/join (swarm_join) is not allowed by profile run_sandboxed", 403, "",
     "run_sandboxed"},
    {"services", "POST /services/create",
     "POST /services/create (service_create) is not allowed by profile run_sandboxed", 403, "",
     "run_sandboxed"},
    {"secrets", "GET /secrets", "GET /secrets (secret_list) is not allowed by profile builder"},
    {"configs", "GET /configs", "GET /configs (config_list) is not allowed by profile builder"},
    {"plugins", "POST /plugins/pull?remote=x",
     "POST /plugins/pull (plugin_pull) is not allowed by profile builder"},
    {"export", "GET /containers/x/export",
     "GET /containers/{name}/export (container_export) is not allowed by profile run_sandboxed",
     403, "", "run_sandboxed"},
    {"archive reads", "GET /containers/x/archive?path=/",
     "GET /containers/{name}/archive (container_read) is not allowed by profile run_sandboxed", 403,
     "", "run_sandboxed"},
    {"what no table names", "GET /debug/pprof/heap", UNKNOWN},
    {"paths have capitals", "GET /Version", UNKNOWN},
    {"OPTIONS, which dockerd serves on any path", "OPTIONS /containers/json", UNKNOWN},
    {"a method that the route does not have", "PUT /version", UNKNOWN},
    {"HEAD where the table has GET", "HEAD /containers/json", UNKNOWN},
    {"absolute-form is judged by its path", "GET http://docker/v1.41/containers/json",
     "GET /containers/json (container_list) is not allowed by profile builder"},

    // Paths that dockerd decodes, or redirects.
    {"an encoded slash", "GET /v1.41/containers%2fjson", SLASH, 400},
    {"an encoded slash before the version", "GET /v1.41%2Fcontainers/json", SLASH, 400},
    {"an encoded way up", "GET /images/..%2f..%2fcontainers/json", SLASH, 400},
    {"an encoded backslash", "GET /images%5Cjson", SLASH, 400},
    {"two slashes", "GET //containers/json", EMPTY, 400},
    {"two slashes before a version", "GET //v1.41/version", EMPTY, 400},
    {"a slash at the end", "GET /version/", EMPTY, 400},
    {"a way up", "GET /_ping/../containers/json", DOTS, 400},
    {"a way nowhere", "GET /./version", DOTS, 400},
    {"an encoded way up without slashes", "GET /_ping/%2e%2e/containers/json", PLAINLY, 400},
    {"half of it encoded", "GET /_ping/.%2e/containers/json", PLAINLY, 400},
    {"an encoded letter", "GET /versio%6e", PLAINLY, 400},
    {"encoded twice", "GET /images/a%252fb/json",
     "an encoded % in the path, which two readers may decode differently", 400},
    {"an encoded NUL", "GET /version%00", "an encoded control byte in the path", 400},
    {"another kind of version", "GET /v1.2.3/version",
     "an API version that is not written like /v1.41", 400},
    {"OPTIONS *", "OPTIONS *", "a target that is no path", 400},
    {"a greedy name", "GET /containers/a/b/c/json",
     "a slash in the path inside of a name, which has none", 403, "", "run_sandboxed", false,
     "policy_uninspectable"},
    {"a greedy name around another route", "DELETE /containers/x/archive",
     "a slash in the path inside of a name, which has none", 403, "", "run_sandboxed", false,
     "policy_uninspectable"},

    // Queries.
    {"an import by fromSrc", "POST /images/create?fromSrc=http://a/&fromImage=x",
     "images from a URL or a file (docker import)" BY_BUILDER},
    {"fromSrc, encoded", "POST /images/create?fromImage=x&%66romSrc=-",
     "images from a URL or a file (docker import)" BY_BUILDER},
    {"a pull that may be an import", "POST /images/create",
     "a query without the key that decides what its route does (ROUTES.md marks it +)", 403, "",
     "builder", false, "policy_uninspectable"},
    {"a semicolon", "POST /build?t=a;networkmode=host", SEMICOLON, 403, "", "builder", false,
     "policy_uninspectable"},
    {"a key twice", "POST /build?networkmode=none&networkmode=host", TWICE, 403, "", "builder",
     false, "policy_uninspectable"},
    {"a key twice, encoded", "POST /build?networkmode=none&network%6dode=host", TWICE, 403, "",
     "builder", false, "policy_uninspectable"},
    {"a key that no table names", "POST /build?entitlements=x",
     "query keys that the route's row in ROUTES.md does not name" BY_BUILDER, 403, "", "builder",
     false, "policy_uninspectable"},
    {"the host's network", "POST /build?networkmode=host",
     "build networks other than default, bridge and none (build --network)" BY_BUILDER},
    {"a container's network", "POST /build?networkmode=container%3Ax",
     "build networks other than default, bridge and none (build --network)" BY_BUILDER},
    {"a context that dockerd fetches", "POST /build?remote=http://169.254.169.254/",
     "build contexts that dockerd fetches (build URL)" BY_BUILDER},
    {"a cgroup", "POST /build?cgroupparent=/",
     "cgroups of the client's choice (--cgroup-parent)" BY_BUILDER},
    {"host entries", "POST /build?extrahosts=a%3A1.2.3.4",
     "host entries for builds (build --add-host)" BY_BUILDER},
    {"outputs", "POST /build?version=2&outputs=%5B%7B%22Type%22%3A%22exporter%22%7D%5D",
     "build outputs other than local, tar and cacheonly (build --output)" BY_BUILDER},
    {"security options", "POST /build?securityopt=%5B%22seccomp%3Dunconfined%22%5D",
     "security options other than no-new-privileges (--security-opt)" BY_BUILDER},
    {"checkpoints", "POST /containers/x/start?checkpoint=a",
     "checkpoints (start --checkpoint) are not allowed by profile run_sandboxed", 403, "",
     "run_sandboxed"},

    // Fields: forms that dockerd reads over the query, bodies where none belong, other protocols.
    {"a form: the SSRF by fromSrc", "POST /images/create?fromImage=a", FORM, 403,
     "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 16\r\n", "builder", true,
     "policy_uninspectable"},
    {"a form, chunked", "POST /build", FORM, 403,
     "Content-Type: multipart/form-data; boundary=x\r\nTransfer-Encoding: chunked\r\n", "builder",
     true, "policy_uninspectable"},
    {"a form for admin", "POST /containers/prune", FORM, 403,
     "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 16\r\n", "admin", true,
     "policy_uninspectable"},
    {"two Content-Types", "POST /images/load", "Content-Type twice", 403,
     "Content-Type: application/x-tar\r\nContent-Type: text/plain\r\n", "builder", false,
     "policy_uninspectable"},
    {"a HostConfig with start, as API 1.23 had it", "POST /v1.23/containers/x/start",
     "a body for a route that takes none", 403, JSON_TYPE "Content-Length: 19\r\n", "run_sandboxed",
     true, "policy_uninspectable"},
    {"a judged body without its type", "POST /containers/create",
     "a body without `Content-Type: application/json`", 403, "Content-Length: 13\r\n",
     "run_sandboxed", true, "policy_uninspectable"},
    {"no body where one is judged: CVE-2024-41110", "POST /containers/create",
     "no body, where the route takes JSON", 403, JSON_TYPE "Content-Length: 0\r\n", "run_sandboxed",
     false, "policy_uninspectable"},
    {"a body too long to be judged: CVE-2026-34040", "POST /containers/create",
     "a JSON body over 1 MiB, which is too large to be judged", 403,
     JSON_TYPE "Content-Length: 1048577\r\n", "run_sandboxed", true, "policy_uninspectable"},
    {"the same, which asks for a 100 and hears none", "POST /containers/create",
     "a JSON body over 1 MiB, which is too large to be judged", 403,
     JSON_TYPE "Expect: 100-continue\r\nContent-Length: 1048577\r\n", "run_sandboxed", true,
     "policy_uninspectable"},
    {"HTTP/2 by upgrade, a tunnel to all of dockerd", "GET /version", UPGRADES, 501,
     "Connection: Upgrade\r\nUpgrade: h2c\r\n", "builder", false, "request_unsupported"},
    {"HTTP/2 with its settings", "GET /version", "an upgrade of this connection to HTTP/2", 501,
     "Connection: HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n", "builder", false,
     "request_unsupported"},
    {"attach over h2c", "POST /containers/x/attach", UPGRADES, 501,
     "Connection: Upgrade\r\nUpgrade: h2c\r\n", "run_sandboxed", false, "request_unsupported"},
};

void check_denied(Stage& stage, const Denied& row) {
    stage.options.settings.profile = row.profile;
    const bool upgrade = row.fields.find("Upgrade:") != std::string_view::npos;
    const std::string request = request_of(row.line, row.fields);
    OwnAnswer answer{row.status, row.reason, row.detail, row.closes};
    if (answer.reason.empty())
        answer.reason = row.status == 400 ? "policy_uninspectable" : "policy_denied";
    answer.head = row.line.starts_with("HEAD");
    const std::string by = row.status == 501 ? "client" : "gate";
    if (row.closes) {
        // The body's bytes are no request.
        stage.send(request + std::string(smuggled));
    } else {
        stage.send(request);
    }
    assert_false(stage.rig().accept().open());
    assert_own_answer(stage, answer);
    assert_text_equal(exchange_summary(stage),
                      "exchange " + std::string(answer.reason) + " by=" + by +
                          " phase=gate op=judge status=" + std::to_string(row.status) + "\n");
    assert_text_equal(field_of(stage.exchange(), "detail"), row.detail);
    if (row.closes || upgrade) {
        assert_text_equal(stage.client_state(), "fin");
        assert_int_equal(stage.rig().records().size(), 1);
        return;
    }
    assert_served(stage, request_of("GET /version"), version_got);
}

// Nothing of these is a matter of profiles, and none is let through by one.
constexpr Refused framings[] = {
    {"a length beside chunks",
     "POST /containers/create HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
     "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n",
     400, "client_ambiguous_framing", "Content-Length beside Transfer-Encoding"},
    {"chunks in HTTP/1.0",
     "POST /containers/create HTTP/1.0\r\nHost: a\r\nContent-Type: application/json\r\n"
     "Transfer-Encoding: chunked\r\n\r\n",
     400, "client_ambiguous_framing", "Transfer-Encoding in HTTP/1.0"},
    {"two hosts", "GET /version HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400, "client_malformed",
     "Host is repeated"},
};

// ---- what passes ---------------------------------------------------------------------------------

struct Allowed {
    std::string_view name;
    std::string_view profile;
    std::string_view line;
    std::string_view fields;
};
constexpr Allowed allowed[] = {
    {"builder is whoever says nothing else", "", "GET /v1.41/version", ""},
    {"a pull", "builder", "POST /v1.41/images/create?fromImage=busybox&tag=latest", ""},
    {"a push", "builder", "POST /images/host:5000/a/b/push?tag=1", "X-Registry-Auth: e30=\r\n"},
    {"a classic build's own keys", "builder",
     "POST /build?t=a&t=b&networkmode=default&memory=0&remote=&cgroupparent=", ""},
    {"a name that needs its escapes", "builder", "GET /images/a%3Ab/json", ""},
    {"a path with a base of its own for any", "any", "GET /x/../y//%2e%2f;?a;b", ""},
    {"admin's own routes", "admin", "POST /containers/prune", ""},
};
void check_allowed(Stage& stage, const Allowed& row) {
    if (!row.profile.empty()) stage.options.settings.profile = row.profile;
    else stage.options.settings.profile = becaused::Settings().profile;
    assert_served(
        stage, request_of(row.line, row.fields),
        std::string(row.line) + " HTTP/1.1\r\nHost: a\r\n" + std::string(row.fields) + "{+}\r\n");
    assert_text_equal(field_of(stage.exchange(), "would_refuse"), "");
}

void http_1_0_hears_of_the_rule_too(Stage& stage) {
    stage.options.settings.profile = "builder";
    OwnAnswer answer{403, "policy_denied",
                     "GET /containers/json (container_list) is not allowed by profile builder"};
    assert_turned_away(stage, "GET /containers/json HTTP/1.0\r\n\r\n", answer);
}

void http_1_0_that_keeps_alive_is_kept(Stage& stage) {
    stage.options.settings.profile = "builder";
    OwnAnswer answer =
        kept({403, "policy_denied",
              "GET /containers/json (container_list) is not allowed by profile builder"});
    answer.extra = "Connection: keep-alive\r\n";
    assert_turned_away(stage, "GET /containers/json HTTP/1.0\r\nConnection: keep-alive\r\n\r\n",
                       answer);
    assert_served(stage, request_of("GET /version"), version_got);
}

void pipelined_refusals_are_answered_in_order(Stage& stage) {
    stage.options.settings.profile = "builder";
    stage.send(request_of("GET /containers/json") + request_of("GET /version") +
               request_of("GET /secrets"));
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), version_got);
    stage.answer(no_content);
    const std::string bytes = stage.client_bytes();
    const size_t first = bytes.find("HTTP/1.1 403 Forbidden\r\n");
    const size_t second = bytes.find("HTTP/1.1 204 No Content\r\n");
    const size_t third = bytes.rfind("HTTP/1.1 403 Forbidden\r\n");
    assert_int_equal(first, 0);
    assert_true(first < second && second < third && third != std::string::npos);
    assert_text_equal(stage.leave(),
                      "exchange policy_denied by=gate phase=gate op=judge status=403\n"
                      "exchange complete by=nobody phase=done op=none status=204\n"
                      "exchange policy_denied by=gate phase=gate op=judge status=403\n"
                      "client client_closed_idle by=nobody phase=keepalive op=none\n");
}

// ---- identities and profiles ---------------------------------------------------------------------

void an_identity_without_its_profile_may_nothing(Stage& stage) {
    stage.options.settings.profile = "builder";
    stage.options.access = key_entry();
    // The file may name only profiles that exist; a signed token may name any.
    const std::string token =
        bearer_line(signed_token(R"({"sub":"ci","profile":"gone","exp":"2023-11-14T23:00:00Z"})"));
    for (const std::string_view line : {"GET /version", "GET /_ping"}) {
        assert_turned_away(
            stage, request_of(line, token),
            kept({403, "policy_denied", "the identity's profile is none of becaused's"}));
        assert_text_equal(who(stage), "ci token");
    }
}

void an_identitys_profile_is_its_own(Stage& stage) {
    stage.options.settings.profile = "ping";
    stage.options.access =
        "[[profile]]\nname = \"nightly\"\nbase = \"build\"\nallow = [\"GET /images/*/json\"]\n"
        "deny = [\"POST /build\"]\n" +
        token_entry("runner", runner_token, "profile = \"nightly\"\n") +
        token_entry("other", other_token);
    const std::string as_runner = bearer_line(runner_token);
    assert_served(stage, request_of("GET /images/a/json", as_runner),
                  "GET /images/a/json HTTP/1.1\r\nHost: a\r\n{+}\r\n");
    assert_turned_away(stage, request_of("POST /build", as_runner),
                       kept({403, "policy_denied", "POST /build is denied by profile nightly"}));
    assert_turned_away(
        stage, request_of("GET /version", bearer_line(other_token)),
        kept({403, "policy_denied", "GET /version (version) is not allowed by profile ping"}));
}

// ---- mode report ---------------------------------------------------------------------------------

void a_report_passes_and_says_what_it_would_refuse(Stage& stage) {
    stage.options.settings.profile = "builder";
    stage.options.settings.mode = "report";
    assert_served(stage, request_of("GET /containers/json"),
                  "GET /containers/json HTTP/1.1\r\nHost: a\r\n{+}\r\n");
    assert_text_equal(field_of(stage.exchange(), "would_refuse"),
                      "GET /containers/json (container_list) is not allowed by profile builder");
    assert_served(stage, request_of("GET /version"), version_got);
    assert_text_equal(field_of(stage.exchange(), "would_refuse"), "");
}

// It is the policy that only reports: who asks is still asked.
void a_report_still_asks_who_it_is(Stage& stage) {
    stage.options.settings.profile = "builder";
    stage.options.settings.mode = "report";
    stage.options.access = token_entry("runner", runner_token);
    const std::string extra(challenge);
    assert_turned_away(stage, request_of("GET /containers/json"),
                       {401, "auth_missing", "", false, {}, false, extra});
    assert_served(stage, request_of("GET /secrets", bearer_line(runner_token)),
                  "GET /secrets HTTP/1.1\r\nHost: a\r\n{+}\r\n");
    assert_text_equal(field_of(stage.exchange(), "would_refuse"),
                      "GET /secrets (secret_list) is not allowed by profile builder");
}

}  // namespace

int main() {
    Cases cases;
    cases.add(denials, check_denied);
    cases.add(framings, check_refused);
    cases.add(allowed, check_allowed);
    cases.add(SCENARIO(http_1_0_hears_of_the_rule_too));
    cases.add(SCENARIO(http_1_0_that_keeps_alive_is_kept));
    cases.add(SCENARIO(pipelined_refusals_are_answered_in_order));
    cases.add(SCENARIO(an_identity_without_its_profile_may_nothing));
    cases.add(SCENARIO(an_identitys_profile_is_its_own));
    cases.add(SCENARIO(a_report_passes_and_says_what_it_would_refuse));
    cases.add(SCENARIO(a_report_still_asks_who_it_is));
    return cases.run("gate_policy");
}
