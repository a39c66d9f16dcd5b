// How the program stops: SIGTERM and SIGINT drain, a second one or the drain clock cuts, the exit code
// says whether anything was cut. And signals that must not stop it.
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "support/program.hh"

#include "support/cmocka.hh"

using namespace becaused::test;

namespace {

constexpr std::string_view get =
    "GET /v1.41/containers/x/logs?follow=1 HTTP/1.1\r\nHost: docker\r\n\r\n";
constexpr std::string_view chunked_head =
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n";

constexpr std::string_view draining = "accepting no more; finishing what runs (again: at once)\n";

// A request whose answer is on its way: the first chunk has come through.
struct Running {
    Peer client;
    Peer upstream;
};

Running start_answer(Site& site, Program& program) {
    Running running;
    running.client = site.connect(program);
    running.client.send(get);
    running.upstream = site.accept();
    await(running.upstream, "\r\n\r\n");
    running.upstream.send(chunked_head);
    await(running.client, "3\r\nabc\r\n");
    return running;
}

// Its last line, for the numbers of requests and connections.
std::string last_line(Program& program) {
    const std::vector<std::string> lines = lines_of(program.err());
    return lines.empty() ? "" : lines.back();
}

void an_idle_program_stops_at_once(void** state) {
    Site& site = site_of(state);
    for (const int number : {SIGTERM, SIGINT}) {
        Program& program = site.serve();
        program.signal(number);
        assert_int_equal(program.wait(), 0);
        assert_text_contains(program.err(), std::string("becaused: ") +
                                                (number == SIGINT ? "SIGINT: " : "SIGTERM: ") +
                                                std::string(draining));
        assert_text_equal(
            last_line(program),
            "becaused: stopped; 0 requests, 0 connections, 0 lost, 0 records dropped");
    }
}

void the_running_exchange_finishes_and_idle_connections_go(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve();
    const std::string address = ready_addresses(program).at(0);
    Running running = start_answer(site, program);
    Peer idle = site.connect(program);
    Peer pooled;
    site.exchange(idle, pooled);
    Peer silent = site.connect(program);  // never sent a byte
    program.signal(SIGTERM);
    program.await_err(draining);
    await_end(idle);
    assert_true(idle.eof && idle.error == 0);
    await_end(silent);
    assert_true(silent.eof && silent.error == 0);
    // Nobody new gets in.
    assert_int_equal(connect_to(address).error, ECONNREFUSED);
    assert_false(program.ended());

    running.upstream.send("3\r\ndef\r\n0\r\n\r\n");
    await(running.client, "0\r\n\r\n");
    await_end(running.client);
    assert_true(running.client.eof && running.client.error == 0);
    running.client.close();
    assert_int_equal(program.wait(), 0);
    assert_text_equal(summary_of(site.records(7)),
                      "exchange complete by=nobody phase=done op=none status=200\n"
                      "client shutdown_idle by=operator phase=keepalive op=none\n"
                      "client shutdown_idle by=operator phase=keepalive op=none\n"
                      "exchange complete by=nobody phase=done op=none status=200\n"
                      "client shutdown_idle by=operator phase=keepalive op=none\n"
                      "upstream shutdown_idle by=operator phase=keepalive op=none\n"
                      "upstream shutdown_idle by=operator phase=keepalive op=none\n");
    assert_text_equal(last_line(program),
                      "becaused: stopped; 2 requests, 5 connections, 0 lost, 0 records dropped");
}

// The head of an answer that begins during the drain says that the connection ends with it.
void an_answer_that_begins_while_draining_says_close(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve();
    Peer client = site.connect(program);
    client.send(
        "POST /v1.41/containers/x/wait HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n");
    Peer upstream = site.accept();
    await(upstream, "\r\n\r\n");
    program.signal(SIGTERM);
    program.await_err(draining);
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    await_end(client);
    assert_text_equal(client.received,
                      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n"
                      "Via: 1.1 becaused\r\n\r\nok");
    client.close();
    assert_int_equal(program.wait(), 0);
    assert_text_equal(summary_of(site.records(3)),
                      "exchange complete by=nobody phase=done op=none status=200\n"
                      "client shutdown_idle by=operator phase=keepalive op=none\n"
                      "upstream shutdown_idle by=operator phase=keepalive op=none\n");
}

// Its body is still on its way up when the drain begins: it goes on to its end.
void an_upload_finishes_while_draining(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve();
    Peer client = site.connect(program);
    client.send("POST /v1.41/build HTTP/1.1\r\nHost: docker\r\nContent-Length: 6\r\n\r\nabc");
    Peer upstream = site.accept();
    await(upstream, "\r\n\r\nabc");
    program.signal(SIGTERM);
    program.await_err(draining);
    client.send("def");
    await(upstream, "abcdef");
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    await(client, "\r\n\r\nok");
    client.close();
    assert_int_equal(program.wait(), 0);
    assert_text_contains(summary_of(site.records(3)),
                         "exchange complete by=nobody phase=done op=none status=200\n");
}

void the_drain_clock_cuts_and_says_so(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve({"--clock", "drain=300ms"});
    Running running = start_answer(site, program);
    program.signal(SIGTERM);
    await_end(running.client);
    // The chunk that is missing tells the client; the upstream is told to give up.
    assert_true(running.client.received.find("0\r\n\r\n") == std::string::npos);
    await_end(running.upstream);
    running.client.close();
    assert_int_equal(program.wait(), 1);
    assert_text_contains(
        summary_of(site.records(3)),
        "exchange drain_deadline by=operator phase=response_body op=clock clock=drain/300 "
        "status=200\n");
}

// Nothing of the answer has come yet, so that the client can be told.
void who_waits_for_an_answer_when_the_drain_ends_gets_a_503(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve({"--clock", "drain=300ms"});
    Peer client = site.connect(program);
    client.send(
        "POST /v1.41/containers/x/wait HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n");
    Peer upstream = site.accept();
    await(upstream, "\r\n\r\n");
    program.signal(SIGTERM);
    await_end(client);
    assert_text_contains(client.received, "HTTP/1.1 503 Service Unavailable\r\n");
    assert_text_contains(client.received,
                         "becaused was told to stop, and 300 ms for finishing were over");
    client.close();
    await_end(upstream);
    assert_int_equal(program.wait(), 1);
    assert_text_contains(summary_of(site.records(3)),
                         "exchange drain_deadline by=operator phase=first_byte op=clock "
                         "clock=drain/300 status=503\n");
}

void a_second_signal_cuts_at_once(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve();
    Running running = start_answer(site, program);
    program.signal(SIGTERM);
    program.await_err(draining);
    assert_false(program.ended());
    program.signal(SIGINT);
    assert_int_equal(program.wait(), 1);
    assert_text_contains(program.err(), "becaused: SIGINT: ending what is left at once\n");
    await_end(running.client);
    assert_true(running.client.received.find("0\r\n\r\n") == std::string::npos);
    assert_text_contains(summary_of(site.records(3)),
                         "exchange shutdown by=operator phase=response_body op=admin status=200\n");
}

// The tunnel's client has said all it has to say, so that no socket keeps the program going while it waits
// for the client to have the last words: they come, then the reset, then the program ends.
void a_half_closed_tunnel_hears_why_before_the_program_ends(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve({"--clock", "drain=300ms"});
    Peer client = site.connect(program);
    client.send(
        "POST /v1.41/containers/x/attach?stream=1 HTTP/1.1\r\nHost: docker\r\n"
        "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n");
    client.finish();
    Peer upstream = site.accept();
    await(upstream, "\r\n\r\n");
    upstream.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    upstream.send(std::string_view("\1\0\0\0\0\0\0\5hello", 13));
    await(client, "hello");
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 1);
    await_end(client);
    assert_text_contains(
        client.received,
        "becaused: becaused was told to stop, and 300 ms for finishing were over in "
        "the tunnel (clock drain). dockerd had the request: see what it did before "
        "you try again.");
    assert_int_equal(client.error, ECONNRESET);
    assert_text_contains(last_line(program), " 0 lost, 0 records dropped");
}

void a_tunnel_is_cut_by_the_drain_clock(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve({"--clock", "drain=300ms"});
    Peer client = site.connect(program);
    client.send(
        "POST /v1.41/containers/x/attach?stream=1 HTTP/1.1\r\nHost: docker\r\n"
        "Connection: Upgrade\r\nUpgrade: tcp\r\nContent-Length: 0\r\n\r\n");
    Peer upstream = site.accept();
    await(upstream, "\r\n\r\n");
    upstream.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello");
    await(client, "hello");
    program.signal(SIGTERM);
    program.await_err(draining);
    // Until then it works both ways.
    client.send("up");
    upstream.received.clear();
    await(upstream, "up");
    await_end(client);
    assert_int_equal(client.error, ECONNRESET);  // a FIN would look like its proper end
    assert_int_equal(program.wait(), 1);
    assert_text_contains(
        summary_of(site.records(3)),
        "exchange drain_deadline by=operator phase=tunnel op=clock clock=drain/300 status=101\n");
}

// Half a head is no request that runs, but it may become one.
void half_a_head_is_answered_when_the_drain_ends(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve({"--clock", "drain=300ms"});
    Peer client = site.connect(program);
    Peer upstream;
    site.exchange(client, upstream);
    client.received.clear();
    client.send("GET /v1.41/info HTTP/1.1\r\nHo");
    // It has been read once a later connection's bytes were.
    Peer later = site.connect(program);
    site.exchange(later, upstream);
    program.signal(SIGTERM);
    await_end(client);
    assert_text_contains(client.received, "HTTP/1.1 503 Service Unavailable\r\n");
    client.close();
    assert_int_equal(program.wait(), 1);
    assert_text_contains(summary_of(site.records(5)),
                         "exchange drain_deadline by=operator phase=request_head op=clock "
                         "clock=drain/300 status=503\n");
}

void killed_clients_and_upstreams_raise_no_sigpipe(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve();
    // Writes to a client that is gone.
    Running first = start_answer(site, program);
    first.client.reset();
    first.upstream.send("3\r\ndef\r\n");
    await_end(first.upstream);
    // Writes to an upstream that is gone.
    Peer client = site.connect(program);
    client.send(
        "POST /v1.41/build HTTP/1.1\r\nHost: docker\r\nTransfer-Encoding: chunked\r\n\r\n"
        "3\r\nabc\r\n");
    Peer upstream = site.accept();
    await(upstream, "abc\r\n");
    upstream.close();
    client.send("3\r\ndef\r\n");
    await(client, "\r\n\r\n");
    client.close();
    program.signal(SIGPIPE);
    Peer last = site.connect(program);
    Peer next;
    site.exchange(last, next);
    last.close();
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 0);
}

}  // namespace

int main() {
#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, open_site, close_site)
    const CMUnitTest tests[] = {
        ON_SITE(an_idle_program_stops_at_once),
        ON_SITE(the_running_exchange_finishes_and_idle_connections_go),
        ON_SITE(an_answer_that_begins_while_draining_says_close),
        ON_SITE(an_upload_finishes_while_draining),
        ON_SITE(the_drain_clock_cuts_and_says_so),
        ON_SITE(who_waits_for_an_answer_when_the_drain_ends_gets_a_503),
        ON_SITE(a_second_signal_cuts_at_once),
        ON_SITE(a_half_closed_tunnel_hears_why_before_the_program_ends),
        ON_SITE(a_tunnel_is_cut_by_the_drain_clock),
        ON_SITE(half_a_head_is_answered_when_the_drain_ends),
        ON_SITE(killed_clients_and_upstreams_raise_no_sigpipe),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
