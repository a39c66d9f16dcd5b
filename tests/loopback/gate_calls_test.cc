// What is called in BuildKit's tunnels, through the real proxy: allowed calls pass byte for byte, of others
// nothing reaches the other side, both sides are told, and the record names what was called.
#include "support/guarded.hh"
#include "support/h2_text.hh"
#include "support/telling.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;
using namespace std::string_literals;

namespace {

#define SWITCH_H2C "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n"
#define UPGRADE "Connection: Upgrade\r\nUpgrade: h2c\r\n"

const std::string opening = std::string(preface) + settings();
constexpr std::string_view solve = "/moby.buildkit.v1.Control/Solve";
constexpr std::string_view prune = "/moby.buildkit.v1.Control/Prune";
constexpr std::string_view sync_files = "/moby.filesync.v1.FileSync/DiffCopy";
constexpr std::string_view get_secret = "/moby.buildkit.secrets.v1.Secrets/GetSecret";

// `more`: lines of a profile "own", which is the runner's.
std::string own_profile(std::string_view more) {
    return "[[profile]]\nname = \"own\"\n" + std::string(more) +
           token_entry("runner", runner_token, "profile = \"own\"\n");
}
const std::string no_secrets = own_profile("session = [\"!moby.buildkit.secrets.v1.*/*\"]\n");

// `/grpc`: the client calls. `/session`: dockerd does. Both sides have said what they begin with.
void open_grpc(Stage& stage) {
    begin(stage, request_of("POST /grpc", UPGRADE), SWITCH_H2C);
    stage.send(opening);
    stage.answer(settings());
    stage.client_bytes();
    stage.upstream_bytes();
}
void open_session(Stage& stage) {
    const std::string who = stage.options.access.empty() ? "" : bearer_line(runner_token);
    begin(stage, request_of("POST /session", who + UPGRADE), SWITCH_H2C);
    stage.answer(opening);
    stage.send(settings());
    stage.client_bytes();
    stage.upstream_bytes();
}

void assert_bytes(const std::string& bytes, const std::string& due) {
    assert_text_equal(test_support::visible(bytes), test_support::visible(due));
}
constexpr std::string_view denied_records =
    "exchange policy_denied by=gate phase=tunnel op=judge status=101\n"
    "client partner(policy_denied) by=nobody phase=tunnel op=none\n"
    "upstream partner(policy_denied) by=nobody phase=tunnel op=none\n";
std::string denied_words(std::string_view path, std::string_view list, std::string_view profile) {
    return "The request is not allowed here: the gRPC call " + std::string(path.substr(1)) +
           " in /" + std::string(list) + " is not allowed by profile " + std::string(profile) +
           " (list " + std::string(list) + ")." HAD "Ask becaused's operator.";
}

// A length of 127 or more in seven bits (RFC 7541 §5.1).
std::string long_literal(std::string_view text) {
    const size_t rest = text.size() - 127;
    const std::string length = rest < 128 ? std::string(1, static_cast<char>(rest))
                                          : std::string(1, static_cast<char>(rest % 128 + 128)) +
                                                static_cast<char>(rest / 128);
    return "\x7f" + length + std::string(text);
}
// What the refused call is told before: PERMISSION_DENIED with the same words.
std::string denied_call(Stage& stage, uint32_t stream, std::string_view words) {
    return frame(1, 5, stream,
                 "\x88\0"s + literal("content-type") + literal("application/grpc") + '\0' +
                     literal("grpc-status") + literal("7") + '\0' + literal("grpc-message") +
                     long_literal(with_record(stage, words)));
}

// Both sides hear GOAWAY and nothing else, after what has passed; the caller is told in its stream first
// (0: there is none).
void assert_cut(Stage& stage, const std::string& words, Side caller, uint32_t stream) {
    const std::string denied = stream == 0 ? "" : denied_call(stage, stream, words);
    const bool by_client = caller == Side::client;
    assert_bytes(stage.upstream_bytes(), (by_client ? "" : denied) + goaway(stage, words));
    assert_bytes(stage.client_bytes(), (by_client ? denied : "") + goaway(stage, words));
    assert_text_equal(stage.upstream_state(), "fin");
    tick(stage);
    assert_text_equal(stage.client_state(), "reset");
    assert_text_equal(told(stage), "goaway");
}

// ---- what passes ----------------------------------------------------------------------------------

void a_builders_calls_pass_and_are_on_record(Stage& stage) {
    stage.options.settings.profile = "builder";
    open_grpc(stage);
    const std::string health = "/grpc.health.v1.Health/Check";
    const std::string calls = call(1, solve) + data(1, "x") + call(3, health) + call(5, health);
    stage.send(calls);
    assert_bytes(stage.upstream_bytes(), calls);
    // What dockerd answers is nobody's call.
    const std::string answers = frame(1, 4, 1, "\xff\xff\xff\xff\x7f") + data(1, "y");
    stage.answer(answers);
    assert_bytes(stage.client_bytes(), answers);
    stage.client_fin();
    stage.upstream_fin();
    assert_text_equal(exchange_summary(stage),
                      "exchange tunnel_complete by=nobody phase=done op=none status=101\n");
    assert_text_contains(stage.exchange(),
                         "\"grpc\":{\"caller\":\"client\",\"streams\":3,\"calls\":["
                         "{\"path\":\"/moby.buildkit.v1.Control/Solve\",\"count\":1},"
                         "{\"path\":\"/grpc.health.v1.Health/Check\",\"count\":2}]}");
}

void a_session_is_called_by_dockerd(Stage& stage) {
    stage.options.settings.profile = "builder";
    open_session(stage);
    const std::string calls =
        call(1, sync_files) + data(1, std::string(20'000, 'x')) + call(3, get_secret);
    stage.answer(calls);
    assert_bytes(stage.client_bytes(), calls);
    stage.send(call(1, "/not.a/Call"));  // what the client says is none
    stage.client_fin();
    stage.upstream_fin();
    assert_text_contains(
        stage.exchange(),
        "\"grpc\":{\"caller\":\"upstream\",\"streams\":2,\"calls\":["
        "{\"path\":\"/moby.filesync.v1.FileSync/DiffCopy\",\"count\":1},"
        "{\"path\":\"/moby.buildkit.secrets.v1.Secrets/GetSecret\",\"count\":1}]}");
}

void what_comes_along_with_the_heads_is_followed_too(Stage& stage) {
    stage.options.settings.profile = "builder";
    const std::string calls = opening + call(1, solve);
    stage.send(request_of("POST /grpc", UPGRADE) + calls);  // before the 101
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.answer(SWITCH_H2C + settings());
    assert_bytes(stage.upstream_bytes(), calls);
    assert_text_equal(stage.records(), "");
}

void a_session_whose_first_call_comes_with_the_101_is_judged(Stage& stage) {
    stage.options.access = no_secrets;
    begin(stage, request_of("POST /session", bearer_line(runner_token) + UPGRADE),
          SWITCH_H2C + opening + call(1, get_secret));
    const std::string words = denied_words(get_secret, "session", "own");
    const std::string got = stage.client_bytes();
    assert_bytes(got.substr(got.find("\r\n\r\n") + 4), opening + goaway(stage, words));
    assert_text_equal(exchange_summary(stage),
                      "exchange policy_denied by=gate phase=tunnel op=judge status=101\n");
}

void only_so_many_paths_are_named(Stage& stage) {
    open_grpc(stage);
    std::string calls;
    for (uint32_t i = 0; i < 20; ++i) calls += call(2 * i + 1, "/s/M" + std::to_string(i % 18));
    stage.send(calls);
    assert_bytes(stage.upstream_bytes(), calls);
    stage.client_fin();
    stage.upstream_fin();
    const std::string record = stage.exchange();
    assert_text_equal(field_of(record, "grpc.streams"), "20");
    assert_text_equal(field_of(record, "grpc.more"), "2");
    assert_text_contains(record,
                         "{\"path\":\"/s/M0\",\"count\":2},{\"path\":\"/s/M1\",\"count\":2},");
    assert_text_contains(record, "{\"path\":\"/s/M15\",\"count\":1}],\"more\":2}");
}

void a_path_is_text_of_a_peers(Stage& stage) {
    open_grpc(stage);
    stage.send(call(1, "/\"\x1b[2J\xff"));
    stage.client_fin();
    stage.upstream_fin();
    assert_text_contains(stage.exchange(),
                         "{\"path\":\"/\\\"\\u001b[2J\xef\xbf\xbd\",\"count\":1}");
}

// ---- what is refused ------------------------------------------------------------------------------

void a_call_that_is_not_allowed_ends_the_tunnel_before_it(Stage& stage) {
    stage.options.settings.profile = "builder";
    open_grpc(stage);
    const std::string before = call(1, solve) + data(1, "x");
    stage.send(before + call(3, prune) + call(5, solve));
    const std::string words = denied_words(prune, "grpc", "builder");
    const std::string got = stage.upstream_bytes();
    assert_bytes(got, before + goaway(stage, words));
    assert_bytes(stage.client_bytes(), denied_call(stage, 3, words) + goaway(stage, words));
    assert_text_equal(stage.upstream_state(), "fin");
    tick(stage);
    assert_text_equal(stage.client_state(), "reset");
    assert_text_equal(field_of(stage.exchange(), "detail"),
                      "the gRPC call moby.buildkit.v1.Control/Prune in /grpc is not allowed by "
                      "profile builder (list grpc)");
    assert_text_equal(field_of(stage.exchange(), "grpc.streams"), "1");
    assert_text_equal(stage.records(), denied_records);
}

// Not one byte of its frame goes on, wherever it is cut.
void a_refused_call_in_pieces_reaches_nobody(Stage& stage) {
    stage.options.settings.profile = "builder";
    const std::string fields = call_fields(prune);
    const std::string refused =
        frame(1, 0, 1, fields.substr(0, 10)) + frame(9, 4, 1, fields.substr(10));
    for (size_t cut = 1; cut < refused.size(); ++cut) {
        open_grpc(stage);
        stage.send(refused.substr(0, cut));
        assert_bytes(stage.upstream_bytes(), "");
        stage.send(refused.substr(cut));
        const std::string words = denied_words(prune, "grpc", "builder");
        assert_bytes(stage.upstream_bytes(), goaway(stage, words));
        assert_bytes(stage.client_bytes(), denied_call(stage, 1, words) + goaway(stage, words));
        stage.upstream.close();
        stage.client.close();
        stage.rig().settle();
    }
}

void a_call_byte_by_byte_passes_whole(Stage& stage) {
    stage.options.settings.profile = "builder";
    begin(stage, request_of("POST /grpc", UPGRADE), SWITCH_H2C);
    stage.upstream_bytes();
    const std::string calls =
        opening + call(1, solve) + data(1, "some") + call(3, solve) + frame(6, 0, 0, "12345678");
    for (const char byte : calls) stage.send({&byte, 1});
    assert_bytes(stage.upstream_bytes(), calls);
}

void dockerd_may_not_call_what_the_profile_forbids(Stage& stage) {
    stage.options.access = no_secrets;
    open_session(stage);
    stage.answer(call(1, sync_files));
    assert_bytes(stage.client_bytes(), call(1, sync_files));
    stage.answer(call(3, get_secret));
    assert_cut(stage, denied_words(get_secret, "session", "own"), Side::upstream, 3);
    assert_text_equal(stage.records(), denied_records);
}

void a_list_of_ones_own_replaces_the_built_in_one(Stage& stage) {
    stage.options.access = own_profile("session = [\"moby.buildkit.secrets.v1.Secrets/Get*\"]\n");
    open_session(stage);
    stage.answer(call(1, get_secret));
    assert_bytes(stage.client_bytes(), call(1, get_secret));
    stage.answer(call(3, sync_files));
    assert_cut(stage, denied_words(sync_files, "session", "own"), Side::upstream, 3);
}

// The tunnel began under other rules.
void rules_in_force_judge_the_next_call(Stage& stage) {
    stage.options.access = own_profile("");
    open_session(stage);
    stage.answer(call(1, get_secret));
    assert_bytes(stage.client_bytes(), call(1, get_secret));
    stage.rig().guard(no_secrets);
    stage.answer(call(3, get_secret));
    assert_cut(stage, denied_words(get_secret, "session", "own"), Side::upstream, 3);
}

void a_profile_that_is_gone_may_call_nothing(Stage& stage) {
    stage.options.access = own_profile("");
    open_session(stage);
    stage.rig().guard(token_entry("runner", runner_token));
    stage.answer(call(1, sync_files));
    assert_cut(stage,
               "The request is not allowed here: the identity's profile is none of becaused's." HAD
               "Ask becaused's operator.",
               Side::upstream, 1);
}

void without_goaway_it_is_a_plain_cut(Stage& stage) {
    stage.options.settings.profile = "builder";
    stage.options.settings.tell = "progress";
    open_grpc(stage);
    stage.send(call(1, prune));
    assert_bytes(stage.upstream_bytes(), "");
    assert_bytes(stage.client_bytes(), "");
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(stage.client_state(), "reset");
    assert_text_equal(stage.records(), denied_records);
}

// What was allowed before is not told that it was denied.
void another_end_denies_no_call(Stage& stage) {
    stage.options.settings.profile = "builder";
    open_grpc(stage);
    stage.send(call(1, solve));
    stage.upstream_bytes();
    reset_upstream(stage);
    assert_bytes(stage.client_bytes(),
                 goaway(stage,
                        "The upstream reset its connection in the tunnel (ECONNRESET): "
                        "dockerd died, or was stopped." HAD "Look at dockerd's log."));
}

// ---- what cannot be read --------------------------------------------------------------------------

struct Unreadable {
    std::string_view name;
    std::string bytes;
    std::string_view detail;
    uint32_t stream = 0;  // of a call that was read, and then not understood
};
const Unreadable unreadable[] = {
    {"fields that nobody can decode are refused", frame(1, 4, 1, "\xff\xff\xff\xff\x7f"),
     "fields that cannot be decoded (HPACK)"},
    {"a broken order of frames is refused", frame(1, 0, 1, call_fields(solve)) + data(1, "x"),
     "a frame in the midst of another one's fields"},
    {"an endless block is refused at its announcement", frame(1, 4, 1, std::string(70'000, '\0')),
     "fields of over 64 KiB in the tunnel"},
    {"a path with an escape, which some would decode, is refused",
     call(1, "/moby.buildkit.v1.Control/Pr%75ne"), "a call to a path that names no gRPC method", 1},
    {"a path with a query is refused", call(1, "/moby.buildkit.v1.Control/Solve?x"),
     "a call to a path that names no gRPC method", 1},
    {"a path without its slash is refused", call(1, "moby.buildkit.v1.Control/Solve"),
     "a call to a path that names no gRPC method", 1},
};
void check_unreadable(Stage& stage, const Unreadable& row) {
    stage.options.settings.profile = "builder";
    open_grpc(stage);
    stage.send(row.bytes);
    assert_cut(stage,
               "The request could not be judged, so it was refused: " + std::string(row.detail) +
                   "." HAD "Ask becaused's operator.",
               Side::client, row.stream);
    assert_text_equal(exchange_summary(stage),
                      "exchange policy_uninspectable by=gate phase=tunnel op=judge status=101\n");
}
void check_passes_unread(Stage& stage, const Unreadable& row, std::string_view profile) {
    stage.options.settings.profile = profile;
    open_grpc(stage);
    const std::string all = row.bytes + call(3, prune);
    for (size_t done = 0; done < all.size();) {
        const size_t size = done < 20 ? 1 : all.size() - done;
        stage.send(all.substr(done, size));
        done += size;
    }
    assert_bytes(stage.upstream_bytes(), all);
    stage.client_fin();
    stage.upstream_fin();
    assert_text_equal(exchange_summary(stage),
                      "exchange tunnel_complete by=nobody phase=done op=none status=101\n");
}

void a_client_that_speaks_something_else_is_cut(Stage& stage) {
    stage.options.settings.profile = "builder";
    begin(stage, request_of("POST /grpc", UPGRADE), SWITCH_H2C);
    stage.upstream_bytes();
    stage.send("GET /containers/json HTTP/1.1\r\nHost: a\r\n\r\n");
    assert_bytes(stage.upstream_bytes(), "");
    assert_text_equal(field_of(stage.exchange(), "detail"),
                      "the caller does not begin as an HTTP/2 client does");
    assert_text_equal(stage.upstream_state(), "reset");
}

// ---- half a frame ---------------------------------------------------------------------------------

void half_a_call_passes_at_its_callers_end_where_all_are_allowed(Stage& stage) {
    open_grpc(stage);
    stage.send(call(1, prune).substr(0, 15));
    assert_bytes(stage.upstream_bytes(), "");
    stage.client_fin();
    assert_bytes(stage.upstream_bytes(), call(1, prune).substr(0, 15));
    assert_text_equal(stage.upstream_state(), "fin");
}
void half_a_call_is_nothing_where_calls_are_judged(Stage& stage) {
    stage.options.settings.profile = "builder";
    open_grpc(stage);
    stage.send(call(1, solve).substr(0, 15));
    stage.client_fin();
    assert_bytes(stage.upstream_bytes(), "");
    assert_text_equal(stage.upstream_state(), "fin");
}
void half_a_call_of_a_dying_dockerd_leaves_room_for_goaway(Stage& stage) {
    open_session(stage);
    stage.answer(call(1, sync_files).substr(0, 15));
    reset_upstream(stage);
    assert_bytes(stage.client_bytes(),
                 goaway(stage,
                        "The upstream reset its connection in the tunnel (ECONNRESET): "
                        "dockerd died, or was stopped." HAD "Look at dockerd's log."));
}

// ---- mode = report ----------------------------------------------------------------------------------

void report_mode_passes_calls_and_says_which_it_would_refuse(Stage& stage) {
    stage.options.settings.profile = "builder";
    stage.options.settings.mode = "report";
    open_grpc(stage);
    const std::string calls = call(1, solve) + call(3, prune) + call(5, "/other.S/M");
    stage.send(calls);
    assert_bytes(stage.upstream_bytes(), calls);
    stage.client_fin();
    stage.upstream_fin();
    const std::string record = stage.exchange();
    assert_text_equal(field_of(record, "reason"), "tunnel_complete");
    assert_text_equal(field_of(record, "would_refuse"),
                      "the gRPC call moby.buildkit.v1.Control/Prune in /grpc is not allowed by "
                      "profile builder (list grpc)");
    assert_text_equal(field_of(record, "grpc.streams"), "3");
}
void report_mode_passes_what_cannot_be_read(Stage& stage) {
    stage.options.settings.profile = "builder";
    stage.options.settings.mode = "report";
    open_grpc(stage);
    stage.send(unreadable[0].bytes + call(3, prune));
    assert_bytes(stage.upstream_bytes(), unreadable[0].bytes + call(3, prune));
    stage.client_fin();
    stage.upstream_fin();
    assert_text_equal(field_of(stage.exchange(), "would_refuse"), unreadable[0].detail);
}

}  // namespace

int main() {
    Cases cases;
    cases.add(SCENARIO(a_builders_calls_pass_and_are_on_record));
    cases.add(SCENARIO(a_session_is_called_by_dockerd));
    cases.add(SCENARIO(what_comes_along_with_the_heads_is_followed_too));
    cases.add(SCENARIO(a_session_whose_first_call_comes_with_the_101_is_judged));
    cases.add(SCENARIO(only_so_many_paths_are_named));
    cases.add(SCENARIO(a_path_is_text_of_a_peers));
    cases.add(SCENARIO(a_call_that_is_not_allowed_ends_the_tunnel_before_it));
    cases.add(SCENARIO(a_refused_call_in_pieces_reaches_nobody));
    cases.add(SCENARIO(a_call_byte_by_byte_passes_whole));
    cases.add(SCENARIO(dockerd_may_not_call_what_the_profile_forbids));
    cases.add(SCENARIO(a_list_of_ones_own_replaces_the_built_in_one));
    cases.add(SCENARIO(rules_in_force_judge_the_next_call));
    cases.add(SCENARIO(a_profile_that_is_gone_may_call_nothing));
    cases.add(SCENARIO(without_goaway_it_is_a_plain_cut));
    cases.add(SCENARIO(another_end_denies_no_call));
    cases.add(unreadable, check_unreadable);
    for (const std::string_view profile : {"any", "admin"})
        for (const Unreadable& row : unreadable)
            cases.add("profile " + std::string(profile) + " passes it: " + std::string(row.name),
                      [&row, profile](Stage& stage) { check_passes_unread(stage, row, profile); });
    cases.add(SCENARIO(a_client_that_speaks_something_else_is_cut));
    cases.add(SCENARIO(half_a_call_passes_at_its_callers_end_where_all_are_allowed));
    cases.add(SCENARIO(half_a_call_is_nothing_where_calls_are_judged));
    cases.add(SCENARIO(half_a_call_of_a_dying_dockerd_leaves_room_for_goaway));
    cases.add(SCENARIO(report_mode_passes_calls_and_says_which_it_would_refuse));
    cases.add(SCENARIO(report_mode_passes_what_cannot_be_read));
    return cases.run("gate_calls");
}
