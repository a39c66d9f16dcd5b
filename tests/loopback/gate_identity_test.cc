// Who is asking, through the real proxy: every way to prove it and every way to fail, with the exact
// answers, the records, and an upstream that gets nothing of what was refused (gate/TOKENS.md).
#include "support/guarded.hh"
#include "support/tls_rig.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

#define SOON R"("exp":"2023-11-14T23:00:00Z")"  // the rig's clock says 22:13:20
#define GOOD_CLAIMS R"({"sub":"ci","aud":"b7","jti":"j1",)" SOON "}"

std::string people() {
    return "audience = \"b7\"\n" + key_entry() + token_entry("runner", runner_token) +
           token_entry("late", other_token, "expires = \"2023-11-14T22:00:00Z\"\n") +
           password_entry("alice", "open sesame") +
           password_entry("elsewhere", "open sesame", "hosts = \"b8\"\n");
}

void let_people_in(Stage& stage) {
    stage.options.settings.profile = "builder";
    stage.options.access = people();
}

const std::string as_runner = bearer_line(runner_token);
const std::string as_alice = basic_line("alice", "open sesame");
std::string get_version(std::string_view fields) { return request_of("GET /version", fields); }

constexpr OwnAnswer missing{401, "auth_missing", "", false, {}, false, challenge};
OwnAnswer invalid(std::string_view detail) {
    return {401, "auth_invalid", detail, false, {}, false, challenge};
}

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
                      R"("bytes":{"client_in":34,"client_out":304,"upstream_in":0,)"
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
        return kept(
            {429, "auth_locked_out", "too many failed attempts", true, {}, false, retry_after});
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

// ---- passwords -----------------------------------------------------------------------------------

void a_right_password_passes_once_it_was_checked(Stage& stage) {
    let_people_in(stage);
    stage.hold_workers();
    stage.send(get_version(as_alice));
    assert_false(stage.accept());
    assert_text_equal(stage.client_bytes(), "");
    stage.work_on();
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), version_got);
    assert_answered(stage);
    assert_text_equal(who(stage), "alice password");
    // Believed for a minute, and checked again then.
    stage.hold_workers();
    assert_served(stage, get_version(as_alice), version_got);
    stage.rig().advance(60'000);
    stage.send(get_version(as_alice));
    assert_false(stage.accept());
    stage.work_on();
    assert_true(stage.accept());  // the first one was idle for too long
    assert_text_equal(stage.upstream_got(), version_got);
    assert_answered(stage);
}

void check_wrong_password(Stage& stage, std::string_view user, std::string_view password,
                          std::string_view detail) {
    let_people_in(stage);
    stage.send(get_version(basic_line(user, password)));
    stage.rig().wait_for_workers();
    assert_refused(stage, invalid(detail));
    assert_text_equal(who(stage), "");
    assert_served(stage, get_version(as_runner), version_got);
}
void a_wrong_password_is_refused(Stage& stage) {
    check_wrong_password(stage, "alice", "open barley", "the user or the password is wrong");
}
void an_unknown_user_hears_the_same(Stage& stage) {
    check_wrong_password(stage, "bob", "open sesame", "the user or the password is wrong");
}
void a_password_for_another_host_is_refused(Stage& stage) {
    check_wrong_password(stage, "elsewhere", "open sesame", "they are not for this host");
}

void a_wrong_password_for_a_push_says_403(Stage& stage) {
    let_people_in(stage);
    stage.send(request_of("POST /images/x/push", basic_line("alice", "x")));
    stage.rig().wait_for_workers();
    assert_refused(stage, kept({403, "auth_invalid", "the user or the password is wrong"}));
}

// Five failures of a user from one address are free.
void wrong_passwords_lock_the_user_out(Stage& stage) {
    let_people_in(stage);
    for (int i = 0; i < 6; ++i) {
        stage.send(get_version(basic_line("alice", "guess" + std::to_string(i))));
        stage.rig().wait_for_workers();
        assert_refused(stage, invalid("the user or the password is wrong"));
    }
    const OwnAnswer locked = kept({429,
                                   "auth_locked_out",
                                   "too many failed attempts",
                                   true,
                                   {},
                                   false,
                                   "Retry-After: 1\r\n"});
    stage.hold_workers();  // not even checked
    assert_turned_away(stage, get_version(as_alice), locked);
    stage.work_on();
    stage.rig().advance(1000);
    stage.send(get_version(as_alice));
    stage.rig().wait_for_workers();
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), version_got);
    assert_answered(stage);
}

constexpr std::string_view build_got =
    "POST /build HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{+}\r\n";

// What comes meanwhile waits in its order: the body, the next request, and half of a third.
void bytes_that_come_during_the_check_are_kept(Stage& stage) {
    let_people_in(stage);
    stage.hold_workers();
    stage.send(request_of("POST /build", as_alice + "Transfer-Encoding: chunked\r\n") +
               "3\r\none\r\n");
    for (const char byte : "4\r\n two\r\n0\r\n\r\n"sv) stage.send({&byte, 1});
    stage.send(get_version(as_alice) + "GET /ver");
    assert_false(stage.accept());
    stage.work_on();
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), std::string(build_got) + "[one two]");
    assert_answered(stage);
    assert_text_equal(stage.upstream_got(), version_got);
    assert_answered(stage);
    stage.send("sion HTTP/1.1\r\nHost: a\r\n" + as_alice + "\r\n");
    assert_text_equal(stage.upstream_got(), version_got);
    assert_answered(stage);
    assert_text_equal(stage.leave(),
                      std::string(complete_204) + std::string(complete_204) +
                          std::string(complete_204) +
                          "client client_closed_idle by=nobody phase=keepalive op=none\n");
}

// Far more than is kept: the client is held back, and nothing is lost.
void a_long_body_during_the_check_is_held_back(Stage& stage) {
    let_people_in(stage);
    stage.options.settings.clocks.set_all(becaused::ClockName::request_body, 0);
    const std::string body = pattern(600'000);
    stage.hold_workers();
    stage.send(request_of("POST /build", as_alice + "Content-Length: 600000\r\n"));
    size_t sent = 0;
    for (int i = 0; i < 20; ++i) {
        sent += stage.client.send(std::string_view(body).substr(sent, 100'000));
        stage.rig().settle();
    }
    stage.work_on();
    assert_true(stage.accept());
    std::string got;
    for (int i = 0; i < 40 && got.size() < body.size(); ++i) {
        sent += stage.client.send(std::string_view(body).substr(sent));
        got += stage.upstream_bytes();
    }
    assert_true(got.ends_with(body));
    assert_answered(stage);
}

// The next request on the same connection is refused: what follows it is not lost.
void a_refusal_after_the_check_goes_on_with_the_next_request(Stage& stage) {
    let_people_in(stage);
    stage.hold_workers();
    stage.send(get_version(basic_line("alice", "x")) + get_version(as_runner));
    stage.work_on();
    const std::vector<std::string> records = stage.rig().records();
    assert_text_equal(summary_of(records),
                      "exchange auth_invalid by=gate phase=gate op=judge status=401\n");
    OwnAnswer answer = invalid("the user or the password is wrong");
    const std::string id = field_of(records.front(), "id");
    answer.record = id;
    assert_text_equal(stage.client_bytes(), own_answer(answer));
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), version_got);
    assert_answered(stage);
}

void two_who_bring_the_same_share_a_check(Stage& stage) {
    let_people_in(stage);
    stage.hold_workers();
    stage.send(get_version(as_alice));
    stage.second = stage.rig().connect();
    stage.second.send(get_version(as_alice));
    stage.rig().settle();
    // Five threads' worth of work: four that hold libuv's threads, one check.
    assert_int_equal(stage.rig().loop().uv()->active_reqs.count, 5);
    stage.work_on();
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), version_got);
    Peer other = stage.rig().accept();
    assert_true(other.open());
    other.send(no_content);
    assert_answered(stage);
    stage.second.read();
    assert_text_equal(stage.second.received, no_content_got);
    stage.more.push_back(std::move(other));
}

// ---- whoever leaves while the password is checked ----------------------------------------------------

void await_check(Stage& stage) {
    let_people_in(stage);
    stage.hold_workers();
    stage.send(get_version(as_alice));
}

// The check goes on and nobody waits for it; the next one is served.
void assert_nothing_is_left(Stage& stage) {
    const size_t records = stage.rig().records().size();
    stage.work_on();
    assert_false(stage.rig().accept().open());
    assert_int_equal(stage.rig().records().size(), records);
}

void a_client_that_leaves_during_the_check_is_blamed(Stage& stage) {
    await_check(stage);
    stage.client_fin();
    assert_text_equal(stage.records(),
                      "exchange client_closed by=client phase=gate op=read status=0\n"
                      "client client_closed by=client phase=gate op=read\n");
    assert_nothing_is_left(stage);
}

void a_client_that_resets_during_the_check_is_blamed(Stage& stage) {
    await_check(stage);
    stage.client.reset();
    stage.rig().settle();
    assert_text_equal(
        stage.records(),
        "exchange client_reset by=client phase=gate op=read errno=ECONNRESET status=0\n"
        "client client_reset by=client phase=gate op=read errno=ECONNRESET\n");
    assert_nothing_is_left(stage);
}

// A half-close where the settings allow it: the answer still comes.
void an_allowed_half_close_during_the_check_is_no_farewell(Stage& stage) {
    stage.options.settings.allow_half_close = true;
    await_check(stage);
    stage.client_fin();
    stage.work_on();
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), version_got);
    stage.answer(no_content);
    assert_text_equal(stage.client_got(),
                      "HTTP/1.1 204 No Content\r\nConnection: close\r\nVia: 1.1 becaused\r\n\r\n");
    assert_text_equal(exchange_summary(stage), complete_204);
}

// The same with half a body: that will never be whole.
void half_a_body_and_a_fin_during_the_check_is_a_farewell(Stage& stage) {
    stage.options.settings.allow_half_close = true;
    let_people_in(stage);
    stage.hold_workers();
    stage.send(request_of("POST /build", as_alice + "Content-Length: 10\r\n") + "five.");
    stage.client_fin();
    stage.work_on();
    assert_text_equal(field_of(stage.exchange(), "reason"), "client_closed");
    assert_text_equal(field_of(stage.exchange(), "by"), "client");
}

void a_drain_lets_the_checked_request_finish(Stage& stage) {
    await_check(stage);
    stage.rig().stop();
    stage.rig().settle();
    stage.work_on();
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), version_got);
    stage.answer(no_content);
    assert_text_equal(stage.client_got(),
                      "HTTP/1.1 204 No Content\r\nConnection: close\r\nVia: 1.1 becaused\r\n\r\n");
    assert_text_equal(exchange_summary(stage), complete_204);
}

void the_drains_deadline_ends_a_request_that_is_checked(Stage& stage) {
    await_check(stage);
    stage.rig().stop();
    stage.rig().advance(31'000);
    assert_own_answer(stage, {503,
                              "drain_deadline",
                              "becaused was told to stop, and 30 s for finishing were over while "
                              "the request was being judged (clock drain).",
                              true,
                              {},
                              false,
                              "Retry-After: 1\r\n"});
    assert_text_equal(exchange_summary(stage),
                      "exchange drain_deadline by=operator phase=gate op=clock "
                      "clock=drain/30000 status=503\n");
    assert_nothing_is_left(stage);
}

void a_kill_ends_a_request_that_is_checked(Stage& stage) {
    await_check(stage);
    stage.rig().stop();
    stage.rig().stop();
    stage.rig().settle();
    assert_own_answer(stage,
                      {503,
                       "shutdown",
                       "becaused was told to stop at once while the request was being judged.",
                       true,
                       {},
                       false,
                       "Retry-After: 1\r\n"});
    assert_text_equal(exchange_summary(stage),
                      "exchange shutdown by=operator phase=gate op=admin status=503\n");
    assert_nothing_is_left(stage);
}

void max_age_ends_a_request_that_is_checked(Stage& stage) {
    stage.options.settings.clocks.set_all(becaused::ClockName::max_age, 5000);
    await_check(stage);
    stage.rig().advance(5000);
    assert_text_equal(exchange_summary(stage),
                      "exchange max_age by=operator phase=gate op=clock clock=max_age/5000 "
                      "status=504\n");
    assert_nothing_is_left(stage);
}

// Four checks of one address wait or run; a fifth password has no place. Places are given back by those
// who leave before their check has begun.
void too_many_passwords_at_once_are_refused(Stage& stage) {
    let_people_in(stage);
    stage.hold_workers();
    for (int i = 0; i < 4; ++i) {
        stage.more.push_back(stage.rig().connect());
        stage.more.back().send(get_version(basic_line("alice", "guess" + std::to_string(i))));
    }
    stage.rig().settle();
    const OwnAnswer full = kept({429,
                                 "concurrency_limited",
                                 "too many passwords are being checked",
                                 true,
                                 {},
                                 false,
                                 "Retry-After: 1\r\n"});
    assert_turned_away(stage, get_version(as_alice), full);
    stage.more.back().reset();
    stage.rig().settle();
    stage.send(get_version(as_alice));
    assert_text_equal(stage.client_bytes(), "");
    stage.work_on();
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), version_got);
    assert_answered(stage);
    for (size_t i = 0; i < 3; ++i) {
        stage.more[i].read();
        assert_text_contains(stage.more[i].received, "HTTP/1.1 401 Unauthorized\r\n");
    }
}

// ---- client certificates ---------------------------------------------------------------------------

RigOptions with_certificates() {
    RigOptions options = tls_options();
    options.settings.tlscacert = pki().ca.certificate;
    options.settings.profile = "builder";
    options.settings.handshake_rate = {};
    options.access = people() +
                     "[[certificate]]\nsubject = \"CN=ci-*\"\nprofile = \"inspect\"\n"
                     "[[certificate]]\nsubject = \"CN=client\"\nname = \"the client\"\n";
    return options;
}

// A TLS client of the stage's rig, which shows that certificate.
class Visitor {
  public:
    Visitor(Stage& stage, const Pem* certificate) : stage_(stage) {
        TlsWays ways = client_ways();
        ways.certificate = certificate;
        peer_ = std::make_unique<TlsPeer>(stage.rig().connect(), ways);
        CHECK(peer_->shake(stage.rig()));
    }
    void ask(std::string_view request) {
        peer_->received.clear();
        peer_->send(request);
        stage_.rig().settle();
        peer_->read();
    }
    void assert_served(std::string_view request, std::string_view identity) {
        ask(request);
        if (!stage_.upstream.open()) assert_true(stage_.accept());
        const std::string got = stage_.upstream_bytes();
        assert_text_contains(got, request.substr(0, request.find("\r\n")));
        assert_true(got.find("Authorization") == std::string::npos);
        stage_.answer(no_content);
        peer_->read();
        assert_text_equal(peer_->received, no_content_got);
        assert_text_equal(who(stage_), identity);
    }
    void assert_refused(std::string_view request, OwnAnswer answer, std::string_view identity) {
        ask(request);
        assert_false(stage_.rig().accept().open());
        if (stage_.upstream.open()) assert_text_equal(stage_.upstream_bytes(), "");
        const std::string id = field_of(stage_.exchange(), "id");
        answer.record = id;
        assert_text_equal(peer_->received, own_answer(answer));
        assert_text_equal(who(stage_), identity);
    }

  private:
    Stage& stage_;
    std::unique_ptr<TlsPeer> peer_;
};

void a_certificates_name_and_profile_are_its_rules(Stage& stage) {
    stage.options = with_certificates();
    static const Pem ci = pki().certificates.client("ci-7", pki().ca);
    Visitor visitor(stage, &ci);
    visitor.assert_served(request_of("GET /containers/json"), "ci-7 certificate");
    visitor.assert_refused(
        request_of("POST /build"),
        kept({403, "policy_denied", "POST /build (build) is not allowed by profile inspect"}),
        "ci-7 certificate");
    visitor.assert_served(request_of("GET /version"), "ci-7 certificate");
}

void a_certificate_that_no_rule_knows_is_refused(Stage& stage) {
    stage.options = with_certificates();
    static const Pem nobodys = pki().certificates.client("nobodys", pki().ca);
    Visitor visitor(stage, &nobodys);
    const OwnAnswer unknown = invalid("no rule knows the client's certificate");
    visitor.assert_refused(request_of("GET /version"), unknown, "");
    visitor.assert_served(get_version(as_runner), "runner static_token");
    visitor.assert_refused(request_of("GET /version"), unknown, "");
}

// A wrong token is not made good by a right certificate, and a right one counts before it.
void a_token_counts_before_a_certificate(Stage& stage) {
    stage.options = with_certificates();
    Visitor visitor(stage, &pki().client);
    visitor.assert_served(request_of("GET /version"), "the client certificate");
    visitor.assert_served(get_version(as_runner), "runner static_token");
    visitor.assert_refused(get_version(bearer_line("x")), invalid("the token is not known"), "");
    visitor.assert_served(request_of("GET /version"), "the client certificate");
}

void without_a_certificate_a_token_is_needed(Stage& stage) {
    stage.options = with_certificates();
    Visitor visitor(stage, nullptr);
    visitor.assert_refused(request_of("GET /version"), missing, "");
    visitor.assert_served(get_version(as_runner), "runner static_token");
}

void new_rules_count_for_a_connections_certificate_too(Stage& stage) {
    stage.options = with_certificates();
    Visitor visitor(stage, &pki().client);
    visitor.assert_served(request_of("GET /version"), "the client certificate");
    stage.rig().guard(people());
    visitor.assert_refused(request_of("GET /version"),
                           invalid("no rule knows the client's certificate"), "");
    stage.rig().guard("[[certificate]]\nsubject = \"CN=client\"\nprofile = \"ping\"\n");
    visitor.assert_refused(
        request_of("GET /version"),
        kept({403, "policy_denied", "GET /version (version) is not allowed by profile ping"}),
        "client certificate");
}

// Nobody needs to be known there: the record says who it was all the same.
void without_an_access_file_a_certificates_name_is_recorded(Stage& stage) {
    stage.options = with_certificates();
    stage.options.access = "";
    Visitor visitor(stage, &pki().client);
    visitor.assert_served(request_of("GET /version"), "client certificate");
    Visitor other(stage, nullptr);
    other.assert_served(request_of("GET /version"), "");
}

// ---- new rules -----------------------------------------------------------------------------------

void new_rules_count_from_the_next_request_on(Stage& stage) {
    let_people_in(stage);
    const std::string as_other = bearer_line("bst_new----0123456789-0123456789-0123456789");
    assert_served(stage, get_version(as_runner), version_got);
    // In the middle of an exchange: that one goes on.
    stage.send(get_version(as_runner));
    stage.rig().guard(token_entry("new", "bst_new----0123456789-0123456789-0123456789"));
    assert_text_equal(stage.upstream_got(), version_got);
    assert_answered(stage);
    assert_text_equal(who(stage), "runner static_token");
    assert_turned_away(stage, get_version(as_runner), invalid("the token is not known"));
    assert_served(stage, get_version(as_other), version_got);
    assert_text_equal(who(stage), "new static_token");
}

void new_profiles_count_from_the_next_request_on(Stage& stage) {
    let_people_in(stage);
    assert_served(stage, get_version(as_runner), version_got);
    stage.rig().guard("[[profile]]\nname = \"blind\"\nbase = \"ping\"\n" +
                      token_entry("runner", runner_token, "profile = \"blind\"\n"));
    assert_turned_away(
        stage, get_version(as_runner),
        kept({403, "policy_denied", "GET /version (version) is not allowed by profile blind"}));
}

// The password was right when it was sent; it is not believed any longer than for this request.
void new_rules_during_a_check_forget_its_outcome(Stage& stage) {
    await_check(stage);
    stage.rig().guard(token_entry("runner", runner_token));
    stage.work_on();
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), version_got);
    assert_answered(stage);
    assert_turned_away(stage, get_version(as_alice), invalid("the token is not known"));
}

// ---- tunnels -------------------------------------------------------------------------------------

#define ATTACH "POST /containers/c/attach?stream=1"
#define UPGRADE "Connection: Upgrade\r\nUpgrade: tcp\r\n"

void let_runner_attach(Stage& stage) {
    stage.options.settings.profile = "builder";
    stage.options.access = token_entry("runner", runner_token, "profile = \"run_sandboxed\"\n") +
                           password_entry("alice", "open sesame", "profile = \"run_sandboxed\"\n");
}

void finish_tunnel(Stage& stage, std::string_view identity) {
    stage.answer("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello");
    assert_text_equal(stage.client_got(),
                      "HTTP/1.1 101 UPGRADED\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n"
                      "Via: 1.1 becaused\r\n\r\nhello");
    stage.client_fin();
    stage.upstream_fin();
    assert_text_equal(exchange_summary(stage),
                      "exchange tunnel_complete by=nobody phase=done op=none status=101\n");
    assert_text_equal(who(stage), identity);
}

void a_token_opens_a_tunnel(Stage& stage) {
    let_runner_attach(stage);
    stage.send(request_of(ATTACH, as_runner + UPGRADE) + "typed ahead");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), ATTACH
                      " HTTP/1.1\r\nHost: a\r\nUpgrade: tcp\r\nConnection: Upgrade\r\n"
                      "{+}\r\n");
    stage.answer("");
    finish_tunnel(stage, "runner static_token");
    assert_text_equal(stage.upstream_bytes(), "typed ahead");
}

// A client that half-closes at once, as docker run does, while its password is checked.
void a_password_opens_a_tunnel_that_is_half_closed_already(Stage& stage) {
    let_runner_attach(stage);
    stage.hold_workers();
    stage.send(request_of(ATTACH, as_alice + UPGRADE) + "typed ahead");
    stage.client_fin();
    stage.work_on();
    assert_true(stage.accept());
    stage.upstream_got();
    stage.answer("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello");
    assert_text_equal(stage.upstream_bytes(), "typed ahead");
    assert_text_equal(stage.upstream_state(), "fin");
    assert_text_contains(stage.client_got(), "\r\n\r\nhello");
    stage.upstream_fin();
    assert_text_equal(exchange_summary(stage),
                      "exchange tunnel_complete by=nobody phase=done op=none status=101\n");
    assert_text_equal(who(stage), "alice password");
}

// Docker's CLI 20.10 prints `Connection: close` of a refused upgrade as garbage; closed it is anyway,
// and what was typed ahead is no request.
void an_upgrade_without_credentials_is_refused_and_closed(Stage& stage) {
    let_runner_attach(stage);
    stage.send(request_of(ATTACH, UPGRADE) + std::string(smuggled));
    assert_false(stage.rig().accept().open());
    assert_own_answer(stage, missing);
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.leave(),
                      "exchange auth_missing by=gate phase=gate op=judge status=401\n"
                      "client partner(auth_missing) by=nobody phase=gate op=none\n");
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
    cases.add(SCENARIO(a_right_password_passes_once_it_was_checked));
    cases.add(SCENARIO(a_wrong_password_is_refused));
    cases.add(SCENARIO(an_unknown_user_hears_the_same));
    cases.add(SCENARIO(a_password_for_another_host_is_refused));
    cases.add(SCENARIO(a_wrong_password_for_a_push_says_403));
    cases.add(SCENARIO(wrong_passwords_lock_the_user_out));
    cases.add(SCENARIO(bytes_that_come_during_the_check_are_kept));
    cases.add(SCENARIO(a_long_body_during_the_check_is_held_back));
    cases.add(SCENARIO(a_refusal_after_the_check_goes_on_with_the_next_request));
    cases.add(SCENARIO(two_who_bring_the_same_share_a_check));
    cases.add(SCENARIO(a_client_that_leaves_during_the_check_is_blamed));
    cases.add(SCENARIO(a_client_that_resets_during_the_check_is_blamed));
    cases.add(SCENARIO(an_allowed_half_close_during_the_check_is_no_farewell));
    cases.add(SCENARIO(half_a_body_and_a_fin_during_the_check_is_a_farewell));
    cases.add(SCENARIO(a_drain_lets_the_checked_request_finish));
    cases.add(SCENARIO(the_drains_deadline_ends_a_request_that_is_checked));
    cases.add(SCENARIO(a_kill_ends_a_request_that_is_checked));
    cases.add(SCENARIO(max_age_ends_a_request_that_is_checked));
    cases.add(SCENARIO(too_many_passwords_at_once_are_refused));
    cases.add(SCENARIO(a_certificates_name_and_profile_are_its_rules));
    cases.add(SCENARIO(a_certificate_that_no_rule_knows_is_refused));
    cases.add(SCENARIO(a_token_counts_before_a_certificate));
    cases.add(SCENARIO(without_a_certificate_a_token_is_needed));
    cases.add(SCENARIO(new_rules_count_for_a_connections_certificate_too));
    cases.add(SCENARIO(without_an_access_file_a_certificates_name_is_recorded));
    cases.add(SCENARIO(new_rules_count_from_the_next_request_on));
    cases.add(SCENARIO(new_profiles_count_from_the_next_request_on));
    cases.add(SCENARIO(new_rules_during_a_check_forget_its_outcome));
    cases.add(SCENARIO(a_token_opens_a_tunnel));
    cases.add(SCENARIO(a_password_opens_a_tunnel_that_is_half_closed_already));
    cases.add(SCENARIO(an_upgrade_without_credentials_is_refused_and_closed));
    return cases.run("gate_identity");
}
