// Towards a tls:// upstream: whom we trust, what its ends mean, and that nothing cut looks whole.
#include <openssl/ssl.h>
#include <poll.h>

#include "support/tls_rig.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

constexpr char get[] = "GET /version HTTP/1.1\r\nHost: docker\r\n\r\n";
constexpr char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr char forwarded_answer[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nVia: 1.1 becaused\r\n\r\nok";
constexpr char complete[] = "exchange complete by=nobody phase=done op=none status=200\n";

RigOptions upstream_options() {
    RigOptions options;
    options.tls_upstream = true;
    options.settings.upstream_tlscacert = pki().ca.certificate;
    options.settings.connect_tries = 1;
    return options;
}

TlsWays server_ways(const Pem& certificate) {
    TlsWays ways;
    ways.server = true;
    ways.certificate = &certificate;
    return ways;
}

// Names are resolved in another thread: waits for the connection that follows.
Peer accept_soon(Rig& rig) {
    for (int i = 0; i < 2000; ++i) {
        Peer peer = rig.accept();
        if (peer.open()) return peer;
        ::poll(nullptr, 0, 1);
    }
    fail_test("no connection came");
}

struct Talk {
    explicit Talk(std::string_view request, RigOptions options = upstream_options(),
                  const TlsWays& ways = server_ways(pki().server))
        : rig(std::move(options)), client(rig.connect()), upstream(ask(request), ways) {
        secured = upstream.shake(rig);
        rig.settle();
        upstream.read();
        client.read();
    }
    Peer ask(std::string_view request) {
        client.send(request);
        return accept_soon(rig);
    }
    void reply(std::string_view bytes) {
        upstream.send(bytes);
        look();
    }
    void look() {
        rig.settle();
        upstream.read();
        rig.settle();
        client.read();
    }
    std::string record(std::string_view side) {
        for (const std::string& line : rig.records())
            if (field_of(line, "side") == side) return line;
        return "";
    }
    Rig rig;
    Peer client;
    TlsPeer upstream;
    bool secured = false;
};

void refused(Talk& talk, const char* alert, const char* detail) {
    talk.look();
    assert_text_contains(talk.client.received, "HTTP/1.1 502");
    assert_text_contains(talk.client.received, detail);
    assert_text_equal(talk.upstream.received, "");  // not a byte of the request
    assert_text_equal(talk.upstream.alert, alert);
    assert_text_equal(
        talk.rig.summary(),
        "exchange upstream_tls_failed by=upstream phase=connect op=tls_handshake status=502\n"
        "upstream upstream_tls_failed by=upstream phase=connect op=tls_handshake\n");
    assert_text_contains(talk.record("upstream"), detail);
}

}  // namespace

static void a_trusted_upstream_serves_many_requests_on_one_connection(void**) {
    Talk talk(get);
    assert_true(talk.secured);
    assert_text_equal(talk.upstream.alpn(), "http/1.1");
    assert_text_equal(talk.upstream.asked_name(), "");  // an address is no SNI (RFC 6066 §3)
    assert_text_contains(talk.upstream.received, "GET /version HTTP/1.1\r\nHost: docker\r\n");
    talk.reply(answer);
    assert_text_equal(talk.client.received, forwarded_answer);
    talk.client.received.clear();
    talk.client.send(get);
    talk.look();
    talk.reply(answer);
    assert_text_equal(talk.client.received, forwarded_answer);
    talk.client.close();
    talk.rig.settle();
    talk.rig.finish();
    assert_text_equal(talk.rig.summary(),
                      std::string(complete) + complete +
                          "client client_closed_idle by=nobody phase=keepalive op=none\n"
                          "upstream shutdown_idle by=operator phase=keepalive op=none\n");
    assert_true(field_of(talk.record("upstream"), "tls.version").starts_with("TLSv1."));
    talk.upstream.read();
    assert_true(talk.upstream.notified);
}

static void a_name_is_asked_for_and_checked(void**) {
    RigOptions options = upstream_options();
    options.upstream_host = "localhost";
    {
        Talk talk(get, options);
        assert_true(talk.secured);
        assert_text_equal(talk.upstream.asked_name(), "localhost");
        talk.reply(answer);
        assert_text_equal(talk.client.received, forwarded_answer);
    }
    Wanted other;
    other.names = "DNS:otherhost,IP:127.0.0.1";  // its common name is localhost: it does not count
    const Pem wrong = pki().certificates.make("wrong-name", other, &pki().ca);
    Talk talk(get, options, server_ways(wrong));
    refused(talk, "fatal bad certificate", "its certificate is for another name");
}

static void an_address_must_be_in_the_certificate(void**) {
    Wanted other;
    other.name = "127.0.0.1";  // a common name is no address
    other.names = "DNS:127.0.0.1,IP:127.0.0.2";
    const Pem wrong = pki().certificates.make("wrong-address", other, &pki().ca);
    Talk talk(get, upstream_options(), server_ways(wrong));
    refused(talk, "fatal bad certificate", "its certificate is for another name");
}

static void untrusted_upstreams_get_no_byte_of_the_request(void**) {
    TlsPki& made = pki();
    {
        const Pem stranger = made.certificates.server("upstream-stranger", made.other_ca);
        Talk talk(get, upstream_options(), server_ways(stranger));
        refused(talk, "fatal unknown CA", "its certificate is not signed by a trusted authority");
    }
    {
        Wanted old;
        old.from_s = -7200;
        old.until_s = -3600;
        const Pem expired = made.certificates.make("upstream-expired", old, &made.ca);
        Talk talk(get, upstream_options(), server_ways(expired));
        refused(talk, "fatal certificate expired", "its certificate has expired");
    }
    {
        const Pem client = made.certificates.client("upstream-client", made.ca);
        Talk talk(get, upstream_options(), server_ways(client));
        refused(talk, "fatal unsupported certificate", "its certificate is not for this use");
    }
    {
        RigOptions careless = upstream_options();
        careless.settings.upstream_tlsverify = false;
        const Pem stranger = made.certificates.server("upstream-stranger-2", made.other_ca);
        Talk talk(get, careless, server_ways(stranger));
        assert_true(talk.secured);
        talk.reply(answer);
        assert_text_equal(talk.client.received, forwarded_answer);
    }
}

static void a_client_certificate_is_shown_where_it_is_demanded(void**) {
    TlsWays ways = server_ways(pki().server);
    ways.authority = pki().ca.certificate;
    ways.demand = true;
    ways.max_version = TLS1_2_VERSION;
    {
        RigOptions options = upstream_options();
        options.settings.upstream_tlscert = pki().client.certificate;
        options.settings.upstream_tlskey = pki().client.key;
        Talk talk(get, options, ways);
        assert_true(talk.secured);
        assert_text_equal(talk.upstream.peer_name(), "client");
        talk.reply(answer);
        assert_text_equal(talk.client.received, forwarded_answer);
    }
    Talk talk(get, upstream_options(), ways);
    assert_false(talk.secured);
    talk.look();
    assert_text_contains(talk.client.received, "HTTP/1.1 502");
    assert_text_contains(talk.client.received, "alert says handshake_failure");
    assert_text_equal(
        talk.rig.summary(),
        "exchange upstream_tls_failed by=upstream phase=connect op=tls_handshake status=502\n"
        "upstream upstream_tls_failed by=upstream phase=connect op=tls_handshake\n");
}

static void a_plain_upstream_is_named_as_not_tls(void**) {
    Rig rig(upstream_options());
    Peer client = rig.connect();
    client.send(get);
    Peer upstream = rig.accept();
    upstream.send("HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server");
    rig.settle();
    client.read();
    assert_text_contains(client.received, "what came is not TLS");
    assert_text_equal(
        rig.summary(),
        "exchange upstream_tls_failed by=upstream phase=connect op=tls_handshake status=502\n"
        "upstream upstream_tls_failed by=upstream phase=connect op=tls_handshake\n");
}

// TCP stands at once; the connect clock goes on until TLS does.
static void a_handshake_that_stalls_is_ended_by_the_connect_clock(void**) {
    for (const bool some : {false, true}) {
        Rig rig(upstream_options());
        Peer client = rig.connect();
        client.send(get);
        TlsPeer upstream(rig.accept(), server_ways(pki().server));
        if (some) {
            upstream.step();
            upstream.socket.send(upstream.outgoing.substr(0, 50));
        }
        rig.advance(4'700);
        assert_text_equal(rig.summary(), "");
        rig.advance(600);
        client.read();
        assert_text_contains(client.received, "HTTP/1.1 504");
        assert_text_equal(rig.summary(),
                          "exchange upstream_connect_timeout by=upstream phase=connect op=clock "
                          "clock=connect/5000 status=504\n"
                          "upstream upstream_connect_timeout by=upstream phase=connect op=clock "
                          "clock=connect/5000\n");
    }
}

static void an_upstream_that_leaves_in_the_handshake_is_tried_again(void**) {
    RigOptions options = upstream_options();
    options.settings.connect_tries = 2;
    Rig rig(options);
    Peer client = rig.connect();
    client.send(get);
    Peer first = rig.accept();
    first.read();
    first.close();
    rig.settle();
    rig.advance(300);
    TlsPeer upstream(rig.accept(), server_ways(pki().server));
    assert_true(upstream.shake(rig));
    rig.settle();
    upstream.read();
    assert_text_contains(upstream.received, "GET /version");
    upstream.send(answer);
    rig.settle();
    client.read();
    assert_text_equal(client.received, forwarded_answer);
    assert_text_equal(rig.summary(),
                      "upstream upstream_closed by=upstream phase=connect op=tls_handshake\n" +
                          std::string(complete));
}

// A truncation attack is a FIN that somebody on the way sent: TLS says so by the missing close_notify.
static void a_fin_without_close_notify_never_completes_an_answer(void**) {
    struct Case {
        const char* reply;
        const char* status;
    };
    const Case cases[] = {
        {"HTTP/1.1 200 OK\r\n\r\nall that came", "200"},  // ends with the connection
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "200"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", "200"},
        {"HTTP/1.1 200 OK\r\nContent-Le", "502"},
        {"", "502"},
    };
    for (const Case& each : cases) {
        Talk talk(get);
        talk.reply(each.reply);
        talk.upstream.socket.finish();
        talk.look();
        const bool begun = each.status == std::string_view("200");
        const std::string phase = begun ? "response_body" : "first_byte";
        assert_text_contains(talk.rig.summary(),
                             "exchange upstream_closed by=upstream phase=" + phase +
                                 " op=tls_read status=" + each.status + "\n");
        assert_text_contains(talk.rig.summary(), "upstream upstream_closed by=upstream phase=" +
                                                     phase + " op=tls_read\n");
        assert_true(talk.client.received.find("0\r\n\r\n") == std::string::npos);
        if (!begun) assert_text_contains(talk.client.received, "HTTP/1.1 502");
    }
    // A client of HTTP/1.0 can only be told by a reset.
    Talk talk("GET /version HTTP/1.0\r\nHost: a\r\n\r\n");
    talk.reply("HTTP/1.1 200 OK\r\n\r\nall that came");
    talk.upstream.socket.finish();
    talk.look();
    assert_int_equal(talk.client.error, ECONNRESET);
}

static void a_close_notify_completes_an_answer_that_ends_with_its_connection(void**) {
    for (const bool fin : {false, true}) {
        Talk talk(get);
        talk.reply("HTTP/1.1 200 OK\r\n\r\nall of it");
        talk.upstream.notify();
        if (fin) talk.upstream.socket.finish();
        talk.look();
        assert_text_contains(talk.client.received, "9\r\nall of it\r\n0\r\n\r\n");
        assert_text_contains(talk.rig.summary(), complete);
        assert_text_contains(talk.rig.summary(),
                             "upstream complete by=nobody phase=done op=none\n");
    }
}

static void an_idle_connection_that_the_upstream_ends_is_clean(void**) {
    for (const bool farewell : {false, true}) {
        Talk talk(get);
        talk.reply(answer);
        if (farewell) talk.upstream.notify();
        talk.upstream.socket.close();
        talk.rig.settle();
        assert_text_equal(talk.rig.summary(),
                          std::string(complete) +
                              "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n");
    }
}

// The end of an idle connection crosses a request on its way.
static void a_request_on_a_dead_idle_connection_is_sent_again(void**) {
    for (const bool farewell : {false, true}) {
        Talk talk(get);
        talk.reply(answer);
        talk.client.received.clear();
        talk.client.send(get);
        talk.rig.settle();
        if (farewell) talk.upstream.notify();
        talk.upstream.socket.close();
        TlsPeer again(accept_soon(talk.rig), server_ways(pki().server));
        assert_true(again.shake(talk.rig));
        talk.rig.settle();
        again.read();
        assert_text_contains(again.received, "GET /version");
        again.send(answer);
        talk.rig.settle();
        talk.client.read();
        assert_text_equal(talk.client.received, forwarded_answer);
        assert_text_contains(talk.rig.summary(), std::string(complete) + "upstream upstream_");
        const std::string& last = talk.rig.records().back();
        assert_text_equal(field_of(last, "reason"), "complete");
    }
}

static void a_tunnels_halves_end_by_close_notify_without_a_fin(void**) {
    Talk talk(
        "POST /containers/a/attach?stream=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\n"
        "Upgrade: tcp\r\nContent-Length: 0\r\n\r\n");
    talk.reply("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
    assert_text_contains(talk.client.received, "101");
    talk.upstream.received.clear();
    talk.client.send("last words");
    talk.client.finish();
    talk.look();
    assert_text_equal(talk.upstream.received, "last words");
    assert_true(talk.upstream.notified);
    // A FIN behind it would say that we are gone (another becaused reads it so).
    assert_false(talk.upstream.socket.eof);
    talk.client.received.clear();
    talk.reply("an answer");
    assert_text_equal(talk.client.received, "an answer");
    talk.upstream.notify();
    talk.look();
    assert_true(talk.client.eof);
    talk.upstream.socket.read();
    assert_true(talk.upstream.socket.eof);
    assert_text_contains(talk.rig.summary(),
                         "exchange tunnel_complete by=nobody phase=done op=none status=101\n");
}

static void a_record_that_was_changed_on_its_way_cuts_the_answer(void**) {
    Talk talk(get);
    talk.reply("HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nabc");
    std::string wire = talk.upstream.seal("def");
    wire.back() = static_cast<char>(wire.back() ^ 1);
    talk.upstream.socket.send(wire);
    talk.look();
    assert_true(talk.client.eof && talk.client.received.ends_with("\r\n\r\nabc"));
    assert_text_contains(
        talk.rig.summary(),
        "exchange upstream_tls_failed by=upstream phase=response_body op=tls_read status=200\n"
        "upstream upstream_tls_failed by=upstream phase=response_body op=tls_read\n");
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_trusted_upstream_serves_many_requests_on_one_connection),
        cmocka_unit_test(a_name_is_asked_for_and_checked),
        cmocka_unit_test(an_address_must_be_in_the_certificate),
        cmocka_unit_test(untrusted_upstreams_get_no_byte_of_the_request),
        cmocka_unit_test(a_client_certificate_is_shown_where_it_is_demanded),
        cmocka_unit_test(a_plain_upstream_is_named_as_not_tls),
        cmocka_unit_test(a_handshake_that_stalls_is_ended_by_the_connect_clock),
        cmocka_unit_test(an_upstream_that_leaves_in_the_handshake_is_tried_again),
        cmocka_unit_test(a_fin_without_close_notify_never_completes_an_answer),
        cmocka_unit_test(a_close_notify_completes_an_answer_that_ends_with_its_connection),
        cmocka_unit_test(an_idle_connection_that_the_upstream_ends_is_clean),
        cmocka_unit_test(a_request_on_a_dead_idle_connection_is_sent_again),
        cmocka_unit_test(a_tunnels_halves_end_by_close_notify_without_a_fin),
        cmocka_unit_test(a_record_that_was_changed_on_its_way_cuts_the_answer),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
