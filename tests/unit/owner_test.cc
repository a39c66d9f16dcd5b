// Whose a container is, in texts: the label in bodies, filters and names, to the byte; which routes it
// concerns; and what dockerd's answers are read for.
#include "gate/owner.hh"

#include "gate/owned.hh"
#include "gate/owner_text.hh"
#include "support/policy_text.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using test_support::check_rows;
using test_support::Row;

namespace {

std::string text_of(const Changed& changed) {
    return changed.flaw == nullptr ? changed.text : "flaw: " + std::string(changed.flaw);
}

#define OWNER R"("becaused.owner":"alice")"
#define OTHER "flaw: a label becaused.owner that names somebody else"
#define TYPE "flaw: a value in the JSON that ownership cannot be judged by"

// ---- bodies --------------------------------------------------------------------------------------

constexpr Row body_rows[] = {
    {"an empty object", "{}", R"({"Labels":{)" OWNER "}}"},
    {"an empty object with space in it", " {\n} ", " {\"Labels\":{" OWNER "}\n} "},
    {"a body without labels", R"({"Image":"x"})", R"({"Labels":{)" OWNER R"(},"Image":"x"})"},
    {"labels that are null", R"({"Image":"x", "Labels" : null ,"Cmd":[]})",
     R"({"Image":"x", "Labels" : {)" OWNER R"(} ,"Cmd":[]})"},
    {"no labels yet", R"({"Labels":{},"Image":"x"})", R"({"Labels":{)" OWNER R"(},"Image":"x"})"},
    {"no labels yet, but space", "{\"Labels\":{ \t}}", "{\"Labels\":{" OWNER " \t}}"},
    {"labels of the client's own", R"({"Image":"x","Labels":{"a":"b","c":"d"}})",
     R"({"Image":"x","Labels":{)" OWNER R"(,"a":"b","c":"d"}})"},
    {"labels that are escaped otherwise", R"({"Labels":{"\u0061":"\"}"}})",
     R"({"Labels":{)" OWNER R"(,"\u0061":"\"}"}})"},
    {"Labels deeper in the body", R"({"HostConfig":{"Labels":{}},"Cmd":["Labels",{"Labels":[1]}]})",
     R"({"Labels":{)" OWNER R"(},"HostConfig":{"Labels":{}},"Cmd":["Labels",{"Labels":[1]}]})"},
    {"braces and quotes inside of texts", R"({"Cmd":["}","\"","\\",",\"Labels\":{"],"Labels":{}})",
     R"({"Cmd":["}","\"","\\",",\"Labels\":{"],"Labels":{)" OWNER "}}"},
    {"numbers before it", R"({"a":1,"b":-2.5e3 ,"c":true,"Labels":null})",
     R"({"a":1,"b":-2.5e3 ,"c":true,"Labels":{)" OWNER "}}"},
    {"the label is there already", R"({"Labels":{"becaused.owner":"alice"}})",
     R"({"Labels":{"becaused.owner":"alice"}})"},
    {"the label is there, escaped", R"({"Labels":{"becaused\u002eowner":"\u0061lice"}})",
     R"({"Labels":{"becaused\u002eowner":"\u0061lice"}})"},
    {"the label of somebody else", R"({"Labels":{"becaused.owner":"bob"}})", OTHER},
    {"the label of nobody", R"({"Labels":{"becaused.owner":""}})", OTHER},
    {"the label of somebody else, escaped", R"({"Labels":{"becaused\u002eowner":"bob"}})", OTHER},
    {"the label as null", R"({"Labels":{"becaused.owner":null}})", TYPE},
    {"the label as a list", R"({"Labels":{"becaused.owner":["alice"]}})", TYPE},
    {"labels as a list", R"({"Labels":["becaused.owner=alice"]})", TYPE},
    {"the label twice", R"({"Labels":{"becaused.owner":"alice","becaused.owner":"bob"}})",
     "flaw: a key twice in one object of the JSON"},
    {"Labels twice", R"({"Labels":{},"Labels":{"becaused.owner":"bob"}})",
     "flaw: a key twice in one object of the JSON"},
    {"Labels with an escape", R"({"L\u0061bels":{}})",
     "flaw: a key in the JSON with an escape, where ownership is enforced"},
    {"another label in other letters is another label", R"({"Labels":{"Becaused.Owner":"bob"}})",
     R"({"Labels":{)" OWNER R"(,"Becaused.Owner":"bob"}})"},
    {"labels as a text", R"({"Labels":"a"})", "flaw: Labels that are no object in the JSON"},
    {"a list", "[]", "flaw: JSON that is no object"},
    {"no JSON", "{", "flaw: JSON that is not valid"},
};

void bodies_get_the_label_and_nothing_else(void**) {
    check_rows(body_rows, "", "",
               [](std::string_view body) { return text_of(with_owner(body, "alice")); });
}

void names_are_written_as_json_has_them(void**) {
    assert_text_equal(text_of(with_owner("{}", "a\"b\\c \xc3\xa9")),
                      R"({"Labels":{"becaused.owner":"a\"b\\c )"
                      "\xc3\xa9\"}}");
    // What was written is what is there already.
    const std::string again = text_of(with_owner("{}", "a\"b"));
    assert_text_equal(text_of(with_owner(again, "a\"b")), again);
}

// ---- filters -------------------------------------------------------------------------------------

// `{"label":{"becaused.owner=alice":true}}`
#define MINE "%7B%22label%22%3A%7B%22becaused.owner%3Dalice%22%3Atrue%7D%7D"
#define UNREAD "flaw: filters that cannot be read, where ownership is enforced"
#define RELATIVE "flaw: a filter by another container, where ownership is enforced"

constexpr Row filter_rows[] = {
    {"no query", "", "?filters=" MINE},
    {"an empty query", "?", "?filters=" MINE},
    {"other keys stay as they are", "?all=%31&size", "?all=%31&size&filters=" MINE},
    {"an empty value", "?filters=&all=1", "?filters=" MINE "&all=1"},
    {"a key without a value", "?all=1&filters", "?all=1&filters=" MINE},
    {"a key that is escaped", "?filter%73={}", "?filter%73=" MINE},
    {"no filters", "?filters={}", "?filters=" MINE},
    {"a map", R"(?filters={"label":{"a=b":true}})",
     "?filters=%7B%22label%22%3A%7B%22a%3Db%22%3Atrue%2C%22becaused.owner%3Dalice%22%3Atrue%7D%7D"},
    {"a list", R"(?filters={"label":["a=b"]})",
     "?filters=%7B%22label%22%3A%7B%22a%3Db%22%3Atrue%2C%22becaused.owner%3Dalice%22%3Atrue%7D%7D"},
    {"escapes and pluses", "?filters=%7B%22name%22%3A%5B%22a+b%22%5D%7D",
     "?filters=%7B%22name%22%3A%7B%22a%20b%22%3Atrue%7D%2C%22label%22%3A%7B%22becaused.owner%3D"
     "alice%22%3Atrue%7D%7D"},
    {"an empty list", R"(?filters={"label":[]}&all=1)", "?filters=" MINE "&all=1"},
    {"one's own label already", R"(?filters={"label":["becaused.owner=alice"]})", "?filters=" MINE},
    // Both must fit, so that nothing does.
    {"the label of somebody else", R"(?filters={"label":["becaused.owner=bob"]})",
     "?filters=%7B%22label%22%3A%7B%22becaused.owner%3Dbob%22%3Atrue%2C%22becaused.owner%3Dalice%22"
     "%3Atrue%7D%7D"},
    {"a map's false", R"(?filters={"label":{"becaused.owner=alice":false}})", UNREAD},
    {"a map's number", R"(?filters={"label":{"a":1}})", UNREAD},
    {"a list and a map", R"(?filters={"name":["a"],"label":{"b":true}})", UNREAD},
    {"a text", R"(?filters="a")", UNREAD},
    {"a text in place of a list", R"(?filters={"label":"a"})", UNREAD},
    {"a list of lists", R"(?filters={"label":[["a"]]})", UNREAD},
    {"a list in a map", R"(?filters={"label":{"a":[]}})", UNREAD},
    {"null", "?filters=null", UNREAD},
    {"a list at the top", R"(?filters=["label"])", UNREAD},
    {"a key twice", R"(?filters={"label":["a"],"label":["b"]})", UNREAD},
    {"what is cut", R"(?filters={"label":)", UNREAD},
    {"bytes that are no UTF-8", R"(?filters={"name":["%FF"]})", UNREAD},
    {"containers before another", R"(?filters={"before":["x"]})", RELATIVE},
    {"containers since another", R"(?filters={"since":{"x":true}})", RELATIVE},
    {"the old key before", "?before=x", RELATIVE},
    {"the old key since", "?since=x", RELATIVE},
    {"the old keys, empty", "?since=&before=", "?since=&before=&filters=" MINE},
};

void lists_get_the_filter(void**) {
    check_rows(filter_rows, "/v1.41/containers/json", "", [](std::string_view target) {
        const std::string text = text_of(with_owner_filter(target, "alice"));
        return text.starts_with("flaw") ? text : text.substr(text.find('?'));
    });
}

void events_since_a_time_are_no_question_about_a_container(void**) {
    assert_text_equal(text_of(with_owner_filter("/events?since=1", "alice")),
                      "/events?since=1&filters=" MINE);
}

void whoever_has_an_odd_name_has_a_filter_too(void**) {
    assert_text_equal(text_of(with_owner_filter("/events", "a=b \"\xc3\xa9")),
                      "/events?filters=%7B%22label%22%3A%7B%22becaused.owner%3Da%3Db%20%5C%22%C3%A9"
                      "%22%3Atrue%7D%7D");
}

// ---- names in queries and bodies -----------------------------------------------------------------

void a_container_in_a_query_is_found_and_replaced(void**) {
    assert_text_equal(text_of(container_in_query("repo=a&container=c%2D1&tag=b")), "c-1");
    assert_text_equal(text_of(container_in_query("repo=a")), "");
    assert_text_equal(with_container_in_query("/commit?repo=a&container=c%2D1&tag=b", "77"),
                      "/commit?repo=a&container=77&tag=b");
}

constexpr Row connect_rows[] = {
    {"a name", R"({"Container":"c1","Force":true})", R"(c1: {"Container":"77","Force":true})"},
    {"an escaped name", R"({ "Container" : "c\u0031" })", R"(c1: { "Container" : "77" })"},
    {"a name deeper in it", R"({"EndpointConfig":{"Container":"c2"},"Container":"c1"})",
     R"(c1: {"EndpointConfig":{"Container":"c2"},"Container":"77"})"},
    {"an escaped key", R"({"Cont\u0061iner":"c1"})",
     "flaw: a key in the JSON with an escape, where ownership is enforced"},
    {"a number", R"({"Container":1})", TYPE},
    {"a list", R"({"Container":["c1"]})", TYPE},
};

void a_container_in_a_body_is_found_and_replaced(void**) {
    check_rows(connect_rows, "", "", [](std::string_view body) {
        const Changed named = container_in_body(body);
        if (named.flaw != nullptr) return text_of(named);
        return named.text + ": " + with_container_in_body(body, "77");
    });
    assert_text_equal(text_of(container_in_body("{}")), "");
}

// ---- who and what --------------------------------------------------------------------------------

void names_that_are_not_utf_8_own_nothing(void**) {
    for (const std::string_view name : {"alice", "a\"\\b", "\xc3\xa9", "CN=a, O=b"})
        assert_true(can_own(name));
    for (const std::string_view name : {"", "\xff", "a\xc3", "\xed\xa0\x80"})
        assert_false(can_own(name));
}

void full_ids_are_64_small_hex_digits(void**) {
    const std::string id(64, 'a');
    assert_true(is_full_id(id));
    assert_false(is_full_id(id.substr(1)));
    assert_false(is_full_id(id + "a"));
    assert_false(is_full_id(std::string(63, 'a') + "A"));
    assert_false(is_full_id(std::string(63, 'a') + "g"));
}

void names_of_containers_have_no_other_bytes(void**) {
    for (const std::string_view name : {"a", "a-b_c.d", "0f"}) assert_true(is_container_name(name));
    for (const std::string_view name : {"", ".", "..", "a/b", "a b", "a?b", "a%41", "a\r"})
        assert_false(is_container_name(name));
}

std::string inspected(std::string_view json) {
    const Inspected found = read_inspected(json);
    if (found.flaw != nullptr) return found.flaw;
    return found.id + ' ' + found.container + ' ' + found.owner;
}

constexpr Row inspected_rows[] = {
    {"a container",
     R"({"Id":"1","Name":"/c","Config":{"Env":["a"],"Labels":{"a":"b","becaused.owner":"alice"}}})",
     "1  alice"},
    {"a container of nobody's", R"({"Id":"1","Config":{"Labels":{}}})", "1  "},
    {"labels that are null", R"({"Id":"1","Config":{"Labels":null}})", "1  "},
    {"an exec", R"({"ID":"2","Running":true,"ProcessConfig":{"tty":false},"ContainerID":"1"})",
     "2 1 "},
    {"the label elsewhere",
     R"({"Id":"1","Labels":{"becaused.owner":"bob"},"Config":{"Env":{"becaused.owner":"bob"}}})",
     "1  "},
    {"the label in a list", R"({"Id":"1","Config":[{"becaused.owner":"bob"}]})", "1  "},
    {"the label deeper", R"({"Id":"1","Config":{"Labels":{"x":{"becaused.owner":"bob"}}}})", "1  "},
    {"a label in no ASCII", "{\"Id\":\"1\",\"Config\":{\"Labels\":{\"\xc3\xa9\":\"\"}}}", "1  "},
    {"no JSON", "no", "JSON that is not valid"},
};

void what_dockerd_says_is_read(void**) { check_rows(inspected_rows, "", "", inspected); }

void what_is_known_of_ids_is_bounded(void**) {
    Owned owned(2);
    const std::string a(64, 'a'), b(64, 'b'), c(64, 'c');
    owned.keep(a, "alice");
    owned.keep(b, "alice");
    assert_true(owned.knows(a, "alice"));
    assert_false(owned.knows(a, "bob"));
    owned.keep(c, "alice");  // `b` was unused for longest
    assert_int_equal(owned.size(), 2);
    assert_true(owned.knows(a, "alice"));
    assert_false(owned.knows(b, "alice"));
    assert_true(owned.knows(c, "alice"));
    owned.keep("web", "alice");
    assert_false(owned.knows("web", "alice"));
}

// Whoever adds a route must say which containers it reaches: this fails until it is written down here.
void every_route_under_containers_reaches_some(void**) {
    std::string reached;
    for (const RouteRow& row : route_rows()) {
        const bool own = row.path.starts_with("/containers/") || row.path.starts_with("/exec/");
        if (own) assert_true(reach_of(row) != Reach::none);
        if (!own && reach_of(row) != Reach::none) reached += std::string(row.name) + ' ';
    }
    assert_text_equal(reached,
                      "events system_df commit network_connect network_disconnect network_inspect "
                      "service_list service_create service_logs service_update service_inspect "
                      "service_delete task_list task_logs task_inspect ");
}

// ---- what the gate refuses by itself ---------------------------------------------------------------

std::string judge(std::string_view base, std::string_view request, std::string_view body = "") {
    ProfileSettings settings;
    settings.name = "mine";
    settings.base = base;
    settings.allow = {"**", "/debug/*"};
    settings.own = true;
    Result<Policy> policy = Policy::make({&settings, 1});
    if (!policy.ok()) return policy.status().message();
    const Gate gate({}, std::move(policy.value()));
    std::string head = std::string(request) + " HTTP/1.1\r\n";
    if (!body.empty())
        head += "Content-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
                "\r\n";
    return test_support::judge(gate, "mine", head, body);
}

#define SHARED                                                                                  \
    "policy_denied: requests that reach containers of others (own) are not allowed by profile " \
    "mine"

void routes_that_reach_everybody_s_are_refused(void**) {
    for (const std::string_view request :
         {"GET /system/df", "GET /v1.41/networks/n", "GET /services", "GET /tasks/x/logs",
          "GET /debug/x", "GET /v1.27/networks", "GET /v0.9/networks"})
        assert_text_equal(judge("admin", request), SHARED);
    for (const std::string_view request :
         {"GET /networks", "GET /v1.28/networks", "GET /v1.41/networks", "GET /images/json",
          "GET /containers/a/json", "GET /volumes"})
        assert_text_equal(judge("admin", request), "pass");
}

// Also where no rule is enforced but this.
void bodies_that_use_another_container_are_refused(void**) {
    for (const std::string_view member :
         {R"("NetworkMode":"container:a")", R"("PidMode":"container:a")",
          R"("IpcMode":"container:a")", R"("Cgroup":"container:a")"}) {
        const std::string inner = "{\"HostConfig\":{" + std::string(member) + "}}";
        assert_text_equal(judge("admin", "POST /containers/create", inner), SHARED);
        assert_text_equal(
            judge("admin", "POST /containers/create", "{" + std::string(member) + "}"), SHARED);
    }
    assert_text_equal(
        judge("admin", "POST /containers/create", R"({"HostConfig":{"VolumesFrom":["a"]}})"),
        "policy_denied: volumes of other containers (--volumes-from) are not allowed "
        "by profile mine");
    assert_text_equal(
        judge("admin", "POST /containers/create", R"({"HostConfig":{"Links":["a"]}})"),
        "policy_denied: links to other containers (--link) are not allowed by profile "
        "mine");
    assert_text_equal(judge("admin", "POST /containers/create",
                            R"({"NetworkingConfig":{"EndpointsConfig":{"container:a":{}}}})"),
                      SHARED);
    assert_text_equal(judge("admin", "POST /build?networkmode=container%3Aa"), SHARED);
    assert_text_equal(
        judge("admin", "POST /containers/create",
              R"({"Cmd":["container:a"],"HostConfig":{"NetworkMode":"host","Privileged":true,)"
              R"("Binds":["container:/a"]}})"),
        "pass");
}

void nothing_else_of_a_profile_changes(void**) {
    assert_text_equal(
        judge("run_sandboxed", "POST /containers/create", R"({"HostConfig":{"Privileged":true}})"),
        "policy_denied: privileged containers (--privileged) are not allowed by "
        "profile mine");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(bodies_get_the_label_and_nothing_else),
        cmocka_unit_test(names_are_written_as_json_has_them),
        cmocka_unit_test(lists_get_the_filter),
        cmocka_unit_test(events_since_a_time_are_no_question_about_a_container),
        cmocka_unit_test(whoever_has_an_odd_name_has_a_filter_too),
        cmocka_unit_test(a_container_in_a_query_is_found_and_replaced),
        cmocka_unit_test(a_container_in_a_body_is_found_and_replaced),
        cmocka_unit_test(names_that_are_not_utf_8_own_nothing),
        cmocka_unit_test(full_ids_are_64_small_hex_digits),
        cmocka_unit_test(names_of_containers_have_no_other_bytes),
        cmocka_unit_test(what_dockerd_says_is_read),
        cmocka_unit_test(what_is_known_of_ids_is_bounded),
        cmocka_unit_test(every_route_under_containers_reaches_some),
        cmocka_unit_test(routes_that_reach_everybody_s_are_refused),
        cmocka_unit_test(bodies_that_use_another_container_are_refused),
        cmocka_unit_test(nothing_else_of_a_profile_changes),
    };
    return cmocka_run_group_tests_name("owner", tests, nullptr, nullptr);
}
