// Who is asking, through the real proxy: every way to prove it and every way to fail, with the exact
// answers, the records, and an upstream that gets nothing of what was refused (gate/TOKENS.md).
#include "support/let_in.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

// ---- without credentials -------------------------------------------------------------------------

void without_credentials_401_and_the_connection_stays_good(Stage& stage) {
    let_people_in(stage);
    assert_turned_away(stage, get_version(""), missing);
    assert_text_equal(Rig::normalized({stage.exchange()}).front(),
                      R"({"v":1,"event":"exchange","id":"#2","time":"T","reason":"auth_missing",)"
                      R"("class":"refused","by":"gate","phase":"gate","op":"judge",)"
                      R"("detail":"no credentials were sent",)"
                      R"("method":"GET","target":"/version","version":"1.1","route":"quick",)"
                      R"("status":401,"client":"127.0.0.1:P","client_id":"#1",)"
                      R"("request_id":"#2","opened":"T","age_ms":0,)"
                      R"("bytes":{"client_in":34,"client_out":382,"upstream_in":0,)"
                      R"("upstream_out":0},"silence_ms":{"down":0,"up":0},"ms":{},)"
                      R"("because":"No credentials were sent."})");
    assert_served(stage, get_version(as_runner), version_got);
    assert_text_equal(stage.leave(),
                      "exchange auth_missing by=gate phase=gate op=judge status=401\n" +
                          std::string(complete_204) +
                          "client client_closed_idle by=nobody phase=keepalive op=none\n");
}

void an_empty_field_is_no_credentials(Stage& stage) {
    let_people_in(stage);
    assert_turned_away(stage, get_version("Authorization:\r\n"), missing);
}

void a_head_request_is_refused_without_a_body(Stage& stage) {
    let_people_in(stage);
    OwnAnswer answer = missing;
    answer.head = true;
    assert_turned_away(stage, request_of("HEAD /images/a/json"), answer);
    assert_served(stage, get_version(as_runner), version_got);
}

// The request's body is unread: the connection is closed after the answer, not read as requests.
void a_refused_body_is_not_read_as_requests(Stage& stage) {
    let_people_in(stage);
    OwnAnswer answer = missing;
    answer.close = true;
    const std::string body(smuggled);
    stage.send(
        request_of("POST /build", "Content-Length: " + std::to_string(body.size()) + "\r\n") +
        body + std::string(smuggled));
    assert_refused(stage, answer);
    assert_text_equal(stage.leave(),
                      "exchange auth_missing by=gate phase=gate op=judge status=401\n"
                      "client partner(auth_missing) by=nobody phase=gate op=none\n");
}

void http_1_0_hears_401_and_close(Stage& stage) {
    let_people_in(stage);
    OwnAnswer answer = missing;
    answer.close = true;
    assert_turned_away(stage, "GET /version HTTP/1.0\r\n\r\n", answer);
}

// Docker's CLI takes a 401 here for the registry's (DOCKER.md).
struct Registry {
    std::string_view name;
    std::string_view line;
};
constexpr Registry registry[] = {
    {"push says 403 in place of 401", "POST /v1.41/images/x/push"},
    {"pull says 403 in place of 401", "POST /v1.41/images/create?fromImage=x"},
    {"distribution says 403 in place of 401", "GET /v1.41/distribution/x/json"},
    {"auth says 403 in place of 401", "POST /v1.41/auth"},
};
void check_registry(Stage& stage, const Registry& row) {
    let_people_in(stage);
    assert_turned_away(stage, request_of(row.line), kept({403, "auth_missing", ""}));
    assert_turned_away(stage, request_of(row.line, bearer_line("nobodys")),
                       kept({403, "auth_invalid", "the token is not known"}));
}

// ---- proofs --------------------------------------------------------------------------------------

struct Proven {
    std::string_view name;
    std::string (*fields)();
    std::string_view who;
};
const Proven proven[] = {
    {"a static token as Bearer", [] { return as_runner; }, "runner static_token"},
    {"a static token as somebody's password", [] { return basic_line("x", runner_token); },
     "runner static_token"},
    {"a static token under bearer in small letters",
     [] { return "authorization: bearer  " + std::string(runner_token) + "\r\n"; },
     "runner static_token"},
    {"a signed token as Bearer", [] { return bearer_line(signed_token(GOOD_CLAIMS)); },
     "ci token j1"},
    {"a signed token as somebody's password",
     [] { return basic_line("x", signed_token(GOOD_CLAIMS)); }, "ci token j1"},
    {"a signed token within the leeway after its end",
     [] {
         return bearer_line(
             signed_token(R"({"sub":"ci","aud":"b7","exp":"2023-11-14T22:13:00Z"})"));
     },
     "ci token"},
    {"a signed token for this host",
     [] { return bearer_line(signed_token(R"({"sub":"ci","aud":"b7","hosts":["a"],)" SOON "}")); },
     "ci token"},
};
void check_proven(Stage& stage, const Proven& row) {
    let_people_in(stage);
    const std::string fields = row.fields();
    for (int i = 0; i < 2; ++i) {  // proven, then believed
        assert_served(stage, get_version(fields), version_got);
        assert_text_equal(who(stage), row.who);
    }
    const std::string secret = fields.substr(fields.size() / 2, fields.size() / 3);
    for (const std::string& record : stage.rig().records())
        assert_true(record.find(secret) == std::string::npos);
}

struct Unproven {
    std::string_view name;
    std::string (*fields)();
    OwnAnswer answer;
};
const Unproven unproven[] = {
    {"a token that nobody knows", [] { return bearer_line("bst_nobodys"); },
     invalid("the token is not known")},
    {"a static token that has expired",
     [] { return bearer_line(other_token); },
     {401, "auth_expired", "", false, {}, false, challenge}},
    {"a signed token that has expired",
     [] {
         return bearer_line(
             signed_token(R"({"sub":"ci","aud":"b7","exp":"2023-11-14T22:12:50Z"})"));
     },
     {401, "auth_expired", "", false, {}, false, challenge}},
    {"a signed token for another audience",
     [] { return bearer_line(signed_token(R"({"sub":"ci","aud":"b8",)" SOON "}")); },
     invalid("the token is for another audience (aud)")},
    {"a signed token without an audience",
     [] { return bearer_line(signed_token(R"({"sub":"ci",)" SOON "}")); },
     invalid("the token is for another audience (aud)")},
    {"a signed token without an end",
     [] { return bearer_line(signed_token(R"({"sub":"ci","aud":"b7"})")); },
     invalid("the token has no end (exp)")},
    {"a token signed by another key", [] { return bearer_line(strangers_token(GOOD_CLAIMS)); },
     invalid("the token's key is not known here (kid)")},
    {"a token that is forged", [] { return bearer_line(forged_token(GOOD_CLAIMS)); },
     invalid("the token's signature is wrong")},
    {"a signed token for another host",
     [] { return bearer_line(signed_token(R"({"sub":"ci","aud":"b7","hosts":["b"],)" SOON "}")); },
     invalid("they are not for this host")},
    {"credentials twice", [] { return as_runner + as_runner; }, invalid("they were sent twice")},
    {"other credentials first", [] { return bearer_line("x") + as_runner; },
     invalid("they were sent twice")},
    {"two tokens in a list",
     [] { return "Authorization: Bearer x, Bearer " + std::string(runner_token) + "\r\n"; },
     invalid("the bearer token has bytes that no token has")},
    {"another scheme", [] { return "Authorization: Digest x\r\n"s; },
     invalid("their scheme is neither Bearer nor Basic")},
    {"no scheme", [] { return "Authorization: " + std::string(runner_token) + "\r\n"; },
     invalid("their scheme is neither Bearer nor Basic")},
    {"Basic that is no base64", [] { return "Authorization: Basic !\r\n"s; },
     invalid("what follows Basic is no base64")},
    {"credentials over 8 KiB", [] { return bearer_line(times(9000, "x")); },
     invalid("they are too long")},
};
void check_unproven(Stage& stage, const Unproven& row) {
    let_people_in(stage);
    const std::string fields = row.fields();
    for (int i = 0; i < 2; ++i) {
        assert_turned_away(stage, get_version(fields), row.answer);
        assert_text_equal(who(stage), "");
    }
    assert_served(stage, get_version(as_runner), version_got);
}

// Named in Connection they would be left out of what is forwarded; they still count.
void credentials_named_in_connection_count(Stage& stage) {
    let_people_in(stage);
    assert_served(stage, get_version("Connection: Authorization\r\n" + as_runner), version_got);
    assert_turned_away(stage, get_version("Connection: Authorization\r\n"), missing);
}

void pass_credentials_passes_them_on(Stage& stage) {
    let_people_in(stage);
    stage.options.settings.pass_credentials = true;
    assert_served(stage, get_version(as_runner),
                  "GET /version HTTP/1.1\r\nHost: a\r\n" + as_runner + "{+}\r\n");
}

void a_header_of_its_own_holds_them_and_is_kept_back(Stage& stage) {
    let_people_in(stage);
    stage.options.access = "header = \"X-Build-Token\"\n" + people();
    const std::string token = "X-Build-Token: " + std::string(runner_token) + "\r\n";
    assert_turned_away(stage, get_version(as_runner), missing);
    // Authorization is the upstream's own affair then.
    assert_served(stage, get_version(token + as_alice),
                  "GET /version HTTP/1.1\r\nHost: a\r\n" + as_alice + "{+}\r\n");
    assert_text_equal(who(stage), "runner static_token");
    assert_turned_away(stage, get_version(token + token), invalid("they were sent twice"));
}

void a_header_of_its_own_is_passed_on_where_wanted(Stage& stage) {
    let_people_in(stage);
    stage.options.settings.pass_credentials = true;
    stage.options.access = "header = \"X-Build-Token\"\n" + people();
    const std::string token = "x-build-token: Bearer " + std::string(runner_token) + "\r\n";
    assert_served(stage, get_version(token),
                  "GET /version HTTP/1.1\r\nHost: a\r\n" + token + "{+}\r\n");
}

// A trailer that looks like credentials is none, and does not reach the upstream as some.
void credentials_in_a_trailer_do_not_count(Stage& stage) {
    let_people_in(stage);
    OwnAnswer answer = missing;
    answer.close = true;
    assert_turned_away(
        stage,
        request_of("POST /build", "Transfer-Encoding: chunked\r\n") + "0\r\n" + as_runner + "\r\n",
        answer);
}

// ---- strangers, pings ----------------------------------------------------------------------------

void a_stranger_is_who_the_file_says(Stage& stage) {
    let_people_in(stage);
    stage.options.access = people() + "[stranger]\nname = \"somebody\"\nprofile = \"ping\"\n";
    assert_served(stage, request_of("GET /_ping"), "GET /_ping HTTP/1.1\r\nHost: a\r\n{+}\r\n");
    assert_text_equal(who(stage), "somebody none");
    assert_turned_away(
        stage, get_version(""),
        kept({403, "policy_denied", "GET /version (version) is not allowed by profile ping"}));
    assert_text_equal(who(stage), "somebody none");
    // Who shows something wrong is no stranger but mistaken.
    assert_turned_away(stage, request_of("GET /_ping", bearer_line("x")),
                       invalid("the token is not known"));
    assert_served(stage, get_version(as_runner), version_got);
}

void open_ping_lets_pings_pass_and_nothing_else(Stage& stage) {
    let_people_in(stage);
    stage.options.settings.open_ping = true;
    for (const std::string_view line : {"GET /_ping", "HEAD /_ping", "GET /v1.41/_ping"}) {
        assert_served(stage, request_of(line),
                      std::string(line) + " HTTP/1.1\r\nHost: a\r\n{+}\r\n");
        assert_text_equal(who(stage), "");
    }
    assert_turned_away(stage, get_version(""), missing);
    assert_turned_away(stage, request_of("GET /%5fping"),
                       kept({400, "policy_uninspectable",
                             "an escape in the path that no byte needs: write it plainly"}));
    assert_turned_away(stage, request_of("GET /_ping/x"), missing);
    OwnAnswer post = missing;
    assert_turned_away(stage, request_of("POST /_ping"), post);
}

// A CLI that hears no Api-Version at its ping goes on with an API of years ago (DOCKER.md).
void a_refused_ping_says_the_remembered_api_version(Stage& stage) {
    let_people_in(stage);
    OwnAnswer before = missing;
    before.head = true;
    assert_turned_away(stage, request_of("HEAD /_ping"), before);
    stage.send(request_of("GET /_ping", as_runner));
    assert_true(stage.accept());
    stage.upstream_got();
    stage.answer("HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n\r\nOK");
    assert_text_equal(stage.client_got(),
                      "HTTP/1.1 200 OK\r\nApi-Version: 1.41\r\nContent-Length: 2\r\n"
                      "Via: 1.1 becaused\r\n\r\nOK");
    OwnAnswer after = before;
    const std::string extra = "Api-Version: 1.41\r\n" + std::string(challenge);
    after.extra = extra;
    assert_turned_away(stage, request_of("HEAD /_ping"), after);
    assert_turned_away(stage, get_version(""), missing);
}

// ---- lock-out ------------------------------------------------------------------------------------

// Twenty failures of an address are free; each further one doubles a delay, from a second on.
void too_many_failures_lock_the_address_out_for_a_while(Stage& stage) {
    let_people_in(stage);
    const auto try_token = [&](int number, const OwnAnswer& answer) {
        assert_turned_away(stage, get_version(bearer_line("guess" + std::to_string(number))),
                           answer);
    };
    const auto locked = [](std::string_view retry_after) {
        return kept({429, "auth_locked_out", "try again later", true, {}, false, retry_after});
    };
    for (int i = 0; i < 21; ++i) try_token(i, invalid("the token is not known"));
    try_token(21, locked("Retry-After: 1\r\n"));
    // Nobody guesses a static token: its owner does not wait for a neighbour. Nor is a missing one a guess.
    assert_served(stage, get_version(as_runner), version_got);
    assert_turned_away(stage, get_version(""), missing);
    assert_turned_away(stage, request_of("POST /images/x/push", bearer_line("guess")),
                       locked("Retry-After: 1\r\n"));
    stage.rig().advance(900);
    try_token(22, locked("Retry-After: 1\r\n"));
    stage.rig().advance(100);
    try_token(23, invalid("the token is not known"));
    try_token(24, locked("Retry-After: 2\r\n"));
    stage.rig().advance(2000);
    assert_served(stage, get_version(bearer_line(signed_token(GOOD_CLAIMS))), version_got);
}

}  // namespace

int main() {
    Cases cases;
    cases.add(SCENARIO(without_credentials_401_and_the_connection_stays_good));
    cases.add(SCENARIO(an_empty_field_is_no_credentials));
    cases.add(SCENARIO(a_head_request_is_refused_without_a_body));
    cases.add(SCENARIO(a_refused_body_is_not_read_as_requests));
    cases.add(SCENARIO(http_1_0_hears_401_and_close));
    cases.add(registry, check_registry);
    cases.add(proven, check_proven);
    cases.add(unproven, check_unproven);
    cases.add(SCENARIO(credentials_named_in_connection_count));
    cases.add(SCENARIO(pass_credentials_passes_them_on));
    cases.add(SCENARIO(a_header_of_its_own_holds_them_and_is_kept_back));
    cases.add(SCENARIO(a_header_of_its_own_is_passed_on_where_wanted));
    cases.add(SCENARIO(credentials_in_a_trailer_do_not_count));
    cases.add(SCENARIO(a_stranger_is_who_the_file_says));
    cases.add(SCENARIO(open_ping_lets_pings_pass_and_nothing_else));
    cases.add(SCENARIO(a_refused_ping_says_the_remembered_api_version));
    cases.add(SCENARIO(too_many_failures_lock_the_address_out_for_a_while));
    return cases.run("gate_identity");
}
