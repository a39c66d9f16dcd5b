// Containers that are somebody's: what two identities get to see and touch, to the byte that reaches the
// upstream, which is asked whose a container is before anything else goes there.
#include "support/guarded.hh"
#include "support/cmocka.hh"

using namespace becaused::test;

namespace {

#define JSON_TYPE "Content-Type: application/json\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define ALICE R"("becaused.owner":"alice")"
// The filter {"label":{"becaused.owner=alice":true}}.
#define MINE "%7B%22label%22%3A%7B%22becaused.owner%3Dalice%22%3Atrue%7D%7D"
#define BY " are not allowed by profile mine"
#define FOREIGN "containers that the identity did not create (own)" BY

const std::string id(64, 'a');
const std::string exec_id(64, 'e');

// Two people of one profile; and one who sees everything.
void have_owners(Stage& stage, std::string_view base = "run_sandboxed") {
    stage.options.access = "[[profile]]\nname = \"mine\"\nbase = \"" + std::string(base) +
                           "\"\nown = true\n" +
                           token_entry("alice", runner_token, "profile = \"mine\"\n") +
                           token_entry("bob", other_token, "profile = \"mine\"\n");
}

std::string by(std::string_view token, std::string_view line, std::string_view fields = "") {
    return request_of(line, bearer_line(token) + std::string(fields));
}
std::string by_alice(std::string_view line, std::string_view fields = "") {
    return by(runner_token, line, fields);
}
std::string with_body(std::string_view token, std::string_view line, std::string_view body) {
    return by(token, line, JSON_TYPE "Content-Length: " + std::to_string(body.size()) + "\r\n") +
           std::string(body);
}
std::string got(std::string_view line, std::string_view fields = "", std::string_view body = "") {
    return std::string(line) + " HTTP/1.1\r\nHost: a\r\n" + std::string(fields) + "{+}\r\n" +
           std::string(body);
}
std::string got_json(std::string_view line, std::string_view body) {
    return got(line, JSON_TYPE "Content-Length: " + std::to_string(body.size()) + "\r\n", body);
}

// What the upstream was asked; its Host is a port of this run's.
std::string asked(Stage& stage) {
    if (!stage.upstream.open() && !stage.accept()) return "nothing";
    std::string bytes = stage.upstream_bytes();
    const size_t host = bytes.find("Host: 127.0.0.1:");
    if (host != std::string::npos) bytes.replace(host, bytes.find('\r', host) - host, "Host: {it}");
    return bytes;
}
std::string question(std::string_view path) {
    return "GET " + std::string(path) +
           "/json HTTP/1.1\r\nHost: {it}\r\nUser-Agent: becaused\r\n\r\n";
}

std::string json_answer(std::string_view body, std::string_view status = "200 OK") {
    return "HTTP/1.1 " + std::string(status) +
           "\r\nContent-Type: application/json\r\nContent-Length: " + std::to_string(body.size()) +
           "\r\n\r\n" + std::string(body);
}
std::string container_of(std::string_view owner, std::string_view container_id = id) {
    return json_answer("{\"Id\":\"" + std::string(container_id) +
                       "\",\"Config\":{\"Labels\":{\"becaused.owner\":\"" + std::string(owner) +
                       "\"}}}");
}
const std::string not_there =
    json_answer(R"({"message":"No such container: web"})", "404 Not Found");

// Docker's own words; the record says more.
void assert_missing(Stage& stage, std::string_view message, bool head = false) {
    const std::string record = stage.exchange();
    const std::string body = "{\"message\":\"" + std::string(message) + "\"}\n";
    assert_text_equal(
        stage.client_bytes(),
        "HTTP/1.1 404 Not Found\r\nContent-Type: application/json\r\nContent-Length: " +
            std::to_string(body.size()) +
            "\r\nProxy-Status: becaused; error=http_request_denied; "
            "details=\"policy_denied " +
            field_of(record, "id") + "\"\r\n\r\n" + (head ? "" : body));
    assert_text_equal(summary_of({record}),
                      "exchange policy_denied by=gate phase=gate op=judge status=404\n");
    assert_text_contains(field_of(record, "because"), FOREIGN);
    assert_text_equal(stage.client_state(), "open");
}

// ---- what is made --------------------------------------------------------------------------------

void a_container_is_created_with_its_owner_s_label(Stage& stage) {
    have_owners(stage);
    assert_served(
        stage,
        with_body(runner_token, "POST /v1.41/containers/create?name=web", R"({"Image":"x"})"),
        got_json("POST /v1.41/containers/create?name=web",
                 R"({"Labels":{)" ALICE R"(},"Image":"x"})"));
    assert_served(
        stage,
        with_body(other_token, "POST /containers/create", R"({"Labels":{"a":"b"},"Image":"x"})"),
        got_json("POST /containers/create",
                 R"({"Labels":{"becaused.owner":"bob","a":"b"},"Image":"x"})"));
}

void a_chunked_body_stays_chunked(Stage& stage) {
    have_owners(stage);
    assert_served(stage,
                  by_alice("POST /containers/create", JSON_TYPE "Transfer-Encoding: chunked\r\n") +
                      chunked(R"({"Image":"x"})", 3),
                  got("POST /containers/create", JSON_TYPE "Transfer-Encoding: chunked\r\n",
                      R"([{"Labels":{)" ALICE R"(},"Image":"x"}])"));
}

void a_label_that_names_somebody_else_is_refused(Stage& stage) {
    have_owners(stage);
    assert_turned_away(
        stage,
        with_body(runner_token, "POST /containers/create",
                  R"({"Image":"x","Labels":{"becaused.owner":"bob"}})"),
        kept({403, "policy_uninspectable", "a label becaused.owner that names somebody else"}));
}

void a_body_as_large_as_its_limit_may_grow_by_the_label(Stage& stage) {
    have_owners(stage);
    stage.options.settings.body_limits = {{"POST", "/containers/create", 13}};
    assert_served(stage, with_body(runner_token, "POST /containers/create", R"({"Image":"x"})"),
                  got_json("POST /containers/create", R"({"Labels":{)" ALICE R"(},"Image":"x"})"));
}

// ---- what is listed ------------------------------------------------------------------------------

void lists_show_one_s_own(Stage& stage) {
    have_owners(stage, "admin");
    assert_served(stage, by_alice("GET /v1.41/containers/json?all=1"),
                  got("GET /v1.41/containers/json?all=1&filters=" MINE));
    assert_served(
        stage, by(other_token, "GET /events"),
        got("GET /events?filters=%7B%22label%22%3A%7B%22becaused.owner%3Dbob%22%3Atrue%7D%7D"));
    assert_served(stage, by_alice("POST /containers/prune?filters=%7B%7D", "Content-Length: 0\r\n"),
                  got("POST /containers/prune?filters=" MINE, "Content-Length: 0\r\n"));
    // Images are nobody's.
    assert_served(stage, by_alice("GET /images/json"), got("GET /images/json"));
}

void filters_that_cannot_be_read_are_refused(Stage& stage) {
    have_owners(stage);
    assert_turned_away(stage, by_alice("GET /containers/json?filters=no"),
                       kept({403, "policy_uninspectable",
                             "filters that cannot be read, where ownership is enforced"}));
}

// ---- what is named -------------------------------------------------------------------------------

// The upstream is asked, and the name goes on as the id that it was.
void pass_by_name(Stage& stage, std::string_view line, std::string_view line_got,
                  std::string_view name = "web") {
    stage.send(by_alice(line));
    assert_text_equal(asked(stage), question("/containers/" + std::string(name)));
    stage.answer(container_of("alice"));
    assert_text_equal(stage.upstream_got(), got(line_got));
    assert_answered(stage);
}

void one_s_own_container_is_reached_by_its_full_id(Stage& stage) {
    have_owners(stage);
    pass_by_name(stage, "GET /v1.41/containers/web/json?size=1",
                 "GET /v1.41/containers/" + id + "/json?size=1");
    pass_by_name(stage, "DELETE /containers/web", "DELETE /containers/" + id);
    pass_by_name(stage, "GET /containers/aaaa/logs", "GET /containers/" + id + "/logs", "aaaa");
    pass_by_name(stage, "GET /containers/containers/json", "GET /containers/" + id + "/json",
                 "containers");
}

void a_full_id_is_asked_about_once_by_each(Stage& stage) {
    have_owners(stage);
    const std::string line = "GET /containers/" + id + "/json";
    pass_by_name(stage, line, line, id);
    assert_served(stage, by_alice(line), got(line));
    stage.send(by(other_token, line));
    assert_text_equal(asked(stage), question("/containers/" + id));
    stage.answer(container_of("alice"));
    assert_missing(stage, "No such container: " + id);
}

struct Missing {
    std::string_view name;
    std::string answer;
};
const Missing missing[] = {
    {"a container of somebody else's is not there", container_of("bob")},
    {"a container of nobody's is not there", json_answer("{\"Id\":\"" + id + "\",\"Config\":{}}")},
    {"a container that is not there is not there", not_there},
    {"an id that could be several's is not there",
     json_answer(R"({"message":"Multiple IDs found"})", "400 Bad Request")},
};
void check_missing(Stage& stage, const Missing& row) {
    have_owners(stage, "admin");
    for (const std::string_view line :
         {"GET /containers/web/json", "POST /v1.41/containers/web/kill?signal=9",
          "DELETE /containers/web?force=1", "GET /containers/web/archive?path=/etc"}) {
        stage.send(by_alice(line));
        assert_text_equal(asked(stage), question("/containers/web"));
        stage.answer(row.answer);
        assert_missing(stage, "No such container: web");
        assert_text_equal(stage.upstream_bytes(), "");
    }
    stage.send(by_alice("HEAD /containers/web/archive?path=/"));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.answer(row.answer);
    assert_missing(stage, "No such container: web", true);
}

void a_refused_attach_is_an_answer_and_no_tunnel(Stage& stage) {
    have_owners(stage);
    stage.send(by_alice("POST /containers/web/attach?stream=1",
                        "Connection: Upgrade\r\nUpgrade: tcp\r\n"));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.answer(container_of("bob"));
    assert_text_contains(stage.client_bytes(), R"({"message":"No such container: web"})");
    assert_text_equal(stage.upstream_bytes(), "");
}

void an_attach_to_one_s_own_is_a_tunnel(Stage& stage) {
    have_owners(stage);
    stage.send(by_alice("POST /containers/" + id + "/attach?stream=1",
                        "Connection: Upgrade\r\nUpgrade: tcp\r\n"));
    assert_text_equal(asked(stage), question("/containers/" + id));
    stage.answer(container_of("alice"));
    assert_text_contains(stage.upstream_bytes(),
                         "POST /containers/" + id + "/attach?stream=1 HTTP/1.1");
    stage.answer("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    stage.client_bytes();
    stage.client.send("in");
    stage.rig().settle();
    assert_text_equal(stage.upstream_bytes(), "in");
    stage.answer("out");
    assert_text_equal(stage.client_bytes(), "out");
}

// A body that nobody judges waits until the container is known.
void an_upload_waits_for_the_answer(Stage& stage) {
    have_owners(stage, "admin");
    stage.send(by_alice("PUT /containers/web/archive?path=/", "Content-Length: 5\r\n") + "hello" +
               by_alice("GET /version"));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.answer(container_of("alice"));
    assert_text_equal(stage.upstream_got(), got("PUT /containers/" + id + "/archive?path=/",
                                                "Content-Length: 5\r\n", "hello"));
    assert_answered(stage);
    assert_text_equal(stage.upstream_got(), version_got);
}

void an_exec_is_made_in_one_s_own_container_only(Stage& stage) {
    have_owners(stage);
    constexpr std::string_view body = R"({"Cmd":["ls"]})";
    stage.send(with_body(runner_token, "POST /containers/web/exec", body));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.answer(container_of("alice"));
    assert_text_equal(stage.upstream_got(), got_json("POST /containers/" + id + "/exec", body));
    assert_answered(stage);
    stage.send(with_body(other_token, "POST /containers/web/exec", body));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.answer(container_of("alice"));
    assert_missing(stage, "No such container: web");
    assert_text_equal(stage.upstream_bytes(), "");
}

std::string exec_in(std::string_view container) {
    return json_answer("{\"ID\":\"" + exec_id + "\",\"ContainerID\":\"" + std::string(container) +
                       "\"}");
}

void an_exec_is_its_container_s(Stage& stage) {
    have_owners(stage);
    const std::string line = "GET /exec/" + exec_id + "/json";
    stage.send(by_alice(line));
    assert_text_equal(asked(stage), question("/exec/" + exec_id));
    stage.answer(exec_in(id));
    assert_text_equal(asked(stage), question("/containers/" + id));
    stage.answer(container_of("alice"));
    assert_text_equal(stage.upstream_got(), got(line));
    assert_answered(stage);
    // Known from here on.
    assert_served(stage,
                  by_alice("POST /exec/" + exec_id + "/resize?h=1&w=1", "Content-Length: 0\r\n"),
                  got("POST /exec/" + exec_id + "/resize?h=1&w=1", "Content-Length: 0\r\n"));
    stage.send(by(other_token, line));
    assert_text_equal(asked(stage), question("/exec/" + exec_id));
    stage.answer(exec_in(id));
    assert_text_equal(asked(stage), question("/containers/" + id));
    stage.answer(container_of("alice"));
    assert_missing(stage, "No such exec instance: " + exec_id);
}

void a_container_in_a_query_is_asked_about(Stage& stage) {
    have_owners(stage, "admin");
    stage.send(with_body(runner_token, "POST /commit?repo=r&container=web", "{}"));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.answer(container_of("alice"));
    assert_text_equal(stage.upstream_got(), got_json("POST /commit?repo=r&container=" + id, "{}"));
    assert_answered(stage);
    stage.send(with_body(other_token, "POST /commit?repo=r&container=web", "{}"));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.answer(container_of("alice"));
    // Its body is still to be read: such a connection is not used again.
    assert_text_contains(stage.client_bytes(), R"({"message":"No such container: web"})");
    assert_text_equal(stage.upstream_bytes(), "");
}

void a_query_without_a_container_is_refused(Stage& stage) {
    have_owners(stage, "admin");
    stage.send(by_alice("POST /commit?repo=r", "Content-Length: 0\r\n"));
    assert_refused(stage, kept({403, "policy_uninspectable", "no name of a container"}));
}

void a_container_in_a_body_is_asked_about(Stage& stage) {
    have_owners(stage);
    constexpr std::string_view body = R"({"Container":"web","EndpointConfig":{}})";
    for (const std::string_view line :
         {"POST /networks/n/connect", "POST /networks/n/disconnect"}) {
        const std::string_view own =
            line.ends_with("/disconnect") ? R"({"Container":"web","Force":true})" : body;
        stage.send(with_body(runner_token, line, own));
        assert_text_equal(asked(stage), question("/containers/web"));
        stage.answer(container_of("alice"));
        std::string changed(own);
        changed.replace(changed.find("web"), 3, id);
        assert_text_equal(stage.upstream_got(), got_json(line, changed));
        assert_answered(stage);
        stage.send(with_body(other_token, line, own));
        assert_text_equal(asked(stage), question("/containers/web"));
        stage.answer(container_of("alice"));
        assert_missing(stage, "No such container: web");
    }
}

void pipelined_requests_are_asked_about_in_turn(Stage& stage) {
    have_owners(stage);
    stage.send(by_alice("GET /containers/web/json") + by_alice("GET /containers/web/json"));
    for (int i = 0; i < 2; ++i) {
        assert_text_equal(asked(stage), question("/containers/web"));
        stage.answer(container_of("alice"));
        assert_text_equal(stage.upstream_got(), got("GET /containers/" + id + "/json"));
        assert_answered(stage);
    }
}

void an_answer_in_pieces_is_one_answer(Stage& stage) {
    have_owners(stage);
    stage.send(by_alice("GET /containers/web/json"));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.answer("HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 200 OK\r\nTransfer-Enc");
    const std::string body = "{\"Id\":\"" + id + R"(","Config":{"Labels":{)" ALICE "}}}";
    const std::string rest = "oding: chunked\r\n\r\n" + chunked(body, 7);
    for (const char& byte : rest) stage.answer({&byte, 1});
    assert_text_equal(stage.upstream_got(), got("GET /containers/" + id + "/json"));
    assert_answered(stage);
}

// ---- who cannot be told --------------------------------------------------------------------------

void an_unreachable_upstream_is_told_as_ever(Stage& stage) {
    have_owners(stage);
    stage.options.with_upstream = false;
    stage.send(by_alice("GET /containers/web/json"));
    stage.rig().advance(1'000);
    assert_text_equal(exchange_summary(stage),
                      "exchange upstream_refused by=upstream phase=connect op=connect "
                      "errno=ECONNREFUSED status=502\n");
    assert_text_contains(stage.client_bytes(), "HTTP/1.1 502 Bad Gateway\r\n");
    stage.rig().start_upstream();
    pass_by_name(stage, "GET /containers/web/json", "GET /containers/" + id + "/json");
}

void an_upstream_that_dies_while_it_is_asked_is_told_as_ever(Stage& stage) {
    have_owners(stage);
    stage.send(by_alice("GET /containers/web/json"));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.answer("HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{");
    stage.upstream.reset();
    stage.rig().settle();
    assert_text_equal(exchange_summary(stage),
                      "exchange upstream_reset by=upstream phase=gate op=read errno=ECONNRESET "
                      "status=502\n");
}

void a_connection_that_died_idle_is_replaced(Stage& stage) {
    have_owners(stage);
    assert_served(stage, by_alice("GET /version"), version_got);
    stage.send(by_alice("GET /containers/web/json"));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.upstream.reset();
    stage.rig().settle();
    assert_true(stage.accept());
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.answer(container_of("alice"));
    assert_text_equal(stage.upstream_got(), got("GET /containers/" + id + "/json"));
}

void its_silence_ends_with_the_clock_auth(Stage& stage) {
    have_owners(stage);
    stage.send(by_alice("GET /containers/web/json"));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.rig().advance(5'100);
    assert_text_equal(exchange_summary(stage),
                      "exchange upstream_silent by=upstream phase=gate op=clock clock=auth/5000 "
                      "status=504\n");
}

struct Unclear {
    std::string_view name;
    std::string answer;
    std::string_view why;
};
const Unclear unclear[] = {
    {"an error of the upstream's tells nothing", json_answer("{}", "500 Internal Server Error"),
     "the upstream could not say whose the container is"},
    {"what is no JSON tells nothing", json_answer("no"),
     "what the upstream says of the container cannot be read"},
    {"an id that is none tells nothing", container_of("alice", "short"),
     "what the upstream says of the container cannot be read"},
};
void check_unclear(Stage& stage, const Unclear& row) {
    have_owners(stage);
    stage.send(by_alice("GET /containers/web/json"));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.answer(row.answer);
    assert_refused(stage, kept({403, "policy_uninspectable", row.why}));
}

void an_answer_that_does_not_end_tells_nothing(Stage& stage) {
    have_owners(stage);
    stage.send(by_alice("GET /containers/web/json"));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.answer("HTTP/1.1 200 OK\r\n\r\n");
    const std::string much = times(60'000, "x");
    for (int i = 0; i < 30 && stage.client_bytes().empty(); ++i) {
        stage.upstream.send(much);
        stage.rig().settle();
    }
    assert_text_equal(exchange_summary(stage),
                      "exchange policy_uninspectable by=gate phase=gate op=judge status=403\n");
}

void a_client_that_leaves_takes_its_question_along(Stage& stage) {
    have_owners(stage);
    stage.send(by_alice("GET /containers/web/json"));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.client.close();
    stage.rig().settle();
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(exchange_summary(stage),
                      "exchange client_closed by=client phase=gate op=read status=499\n");
}

// A stop waits for the answer, as for any; a second one does not.
void a_stop_lets_a_question_be_answered(Stage& stage) {
    have_owners(stage);
    stage.send(by_alice("GET /containers/web/json"));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.rig().stop();
    stage.answer(container_of("alice"));
    assert_text_equal(stage.upstream_got(), got("GET /containers/" + id + "/json"));
    stage.answer(no_content);
    assert_text_equal(exchange_summary(stage), complete_204);
}

void a_second_stop_cuts_a_question(Stage& stage) {
    have_owners(stage);
    stage.send(by_alice("GET /containers/web/json"));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.rig().stop();
    stage.rig().stop();
    stage.rig().settle();
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(exchange_summary(stage),
                      "exchange shutdown by=operator phase=gate op=admin status=503\n");
}

// New rules that come while the upstream is asked hold for what it was asked about.
void rules_that_change_meanwhile_hold(Stage& stage) {
    have_owners(stage);
    stage.send(by_alice("GET /containers/web/json"));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.rig().guard("");
    stage.answer(container_of("bob"));
    assert_text_contains(stage.client_bytes(), "HTTP/1.1 403 Forbidden\r\n");
    assert_text_contains(stage.exchange(), "the identity's profile is none of becaused's");
}

// ---- nobody, and reports -------------------------------------------------------------------------

void whoever_is_nobody_gets_no_container(Stage& stage) {
    stage.options.access = "[[profile]]\nname = \"mine\"\nbase = \"run_sandboxed\"\nown = true\n" +
                           token_entry("a", other_token);
    stage.options.access += "[stranger]\nname = \"\\u00e9\"\nprofile = \"mine\"\n";
    // A stranger has a name, and so containers.
    assert_served(
        stage, request_of("GET /containers/json"),
        got("GET /containers/json?filters=%7B%22label%22%3A%7B%22becaused.owner%3D%C3%A9%22%3A"
            "true%7D%7D"));
}

void a_report_labels_and_hides_nothing(Stage& stage) {
    have_owners(stage);
    stage.options.settings.mode = "report";
    assert_served(stage, with_body(runner_token, "POST /containers/create", R"({"Image":"x"})"),
                  got_json("POST /containers/create", R"({"Labels":{)" ALICE R"(},"Image":"x"})"));
    assert_text_equal(field_of(stage.exchange(), "would_refuse"), "");
    assert_served(stage, by_alice("GET /containers/json"), got("GET /containers/json"));
    stage.send(by_alice("GET /containers/web/json"));
    assert_text_equal(asked(stage), question("/containers/web"));
    stage.answer(container_of("bob"));
    assert_text_equal(stage.upstream_got(), got("GET /containers/web/json"));
    assert_answered(stage);
    assert_text_equal(field_of(stage.exchange(), "would_refuse"), FOREIGN);
}

// What is only reported may be too long to be judged: then nothing of it is changed.
void a_report_leaves_a_body_that_is_too_long_as_it_is(Stage& stage) {
    have_owners(stage);
    stage.options.settings.mode = "report";
    // Its front alone is JSON.
    const std::string body = R"({"Image":"x"})" + times(1'100'000, " ");
    const std::string sent =
        by_alice("POST /containers/create", JSON_TYPE CHUNKED) + chunked(body, 50'000);
    stage.send("");
    size_t at = 0;
    std::string received;
    for (int i = 0; i < 200 && at < sent.size(); ++i) {
        at += stage.client.send(std::string_view(sent).substr(at, 60'000));
        stage.rig().settle();
        if (stage.upstream.open() || stage.accept()) received += stage.upstream_bytes();
    }
    for (int i = 0; i < 60 && !received.ends_with("0\r\n\r\n"); ++i)
        received += stage.upstream_bytes();
    assert_true(readable(received) ==
                got("POST /containers/create", JSON_TYPE CHUNKED, "[" + body + "]"));
    assert_answered(stage);
}

}  // namespace

int main() {
    Cases cases;
    cases.add(SCENARIO(a_container_is_created_with_its_owner_s_label));
    cases.add(SCENARIO(a_chunked_body_stays_chunked));
    cases.add(SCENARIO(a_label_that_names_somebody_else_is_refused));
    cases.add(SCENARIO(a_body_as_large_as_its_limit_may_grow_by_the_label));
    cases.add(SCENARIO(lists_show_one_s_own));
    cases.add(SCENARIO(filters_that_cannot_be_read_are_refused));
    cases.add(SCENARIO(one_s_own_container_is_reached_by_its_full_id));
    cases.add(SCENARIO(a_full_id_is_asked_about_once_by_each));
    cases.add(missing, check_missing);
    cases.add(SCENARIO(a_refused_attach_is_an_answer_and_no_tunnel));
    cases.add(SCENARIO(an_attach_to_one_s_own_is_a_tunnel));
    cases.add(SCENARIO(an_upload_waits_for_the_answer));
    cases.add(SCENARIO(an_exec_is_made_in_one_s_own_container_only));
    cases.add(SCENARIO(an_exec_is_its_container_s));
    cases.add(SCENARIO(a_container_in_a_query_is_asked_about));
    cases.add(SCENARIO(a_query_without_a_container_is_refused));
    cases.add(SCENARIO(a_container_in_a_body_is_asked_about));
    cases.add(SCENARIO(pipelined_requests_are_asked_about_in_turn));
    cases.add(SCENARIO(an_answer_in_pieces_is_one_answer));
    cases.add(SCENARIO(an_unreachable_upstream_is_told_as_ever));
    cases.add(SCENARIO(an_upstream_that_dies_while_it_is_asked_is_told_as_ever));
    cases.add(SCENARIO(a_connection_that_died_idle_is_replaced));
    cases.add(SCENARIO(its_silence_ends_with_the_clock_auth));
    cases.add(unclear, check_unclear);
    cases.add(SCENARIO(an_answer_that_does_not_end_tells_nothing));
    cases.add(SCENARIO(a_client_that_leaves_takes_its_question_along));
    cases.add(SCENARIO(a_stop_lets_a_question_be_answered));
    cases.add(SCENARIO(a_second_stop_cuts_a_question));
    cases.add(SCENARIO(rules_that_change_meanwhile_hold));
    cases.add(SCENARIO(whoever_is_nobody_gets_no_container));
    cases.add(SCENARIO(a_report_labels_and_hides_nothing));
    cases.add(SCENARIO(a_report_leaves_a_body_that_is_too_long_as_it_is));
    return cases.run("gate_owner");
}
