// Heads before the gate: default deny, and the ways around it that are known of other gates. Each row is
// PROFILE METHOD TARGET, then fields after a | each, then || and a body where the gate wants to see it.
#include "gate/gate.hh"

#include "support/policy_text.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace std::string_view_literals;
using test_support::Row;

namespace {

std::string judge(const Gate& gate, std::string_view row) {
    const size_t blank = row.find(' ');
    const size_t body = std::min(row.find("||"), row.size());
    std::string head(row.substr(blank + 1, body - blank - 1));
    const size_t line = std::min(head.find('|'), head.size());
    head.insert(line, " HTTP/1.1");
    for (size_t at = 0; (at = head.find('|')) != std::string::npos;) head.replace(at, 1, "\r\n");
    return test_support::judge(gate, row.substr(0, blank), head + "\r\n",
                               row.substr(std::min(body + 2, row.size())));
}

void check(std::span<const Row> rows) {
    const Gate gate({});
    test_support::check_rows(rows, "", "", [&](std::string_view row) { return judge(gate, row); });
}

constexpr Row route_rows_of_profiles[] = {
    {"ping may ping", "ping GET /_ping", "pass"},
    {"ping may ping by HEAD, with a version", "ping HEAD /v1.41/_ping", "pass"},
    {"ping may nothing else", "ping GET /version",
     "policy_denied: GET /version (version) is not allowed by profile ping"},
    {"inspect may look", "inspect GET /containers/json?all=1", "pass"},
    {"inspect may not read logs", "inspect GET /containers/x/logs?stdout=1",
     "policy_denied: GET /containers/{name}/logs (container_logs) is not allowed by profile "
     "inspect"},
    {"build may build", "build POST /build?t=a&t=b|Transfer-Encoding: chunked", "pass"},
    {"build may not push", "build POST /images/a/push?tag=b",
     "policy_denied: POST /images/{image}/push (image_push) is not allowed by profile build"},
    {"push_pull may pull", "push_pull POST /images/create?fromImage=a&tag=b", "pass"},
    {"push_pull may not build", "push_pull POST /build",
     "policy_denied: POST /build (build) is not allowed by profile push_pull"},
    {"builder may cancel", "builder POST /build/cancel?id=a", "pass"},
    {"builder may not prune", "builder POST /build/prune",
     "policy_denied: POST /build/prune (build_prune) is not allowed by profile builder"},
    {"builder may not create containers",
     "builder POST /containers/create|Content-Type: application/json|Content-Length: 2||{}",
     "policy_denied: POST /containers/create (container_create) is not allowed by profile builder"},
    {"builder may not list containers", "builder GET /containers/json",
     "policy_denied: GET /containers/json (container_list) is not allowed by profile builder"},
    {"run_sandboxed may do what builder may", "run_sandboxed POST /images/load?quiet=1", "pass"},
    {"run_sandboxed may not read files", "run_sandboxed GET /containers/x/archive?path=/etc",
     "policy_denied: GET /containers/{name}/archive (container_read) is not allowed by profile "
     "run_sandboxed"},
    {"run_sandboxed may not export", "run_sandboxed GET /containers/x/export",
     "policy_denied: GET /containers/{name}/export (container_export) is not allowed by profile "
     "run_sandboxed"},
    {"run_sandboxed may not make a swarm", "run_sandboxed POST /swarm/init",
     "policy_denied: POST /swarm/init (swarm_init) is not allowed by profile run_sandboxed"},
    {"admin may", "admin POST /swarm/init|Content-Type: application/json|Content-Length: 2",
     "pass"},
    {"unknown paths are nobody's but any's", "admin GET /debug/pprof/heap",
     "policy_denied: a method or path that ROUTES.md does not name is not allowed by profile "
     "admin"},
    {"unknown methods", "admin PATCH /containers/x",
     "policy_denied: a method or path that ROUTES.md does not name is not allowed by profile "
     "admin"},
    {"any passes what no table knows", "any PATCH /debug/../x%2f?;;|Upgrade: a|Connection: Upgrade",
     "pass"},
};

constexpr Row way_rows[] = {
    // Paths: 400, since dockerd would redirect to, or serve, another one.
    {"an encoded slash", "builder GET /v1.41/images%2fjson",
     "policy_uninspectable 400: an encoded slash in the path: write / where segments end"},
    {"an encoded letter", "ping GET /%5Fping",
     "policy_uninspectable 400: an escape in the path that no byte needs: write it plainly"},
    {"a way up", "ping GET /_ping/../containers/json",
     "policy_uninspectable 400: a . or .. segment in the path"},
    {"two slashes", "builder GET //version",
     "policy_uninspectable 400: an empty segment in the path: write single slashes, and none at "
     "the end"},
    {"another version", "builder GET /v1.2.3/version",
     "policy_uninspectable 400: an API version that is not written like /v1.41"},
    {"absolute-form is judged by its path", "builder GET http://docker/v1.41/containers/json",
     "policy_denied: GET /containers/json (container_list) is not allowed by profile builder"},
    {"absolute-form that is allowed", "builder GET http://docker/v1.41/version", "pass"},
    {"absolute-form without a path", "admin GET http://docker",
     "policy_denied: a method or path that ROUTES.md does not name is not allowed by profile "
     "admin"},
    {"OPTIONS of any path", "admin OPTIONS /containers/json",
     "policy_denied: a method or path that ROUTES.md does not name is not allowed by profile "
     "admin"},
    {"OPTIONS *", "admin OPTIONS *", "policy_uninspectable 400: a target that is no path"},
    {"a greedy name", "run_sandboxed GET /containers/a/b/c/json",
     "policy_uninspectable: a slash in the path inside of a name, which has none"},
    {"a greedy name around another route", "run_sandboxed DELETE /containers/x/archive",
     "policy_uninspectable: a slash in the path inside of a name, which has none"},
    {"a greedy name for admin", "admin DELETE /volumes/a/b",
     "policy_uninspectable: a slash in the path inside of a name, which has none"},
    {"a blank in a container's name", "run_sandboxed GET /containers/a%20b/json",
     "policy_uninspectable: a byte in the path that no name in Docker's API has"},
    {"a blank in a network's name", "run_sandboxed GET /networks/a%20b", "pass"},
    {"an image of a registry", "builder GET /images/[::1]:5000/a@sha256:00/json",
     "not HTTP: a byte in the request target that belongs escaped"},
    {"an image of a registry by address", "builder GET /images/%5B::1%5D:5000/a@sha256:00/json",
     "pass"},
    {"a comma in an image's name", "builder GET /images/a,b/json",
     "policy_uninspectable: a byte in the path that no image's name has"},

    // Forms: dockerd reads them over the query.
    {"a form for a pull: the SSRF by fromSrc",
     "builder POST /images/create?fromImage=a|Content-Type: "
     "application/x-www-form-urlencoded|Content-Length: 24",
     "policy_uninspectable: a form as body, which dockerd would read over the query: use the query "
     "alone"},
    {"a form in capitals, with parameters",
     "builder POST /images/create?fromImage=a|Content-Type: "
     "APPLICATION/X-WWW-Form-URLEncoded; a=b|Content-Length: 24",
     "policy_uninspectable: a form as body, which dockerd would read over the query: use the query "
     "alone"},
    {"a form behind a blank that Go trims",
     "builder POST /images/create?fromImage=a|Content-Type: "
     "\302\240application/x-www-form-urlencoded|Content-Length: 24",
     "policy_uninspectable: a Content-Type that is not ASCII"},
    {"a multipart form",
     "builder POST /build|Content-Type: multipart/form-data; "
     "boundary=x|Transfer-Encoding: chunked",
     "policy_uninspectable: a form as body, which dockerd would read over the query: use the query "
     "alone"},
    {"a form for admin",
     "admin POST /containers/prune|Content-Type: "
     "application/x-www-form-urlencoded|Content-Length: 3",
     "policy_uninspectable: a form as body, which dockerd would read over the query: use the query "
     "alone"},
    {"a form with GET, which dockerd would not read",
     "builder GET /version|Content-Type: "
     "application/x-www-form-urlencoded|Content-Length: 3",
     "policy_uninspectable: a form as body, which dockerd would read over the query: use the query "
     "alone"},
    {"two types: Go reads the first",
     "builder POST /images/load|Content-Type: application/x-tar|Content-Type: text/plain",
     "policy_uninspectable: Content-Type twice"},

    // Bodies.
    {"no body at all: the gate of CVE-2024-41110 let it pass",
     "run_sandboxed POST /containers/create|Content-Type: application/json|Content-Length: 0",
     "policy_uninspectable: no body, where the route takes JSON"},
    {"no length either", "run_sandboxed POST /containers/create|Content-Type: application/json",
     "policy_uninspectable: no body, where the route takes JSON"},
    {"a body that is too long to be judged: CVE-2026-34040",
     "run_sandboxed POST /containers/create|Content-Type: application/json|Content-Length: 1048577",
     "policy_uninspectable: a JSON body over 1 MiB, which is too large to be judged"},
    {"an empty chunked body",
     "run_sandboxed POST /containers/create|Content-Type: application/json|Transfer-Encoding: "
     "chunked||",
     "policy_uninspectable: JSON that is not valid"},
    {"JSON without its type", "run_sandboxed POST /containers/create|Content-Length: 13||{}",
     "policy_uninspectable: a body without `Content-Type: application/json`"},
    {"JSON as text",
     "run_sandboxed POST /containers/create|Content-Type: text/json|Content-Length: 13||{}",
     "policy_uninspectable: a body without `Content-Type: application/json`"},
    {"JSON with parameters",
     "run_sandboxed POST /containers/create|Content-Type: Application/JSON ; "
     "charset=utf-8|Content-Length: 13||{\"Image\":\"a\"}",
     "pass"},
    {"JSON of another kind",
     "run_sandboxed POST /containers/create|Content-Type: application/jsonx|Content-Length: "
     "13||{}",
     "policy_uninspectable: a body without `Content-Type: application/json`"},
    {"JSON that is not judged has its type too", "builder POST /auth|Content-Length: 13",
     "policy_uninspectable: a body without `Content-Type: application/json`"},
    {"login", "builder POST /auth|Content-Type: application/json|Content-Length: 66", "pass"},
    {"a HostConfig with start, as API 1.23 had it",
     "run_sandboxed POST /v1.23/containers/x/start|Content-Type: application/json|Content-Length: "
     "19",
     "policy_uninspectable: a body for a route that takes none"},
    {"a HostConfig with start, chunked",
     "run_sandboxed POST /v1.23/containers/x/start|Content-Type: "
     "application/json|Transfer-Encoding: chunked",
     "policy_uninspectable: a body for a route that takes none"},
    {"a body that says nothing",
     "run_sandboxed POST /containers/x/start|Content-Type: application/json|Content-Length: 2",
     "pass"},
    {"a push of Python's client",
     "builder POST /images/a/push|Content-Type: application/json|Content-Length: 2", "pass"},
    {"exec's start",
     "run_sandboxed POST /exec/0a/start|Content-Type: application/json|Content-Length: "
     "29|Connection: Upgrade|Upgrade: tcp",
     "pass"},

    // Upgrades: what follows is seen by nobody.
    {"h2c of any route: a tunnel to all of dockerd",
     "builder GET /version|Connection: Upgrade|Upgrade: h2c",
     "request_unsupported: an upgrade to a protocol that this route does not speak (ROUTES.md)"},
    {"h2c with its settings",
     "builder POST /session|Connection: Upgrade, HTTP2-Settings|Upgrade: h2c|HTTP2-Settings: AAA",
     "request_unsupported: an upgrade of this connection to HTTP/2"},
    {"BuildKit's session", "builder POST /session|Connection: Upgrade|Upgrade: h2c", "pass"},
    {"BuildKit's session in capitals", "builder POST /grpc|Connection: upgrade|Upgrade: H2C",
     "pass"},
    {"h2c where attach speaks tcp",
     "run_sandboxed POST /containers/x/attach|Connection: Upgrade|Upgrade: h2c",
     "request_unsupported: an upgrade to a protocol that this route does not speak (ROUTES.md)"},
    {"two protocols",
     "run_sandboxed POST /containers/x/attach|Connection: Upgrade|Upgrade: tcp, h2c",
     "request_unsupported: an upgrade to a protocol that this route does not speak (ROUTES.md)"},
    {"attach", "run_sandboxed POST /containers/x/attach?stream=1|Connection: Upgrade|Upgrade: tcp",
     "pass"},
};

void profiles_have_the_routes_they_are_meant_to_have(void**) { check(route_rows_of_profiles); }
void known_ways_around_a_gate_are_refused(void**) { check(way_rows); }

void a_route_has_its_patience_whatever_the_verdict_says(void**) {
    const Gate gate({{{"", "/events", RouteClass::build}}, {}});
    HeadParser parser;
    RequestHead head;
    const std::string bytes = "GET /v1.41/events HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_false(parser.parse_request(bytes, head).has_value());
    const Verdict refused = gate.judge(head, *gate.policy().find("ping"));
    assert_false(refused.passes());
    assert_true(gate.look(head).route.route_class == RouteClass::build);
    assert_true(gate.judge(head, *gate.profile("")).passes());
}

void a_body_is_asked_for_with_what_to_say_if_it_cannot_be_had(void**) {
    const Gate gate({});
    HeadParser parser;
    RequestHead head;
    const std::string bytes =
        "POST /containers/create HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n"
        "Transfer-Encoding: chunked\r\n\r\n";
    assert_false(parser.parse_request(bytes, head).has_value());
    const Verdict verdict = gate.judge(head, *gate.policy().find("run_sandboxed"));
    assert_true(verdict.decision == Verdict::Decision::needs_body && !verdict.passes());
    constexpr std::string_view too_long =
        "policy_uninspectable: a JSON body over 1 MiB, which is too large to be judged";
    assert_text_equal(test_support::text_of(verdict.refusal), too_long);
    std::string body = "{\"Image\":\"a\"}";
    assert_text_equal(test_support::text_of(judge_body(verdict, body)), "pass");
    body.append(judged_body_limit_bytes - body.size(), ' ');
    assert_text_equal(test_support::text_of(judge_body(verdict, body)), "pass");
    body += ' ';
    assert_text_equal(test_support::text_of(judge_body(verdict, body)), too_long);
}

void a_gate_can_have_another_default_than_any(void**) {
    const Gate gate({}, Policy(), "ping");
    HeadParser parser;
    RequestHead head;
    const std::string bytes = "GET /version HTTP/1.1\r\nHost: a\r\n\r\n";
    assert_false(parser.parse_request(bytes, head).has_value());
    assert_false(gate.judge(head, *gate.profile("")).passes());
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(profiles_have_the_routes_they_are_meant_to_have),
        cmocka_unit_test(known_ways_around_a_gate_are_refused),
        cmocka_unit_test(a_route_has_its_patience_whatever_the_verdict_says),
        cmocka_unit_test(a_body_is_asked_for_with_what_to_say_if_it_cannot_be_had),
        cmocka_unit_test(a_gate_can_have_another_default_than_any),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
