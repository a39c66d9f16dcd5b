// What an operator sees of what is open, and what becomes of what they end: the real proxy and its admin
// address on one loop, with time in the test's hands. Lines are compared with what the test knows of its
// own requests; records and clients' bytes tell how a kill ends.
#include "support/desk.hh"
#include "support/people.hh"
#include "support/telling.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

constexpr std::string_view info = "GET /v1.41/info HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view push =
    "POST /v1.41/images/x/push HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n";
constexpr std::string_view follow =
    "GET /v1.41/containers/x/logs?follow=1 HTTP/1.1\r\nHost: a\r\n\r\n";
constexpr std::string_view progress_head =
    "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n";
constexpr std::string_view progress_line = "{\"status\":\"Pushing\"}\r\n";

std::string of(const std::string& line, std::string_view key) { return field_of(line, key); }

// ---- what is seen -------------------------------------------------------------------------------

void an_upstream_that_never_answers_is_named_with_its_request(void** state) {
    Desk& desk = desk_of(state);
    desk.stage.send(info);
    assert_true(desk.stage.accept());
    const std::string sent = std::to_string(desk.stage.upstream_bytes().size());
    desk.stage.rig().advance(12'000);
    const std::vector<std::string> lines = desk.live();
    assert_int_equal(lines.size(), 3);
    const std::vector<std::string> shown = Rig::normalized(lines);
    assert_text_equal(
        shown[0],
        R"({"v":1,"event":"open","kind":"connection","id":"#2","time":"T","phase":"first_byte",)"
        R"("side":"client","transport":"tcp","peer":"127.0.0.1:P","local":"127.0.0.1:P","opened":)"
        R"("T","age_ms":12000,"exchanges":1,"bytes":{"in":37,"out":0},"silence_ms":{"in":12000,)"
        R"("out":12000},"exchange":"#1","now":"Serves a request."})");
    assert_text_equal(
        shown[1],
        R"({"v":1,"event":"open","kind":"exchange","id":"#1","time":"T","phase":"first_byte",)"
        R"("owes":{"by":"upstream","clock":{"name":"first_byte","setting_ms":30000},"reason":)"
        R"("upstream_silent","silence_ms":12000},"method":"GET","target":"/v1.41/info","version":)"
        R"("1.1","route":"quick","status":0,"client":"127.0.0.1:P","client_id":"#2","upstream":)"
        R"("127.0.0.1:P","upstream_id":"#3","request_id":"#1","trace_id":"X","opened":"T",)"
        R"("age_ms":12000,"bytes":{"client_in":37,"client_out":0,"upstream_in":0,"upstream_out":)" +
            sent +
            R"(},"silence_ms":{"down":12000,"up":12000},"ms":{"first_byte":12000},"now":)"
            R"("Waits for the first byte of the answer: the upstream has been silent for 12 s."})");
    assert_text_equal(of(lines[2], "side"), "upstream");
    assert_text_equal(of(lines[2], "exchange"), of(lines[1], "id"));
}

// Of whom the gate asks something, a request waits, too: the third line is the connection that asks.
void assert_asks_for_its_request(Desk& desk, std::string_view token) {
    desk.stage.options.access = "[[profile]]\nname = \"mine\"\nbase = \"admin\"\nown = true\n" +
                                token_entry("runner", runner_token, "profile = \"mine\"\n");
    desk.stage.send("GET /containers/web/json HTTP/1.1\r\nHost: a\r\n" + bearer_line(token) +
                    "\r\n");
    assert_true(desk.stage.accept());
    desk.stage.rig().advance(1'000);
    const std::vector<std::string> lines = desk.live();
    assert_int_equal(lines.size(), 3);
    assert_text_equal(of(lines[1], "kind"), "exchange");
    assert_text_equal(of(lines[1], "phase"), "gate");
    assert_text_equal(of(lines[2], "side"), "upstream");
    assert_text_equal(of(lines[2], "phase"), "gate");
    assert_text_equal(of(lines[2], "exchange"), of(lines[1], "id"));
    assert_text_equal(of(lines[2], "now"), "Serves a request.");
}

void a_connection_to_the_service_is_named_with_its_request(void** state) {
    desk_of(state).stage.options.asks_upstream = true;
    assert_asks_for_its_request(desk_of(state), "svc_0123456789-0123456789-0123456789");
}

void a_connection_that_asks_whose_a_container_is_is_named_with_its_request(void** state) {
    assert_asks_for_its_request(desk_of(state), runner_token);
}

// Where every clock is off, the debtor is named all the same: that is where leaks are.
void a_client_that_does_not_read_owes_and_not_the_upstream(void** state) {
    Desk& desk = desk_of(state);
    desk.stage.options.settings.clocks.set_all(ClockName::response_body, 0);
    desk.stage.options.unix_client = desk.stage.options.unix_upstream = true;
    desk.stage.send(follow);
    assert_true(desk.stage.accept());
    desk.stage.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
    size_t taken = chunk.size();
    for (int i = 0; i < 1000 && taken == chunk.size(); ++i) {
        taken = desk.stage.upstream.send(chunk);
        desk.stage.rig().settle();
    }
    assert_true(taken < chunk.size());
    desk.stage.rig().advance(240'000);
    const std::string line = desk.exchange();
    assert_text_equal(of(line, "owes.by"), "client");
    assert_text_equal(of(line, "owes.reason"), "client_stalled_reading");
    assert_text_equal(of(line, "owes.silence_ms"), "240000");
    assert_text_equal(of(line, "owes.clock.name"), "");
    assert_text_equal(of(line, "phase"), "response_body");
    assert_text_equal(of(line, "now"),
                      "Bytes wait for the client, which has read nothing for 4 min.");
    assert_true(std::stoul(of(line, "unsent.client")) >= 128 * 1024);
}

struct Debt {
    const char* name;
    std::string_view sent;
    std::string_view answer;
    std::string_view by, reason, clock, phase, now;
};
constexpr Debt debts[] = {
    {"half a head", "GET /v1.41/info HTTP/1.1\r\nHo", "", "client", "client_head_timeout",
     "request_head", "request_head", "Waits for the rest of the request's head, for 5 s."},
    {"half a body", "POST /v1.41/build HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc", "",
     "client", "client_stalled_sending", "request_body", "request_body",
     "Waits for more of the request: the client has sent nothing for 5 s."},
    {"half an answer", info, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "upstream",
     "upstream_stalled_sending", "response_body", "response_body",
     "Waits for more of the answer: the upstream has sent nothing for 5 s."},
    {"a tunnel",
     "POST /v1.41/session HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n",
     "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n", "client",
     "client_stalled_sending", "tunnel", "tunnel",
     "The tunnel has been silent for 5 s; the next byte would be the client's."},
};

void each_debt_names_its_debtor_its_clock_and_its_end(void** state) {
    for (const Debt& row : debts) {
        Desk& desk = desk_of(state);
        desk.stage.send(row.sent);
        if (desk.stage.accept() && !row.answer.empty()) desk.stage.answer(row.answer);
        desk.stage.rig().advance(5'000);
        const std::string line = desk.exchange();
        assert_text_equal(of(line, "owes.by"), row.by);
        assert_text_equal(of(line, "owes.reason"), row.reason);
        assert_text_equal(of(line, "owes.clock.name"), row.clock);
        assert_text_equal(of(line, "owes.silence_ms"), "5000");
        assert_text_equal(of(line, "phase"), row.phase);
        assert_text_equal(of(line, "now"), row.now);
        desk.stage.client.close();
        desk.stage.upstream.close();
        desk.stage.rig().settle();
    }
}

// A clock that rings now would end it with the very reason and silence that were shown.
void what_is_owed_is_what_the_clock_then_says(void** state) {
    Desk& desk = desk_of(state);
    desk.stage.send(info);
    assert_true(desk.stage.accept());
    desk.stage.rig().advance(29'000);
    const std::string line = desk.exchange();
    desk.stage.rig().advance(1'100);
    const std::string record = desk.stage.exchange();
    assert_text_equal(of(record, "id"), of(line, "id"));
    assert_text_equal(of(record, "reason"), of(line, "owes.reason"));
    assert_text_equal(of(record, "by"), of(line, "owes.by"));
    assert_text_equal(of(record, "clock.name"), of(line, "owes.clock.name"));
    assert_text_equal(of(record, "clock.setting_ms"), of(line, "owes.clock.setting_ms"));
}

void idle_connections_are_seen_as_idle_and_operators_not_at_all(void** state) {
    Desk& desk = desk_of(state);
    desk.stage.send(info);
    assert_true(desk.stage.accept());
    desk.stage.answer("HTTP/1.1 204 No Content\r\n\r\n");
    desk.connect();  // another operator, who says nothing
    desk.stage.rig().advance(3'000);
    const std::vector<std::string> lines = desk.live();
    assert_int_equal(lines.size(), 2);
    for (const std::string& line : lines) {
        assert_text_equal(of(line, "phase"), "keepalive");
        assert_text_equal(of(line, "owes.by"), "nobody");
        assert_text_equal(of(line, "owes.reason"), "keepalive_idle");
        assert_text_equal(of(line, "now"), "Idle for 3 s between requests.");
    }
    assert_text_equal(of(lines[0], "owes.clock.name"), "keepalive");
    assert_text_equal(of(lines[1], "owes.clock.name"), "upstream_idle");
}

// ---- what is ended ------------------------------------------------------------------------------

void a_killed_push_is_told_in_its_stream(void** state) {
    Desk& desk = desk_of(state);
    begin(desk.stage, push,
          std::string(progress_head) + "16\r\n" + std::string(progress_line) + "\r\n");
    desk.stage.client_bytes();
    const std::string before = desk.exchange();
    const std::string answer = desk.end(of(before, "id"));
    assert_true(answer.starts_with("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"));
    // As it was.
    const std::string line = answer.substr(answer.find("\r\n\r\n") + 4);
    keep_records(line);
    assert_text_equal(of(line, "id"), of(before, "id"));
    assert_text_equal(of(line, "phase"), "response_body");
    const std::string words =
        "An operator ended it while the answer was on its way." HAD "Ask becaused's operator.";
    const std::string message = error_message(desk.stage, words);
    char size[24];
    std::snprintf(size, sizeof size, "%zx\r\n", message.size());
    assert_text_equal(desk.stage.client_bytes(), size + message + "\r\n");  // and no last chunk
    assert_text_equal(desk.stage.client_state(), "fin");
    assert_text_equal(desk.stage.upstream_state(), "reset");
    assert_text_equal(told(desk.stage), "progress");
    assert_int_equal(desk.live().size(), 1);  // the client has yet to read its FIN
    desk.stage.leave();
    const std::string records = desk.stage.rig().summary();
    assert_text_contains(
        records, "exchange admin_kill by=operator phase=response_body op=admin status=200\n");
    assert_text_contains(records,
                         "upstream partner(admin_kill) by=nobody phase=response_body op=none\n");
    assert_text_contains(records,
                         "client partner(admin_kill) by=nobody phase=response_body op=none\n");
}

void a_killed_request_is_answered_and_its_connection_goes_on(void** state) {
    Desk& desk = desk_of(state);
    desk.stage.send(info);
    assert_true(desk.stage.accept());
    desk.end(of(desk.exchange(), "id"));
    const std::string got = desk.stage.client_bytes();
    assert_true(got.starts_with("HTTP/1.1 503 Service Unavailable\r\n"));
    assert_text_contains(got, "becaused: An operator ended it before the answer began.");
    assert_text_equal(desk.stage.client_state(), "open");
    desk.stage.send(info);
    assert_true(desk.stage.accept());
    desk.stage.answer("HTTP/1.1 204 No Content\r\n\r\n");
    assert_true(desk.stage.client_bytes().starts_with("HTTP/1.1 204"));
}

// By any of its ids: the request's, or those of its two connections.
void a_connections_id_ends_the_request_that_it_serves(void** state) {
    for (const std::string_view side : {"client", "upstream"}) {
        Desk& desk = desk_of(state);
        desk.stage.send(info);
        assert_true(desk.stage.accept());
        const std::string line = desk.exchange();
        desk.end(of(line, side == "client" ? "client_id" : "upstream_id"));
        assert_true(desk.stage.client_bytes().starts_with("HTTP/1.1 503"));
        assert_text_equal(desk.stage.client_state(), side == "client" ? "fin" : "open");
        const std::string record = desk.stage.exchange();
        assert_text_equal(of(record, "id"), of(line, "id"));
        assert_text_equal(of(record, "reason"), "admin_kill");
        desk.stage.client.close();
        desk.stage.rig().settle();
    }
}

void idle_connections_end_at_once(void** state) {
    Desk& desk = desk_of(state);
    desk.stage.send(info);
    assert_true(desk.stage.accept());
    desk.stage.answer("HTTP/1.1 204 No Content\r\n\r\n");
    desk.stage.client_bytes();
    for (const std::string& line : desk.live())
        assert_true(desk.end(of(line, "id")).starts_with("HTTP/1.1 200"));
    assert_text_equal(desk.stage.client_state(), "fin");
    assert_text_equal(desk.stage.upstream_state(), "fin");
    assert_int_equal(desk.live().size(), 0);
    assert_text_contains(desk.stage.rig().summary(),
                         "client admin_kill by=operator phase=keepalive op=admin\n");
    assert_text_contains(desk.stage.rig().summary(),
                         "upstream admin_kill by=operator phase=keepalive op=admin\n");
}

void a_tunnel_is_killed_with_both_its_ends(void** state) {
    Desk& desk = desk_of(state);
    begin(desk.stage,
          "POST /v1.41/session HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n",
          "HTTP/1.1 101 X\r\nConnection: Upgrade\r\nUpgrade: x\r\n\r\n");
    desk.end(of(desk.exchange(), "id"));
    assert_text_equal(desk.stage.client_state(), "reset");
    assert_text_equal(desk.stage.upstream_state(), "reset");
    assert_text_contains(desk.stage.rig().summary(),
                         "exchange admin_kill by=operator phase=tunnel op=admin status=101\n");
}

// ---- the address itself -------------------------------------------------------------------------

struct Asked {
    std::string_view question;
    std::string_view rest;
    std::string_view answer;  // its beginning
};
constexpr std::string_view host = "Host: localhost\r\n\r\n";
constexpr Asked asked[] = {
    {"POST /live", host,
     "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/json\r\nAllow: GET\r\n"},
    {"GET /live/becabeca-1", host,
     "HTTP/1.1 405 Method Not Allowed\r\nContent-Type: application/json\r\nAllow: DELETE\r\n"},
    {"DELETE /live/becabeca-99", host, "HTTP/1.1 404 "},
    {"DELETE /live/becabeca-01", host, "HTTP/1.1 404 "},
    {"DELETE /live/abecabec-1", host, "HTTP/1.1 404 "},
    {"DELETE /live/becabeca-1x", host, "HTTP/1.1 404 "},
    {"DELETE /live/becabeca-99999999999999999999999", host, "HTTP/1.1 404 "},
    {"DELETE /live/", host, "HTTP/1.1 404 "},
    {"DELETE /live/becabeca-1/x", host, "HTTP/1.1 404 "},
    {"GET /", host, "HTTP/1.1 404 "},
    {"GET /lives", host, "HTTP/1.1 404 "},
    {"GET /v1.41/info", host, "HTTP/1.1 404 "},  // never the upstream's
    {"GET /live", "Host: localhost\r\nContent-Length: 3\r\n\r\nabc", "HTTP/1.1 413 "},
    {"GET /live", "Host: localhost\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     "HTTP/1.1 413 "},
    {"GET /live", "\r\n", "HTTP/1.1 400 "},
    {"GET  /live", host, "HTTP/1.1 400 "},
};

void what_is_not_understood_is_refused_and_reaches_nobody(void** state) {
    for (const Asked& row : asked) {
        Desk& desk = desk_of(state);
        const std::string answer = desk.ask(row.question, row.rest);
        assert_text_equal(answer.substr(0, row.answer.size()), row.answer);
        assert_text_contains(answer, "\r\nConnection: close\r\n");
        assert_true(desk.operators.back().eof);
        assert_false(desk.stage.rig().accept().open());
    }
}

void the_operators_own_connection_is_not_theirs_to_end(void** state) {
    Desk& desk = desk_of(state);
    assert_true(desk.end("becabeca-1").starts_with("HTTP/1.1 409 Conflict\r\n"));
    assert_text_equal(desk.stage.rig().summary(), "");
    desk.operators.clear();
    desk.stage.rig().settle();
    assert_text_equal(desk.stage.rig().summary(),
                      "operator complete by=nobody phase=done op=none\n");
}

void a_request_too_long_is_refused_before_its_end(void** state) {
    Desk& desk = desk_of(state);
    Peer& peer = desk.connect();
    peer.send("GET /live HTTP/1.1\r\nX: " + std::string(9'000, 'x'));
    desk.stage.rig().settle();
    peer.read();
    assert_true(peer.received.starts_with("HTTP/1.1 431 "));
}

// A page in a browser may make this machine's browser ask, by a name of its own.
void over_tcp_only_this_machines_own_names_are_answered(void** state) {
    Desk& desk = desk_of(state);
    desk.open("tcp://127.0.0.1:0");
    for (const std::string_view good : {"localhost", "localhost:1", "127.0.0.1:80", "[::1]:80"})
        assert_true(desk.ask("GET /live", "Host: " + std::string(good) + "\r\n\r\n")
                        .starts_with("HTTP/1.1 200"));
    for (const std::string_view bad :
         {"example.com", "example.com:80", "127.0.0.1.example.com", "8.8.8.8"})
        assert_true(desk.ask("GET /live", "Host: " + std::string(bad) + "\r\n\r\n")
                        .starts_with("HTTP/1.1 403"));
}

void silent_operators_are_let_go(void** state) {
    Desk& desk = desk_of(state);
    for (size_t i = 0; i < Admin::most_visits; ++i) desk.connect();
    desk.stage.rig().settle();
    desk.stage.rig().advance(60'100);  // clock request_head_total
    std::string all;
    for (size_t i = 0; i < Admin::most_visits; ++i)
        all +=
            "operator client_head_timeout by=client phase=request_head op=clock"
            " clock=request_head_total/60000\n";
    assert_text_equal(desk.stage.rig().summary(), all);
}

// Whether it has asked yet or not; and it is on record as what it was from the first.
void assert_the_ninth_is_told(Desk& desk) {
    const std::string because = "becaused has as many connections as it may have (8).";
    Rig& rig = desk.stage.rig();
    for (const bool asks : {false, true}) {
        for (size_t i = 0; i < Admin::most_visits; ++i) desk.connect();
        rig.settle();
        Peer& late = desk.connect();
        if (asks) late.send("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n");
        rig.settle();
        late.read();
        assert_true(late.eof);
        const size_t at = late.received.find("(record ") + 8;
        const std::string id = late.received.substr(at, late.received.find(')', at) - at);
        const std::string body =
            "{\"message\":\"becaused: " + because + " (record " + id + ")\"}\n";
        assert_text_equal(late.received,
                          "HTTP/1.1 503 Service Unavailable\r\n"
                          "Content-Type: application/json\r\nContent-Length: " +
                              std::to_string(body.size()) +
                              "\r\nProxy-Status: becaused; error=proxy_internal_error; "
                              "details=\"accept_limit " +
                              id + "\"\r\nRetry-After: 1\r\nConnection: close\r\n\r\n" + body);
        late.close();
        rig.settle();
        const std::vector<std::string> records = rig.take_records();
        assert_text_equal(summary_of(records),
                          "operator accept_limit by=proxy phase=accept op=accept\n");
        assert_text_equal(of(records[0], "id"), id);
        assert_text_equal(of(records[0], "because"), because);
        desk.operators.clear();
        rig.settle();
        rig.take_records();
    }
}

void an_operator_too_many_is_told_so_and_on_record(void** state) {
    assert_the_ninth_is_told(desk_of(state));
}

void so_it_is_over_tcp(void** state) {
    Desk& desk = desk_of(state);
    desk.open("tcp://127.0.0.1:0");
    assert_the_ninth_is_told(desk);
}

// One that does not take its answer keeps its place for the clock linger; so many are told and no more.
void operators_who_do_not_hear_that_they_are_too_many_are_let_go(void** state) {
    Desk& desk = desk_of(state);
    Rig& rig = desk.stage.rig();
    for (size_t i = 0; i < Admin::most_visits + Admin::most_told; ++i) desk.connect();
    rig.settle();
    assert_text_equal(rig.summary(), "");
    Peer& last = desk.connect();
    rig.settle();
    last.read();
    assert_text_equal(last.received, "");
    const std::string told = "operator accept_limit by=proxy phase=accept op=accept\n";
    assert_text_equal(rig.summary(), told);
    rig.take_records();
    rig.advance(2'100);
    std::string all;
    for (size_t i = 0; i < Admin::most_told; ++i) all += told;
    assert_text_equal(rig.summary(), all);
}

// More than any socket holds, for an operator who does not read yet: others are served meanwhile, what has
// ended before its turn is not listed, and the rest comes when it is read.
void a_long_list_waits_for_its_reader_and_nobody_for_the_list(void** state) {
    Desk& desk = desk_of(state);
    Rig& rig = desk.stage.rig();
    const std::string target(480, 'a');
    std::vector<Peer> clients;
    std::vector<Peer> upstreams;
    for (int i = 0; i < 150; ++i) {
        clients.push_back(rig.connect());
        clients.back().send("GET /" + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
        rig.settle();
        upstreams.push_back(rig.accept());
    }
    Peer& peer = desk.connect();
    peer.send("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n");
    rig.advance(1'000);
    desk.stage.send(info);
    assert_true(desk.stage.accept());
    desk.stage.answer("HTTP/1.1 204 No Content\r\n\r\n");
    assert_true(desk.stage.client_bytes().starts_with("HTTP/1.1 204"));
    clients.pop_back();  // the last of them: not listed yet, and gone with its upstream
    rig.settle();
    for (int i = 0; i < 100 && !peer.eof; ++i) {
        peer.read();
        rig.advance(100);
    }
    const std::vector<std::string> lines = Desk::lines_in(peer.received);
    assert_int_equal(lines.size(), 3 * 149);
    std::string last;
    for (const std::string& line : lines) {
        const std::string id = of(line, "id").substr(9);
        assert_true(last.size() < id.size() || (last.size() == id.size() && last < id));
        last = id;
    }
}

void an_operator_who_stops_reading_is_let_go(void** state) {
    Desk& desk = desk_of(state);
    Rig& rig = desk.stage.rig();
    std::vector<Peer> clients;
    std::vector<Peer> upstreams;
    const std::string target(480, 'a');
    for (int i = 0; i < 150; ++i) {
        clients.push_back(rig.connect());
        clients.back().send("GET /" + target + " HTTP/1.1\r\nHost: a\r\n\r\n");
        rig.settle();
        upstreams.push_back(rig.accept());
    }
    Peer& peer = desk.connect();
    peer.send("GET /live HTTP/1.1\r\nHost: localhost\r\n\r\n");
    rig.settle();
    rig.take_records();
    desk.stage.rig().advance(20'000);
    assert_text_equal(rig.summary(), "");
    rig.advance(41'000);  // clock response_body
    std::string operators;
    for (const std::string& line : rig.records())
        if (of(line, "side") == "operator") operators += summary_of({line});
    assert_text_equal(operators,
                      "operator client_stalled_reading by=client phase=response_body op=clock"
                      " clock=response_body/60000\n");
}

// Stalled streams have taken all the memory there is: just then somebody looks.
void an_operator_is_read_where_no_memory_is_left(void** state) {
    Desk& desk = desk_of(state);
    desk.stage.options.slabs = 2;
    desk.stage.options.unix_client = desk.stage.options.unix_upstream = true;
    desk.stage.send(follow);
    assert_true(desk.stage.accept());
    desk.stage.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    const std::string chunk = "10000\r\n" + std::string(0x10000, 'x') + "\r\n";
    size_t taken = chunk.size();
    for (int i = 0; i < 1000 && taken == chunk.size(); ++i) {
        taken = desk.stage.upstream.send(chunk);
        desk.stage.rig().settle();
    }
    Peer second = desk.stage.rig().connect();
    second.send(info);
    desk.stage.rig().settle();
    second.read();
    assert_true(second.received.starts_with("HTTP/1.1 503 "));  // nobody else is served
    const std::string line = desk.exchange();
    assert_text_equal(of(line, "owes.by"), "client");
    assert_true(desk.end(of(line, "id")).starts_with("HTTP/1.1 200"));
    desk.stage.client.close();
    desk.stage.rig().advance(3'000);  // clock linger
}

void operators_are_answered_while_a_stop_waits_and_not_after(void** state) {
    Desk& desk = desk_of(state);
    desk.stage.send(info);
    assert_true(desk.stage.accept());
    assert_text_equal(of(desk.exchange(), "owes.by"), "upstream");
    desk.stage.rig().stop();
    desk.stage.rig().settle();
    const std::string line = desk.exchange();
    assert_text_equal(of(line, "owes.by"), "upstream");
    desk.end(of(line, "id"));
    desk.operators.clear();
    desk.stage.client.close();
    desk.stage.rig().settle();
    assert_int_equal(desk.stage.rig().ledger().live(), 0);
    const std::string socket = "unix://" + desk.stage.rig().directory() + "/admin.sock";
    assert_false(connect_to(socket).open());
}

}  // namespace

int main() {
#define AT_DESK(test) cmocka_unit_test_setup_teardown(test, open_desk, close_desk)
    const CMUnitTest tests[] = {
        AT_DESK(an_upstream_that_never_answers_is_named_with_its_request),
        AT_DESK(a_connection_to_the_service_is_named_with_its_request),
        AT_DESK(a_connection_that_asks_whose_a_container_is_is_named_with_its_request),
        AT_DESK(a_client_that_does_not_read_owes_and_not_the_upstream),
        AT_DESK(each_debt_names_its_debtor_its_clock_and_its_end),
        AT_DESK(what_is_owed_is_what_the_clock_then_says),
        AT_DESK(idle_connections_are_seen_as_idle_and_operators_not_at_all),
        AT_DESK(a_killed_push_is_told_in_its_stream),
        AT_DESK(a_killed_request_is_answered_and_its_connection_goes_on),
        AT_DESK(a_connections_id_ends_the_request_that_it_serves),
        AT_DESK(idle_connections_end_at_once),
        AT_DESK(a_tunnel_is_killed_with_both_its_ends),
        AT_DESK(what_is_not_understood_is_refused_and_reaches_nobody),
        AT_DESK(the_operators_own_connection_is_not_theirs_to_end),
        AT_DESK(a_request_too_long_is_refused_before_its_end),
        AT_DESK(over_tcp_only_this_machines_own_names_are_answered),
        AT_DESK(silent_operators_are_let_go),
        AT_DESK(an_operator_too_many_is_told_so_and_on_record),
        AT_DESK(so_it_is_over_tcp),
        AT_DESK(operators_who_do_not_hear_that_they_are_too_many_are_let_go),
        AT_DESK(a_long_list_waits_for_its_reader_and_nobody_for_the_list),
        AT_DESK(an_operator_who_stops_reading_is_let_go),
        AT_DESK(an_operator_is_read_where_no_memory_is_left),
        AT_DESK(operators_are_answered_while_a_stop_waits_and_not_after),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
