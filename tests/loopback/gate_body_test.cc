// Bodies that are judged before the upstream hears of their request: what passes goes on byte for byte,
// however it came; what does not reaches nobody; and whoever leaves or stalls meanwhile is blamed.
#include "support/guarded.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_literals;
using namespace std::string_view_literals;

namespace {

#define CREATE "POST /v1.41/containers/create?name=c"
#define JSON_TYPE "Content-Type: application/json\r\n"
#define BY " are not allowed by profile run_sandboxed"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

void judge_bodies(Stage& stage) { stage.options.settings.profile = "run_sandboxed"; }

std::string sized_create(std::string_view body, std::string_view fields = "") {
    return request_of(CREATE, JSON_TYPE + std::string(fields) +
                                  "Content-Length: " + std::to_string(body.size()) + "\r\n") +
           std::string(body);
}
std::string chunked_create(std::string_view body, size_t size) {
    return request_of(CREATE, JSON_TYPE CHUNKED) + chunked(body, size);
}
std::string sized_got(std::string_view body, std::string_view fields = "") {
    return CREATE " HTTP/1.1\r\nHost: a\r\n" JSON_TYPE + std::string(fields) +
           "Content-Length: " + std::to_string(body.size()) + "\r\n{+}\r\n" + std::string(body);
}
std::string chunked_got(std::string_view body) {
    return CREATE " HTTP/1.1\r\nHost: a\r\n" JSON_TYPE CHUNKED "{+}\r\n[" + std::string(body) + "]";
}

// Spaces and escapes that a reader would write otherwise: what was judged goes on as it came.
constexpr std::string_view good =
    "{ \"Image\":\"busybox\", \"Cmd\" : [\"echo\",\"\\u0041\"],\n\t\"HostConfig\":{\"Binds\":"
    "[\"data:/data:ro\"]} }\n";
constexpr std::string_view bad = R"({"Image":"x","HostConfig":{"Privileged":true}})";
constexpr std::string_view why = "privileged containers (--privileged)" BY;
const std::string long_good = R"({"Image":"x","Env":[")" + times(900'000, "e") + R"("]})";

// ---- what passes ---------------------------------------------------------------------------------

struct Passing {
    std::string_view name;
    std::string (*sent)();
    std::string (*got)();
};
const Passing passing[] = {
    {"a body of its length", [] { return sized_create(good); }, [] { return sized_got(good); }},
    {"a body in one chunk", [] { return chunked_create(good, 1000); },
     [] { return chunked_got(good); }},
    {"a body in chunks of a byte", [] { return chunked_create(good, 1); },
     [] { return chunked_got(good); }},
    {"a body with extensions and trailers",
     [] {
         return request_of(CREATE, JSON_TYPE CHUNKED) +
                "d;a=b\r\n{\"Image\":\"x\"}\r\n0\r\nX-Trailer: t\r\n\r\n";
     },
     [] { return chunked_got(R"({"Image":"x"})") + "X-Trailer: t\r\n"; }},
};
void answer_it_and_the_next(Stage& stage) {
    assert_answered(stage);
    assert_text_equal(stage.upstream_got(), version_got);
    assert_answered(stage);
    assert_text_equal(stage.leave(),
                      std::string(complete_204) + std::string(complete_204) +
                          "client client_closed_idle by=nobody phase=keepalive op=none\n");
}
// Twice: on a connection of its own, and on one that was idle.
void check_whole(Stage& stage, const Passing& row) {
    judge_bodies(stage);
    assert_served(stage, request_of("GET /version"), version_got);
    stage.rig().take_records();
    stage.send(row.sent() + request_of("GET /version"));
    assert_text_equal(stage.upstream_got(), row.got());
    answer_it_and_the_next(stage);
}
void check_bytewise(Stage& stage, const Passing& row) {
    judge_bodies(stage);
    const std::string sent = row.sent();
    for (const char& byte : sent) {
        assert_false(stage.rig().accept().open());
        stage.send({&byte, 1});
    }
    stage.send(request_of("GET /version"));
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), row.got());
    answer_it_and_the_next(stage);
}

void a_long_body_is_held_whole_and_goes_on(Stage& stage) {
    judge_bodies(stage);
    const std::string sent = chunked_create(long_good, 7'000) + request_of("GET /version");
    size_t at = 0;
    for (int i = 0; i < 100 && at < sent.size(); ++i) {
        if (stage.client.open()) {
            at += stage.client.send(std::string_view(sent).substr(at, 60'000));
            stage.rig().settle();
        } else {
            stage.send(sent.substr(0, at = 60'000));
        }
    }
    assert_true(stage.accept());
    std::string got;
    for (int i = 0; i < 60 && !got.ends_with("0\r\n\r\n"); ++i) got += stage.upstream_bytes();
    assert_true(readable(got) == chunked_got(long_good));
    answer_it_and_the_next(stage);
}

// We are the one who asks for the body; the upstream's own 100 would be a second one.
void the_client_hears_one_100(Stage& stage) {
    judge_bodies(stage);
    stage.send(request_of(CREATE, JSON_TYPE "Expect: 100-continue\r\nContent-Length: " +
                                      std::to_string(good.size()) + "\r\n"));
    assert_text_equal(stage.client_bytes(), "HTTP/1.1 100 Continue\r\n\r\n");
    assert_false(stage.accept());
    stage.send(good);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), sized_got(good, "Expect: 100-continue\r\n"));
    stage.answer("HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: l\r\n\r\n");
    assert_text_equal(stage.client_bytes(),
                      "HTTP/1.1 103 Early Hints\r\nLink: l\r\nVia: 1.1 becaused\r\n\r\n");
    assert_answered(stage);
}

void a_refused_body_after_a_100_is_told(Stage& stage) {
    judge_bodies(stage);
    stage.send(request_of(CREATE, JSON_TYPE "Expect: 100-continue\r\nContent-Length: " +
                                      std::to_string(bad.size()) + "\r\n"));
    assert_text_equal(stage.client_bytes(), "HTTP/1.1 100 Continue\r\n\r\n");
    stage.send(bad);
    assert_refused(stage, kept({403, "policy_denied", why}));
}

void http_1_0_is_judged_too(Stage& stage) {
    judge_bodies(stage);
    const std::string head = "POST /containers/create HTTP/1.0\r\nHost: a\r\n" JSON_TYPE
                             "Expect: 100-continue\r\nContent-Length: " +
                             std::to_string(bad.size()) + "\r\n\r\n";
    stage.send(head);
    assert_text_equal(stage.client_bytes(), "");  // a 100 is nothing for HTTP/1.0
    stage.send(bad);
    assert_refused(stage, {403, "policy_denied", why});
}

// It may not be sent twice: an idle connection that dies under it ends it, told as such.
void a_judged_body_is_not_sent_twice(Stage& stage) {
    judge_bodies(stage);
    assert_served(stage, request_of("GET /version"), version_got);
    stage.send(sized_create(good));
    assert_text_equal(stage.upstream_got(), sized_got(good));
    stage.upstream.reset();
    stage.rig().settle();
    assert_false(stage.rig().accept().open());
    assert_text_equal(field_of(stage.exchange(), "reason"), "retry_impossible");
    assert_text_equal(field_of(stage.exchange(), "status"), "502");
}

void a_judged_body_waits_for_a_dial(Stage& stage) {
    judge_bodies(stage);
    stage.options.with_upstream = false;
    stage.send(sized_create(good) + request_of("GET /version"));
    stage.rig().start_upstream();
    stage.rig().advance(300);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), sized_got(good));
    assert_answered(stage);
    assert_text_equal(stage.upstream_got(), version_got);
}

// ---- what does not -------------------------------------------------------------------------------

void what_follows_a_refused_body_is_the_next_request(Stage& stage) {
    judge_bodies(stage);
    stage.send(chunked_create(bad, 5) + request_of("GET /version") + sized_create(good));
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), version_got);
    stage.answer(no_content);
    assert_text_equal(stage.upstream_got(), sized_got(good));
    stage.answer(no_content);
    assert_true(stage.client_bytes().starts_with("HTTP/1.1 403 Forbidden\r\n"));
    assert_text_equal(stage.leave(),
                      "exchange policy_denied by=gate phase=gate op=judge status=403\n" +
                          std::string(complete_204) + std::string(complete_204) +
                          "client client_closed_idle by=nobody phase=keepalive op=none\n");
}

constexpr std::string_view too_long = "a JSON body over 1 MiB, which is too large to be judged";

void send_much(Stage& stage, std::string_view bytes) {
    for (size_t at = 0; at < bytes.size();) {
        const size_t sent = stage.client.send(bytes.substr(at, 60'000));
        stage.rig().settle();
        if (sent == 0) return;
        at += sent;
    }
}

void a_body_over_1_mib_in_chunks_is_refused(Stage& stage) {
    judge_bodies(stage);
    stage.send(request_of(CREATE, JSON_TYPE CHUNKED));
    const std::string sent = chunked(times(1'048'577, " "), 8'000);
    send_much(stage, std::string_view(sent).substr(0, sent.size() - 5));
    assert_refused(stage, {403, "policy_uninspectable", too_long});
    assert_text_equal(stage.leave(),
                      "exchange policy_uninspectable by=gate phase=gate op=judge status=403\n"
                      "client partner(policy_uninspectable) by=nobody phase=gate op=none\n");
}

// Framing of many times the body's size is a way to take memory, too.
void a_body_of_framing_is_refused(Stage& stage) {
    judge_bodies(stage);
    stage.options.slabs = 256;
    stage.send(request_of(CREATE, JSON_TYPE CHUNKED));
    const std::string chunk = "1;" + times(900, "x") + "\r\n \r\n";
    send_much(stage, times(20'000'000 / chunk.size(), chunk));
    assert_false(stage.rig().accept().open());
    const std::string reason = field_of(stage.exchange(), "reason");
    assert_true(reason == "policy_uninspectable" || reason == "client_malformed");
}

void bad_chunks_are_the_clients_fault(Stage& stage) {
    judge_bodies(stage);
    stage.send(request_of(CREATE, JSON_TYPE CHUNKED) + "1\r\n{\r\nxyz\r\n");
    assert_false(stage.accept());
    assert_text_equal(stage.leave(),
                      "exchange client_malformed by=client phase=gate op=parse status=400\n"
                      "client client_malformed by=client phase=gate op=parse\n");
}

// ---- whoever leaves or stalls meanwhile ------------------------------------------------------------

void await_body(Stage& stage) {
    judge_bodies(stage);
    stage.send(sized_create(good).substr(0, sized_create(good).size() - 5));
    assert_false(stage.accept());
}

void a_client_that_stalls_is_blamed(Stage& stage) {
    await_body(stage);
    stage.rig().advance(119'000);
    assert_text_equal(stage.client_bytes(), "");
    stage.rig().advance(1'100);
    assert_own_answer(stage, {408, "client_stalled_sending",
                              "The client owed bytes of the request and sent none for 2 min (clock "
                              "request_body, 2 min)."});
    assert_text_equal(stage.leave(),
                      "exchange client_stalled_sending by=client phase=gate op=clock "
                      "clock=request_body/120000 status=408\n"
                      "client client_stalled_sending by=client phase=gate op=clock "
                      "clock=request_body/120000\n");
}

// A byte a minute keeps it alive: the clock is an idle one.
void a_slow_body_is_waited_for(Stage& stage) {
    await_body(stage);
    for (size_t i = 5; i > 0; --i) {
        stage.rig().advance(60'000);
        stage.send(good.substr(good.size() - i, 1));
    }
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), sized_got(good));
    assert_answered(stage);
}

void a_client_that_leaves_is_blamed(Stage& stage) {
    stage.options.settings.allow_half_close = true;  // half a body is no half-close
    await_body(stage);
    stage.client_fin();
    assert_text_equal(stage.leave(),
                      "exchange client_closed by=client phase=gate op=read status=499\n"
                      "client client_closed by=client phase=gate op=read\n");
}

void a_client_that_resets_is_blamed(Stage& stage) {
    await_body(stage);
    stage.client.reset();
    assert_text_equal(
        stage.leave(),
        "exchange client_reset by=client phase=gate op=read errno=ECONNRESET status=499\n"
        "client client_reset by=client phase=gate op=read errno=ECONNRESET\n");
}

void a_drain_lets_the_body_come(Stage& stage) {
    await_body(stage);
    stage.rig().stop();
    stage.send(good.substr(good.size() - 5));
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), sized_got(good));
    stage.answer(no_content);
    assert_text_equal(stage.client_got(),
                      "HTTP/1.1 204 No Content\r\nConnection: close\r\nVia: 1.1 becaused\r\n\r\n");
    assert_text_equal(exchange_summary(stage), complete_204);
}

void the_drains_deadline_ends_it(Stage& stage) {
    await_body(stage);
    stage.rig().stop();
    stage.rig().advance(31'000);
    assert_text_equal(exchange_summary(stage),
                      "exchange drain_deadline by=operator phase=gate op=clock "
                      "clock=drain/30000 status=503\n");
}

void a_kill_ends_it(Stage& stage) {
    await_body(stage);
    stage.rig().stop();
    stage.rig().stop();
    stage.rig().settle();
    assert_own_answer(stage, {503,
                              "shutdown",
                              "becaused was told to stop at once while the request was being "
                              "judged.",
                              true,
                              {},
                              false,
                              "Retry-After: 1\r\n"});
    assert_text_equal(stage.leave(),
                      "exchange shutdown by=operator phase=gate op=admin status=503\n"
                      "client partner(shutdown) by=nobody phase=gate op=none\n");
}

// ---- memory --------------------------------------------------------------------------------------

// A quarter of the memory is for held bodies; what finds no room is told so, and room comes back.
void held_bodies_have_a_budget(Stage& stage) {
    judge_bodies(stage);
    stage.options.settings.memory_bytes = 400'000;
    const std::string_view body(long_good);
    const std::string head = request_of(CREATE, JSON_TYPE "Content-Length: 70000\r\n");
    stage.second = stage.rig().connect();
    stage.second.send(head + std::string(body.substr(0, 60'000)));
    stage.rig().settle();
    stage.send(head + std::string(body.substr(0, 60'000)));
    assert_own_answer(stage, {503,
                              "memory_shed",
                              "becaused's memory budget is used up: try again in a moment.",
                              true,
                              {},
                              false,
                              "Retry-After: 1\r\n"});
    assert_text_equal(exchange_summary(stage),
                      "exchange memory_shed by=proxy phase=gate op=allocate status=503\n");
    stage.client.close();
    stage.second.reset();
    stage.rig().settle();
    assert_served(stage, sized_create(good), sized_got(good));
}

// Bodies that passed and wait for their upstream are held as well.
void bodies_that_wait_for_a_dial_are_counted(Stage& stage) {
    judge_bodies(stage);
    stage.options.with_upstream = false;
    stage.options.settings.memory_bytes = 400'000;
    const std::string body = R"({"Image":"x","Env":[")" + times(80'000, "e") + R"("]})";
    stage.second = stage.rig().connect();
    stage.second.send(sized_create(body));
    stage.rig().settle();
    stage.send(sized_create(body));
    assert_text_equal(field_of(stage.exchange(), "reason"), "memory_shed");
    stage.rig().start_upstream();
    stage.rig().advance(300);
    stage.client.close();
    stage.rig().settle();
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), sized_got(body));
    stage.answer(no_content);
    assert_served(stage, sized_create(body), sized_got(body));
}

// ---- mode report ---------------------------------------------------------------------------------

void a_report_passes_a_body_it_would_refuse(Stage& stage) {
    judge_bodies(stage);
    stage.options.settings.mode = "report";
    assert_served(stage, sized_create(bad), sized_got(bad));
    assert_text_equal(field_of(stage.exchange(), "would_refuse"), why);
    assert_served(stage, sized_create(good), sized_got(good));
    assert_text_equal(field_of(stage.exchange(), "would_refuse"), "");
}

void a_report_passes_a_long_body(Stage& stage, bool by_length) {
    judge_bodies(stage);
    stage.options.settings.mode = "report";
    stage.options.slabs = 256;
    const std::string body = times(1'200'000, "e");
    stage.send(request_of(CREATE,
                          by_length ? JSON_TYPE "Content-Length: 1200000\r\n" : JSON_TYPE CHUNKED));
    const std::string sent = by_length ? body : chunked(body, 9'000);
    std::string got;
    for (size_t at = 0, i = 0; i < 200; ++i) {
        at += stage.client.send(std::string_view(sent).substr(at, 60'000));
        stage.rig().settle();
        if (!stage.upstream.open() && !stage.accept()) continue;
        got += stage.upstream_bytes();
    }
    const std::string due = by_length ? sized_got(body) : chunked_got(body);
    assert_true(readable(got) == due);
    assert_answered(stage);
    assert_text_equal(field_of(stage.exchange(), "would_refuse"), too_long);
}
void a_report_passes_a_body_too_long_by_its_length(Stage& stage) {
    a_report_passes_a_long_body(stage, true);
}
void a_report_passes_a_body_too_long_in_chunks(Stage& stage) {
    a_report_passes_a_long_body(stage, false);
}

}  // namespace

int main() {
    Cases cases;
    const auto add_rows = [&](const auto& rows, auto check, std::string_view how) {
        for (const auto& row : rows)
            cases.add(std::string(row.name) + std::string(how),
                      [&row, check](Stage& stage) { check(stage, row); });
    };
    add_rows(passing, check_whole, ", in one piece");
    add_rows(passing, check_bytewise, ", byte by byte");
    cases.add(SCENARIO(a_long_body_is_held_whole_and_goes_on));
    cases.add(SCENARIO(the_client_hears_one_100));
    cases.add(SCENARIO(a_refused_body_after_a_100_is_told));
    cases.add(SCENARIO(http_1_0_is_judged_too));
    cases.add(SCENARIO(a_judged_body_is_not_sent_twice));
    cases.add(SCENARIO(a_judged_body_waits_for_a_dial));
    cases.add(SCENARIO(what_follows_a_refused_body_is_the_next_request));
    cases.add(SCENARIO(a_body_over_1_mib_in_chunks_is_refused));
    cases.add(SCENARIO(a_body_of_framing_is_refused));
    cases.add(SCENARIO(bad_chunks_are_the_clients_fault));
    cases.add(SCENARIO(a_client_that_stalls_is_blamed));
    cases.add(SCENARIO(a_slow_body_is_waited_for));
    cases.add(SCENARIO(a_client_that_leaves_is_blamed));
    cases.add(SCENARIO(a_client_that_resets_is_blamed));
    cases.add(SCENARIO(a_drain_lets_the_body_come));
    cases.add(SCENARIO(the_drains_deadline_ends_it));
    cases.add(SCENARIO(a_kill_ends_it));
    cases.add(SCENARIO(held_bodies_have_a_budget));
    cases.add(SCENARIO(bodies_that_wait_for_a_dial_are_counted));
    cases.add(SCENARIO(a_report_passes_a_body_it_would_refuse));
    cases.add(SCENARIO(a_report_passes_a_body_too_long_by_its_length));
    cases.add(SCENARIO(a_report_passes_a_body_too_long_in_chunks));
    return cases.run("gate_body");
}
