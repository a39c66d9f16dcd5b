// The table of Docker's routes: each request finds the row that dockerd would choose, with its patience.
#include "gate/route.hh"

#include <set>
#include <string>

#include "gate/path.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using test_support::Row;

namespace {

// METHOD PATH -> route [name] class, and what is special about it.
constexpr Row rows[] = {
    {"ping", "GET /_ping", "ping quick ping"},
    {"ping by HEAD", "HEAD /_ping", "ping quick ping"},
    {"ping by POST", "POST /_ping", "- transfer"},
    {"ping with more", "GET /_ping/x", "- transfer"},
    {"list", "GET /v1.41/containers/json", "container_list quick"},
    {"list by HEAD: dockerd has no such route", "HEAD /v1.41/containers/json", "- transfer"},
    {"capitals", "GET /Containers/json", "- transfer"},
    {"a method in small letters", "get /containers/json", "- transfer"},
    {"OPTIONS matches any path in dockerd, none here", "OPTIONS /containers/json", "- transfer"},
    {"OPTIONS of all", "OPTIONS *", "- transfer"},
    {"PATCH", "PATCH /containers/x/json", "- transfer"},
    {"create", "POST /containers/create", "container_create transfer"},
    {"a container named create", "POST /containers/create/start",
     "container_start [create] transfer"},
    {"a container named json", "GET /containers/json/json", "container_inspect [json] quick"},
    {"no name", "GET /containers//json", "- transfer"},
    {"a group alone", "GET /containers", "- transfer"},
    {"a group and a slash", "GET /containers/", "- transfer"},
    {"inspect", "GET /v1.41/containers/x/json", "container_inspect [x] quick"},
    {"names are greedy", "GET /containers/a/b/c/json", "container_inspect [a/b/c] quick"},
    {"start", "POST /containers/x/start", "container_start [x] transfer"},
    {"wait", "POST /containers/x/wait", "container_wait [x] follow"},
    {"logs", "GET /containers/x/logs", "container_logs [x] follow"},
    {"stats", "GET /containers/x/stats", "container_stats [x] follow"},
    {"stop, silent for as long as the user said", "POST /containers/x/stop",
     "container_stop [x] transfer"},
    {"attach", "POST /containers/x/attach", "container_attach [x] tunnel hijackable"},
    {"attach with a greedy name hijacks too", "POST /containers/a/b/attach",
     "container_attach [a/b] tunnel hijackable"},
    {"attach behind an encoded slash hijacks too", "POST /v1.41/containers%2fx%2fattach",
     "container_attach [x] tunnel hijackable"},
    {"attach behind an encoded letter", "POST /containers/x/%61ttach",
     "container_attach [x] tunnel hijackable"},
    {"attach by websocket", "GET /containers/x/attach/ws", "container_attach_ws [x] tunnel"},
    {"archive up", "PUT /containers/x/archive", "container_write [x] transfer"},
    {"archive down", "GET /containers/x/archive", "container_read [x] transfer"},
    {"archive's head", "HEAD /containers/x/archive", "container_stat [x] transfer"},
    {"export", "GET /containers/x/export", "container_export [x] transfer"},
    {"delete", "DELETE /containers/x", "container_delete [x] transfer"},
    {"a checkpoint", "DELETE /containers/x/checkpoints/y", "checkpoint_delete [x] transfer"},
    {"a checkpoint without a name", "DELETE /containers/x/checkpoints",
     "container_delete [x/checkpoints] transfer"},
    {"prune", "POST /containers/prune", "container_prune build"},
    {"exec's start", "POST /exec/x/start", "exec_start [x] tunnel hijackable"},
    {"exec's json", "GET /exec/x/json", "exec_inspect [x] quick"},
    {"pull", "POST /images/create", "image_create transfer"},
    {"push to a registry with a port", "POST /v1.41/images/127.0.0.1:5000/team/app/push",
     "image_push [127.0.0.1:5000/team/app] transfer"},
    {"the last segment decides", "POST /images/a/push/tag", "image_tag [a/push] transfer"},
    {"an image named get", "GET /images/get/json", "image_inspect [get] quick"},
    {"save one", "GET /images/a/b/get", "image_save [a/b] transfer"},
    {"save many", "GET /images/get", "image_save_many transfer"},
    {"delete an image", "DELETE /images/a/b:1", "image_delete [a/b:1] transfer"},
    {"build", "POST /v1.41/build", "build build"},
    {"build's prune", "POST /build/prune", "build_prune build"},
    {"commit", "POST /commit", "commit build"},
    {"session, without a version", "POST /session", "session session"},
    {"grpc", "POST /grpc", "grpc tunnel"},
    {"events", "GET /events", "events follow"},
    {"df", "GET /system/df", "system_df transfer"},
    {"distribution", "GET /distribution/a/b/json", "distribution [a/b] transfer"},
    {"networks", "GET /networks", "network_list quick"},
    {"a network named create", "GET /networks/create", "network_inspect [create] quick"},
    {"create a network", "POST /networks/create", "network_create transfer"},
    {"prune of volumes", "POST /volumes/prune", "volume_prune build"},
    {"a service's logs", "GET /services/x/logs", "service_logs [x] follow"},
    {"unknown", "POST /grpc2", "- transfer"},
    {"debug", "GET /debug/pprof/heap", "- transfer"},
};

std::string text_of_request(std::string_view request) {
    const size_t blank = request.find(' ');
    const std::string_view method = request.substr(0, blank);
    const Path path(request.substr(blank + 1));
    const RouteMatch match = find_row(method, path.text());
    const Route route = route_of(match.row, {}, method, path.text());
    std::string text(match.row == nullptr ? "-" : match.row->name);
    if (!match.name.empty()) text.append(" [").append(match.name).append("]");
    text.append(" ").append(name(route.route_class));
    if (route.hijackable) text += " hijackable";
    if (route.ping) text += " ping";
    return text;
}

void requests_find_the_row_that_dockerd_would_choose(void**) {
    test_support::check_rows(rows, "", "", text_of_request);
}

std::string sample(std::string_view path) {
    std::string text;
    for (size_t at = 0; at < path.size(); ++at) {
        if (path[at] != '{') {
            text += path[at];
            continue;
        }
        text += path.substr(at, 5) == "{imag" ? "r:5000/a/b" : "x-1";
        at = path.find('}', at);
    }
    return text;
}

void every_row_is_found_at_its_own_path(void**) {
    size_t found = 0;
    for (const RouteRow& row : route_rows()) {
        for (const char* method : {"GET", "HEAD", "POST", "PUT", "DELETE"}) {
            if ((row.methods & method_bit(method)) == 0) continue;
            const RouteMatch match = find_row(method, sample(row.path));
            assert_non_null(match.row);
            assert_text_equal(match.row->name, row.name);
            ++found;
        }
    }
    assert_int_equal(found, route_rows().size() + 1);  // ping has two methods
}

void names_of_routes_are_distinct_and_plain(void**) {
    std::set<std::string_view> names;
    for (const RouteRow& row : route_rows()) {
        assert_true(names.insert(row.name).second);
        assert_true(row.name.find_first_not_of("abcdefghijklmnopqrstuvwxyz_") ==
                    std::string_view::npos);
        if (judged(row.payload)) assert_true(row.danger != Danger::none);
    }
}

void own_patterns_beat_the_table_s_patience_but_not_its_facts(void**) {
    const RouteSettings own{{{"POST", "/containers/**/attach", RouteClass::build},
                             {"", "/debug/**", RouteClass::follow}},
                            {{"POST", "/debug/**", 7}}};
    const RouteMatch attach = find_row("POST", "/containers/x/attach");
    const Route route = route_of(attach.row, own, "POST", "/containers/x/attach");
    assert_true(route.route_class == RouteClass::build && route.hijackable);
    assert_true(route_of(nullptr, own, "GET", "/debug/vars").route_class == RouteClass::follow);
    assert_true(route_of(nullptr, own, "GET", "/other").route_class == RouteClass::transfer);
    assert_int_equal(route_of(nullptr, own, "POST", "/debug/vars").body_limit_bytes, 7);
    assert_true(route_of(nullptr, own, "GET", "/debug/vars").body_limit_bytes == UINT64_MAX);
}

// What nobody but an operator may do, whatever the narrower profiles grow into.
void the_operator_s_routes_are_in_no_profile(void**) {
    for (const RouteRow& row : route_rows()) {
        const std::string_view path = row.path;
        const bool operators = path.starts_with("/swarm") || path.starts_with("/services") ||
                               path.starts_with("/secrets") || path.starts_with("/configs") ||
                               path.starts_with("/plugins") || path.starts_with("/nodes") ||
                               path.starts_with("/tasks") || path.ends_with("/prune") ||
                               path.ends_with("/export") || path.ends_with("/archive");
        if (operators) assert_int_equal(row.profiles, 0);
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(requests_find_the_row_that_dockerd_would_choose),
        cmocka_unit_test(every_row_is_found_at_its_own_path),
        cmocka_unit_test(names_of_routes_are_distinct_and_plain),
        cmocka_unit_test(own_patterns_beat_the_table_s_patience_but_not_its_facts),
        cmocka_unit_test(the_operator_s_routes_are_in_no_profile),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
