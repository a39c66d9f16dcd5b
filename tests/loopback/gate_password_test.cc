// Passwords, which are checked off the loop: what comes meanwhile is kept, and whoever leaves meanwhile
// leaves nothing behind.
#include "support/let_in.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

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
    const OwnAnswer locked =
        kept({429, "auth_locked_out", "try again later", true, {}, false, "Retry-After: 1\r\n"});
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
                      "exchange client_closed by=client phase=gate op=read status=499\n"
                      "client client_closed by=client phase=gate op=read\n");
    assert_nothing_is_left(stage);
}

void a_client_that_resets_during_the_check_is_blamed(Stage& stage) {
    await_check(stage);
    stage.client.reset();
    stage.rig().settle();
    assert_text_equal(
        stage.records(),
        "exchange client_reset by=client phase=gate op=read errno=ECONNRESET status=499\n"
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

}  // namespace

int main() {
    Cases cases;
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
    return cases.run("gate_password");
}
