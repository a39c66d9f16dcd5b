// The page `routes`: the gate's table and rules for people.
#include "gate/owner.hh"
#include "gate/profile.hh"
#include "ops/docs.hh"
#include "ops/phrase.hh"

namespace becaused {

namespace {

constexpr std::string_view introduction =
    "<!-- Made by `becaused docs routes` from src/gate/route_table.cc and src/gate/rule.hh: change "
    "those and\n     run scripts/docs. -->\n\n"
    "# Routes, profiles, rules\n\n"
    "What may pass is what the profile of the one who asks allows; all else is refused. A profile "
    "is "
    "a set of\nroutes and the rules that hold inside of them.\n\n";

constexpr std::string_view profiles_text =
    "| profile | for whom |\n|---|---|\n"
    "| `ping` | whoever only looks whether Docker is there |\n"
    "| `inspect` | dashboards: lists and inspects, environments of containers included |\n"
    "| `build` | builds, without push and pull by the client |\n"
    "| `push_pull` | push, pull, tag, login |\n"
    "| `builder` | a remote build client: the two before, load, save, events |\n"
    "| `run_sandboxed` | a builder that also runs containers, under all rules below but `ports` |\n"
    "| `admin` | every route; queries and bodies are not judged, forms and unclear paths are "
    "refused |\n"
    "| `any` | everything passes unseen |\n\n"
    "Rules are judged in all of them but `admin` and `any`. What a build does inside of BuildKit's "
    "`/session` and\n`/grpc` nobody can judge from outside: dockerd itself may grant it the host's "
    "network and devices. Which\nmethods are called there is judged (see below).\n\n"
    "A profile of one's own starts from another one (`base`), and changes it:\n\n"
    "- `allow`, `deny`: a route's name (`image_tag`, `container_*`), or `[METHOD] PATTERN` without "
    "the version\n  (`POST /images/*/tag`), where `*` stands for anything within a segment and "
    "`**` "
    "for any rest. `deny` wins.\n  What the table knows is judged by its row and the rules even "
    "where "
    "a pattern allows it.\n"
    "- `permit`, `forbid`: rules that are lifted or put on.\n"
    "- `labels`: `KEY=VALUE`, or `KEY` with any value, that containers, volumes and networks must "
    "be "
    "created with.\n"
    "- `grpc`, `session`: the methods that may be called in these tunnels.\n"
    "- `own = true`: an identity sees and touches only the containers that it created (below).\n"
    "- `max_memory`, `max_cpus`, `max_pids`: the most that a build or a container may ask for.\n\n";

constexpr std::string_view routes_text =
    "## Routes\n\n"
    "Each is served with and without a version (`/v1.41`). `{name}` is one segment of letters, "
    "digits "
    "and `_.-`,\n`{id}` one segment, `{image}` one or more. *Danger* is what could be done if only "
    "the "
    "route were judged:\n`reads` shows others' data, `changes` uses the machine or disturbs "
    "others' "
    "work, `host` can become root on it.\nIn *query*: `*` may repeat, `!` has a value that rules "
    "judge, `+` must be there. JSON that is judged may have\n1 MiB.\n\n"
    "| route | method | path | class | danger | profiles | body | query |\n"
    "|---|---|---|---|---|---|---|---|\n";

constexpr std::string_view rules_text =
    "\n## Rules\n\n"
    "A refusal reads \"... are not allowed by profile NAME\". Whatever the rules, these are "
    "refused "
    "by every profile\nbut `any`: paths with escapes, empty or dot segments that could be written "
    "otherwise (400), `;` in queries,\nforms as bodies, upgrades that a route does not have; and "
    "with "
    "rules: repeated keys, bodies where a route\ntakes none, JSON without its Content-Type, over 1 "
    "MiB, over 32 levels, with repeated keys, keys in other\ncapitals than the API's or not in "
    "ASCII.\n\n"
    "| rule | refuses |\n|---|---|\n";

constexpr std::string_view calls_text =
    "\n## Calls in tunnels\n\n"
    "After their upgrade `/grpc` and `/session` carry gRPC: in `/grpc` the client calls dockerd's "
    "BuildKit, in\n`/session` dockerd calls what the client offers for its build (its files, "
    "secrets, credentials). The record of\nthe tunnel names the methods and how often each was "
    "called (`grpc`). What a profile does not allow is refused\n(`policy_denied`), and what cannot "
    "be read as HTTP/2 too (`policy_uninspectable`): nothing of that call goes on,\nboth sides "
    "hear "
    "GOAWAY with the reason, and the tunnel ends. `admin` and `any` allow all.\n\n"
    "A list of patterns replaces the one of the profile's base: `moby.buildkit.v1.Control/*`, "
    "where "
    "`*` stands for\nanything within a part; `**` are all. With `!` before it a pattern takes "
    "away; "
    "a list of only such ones keeps\nwhat the base allows but that: `session = "
    "[\"!moby.buildkit.secrets.v1.Secrets/*\"]`. The built-in profiles allow\nwhat `docker build` "
    "and buildx call:\n\n"
    "| list | methods |\n|---|---|\n";
constexpr std::string_view own_text =
    "\n"
    "## Containers of one's own\n"
    "\n"
    "With `own = true` a container is its creator's: becaused adds the label"
    " `becaused.owner=IDENTITY` to the body that\n"
    "creates it, beside what is there, and refuses a body that names somebody else. The"
    " identity's name counts, however it\n"
    "was proven; whoever has no name of their own (`[stranger]`, an authorisation service"
    " that names nobody) shares all\n"
    "with the others. Before a request that names a container goes on, the upstream is asked"
    " whose it is (the clock `auth`\n"
    "limits that; what it says of full ids is remembered). Then the name goes on as the full"
    " id, so that it is that container\n"
    "and no other. What is not one's own, or not there, is 404 with dockerd's words, `No such"
    " container: NAME`; the record\n"
    "names the rule. `--volumes-from`, `--link`, and networks and namespaces of other"
    " containers are refused, one's own too,\n"
    "and so are paths that this page does not name. `mode = report` labels and asks, but"
    " filters and hides nothing.\n"
    "\n"
    "Not covered: images, volumes and networks are everybody's (a volume can be mounted by"
    " whoever knows its name). A name\n"
    "that is taken says so (409). What BuildKit and `/build` run by themselves is nobody's."
    " An image's own `LABEL\n"
    "becaused.owner` counts for containers that profiles without `own` make of it. And"
    " whoever other rules let at the host's\n"
    "files needs no API.\n"
    "\n"
    "| routes | with `own` |\n"
    "|---|---|\n";

std::string routes_that_reach(Reach reach) {
    std::string text;
    for (const RouteRow& row : route_rows())
        if (reach_of(row) == reach) text += phrase(text.empty() ? "`" : " `", row.name, '`');
    return text;
}

std::string methods_of(const RouteRow& row) {
    std::string text;
    for (const std::string_view method : {"GET", "HEAD", "POST", "PUT", "DELETE"})
        if ((row.methods & method_bit(method)) != 0)
            text += phrase(text.empty() ? "" : " ", method);
    return text;
}

std::string profiles_of(const Policy& policy, const RouteRow& row) {
    std::string text;
    for (const Profile& profile : policy.profiles())
        if (profile.judges_content() && profile.allows(row))
            text += phrase(text.empty() ? "" : ", ", profile.name());
    return text.empty() ? "admin" : text;
}

}  // namespace

std::string routes_page() {
    const Policy policy;
    std::string text = phrase(introduction, profiles_text, routes_text);
    for (const RouteRow& row : route_rows()) {
        const std::string body = row.tunnel == Tunnel::none
                                     ? std::string(name(row.payload))
                                     : phrase(row.payload == Payload::json ? "JSON, " : "",
                                              "upgrade to ", protocol(row.tunnel));
        const std::string query = row.query.empty() ? "-" : phrase('`', row.query, '`');
        text += phrase("| `", row.name, "` | ", methods_of(row), " | `", row.path, "` | ",
                       name(row.route_class), " | ", name(row.danger), " | ",
                       profiles_of(policy, row), " | ", body, " | ", query, " |\n");
    }
    text += calls_text;
    for (const CallList list : {CallList::grpc, CallList::session}) {
        std::string methods;
        const CallRules rules = CallRules::of_builds(list);
        for (const std::string& method : rules.allowed())
            methods += phrase(methods.empty() ? "`" : ", `", method, '`');
        text += phrase("| `", name(list), "` | ", methods, " |\n");
    }
    text += own_text;
    for (const Reach reach : {Reach::create, Reach::list, Reach::path, Reach::exec, Reach::in_query,
                              Reach::in_body, Reach::all})
        text += phrase("| ", routes_that_reach(reach), " | ", words(reach), " |\n");
    text += rules_text;
    for (size_t i = 0; i < rule_count; ++i) {
        const auto rule = static_cast<Rule>(i);
        text += phrase("| `", name(rule), "` | ", words(rule), " |\n");
    }
    return text;
}

}  // namespace becaused
