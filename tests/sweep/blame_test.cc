// Single failures whose blame is worth a line of its own.
#include <cerrno>

#include "sweep/sweep.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

// A host with an IPv6 address and no route: connect(2) fails inside the call.
static void connect_that_fails_at_once_is_tried_again(void**) {
    Rig rig;
    Origin origin(rig);
    Peer client = rig.connect();
    fail_once(Call::uv_tcp_connect, 1, ENETUNREACH);
    client.send("GET /version HTTP/1.1\r\nHost: docker\r\n\r\n");
    origin.serve();
    assert_true(failed_once());
    fail_none();
    rig.advance(200);
    origin.serve();
    client.read();
    assert_text_contains(client.received, "HTTP/1.1 200 OK\r\n");
    assert_text_equal(
        rig.summary(),
        "upstream upstream_unreachable by=upstream phase=connect op=connect errno=ENETUNREACH\n"
        "exchange complete by=nobody phase=done op=none status=200\n");
}

// No local port, no buffer: the upstream has nothing to do with it, in none of the records.
static void what_only_we_lack_is_our_own_fault(void**) {
    RigOptions options;
    options.settings.connect_tries = 1;
    Rig rig(options);
    Peer client = rig.connect();
    fail_once(Call::uv_tcp_connect, 1, EADDRNOTAVAIL);
    client.send("GET /version HTTP/1.1\r\nHost: docker\r\n\r\n");
    rig.advance(100);
    assert_true(failed_once());
    fail_none();
    client.read();
    assert_text_contains(client.received, "HTTP/1.1 500 ");
    assert_text_equal(
        rig.summary(),
        "upstream internal by=proxy phase=connect op=connect errno=EADDRNOTAVAIL\n"
        "exchange internal by=proxy phase=connect op=connect errno=EADDRNOTAVAIL status=500\n");
}

static void reading_that_cannot_begin_is_our_own_fault(void**) {
    Rig rig;
    Peer client = rig.connect();
    fail_once(Call::uv_read_start, 1, ENOTCONN);
    client.send("GET /version HTTP/1.1\r\nHost: docker\r\n\r\n");
    Peer upstream = rig.accept();
    assert_true(failed_once());
    fail_none();
    upstream.read();
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    rig.advance(1100);
    client.read();
    assert_text_contains(client.received, "HTTP/1.1 500 ");
    assert_text_equal(
        rig.summary(),
        "exchange internal by=proxy phase=first_byte op=read errno=ENOTCONN status=500\n"
        "upstream partner(internal) by=nobody phase=first_byte op=none\n");
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(connect_that_fails_at_once_is_tried_again),
        cmocka_unit_test(what_only_we_lack_is_our_own_fault),
        cmocka_unit_test(reading_that_cannot_begin_is_our_own_fault),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
