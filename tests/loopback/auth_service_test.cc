// The authorisation service: what it is asked, what its answers mean, and what becomes of a request
// whose question is not answered. The service is a socket of the test's own.
#include <netinet/in.h>
#include <sys/socket.h>

#include "support/guarded.hh"
#include "support/cmocka.hh"

using namespace becaused::test;

namespace {

// Bytes that only a service knows.
constexpr std::string_view token = "svc_0123456789-0123456789-0123456789";

// The service's listener is the stage's first other peer, its connection the second.
void start_service(Stage& stage) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    assert_true(fd >= 0);
    assert_int_equal(::bind(fd, reinterpret_cast<sockaddr*>(&address), size), 0);
    assert_int_equal(::listen(fd, 8), 0);
    assert_int_equal(::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size), 0);
    stage.more.emplace_back(fd);
    stage.more.emplace_back();
    becaused::Settings& settings = stage.options.settings;
    settings.auth_service.host = "127.0.0.1";
    settings.auth_service.port = ntohs(address.sin_port);
    settings.auth_service.text = "the service";
    settings.auth_path = "/check?box=7";
    settings.profile = "builder";
    stage.options.access = "[stranger]\nname = \"somebody\"\nprofile = \"ping\"\n" +
                           token_entry("runner", runner_token);
}

Peer& service(Stage& stage) { return stage.more.at(1); }

// Takes the connection that the proxy has made to it.
bool service_accepts(Stage& stage) {
    const int fd = ::accept4(stage.more.at(0).fd(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) return false;
    service(stage) = Peer(fd);
    return true;
}

// What it was asked since the last time.
std::string question(Stage& stage) {
    stage.rig().settle();
    if (!service(stage).open() && !service_accepts(stage)) return "nothing";
    stage.rig().settle();
    service(stage).read();
    const std::string host =
        "Host: 127.0.0.1:" + std::to_string(stage.options.settings.auth_service.port) + "\r\n";
    std::string asked = std::exchange(service(stage).received, {});
    if (const size_t at = asked.find(host); at != std::string::npos)
        asked.replace(at, host.size(), "Host: {service}\r\n");
    return asked;
}

void says(Stage& stage, std::string_view answer) {
    assert_int_equal(service(stage).send(answer), answer.size());
    stage.rig().settle();
}

std::string asked_about(std::string_view method, std::string_view target) {
    return "GET /check?box=7 HTTP/1.1\r\nHost: {service}\r\nauthorization: Bearer " +
           std::string(token) + "\r\nX-Original-Method: " + std::string(method) +
           "\r\nX-Original-URI: " + std::string(target) + "\r\nX-Original-Host: a\r\n\r\n";
}

std::string get(std::string_view target) {
    return request_of("GET " + std::string(target), bearer_line(token));
}

constexpr std::string_view allowed =
    "HTTP/1.1 204 No Content\r\nX-Auth-Identity: team-a\r\nX-Auth-Profile: build\r\n\r\n";

void its_yes_lets_a_request_pass_with_identity_and_profile(Stage& stage) {
    start_service(stage);
    stage.send(get("/version"));
    assert_text_equal(question(stage), asked_about("GET", "/version"));
    assert_false(stage.rig().accept().open());
    says(stage, allowed);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), version_got);
    assert_answered(stage);
    assert_text_equal(who(stage), "team-a service");
    // The profile that it named holds: `build` has no push.
    stage.send(request_of("POST /images/a/push", bearer_line(token) + "Content-Length: 0\r\n"));
    assert_text_equal(question(stage), asked_about("POST", "/images/a/push"));
    says(stage, allowed);
    assert_text_equal(exchange_summary(stage),
                      "exchange policy_denied by=gate phase=gate op=judge status=403\n");
}

void its_yes_is_believed_for_a_while_for_the_same_question_only(Stage& stage) {
    start_service(stage);
    stage.send(get("/version"));
    assert_text_contains(question(stage), "GET /check");
    says(stage, allowed);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), version_got);
    assert_answered(stage);
    assert_served(stage, get("/version"), version_got);
    assert_text_equal(question(stage), "");
    stage.send(get("/info"));
    assert_text_equal(question(stage), asked_about("GET", "/info"));
    says(stage, allowed);
    assert_text_equal(stage.upstream_got(), "GET /info HTTP/1.1\r\nHost: a\r\n{+}\r\n");
    assert_answered(stage);
    stage.rig().advance(10'001);
    stage.send(get("/version"));
    assert_text_equal(question(stage), asked_about("GET", "/version"));
    says(stage, allowed);
    assert_text_equal(stage.upstream_got(), version_got);
}

void what_is_known_here_is_not_asked(Stage& stage) {
    start_service(stage);
    assert_served(stage, request_of("GET /version", bearer_line(runner_token)), version_got);
    assert_text_equal(who(stage), "runner static_token");
    assert_text_equal(question(stage), "nothing");
}

struct No {
    std::string_view name;
    std::string_view said;
    OwnAnswer answer;
};
constexpr std::string_view not_known = "the authorisation service does not know them";
const No noes[] = {
    {"its 401 is a failed attempt",
     "HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\n\r\n",
     {401, "auth_invalid", not_known, false, {}, false, challenge}},
    {"its 403 is a denial",
     "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno",
     {403, "policy_denied", "the authorisation service does not allow it", false}},
    {"its 429 passes on when to come back",
     "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 7\r\nContent-Length: 0\r\n\r\n",
     {429,
      "rate_limited",
      "the authorisation service says so",
      false,
      {},
      false,
      "Retry-After: 7\r\n"}},
    {"its 500 is no answer",
     "HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
     {503,
      "auth_unavailable",
      "its answer has a status that is not 2xx, 401, 403 or 429",
      false,
      {},
      false,
      "Retry-After: 1\r\n"}},
    {"what is not HTTP is no answer",
     "yes!\r\n\r\n",
     {503,
      "auth_unavailable",
      "its answer is not valid HTTP/1.1",
      false,
      {},
      false,
      "Retry-After: 1\r\n"}},
    {"a name that is none is no answer",
     "HTTP/1.1 200 OK\r\nX-Auth-Identity: a\r\nX-Auth-Profile: b c\r\nContent-Length: 0\r\n\r\n",
     {503,
      "auth_unavailable",
      "its answer names an identity, profile or rate that is no name",
      false,
      {},
      false,
      "Retry-After: 1\r\n"}},
};

void check_no(Stage& stage, const No& row) {
    start_service(stage);
    for (int time = 0; time < 2; ++time) {  // and it is asked again: a no is never remembered
        stage.send(get("/version"));
        assert_text_equal(question(stage), asked_about("GET", "/version"));
        says(stage, row.said);
        assert_refused(stage, row.answer);
        if (service(stage).open()) {
            service(stage).read();
            if (service(stage).eof || service(stage).error != 0) service(stage).close();
        }
    }
}

const OwnAnswer late{
    503,   "auth_unavailable",  "it did not answer in time (clock auth)", false, {},
    false, "Retry-After: 1\r\n"};

void its_silence_ends_with_the_clock_auth(Stage& stage) {
    start_service(stage);
    stage.send(get("/version"));
    assert_text_equal(question(stage), asked_about("GET", "/version"));
    stage.rig().advance(5'100);
    assert_refused(stage, late);
    assert_text_contains(
        stage.records(),
        "upstream upstream_silent by=upstream phase=gate op=clock clock=auth/5000\n");
}

void nobody_there_is_no_answer(Stage& stage) {
    start_service(stage);
    stage.more.at(0).close();
    stage.send(get("/version"));
    stage.rig().advance(100);
    assert_refused(
        stage,
        {503, "auth_unavailable", "it cannot be reached", false, {}, false, "Retry-After: 1\r\n"});
}

void a_connection_that_died_idle_is_replaced(Stage& stage) {
    start_service(stage);
    stage.send(get("/version"));
    assert_text_contains(question(stage), "GET /check");
    says(stage, allowed);
    assert_true(stage.accept());
    stage.upstream_bytes();
    assert_answered(stage);
    // Its end comes while the question is on its way.
    stage.send(get("/info"));
    assert_text_equal(question(stage), asked_about("GET", "/info"));
    service(stage).reset();
    assert_text_equal(question(stage), asked_about("GET", "/info"));
    says(stage, allowed);
    assert_text_equal(stage.upstream_got(), "GET /info HTTP/1.1\r\nHost: a\r\n{+}\r\n");
}

void an_answer_in_pieces_is_one_answer(Stage& stage) {
    start_service(stage);
    stage.send(get("/version"));
    assert_text_contains(question(stage), "GET /check");
    says(stage, "HTTP/1.1 103 Early Hints\r\n\r\nHTTP/1.1 20");
    says(stage, allowed.substr(11));
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), version_got);
}

void a_client_that_leaves_takes_its_question_along(Stage& stage) {
    start_service(stage);
    stage.send(get("/version"));
    assert_text_contains(question(stage), "GET /check");
    stage.client.close();
    stage.rig().settle();
    service(stage).read();
    assert_true(service(stage).eof || service(stage).error != 0);
    assert_text_equal(stage.records(),
                      "exchange client_closed by=client phase=gate op=read status=499\n"
                      "client client_closed by=client phase=gate op=read\n"
                      "upstream partner(client_closed) by=nobody phase=gate op=none\n");
}

void fields_of_its_answer_reach_the_upstream_in_place_of_the_client_s(Stage& stage) {
    start_service(stage);
    stage.options.settings.auth_copy = {"x-team"};
    stage.options.settings.auth_fields = {"x-build"};
    stage.send(request_of("GET /version",
                          bearer_line(token) + "X-Team: forged\r\nX-Build: 12\r\nX-Other: z\r\n"));
    assert_text_contains(question(stage), "X-Build: 12\r\n\r\n");
    says(stage, "HTTP/1.1 200 OK\r\nX-Team: a\r\nX-Secret: s\r\nContent-Length: 0\r\n\r\n");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(),
                      "GET /version HTTP/1.1\r\nHost: a\r\nX-Build: 12\r\nX-Other: z\r\n{+}"
                      "X-Team: a\r\n\r\n");
    assert_answered(stage);
    assert_text_equal(who(stage), "unnamed service");
}

void a_pipelined_body_waits_for_the_answer(Stage& stage) {
    start_service(stage);
    stage.send(request_of("POST /build", bearer_line(token) + "Content-Length: 5\r\n") + "hello" +
               get("/info"));
    assert_text_equal(question(stage), asked_about("POST", "/build"));
    says(stage, allowed);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(),
                      "POST /build HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n{+}\r\nhello");
    assert_answered(stage);
    assert_text_equal(question(stage), asked_about("GET", "/info"));
    says(stage, allowed);
    assert_text_equal(stage.upstream_got(), "GET /info HTTP/1.1\r\nHost: a\r\n{+}\r\n");
}

}  // namespace

int main() {
    Cases cases;
    cases.add(SCENARIO(its_yes_lets_a_request_pass_with_identity_and_profile));
    cases.add(SCENARIO(its_yes_is_believed_for_a_while_for_the_same_question_only));
    cases.add(SCENARIO(what_is_known_here_is_not_asked));
    cases.add(noes, check_no);
    cases.add(SCENARIO(its_silence_ends_with_the_clock_auth));
    cases.add(SCENARIO(nobody_there_is_no_answer));
    cases.add(SCENARIO(a_connection_that_died_idle_is_replaced));
    cases.add(SCENARIO(an_answer_in_pieces_is_one_answer));
    cases.add(SCENARIO(a_client_that_leaves_takes_its_question_along));
    cases.add(SCENARIO(fields_of_its_answer_reach_the_upstream_in_place_of_the_client_s));
    cases.add(SCENARIO(a_pipelined_body_waits_for_the_answer));
    return cases.run("auth_service");
}
