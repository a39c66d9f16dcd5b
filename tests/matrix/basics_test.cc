// The plainest exchanges, record for record.
#include "support/rig.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

static void get_is_forwarded_and_recorded(void**) {
    Rig rig;
    Peer client = rig.connect();
    client.send("GET /version HTTP/1.1\r\nHost: docker\r\n\r\n");
    Peer upstream = rig.accept();
    assert_true(upstream.open());
    rig.settle();
    upstream.read();
    assert_text_contains(upstream.received, "GET /version HTTP/1.1\r\nHost: docker\r\n");
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    rig.settle();
    client.read();
    assert_text_equal(client.received,
                      "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nVia: 1.1 becaused\r\n\r\nok");
    assert_text_equal(rig.summary(), "exchange complete by=nobody phase=done op=none status=200\n");
    client.close();
    rig.settle();
    rig.finish();
    assert_text_equal(rig.summary(),
                      "exchange complete by=nobody phase=done op=none status=200\n"
                      "client client_closed_idle by=nobody phase=keepalive op=none\n"
                      "upstream shutdown_idle by=operator phase=keepalive op=none\n");
}

static void upstream_reset_in_answer_blames_upstream(void**) {
    Rig rig;
    Peer client = rig.connect();
    client.send("POST /v1.41/images/x/push HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n");
    Peer upstream = rig.accept();
    upstream.read();
    upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    rig.settle();
    upstream.reset();
    rig.settle();
    client.read();
    assert_true(client.eof);
    assert_int_equal(client.error, 0);
    assert_text_contains(client.received, "3\r\nabc\r\n");
    assert_true(client.received.find("0\r\n\r\n") == std::string::npos);
    client.close();
    rig.settle();
    assert_text_equal(
        rig.summary(),
        "exchange upstream_reset by=upstream phase=response_body op=read errno=ECONNRESET "
        "status=200\n"
        "upstream upstream_reset by=upstream phase=response_body op=read errno=ECONNRESET\n"
        "client partner(upstream_reset) by=nobody phase=response_body op=none\n");
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(get_is_forwarded_and_recorded),
        cmocka_unit_test(upstream_reset_in_answer_blames_upstream),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
