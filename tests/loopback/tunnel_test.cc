// Tunnels: what comes ahead of the 101, half-closes that pass alone, and how a broken one looks
// (HTTP.md, DOCKER.md "Traffic").
#include "support/answers.hh"
#include "support/cmocka.hh"

using namespace becaused::test;
using namespace std::string_view_literals;

namespace {

#define VIA "Via: 1.1 becaused\r\n"
#define ATTACH                                                                 \
    "POST /v1.41/containers/c/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: a\r\n" \
    "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define ATTACH_GOT                                                             \
    "POST /v1.41/containers/c/attach?stream=1&stdin=1 HTTP/1.1\r\nHost: a\r\n" \
    "Upgrade: tcp\r\nConnection: Upgrade\r\n{+}\r\n"
#define EXEC(framing)                                                                    \
    "POST /v1.41/exec/e/start HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\n" \
    "Connection: Upgrade\r\nUpgrade: tcp\r\n" framing "\r\n"
#define EXEC_BODY R"({"Detach":false,"Tty":false}})"  // 29 bytes, as the CLI sends
#define SWITCH                                                                     \
    "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n" \
    "Connection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
#define SWITCH_GOT                                                                 \
    "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n" \
    "Upgrade: tcp\r\nConnection: Upgrade\r\n" VIA "\r\n"
constexpr std::string_view tunnel_complete =
    "exchange tunnel_complete by=nobody phase=done op=none status=101\n";
constexpr std::string_view both_complete =
    "client tunnel_complete by=nobody phase=done op=none\n"
    "upstream tunnel_complete by=nobody phase=done op=none\n";

void open_tunnel(Stage& stage) {
    stage.send(ATTACH);
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), ATTACH_GOT);
    stage.answer(SWITCH);
    assert_text_equal(stage.client_bytes(), SWITCH_GOT);
}

// Both FINs, the client's first, and the records of a tunnel that missed nothing.
void close_tunnel(Stage& stage) {
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "fin");
    assert_text_equal(stage.client_state(), "open");
    stage.upstream_fin();
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.records(), std::string(tunnel_complete) + std::string(both_complete));
}

// ---- bytes ahead of the 101 ---------------------------------------------------------------------

void tunnel_bytes_in_one_piece_with_the_101_pass(Stage& stage) {
    stage.send(ATTACH);
    assert_true(stage.accept());
    stage.answer(SWITCH "first output");
    assert_text_equal(stage.client_bytes(), SWITCH_GOT "first output");
    close_tunnel(stage);
}

void what_the_client_sends_ahead_waits_for_the_101(Stage& stage) {
    stage.send(ATTACH "input");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), ATTACH_GOT);
    stage.send(" and more");
    assert_text_equal(stage.upstream_bytes(), "");
    stage.answer(SWITCH);
    assert_text_equal(stage.client_bytes(), SWITCH_GOT);
    assert_text_equal(stage.upstream_bytes(), "input and more");
    close_tunnel(stage);
}

void what_the_client_sends_ahead_of_its_fin_is_not_lost(Stage& stage) {
    stage.send(ATTACH "all of the input");
    assert_true(stage.accept());
    assert_text_equal(stage.upstream_got(), ATTACH_GOT);
    stage.client_fin();
    assert_text_equal(stage.upstream_bytes(), "");
    assert_text_equal(stage.upstream_state(), "open");
    stage.answer(SWITCH "output");
    assert_text_equal(stage.upstream_bytes(), "all of the input");
    assert_text_equal(stage.upstream_state(), "fin");
    assert_text_equal(stage.client_bytes(), SWITCH_GOT "output");
    stage.upstream_fin();
    assert_text_equal(stage.records(), std::string(tunnel_complete) + std::string(both_complete));
}

// `docker run` without -i half-closes at once, maybe before dockerd answered.
void a_fin_ahead_of_the_101_passes_after_it(Stage& stage) {
    stage.send(ATTACH);
    assert_true(stage.accept());
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "open");
    stage.answer(SWITCH);
    assert_text_equal(stage.upstream_state(), "fin");
    stage.answer("hours of output");
    assert_text_equal(stage.client_bytes(), SWITCH_GOT "hours of output");
    stage.upstream_fin();
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.records(), std::string(tunnel_complete) + std::string(both_complete));
}

// Head, body, input and FIN in one write, before there is even an upstream connection.
void all_of_a_client_at_once_passes(Stage& stage) {
    stage.client = stage.rig().connect();
    assert_true(stage.client.send(EXEC("Content-Length: 29\r\n") EXEC_BODY "input") > 0);
    stage.client_fin();
    assert_true(stage.accept());
    assert_true(stage.upstream_got().ends_with("{+}\r\n" EXEC_BODY));
    stage.answer(SWITCH);
    assert_text_equal(stage.upstream_bytes(), "input");
    assert_text_equal(stage.upstream_state(), "fin");
    assert_text_equal(stage.client_bytes(), SWITCH_GOT);
    stage.upstream_fin();
    assert_text_equal(stage.records(), std::string(tunnel_complete) + std::string(both_complete));
}

void a_101_before_the_body_ended_lets_the_body_end_first(Stage& stage) {
    stage.send(EXEC("Content-Length: 29\r\n") R"({"Detach":false,)");
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.answer(SWITCH "early output");
    assert_text_equal(stage.client_bytes(), SWITCH_GOT "early output");
    stage.send(R"("Tty":false}})"
               "input");
    assert_text_equal(stage.upstream_bytes(), R"("Tty":false}})"
                                              "input");
    close_tunnel(stage);
}

void a_101_before_a_chunked_body_ended_lets_it_end_first(Stage& stage) {
    stage.send(EXEC("Transfer-Encoding: chunked\r\n") "3\r\nabc\r\n");
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.answer(SWITCH);
    assert_text_equal(stage.client_bytes(), SWITCH_GOT);
    stage.send("3\r\ndef\r\n0\r\n\r\n3\r\nraw");
    assert_text_equal(stage.upstream_bytes(), "3\r\ndef\r\n0\r\n\r\n3\r\nraw");
    close_tunnel(stage);
}

// The body was cut: nobody may take what came for the whole.
void a_fin_inside_an_upgrades_body_is_a_cut(Stage& stage) {
    stage.send(EXEC("Content-Length: 29\r\n") R"({"Detach":false,)");
    assert_true(stage.accept());
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(stage.leave(),
                      "exchange client_closed by=client phase=request_body op=read status=499\n"
                      "client client_closed by=client phase=request_body op=read\n"
                      "upstream partner(client_closed) by=nobody phase=request_body op=none\n");
}

void a_fin_inside_an_upgrades_body_is_a_cut_before_there_is_an_upstream(Stage& stage) {
    stage.client = stage.rig().connect();
    assert_true(stage.client.send(EXEC("Content-Length: 29\r\n") R"({"Detach":false,)") > 0);
    stage.client_fin();
    assert_text_equal(field_of(stage.exchange(), "reason"), "client_closed");
    assert_text_equal(stage.client_state(), "reset");
}

// ---- half-closes --------------------------------------------------------------------------------

void the_clients_fin_passes_alone_after_its_last_byte(Stage& stage) {
    open_tunnel(stage);
    assert_int_equal(stage.client.send("last input"), 10);
    stage.client_fin();
    assert_text_equal(stage.upstream_bytes(), "last input");
    assert_text_equal(stage.upstream_state(), "fin");
    assert_text_equal(stage.client_state(), "open");
    stage.answer("output");
    stage.answer(" and more output");
    assert_text_equal(stage.client_bytes(), "output and more output");
    assert_int_equal(stage.upstream.send("!"), 1);
    stage.upstream_fin();
    assert_text_equal(stage.client_bytes(), "!");
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.records(), std::string(tunnel_complete) + std::string(both_complete));
}

void the_upstreams_fin_passes_alone_after_its_last_byte(Stage& stage) {
    open_tunnel(stage);
    assert_int_equal(stage.upstream.send("last output"), 11);
    stage.upstream_fin();
    assert_text_equal(stage.client_bytes(), "last output");
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.upstream_state(), "open");
    stage.send("input");
    stage.send(" and more input");
    assert_text_equal(stage.upstream_bytes(), "input and more input");
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "fin");
    assert_text_equal(stage.records(), std::string(tunnel_complete) + std::string(both_complete));
}

void both_fins_at_once_end_a_tunnel_well(Stage& stage) {
    open_tunnel(stage);
    assert_int_equal(stage.client.send("in"), 2);
    assert_int_equal(stage.upstream.send("out"), 3);
    stage.client.finish();
    stage.upstream.finish();
    assert_text_equal(stage.client_bytes(), "out");
    assert_text_equal(stage.upstream_bytes(), "in");
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.upstream_state(), "fin");
    assert_text_equal(stage.records(), std::string(tunnel_complete) + std::string(both_complete));
}

void a_tunnel_of_no_bytes_ends_well(Stage& stage) {
    open_tunnel(stage);
    close_tunnel(stage);
}

void over_unix_sockets(Stage& stage) {
    stage.options.unix_client = stage.options.unix_upstream = true;
    stage.send(ATTACH);
    assert_true(stage.accept());
    stage.upstream_bytes();
    stage.answer(SWITCH);
    assert_text_equal(stage.client_bytes(), SWITCH_GOT);
}
void a_clients_fin_passes_alone_over_unix_sockets(Stage& stage) {
    over_unix_sockets(stage);
    stage.send("input");
    stage.client_fin();
    assert_text_equal(stage.upstream_bytes(), "input");
    assert_text_equal(stage.upstream_state(), "fin");
    stage.answer("output");
    assert_text_equal(stage.client_bytes(), "output");
    assert_text_equal(stage.client_state(), "open");
    stage.upstream_fin();
    assert_text_equal(stage.client_state(), "fin");
    assert_text_equal(stage.records(), std::string(tunnel_complete) + std::string(both_complete));
}
void an_upstreams_fin_passes_alone_over_unix_sockets(Stage& stage) {
    over_unix_sockets(stage);
    stage.answer("output");
    stage.upstream_fin();
    assert_text_equal(stage.client_bytes(), "output");
    assert_text_equal(stage.client_state(), "fin");
    stage.send("input");
    assert_text_equal(stage.upstream_bytes(), "input");
    assert_text_equal(stage.upstream_state(), "open");
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "fin");
    assert_text_equal(stage.records(), std::string(tunnel_complete) + std::string(both_complete));
}

// ---- broken tunnels: a FIN would look whole to the CLI, a reset does not -------------------------

void a_clients_reset_breaks_the_upstreams_side(Stage& stage) {
    open_tunnel(stage);
    stage.client.reset();
    assert_text_equal(stage.upstream_state(), "open");
    stage.rig().settle();
    assert_text_equal(stage.upstream_state(), "reset");
    assert_text_equal(
        stage.records(),
        "exchange client_reset by=client phase=tunnel op=read errno=ECONNRESET status=101\n"
        "client client_reset by=client phase=tunnel op=read errno=ECONNRESET\n"
        "upstream partner(client_reset) by=nobody phase=tunnel op=none\n");
}

void an_upstreams_reset_breaks_the_clients_side(Stage& stage) {
    open_tunnel(stage);
    stage.upstream.reset();
    stage.rig().settle();
    assert_text_equal(stage.client_state(), "reset");
    assert_text_equal(
        stage.records(),
        "exchange upstream_reset by=upstream phase=tunnel op=read errno=ECONNRESET status=101\n"
        "client partner(upstream_reset) by=nobody phase=tunnel op=none\n"
        "upstream upstream_reset by=upstream phase=tunnel op=read errno=ECONNRESET\n");
}

void a_reset_after_the_clients_fin_still_breaks_the_tunnel(Stage& stage) {
    open_tunnel(stage);
    stage.client_fin();
    stage.answer("half of the out");
    stage.upstream.reset();
    stage.rig().settle();
    assert_text_equal(stage.client_state(), "reset");
    assert_text_equal(field_of(stage.exchange(), "reason"), "upstream_reset");
}

}  // namespace

int main() {
    Cases cases;
    cases.add(SCENARIO(tunnel_bytes_in_one_piece_with_the_101_pass));
    cases.add(SCENARIO(what_the_client_sends_ahead_waits_for_the_101));
    cases.add(SCENARIO(what_the_client_sends_ahead_of_its_fin_is_not_lost));
    cases.add(SCENARIO(a_fin_ahead_of_the_101_passes_after_it));
    cases.add(SCENARIO(all_of_a_client_at_once_passes));
    cases.add(SCENARIO(a_101_before_the_body_ended_lets_the_body_end_first));
    cases.add(SCENARIO(a_101_before_a_chunked_body_ended_lets_it_end_first));
    cases.add(SCENARIO(a_fin_inside_an_upgrades_body_is_a_cut));
    cases.add(SCENARIO(a_fin_inside_an_upgrades_body_is_a_cut_before_there_is_an_upstream));
    cases.add(SCENARIO(the_clients_fin_passes_alone_after_its_last_byte));
    cases.add(SCENARIO(the_upstreams_fin_passes_alone_after_its_last_byte));
    cases.add(SCENARIO(both_fins_at_once_end_a_tunnel_well));
    cases.add(SCENARIO(a_tunnel_of_no_bytes_ends_well));
    cases.add(SCENARIO(a_clients_fin_passes_alone_over_unix_sockets));
    cases.add(SCENARIO(an_upstreams_fin_passes_alone_over_unix_sockets));
    cases.add(SCENARIO(a_clients_reset_breaks_the_upstreams_side));
    cases.add(SCENARIO(an_upstreams_reset_breaks_the_clients_side));
    cases.add(SCENARIO(a_reset_after_the_clients_fin_still_breaks_the_tunnel));
    return cases.run("tunnels");
}
