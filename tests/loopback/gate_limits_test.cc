// How often, how many at once, how much: every limit of the settings through the real proxy, what it
// says of itself, and that its room comes back.
#include "support/guarded.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;
using namespace std::string_literals;

namespace {

#define JSON_TYPE "Content-Type: application/json\r\n"

const std::string get_version = request_of("GET /version");
const std::string as_runner = bearer_line(runner_token);
const std::string as_other = bearer_line(other_token);
constexpr std::string_view ping_got = "GET /_ping HTTP/1.1\r\nHost: a\r\n{+}\r\n";

OwnAnswer too_often(std::string_view detail, std::string_view extra) {
    return kept({429, "rate_limited", detail, true, {}, false, extra});
}

// ---- rates ---------------------------------------------------------------------------------------

#define ADDRESS "requests from this address (address_rate)"
#define IDENTITY "requests of this identity (identity_rate)"

void an_address_has_its_rate(Stage& stage) {
    stage.options.settings.address_rate = {3, 60, 0};
    for (int i = 0; i < 3; ++i) assert_served(stage, get_version, version_got);
    assert_turned_away(
        stage, get_version,
        too_often(ADDRESS,
                  "Retry-After: 20\r\nRateLimit-Policy: \"address_rate\";q=3;w=60\r\n"
                  "RateLimit: \"address_rate\";r=0;t=20\r\n"));
    assert_text_equal(field_of(stage.exchange(), "detail"), ADDRESS);
    // Whoever asks from there, on whatever connection.
    Peer& second = another(stage, get_version);
    second.read();
    assert_text_contains(second.received, "HTTP/1.1 429 Too Many Requests\r\n");
    // Pings are never too many: a CLI that hears 429 goes on with an API of years ago.
    for (int i = 0; i < 5; ++i) assert_served(stage, request_of("GET /_ping"), ping_got);
    stage.rig().advance(19'900);
    assert_turned_away(stage, get_version,
                       too_often(ADDRESS,
                                 "Retry-After: 1\r\nRateLimit-Policy: \"address_rate\";q=3;w=60\r\n"
                                 "RateLimit: \"address_rate\";r=0;t=1\r\n"));
    stage.rig().advance(100);
    assert_served(stage, get_version, version_got);
    assert_false(stage.rig().accept().open());
    stage.send(get_version);
    assert_text_equal(exchange_summary(stage),
                      "exchange rate_limited by=gate phase=gate op=judge status=429\n");
}

// A burst is how many at once; the quota is what the rate says.
void a_burst_is_no_quota(Stage& stage) {
    stage.options.settings.address_rate = {600, 60, 2};
    for (int i = 0; i < 2; ++i) assert_served(stage, get_version, version_got);
    assert_turned_away(
        stage, get_version,
        too_often(ADDRESS,
                  "Retry-After: 1\r\nRateLimit-Policy: \"address_rate\";q=600;w=60\r\n"
                  "RateLimit: \"address_rate\";r=0;t=1\r\n"));
    stage.rig().advance(100);
    assert_served(stage, get_version, version_got);
}

// 3 in 10 s: the next one after 3.33 s, and whoever comes after that many whole seconds finds room.
void retry_after_is_never_too_early(Stage& stage) {
    stage.options.settings.address_rate = {3, 10, 1};
    assert_served(stage, get_version, version_got);
    stage.rig().advance(300);
    assert_turned_away(stage, get_version,
                       too_often(ADDRESS,
                                 "Retry-After: 4\r\nRateLimit-Policy: \"address_rate\";q=3;w=10\r\n"
                                 "RateLimit: \"address_rate\";r=0;t=4\r\n"));
    stage.rig().advance(4000);
    assert_served(stage, get_version, version_got);
}

void a_refused_request_with_a_body_is_closed(Stage& stage) {
    stage.options.settings.address_rate = {1, 60, 0};
    assert_served(stage, get_version, version_got);
    stage.send(request_of("POST /build", "Content-Length: 37\r\n") + std::string(smuggled));
    assert_false(stage.rig().accept().open());
    assert_text_contains(stage.client_bytes(), "\r\nConnection: close\r\n\r\n");
    assert_text_equal(stage.client_state(), "fin");
    assert_int_equal(stage.rig().records().size(), 2);
}

void all_together_have_their_rate(Stage& stage) {
    stage.options.settings.total_rate = {2, 1, 0};
    for (int i = 0; i < 2; ++i) assert_served(stage, get_version, version_got);
    assert_served(stage, request_of("GET /_ping"), ping_got);
    assert_turned_away(stage, get_version,
                       too_often("requests of all clients (total_rate)",
                                 "Retry-After: 1\r\nRateLimit-Policy: \"total_rate\";q=2;w=1\r\n"
                                 "RateLimit: \"total_rate\";r=0;t=1\r\n"));
    stage.rig().advance(500);
    assert_served(stage, get_version, version_got);
}

void guard_with_two(Stage& stage, std::string_view runners = "") {
    stage.options.access = token_entry("runner", runner_token, runners) +
                           token_entry("other", other_token) +
                           password_entry("alice", "open sesame");
}

constexpr std::string_view one_a_minute =
    "Retry-After: 60\r\nRateLimit-Policy: \"identity_rate\";q=1;w=60\r\n"
    "RateLimit: \"identity_rate\";r=0;t=60\r\n";

void an_identity_has_its_rate(Stage& stage) {
    guard_with_two(stage);
    stage.options.settings.identity_rate = {1, 60, 0};
    assert_served(stage, request_of("GET /version", as_runner), version_got);
    assert_turned_away(stage, request_of("GET /version", as_runner),
                       too_often(IDENTITY, one_a_minute));
    assert_text_equal(who(stage), "runner static_token");
    assert_served(stage, request_of("GET /_ping", as_runner), ping_got);
    assert_served(stage, request_of("GET /version", as_other), version_got);
    stage.rig().advance(60'000);
    stage.upstream.close();
    assert_served(stage, request_of("GET /version", as_runner), version_got);
}

// Without an identity the address stands for it.
void without_an_identity_the_address_counts(Stage& stage) {
    stage.options.settings.identity_rate = {1, 60, 0};
    assert_served(stage, get_version, version_got);
    assert_turned_away(stage, get_version, too_often(IDENTITY, one_a_minute));
}

// Known only after the check, and counted then.
void an_identitys_rate_counts_after_its_password(Stage& stage) {
    guard_with_two(stage);
    stage.options.settings.identity_rate = {1, 60, 0};
    const std::string as_alice = basic_line("alice", "open sesame");
    stage.hold_workers();
    stage.send(request_of("GET /version", as_alice) + request_of("GET /version", as_alice));
    stage.work_on();
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), version_got);
    stage.answer(no_content);
    assert_true(stage.client_bytes().starts_with(no_content_got));
    assert_text_equal(exchange_summary(stage),
                      "exchange rate_limited by=gate phase=gate op=judge status=429\n");
    assert_text_equal(who(stage), "alice password");
    assert_text_equal(stage.upstream_bytes(), "");
}

void a_class_has_a_rate_of_its_own(Stage& stage) {
    guard_with_two(stage, "rate = \"slow\"\n");
    stage.options.settings.rate_classes = {{"fast", {100, 1, 0}}, {"slow", {1, 60, 0}}};
    assert_served(stage, request_of("GET /version", as_runner), version_got);
    assert_turned_away(stage, request_of("GET /version", as_runner),
                       too_often(IDENTITY, one_a_minute));
    for (int i = 0; i < 3; ++i)
        assert_served(stage, request_of("GET /version", as_other), version_got);
}

void an_unknown_class_may_nothing_but_ping(Stage& stage) {
    guard_with_two(stage, "rate = \"gone\"\n");
    stage.options.settings.rate_classes = {{"fast", {100, 1, 0}}};
    const OwnAnswer answer = kept({429,
                                   "concurrency_limited",
                                   "the identity's rate class is none of becaused's (rate_class)",
                                   true,
                                   {},
                                   false,
                                   "Retry-After: 1\r\n"});
    assert_turned_away(stage, request_of("GET /version", as_runner), answer);
    assert_text_equal(who(stage), "runner static_token");
    assert_served(stage, request_of("GET /_ping", as_runner), ping_got);
    assert_served(stage, request_of("GET /version", as_other), version_got);
}

// ---- at once -------------------------------------------------------------------------------------

OwnAnswer too_many(std::string_view detail) {
    return kept({429, "concurrency_limited", detail, true, {}, false, "Retry-After: 1\r\n"});
}
#define EXCHANGES "requests of this identity (identity_exchanges)"
#define TUNNELS "tunnels of this identity (identity_tunnels)"
#define BUILDS "builds of this identity (identity_builds)"
#define ATTACH "POST /containers/c/attach?stream=1"
#define UPGRADE "Connection: Upgrade\r\nUpgrade: tcp\r\n"
#define SWITCH "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"

// How the one request that takes all the room ends, so that there is room again.
struct End {
    std::string_view name;
    void (*end)(Stage& stage, Peer& client, Peer& upstream);
};
const End ends[] = {
    {"the answer", [](Stage&, Peer&, Peer& upstream) { upstream.send(no_content); }},
    {"the client's FIN", [](Stage&, Peer& client, Peer&) { client.finish(); }},
    {"the client's RST", [](Stage&, Peer& client, Peer&) { client.reset(); }},
    {"the upstream's FIN", [](Stage&, Peer&, Peer& upstream) { upstream.close(); }},
    {"the upstream's RST", [](Stage&, Peer&, Peer& upstream) { upstream.reset(); }},
    {"a bad answer", [](Stage&, Peer&, Peer& upstream) { upstream.send("HTTP/9\r\n\r\n"); }},
    {"half an answer",
     [](Stage&, Peer&, Peer& upstream) {
         upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf");
         upstream.finish();
     }},
    {"its clock", [](Stage& stage, Peer&, Peer&) { stage.rig().advance(31'000); }},
};
void check_given_back(Stage& stage, const End& row) {
    guard_with_two(stage);
    stage.options.settings.profile = "run_sandboxed";
    stage.options.settings.identity_exchanges = 1;
    another(stage, request_of("GET /version", as_runner));
    Peer upstream = stage.rig().accept();
    assert_true(upstream.open());
    for (int i = 0; i < 2; ++i)
        assert_turned_away(stage, request_of("GET /info", as_runner), too_many(EXCHANGES));
    assert_served(stage, request_of("GET /_ping", as_runner), ping_got);
    assert_served(stage, request_of("GET /version", as_other), version_got);
    stage.upstream.close();
    stage.rig().settle();
    row.end(stage, stage.more.front(), upstream);
    stage.rig().settle();
    upstream.close();
    stage.rig().settle();
    for (int i = 0; i < 2; ++i)
        assert_served(stage, request_of("GET /version", as_runner), version_got);
}

// What the gate refuses after it was counted gives its place back too, and what it collects holds one.
void refusals_give_their_place_back(Stage& stage) {
    guard_with_two(stage);
    stage.options.settings.profile = "run_sandboxed";
    stage.options.settings.identity_exchanges = 1;
    for (int i = 0; i < 3; ++i) {
        assert_turned_away(
            stage, request_of("GET /secrets", as_runner),
            kept({403, "policy_denied",
                  "GET /secrets (secret_list) is not allowed by profile run_sandboxed"}));
        assert_turned_away(
            stage,
            request_of("POST /containers/create", as_runner + JSON_TYPE "Content-Length: 2\r\n") +
                "[]",
            kept({403, "policy_uninspectable",
                  "a value in the JSON of another type than Docker's API has "
                  "there"}));
    }
    Peer& collected = another(stage, request_of("POST /containers/create",
                                                as_runner + JSON_TYPE "Content-Length: 2\r\n"));
    assert_turned_away(stage, request_of("GET /version", as_runner), too_many(EXCHANGES));
    collected.reset();
    stage.rig().settle();
    assert_served(stage, request_of("GET /version", as_runner), version_got);
}

void tunnels_are_counted_until_they_end(Stage& stage) {
    guard_with_two(stage);
    stage.options.settings.profile = "run_sandboxed";
    stage.options.settings.identity_tunnels = 1;
    Peer& client = another(stage, request_of(ATTACH, as_runner + UPGRADE));
    Peer upstream = stage.rig().accept();
    upstream.send(SWITCH);
    stage.rig().settle();
    // In Docker's shape, and the connection closed without saying so: it was to be a tunnel.
    stage.send(request_of(ATTACH, as_runner + UPGRADE));
    assert_false(stage.rig().accept().open());
    assert_own_answer(stage, too_many(TUNNELS));
    assert_text_equal(stage.client_state(), "fin");
    stage.client.close();
    // A hijack without an upgrade is one, too; other requests are not.
    assert_turned_away(stage, request_of(ATTACH, as_runner), too_many(TUNNELS));
    assert_served(stage, request_of("GET /version", as_runner), version_got);
    client.finish();
    stage.rig().settle();
    assert_turned_away(stage, request_of(ATTACH, as_runner), too_many(TUNNELS));  // half of it
    upstream.finish();
    stage.rig().settle();
    assert_served(stage, request_of(ATTACH, as_runner), ATTACH " HTTP/1.1\r\nHost: a\r\n{+}\r\n");
}

void builds_are_counted_apart(Stage& stage) {
    guard_with_two(stage);
    stage.options.settings.identity_builds = 1;
    another(stage, request_of("POST /build", as_runner));
    Peer upstream = stage.rig().accept();
    assert_turned_away(stage, request_of("POST /build", as_runner), too_many(BUILDS));
    assert_served(stage, request_of("GET /version", as_runner), version_got);
    assert_served(stage, request_of("POST /build", as_other),
                  "POST /build HTTP/1.1\r\nHost: a\r\n{+}\r\n");
    upstream.send("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n");
    stage.rig().settle();
    assert_served(stage, request_of("POST /build", as_runner),
                  "POST /build HTTP/1.1\r\nHost: a\r\n{+}\r\n");
}

// ---- bodies --------------------------------------------------------------------------------------

constexpr OwnAnswer over_10{413, "body_too_large", "10"};

void limit_bodies(Stage& stage) {
    stage.options.settings.body_limits = {{"POST", "/build", 10}, {"", "/containers/**", 10}};
}

void a_body_too_long_by_its_length_is_refused_unread(Stage& stage) {
    limit_bodies(stage);
    assert_turned_away(stage, request_of("POST /v1.41/build", "Content-Length: 11\r\n"), over_10);
}

void a_body_of_just_the_limit_passes(Stage& stage) {
    limit_bodies(stage);
    assert_served(stage, request_of("POST /build", "Content-Length: 10\r\n") + "0123456789",
                  "POST /build HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n{+}\r\n0123456789");
    // Chunk framing is no part of the body.
    assert_served(
        stage,
        request_of("POST /build", "Transfer-Encoding: chunked\r\n") + chunked("0123456789", 1),
        "POST /build HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{+}\r\n[0123456789]");
    assert_served(stage, request_of("POST /images/load", "Content-Length: 11\r\n") + "0123456789a",
                  "POST /images/load HTTP/1.1\r\nHost: a\r\nContent-Length: 11\r\n{+}\r\n"
                  "0123456789a");
}

void a_body_too_long_in_chunks_is_cut(Stage& stage) {
    limit_bodies(stage);
    stage.send(request_of("POST /build", "Transfer-Encoding: chunked\r\n") + "a\r\n0123456789\r\n");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(),
                      "POST /build HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n{+}\r\n"
                      "[0123456789 (cut)");
    stage.send("1\r\nx\r\n0\r\n\r\n");
    assert_own_answer(stage, over_10);
    assert_text_equal(stage.upstream_bytes(), "");
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(stage.leave(),
                      "exchange body_too_large by=gate phase=request_body op=judge status=413\n"
                      "client partner(body_too_large) by=nobody phase=request_body op=none\n"
                      "upstream partner(body_too_large) by=nobody phase=request_body op=none\n");
}

// Its end is there already: what the upstream gets must not look whole.
void a_whole_body_too_long_in_chunks_never_looks_whole(Stage& stage) {
    limit_bodies(stage);
    stage.send(request_of("POST /build", "Transfer-Encoding: chunked\r\n") +
               chunked("0123456789a", 11));
    assert_own_answer(stage, over_10);
    if (stage.accept()) {
        assert_true(stage.upstream_bytes().find("0\r\n\r\n") == std::string::npos);
        assert_text_equal(stage.upstream_state(), "reset");
    }
    assert_text_equal(exchange_summary(stage),
                      "exchange body_too_large by=gate phase=request_body op=judge status=413\n");
}

void a_judged_body_has_the_routes_limit_too(Stage& stage) {
    limit_bodies(stage);
    stage.options.settings.profile = "run_sandboxed";
    const std::string create =
        request_of("POST /containers/create", JSON_TYPE "Transfer-Encoding: chunked\r\n");
    assert_turned_away(stage, create + chunked(R"({"Image":1})", 4), kept(over_10));
    const std::string_view ten = R"({"Cmd":[]})";
    assert_served(stage, create + chunked(ten, 4),
                  "POST /containers/create HTTP/1.1\r\nHost: a\r\n" JSON_TYPE
                  "Transfer-Encoding: chunked\r\n{+}\r\n[" +
                      std::string(ten) + "]");
}

}  // namespace

int main() {
    Cases cases;
    cases.add(SCENARIO(an_address_has_its_rate));
    cases.add(SCENARIO(a_burst_is_no_quota));
    cases.add(SCENARIO(retry_after_is_never_too_early));
    cases.add(SCENARIO(a_refused_request_with_a_body_is_closed));
    cases.add(SCENARIO(all_together_have_their_rate));
    cases.add(SCENARIO(an_identity_has_its_rate));
    cases.add(SCENARIO(without_an_identity_the_address_counts));
    cases.add(SCENARIO(an_identitys_rate_counts_after_its_password));
    cases.add(SCENARIO(a_class_has_a_rate_of_its_own));
    cases.add(SCENARIO(an_unknown_class_may_nothing_but_ping));
    for (const End& row : ends)
        cases.add("room comes back after " + std::string(row.name),
                  [&row](Stage& stage) { check_given_back(stage, row); });
    cases.add(SCENARIO(refusals_give_their_place_back));
    cases.add(SCENARIO(tunnels_are_counted_until_they_end));
    cases.add(SCENARIO(builds_are_counted_apart));
    cases.add(SCENARIO(a_body_too_long_by_its_length_is_refused_unread));
    cases.add(SCENARIO(a_body_of_just_the_limit_passes));
    cases.add(SCENARIO(a_body_too_long_in_chunks_is_cut));
    cases.add(SCENARIO(a_whole_body_too_long_in_chunks_never_looks_whole));
    cases.add(SCENARIO(a_judged_body_has_the_routes_limit_too));
    return cases.run("gate_limits");
}
