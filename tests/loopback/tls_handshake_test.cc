// The handshake through the real house, with OpenSSL at the other end: what is agreed on, what is
// refused, and what the record says of it.
#include <openssl/err.h>

#include <algorithm>

#include "support/tls_rig.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

constexpr char get[] = "GET /version HTTP/1.1\r\nHost: docker\r\n\r\n";
constexpr char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr char forwarded_answer[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nVia: 1.1 becaused\r\n\r\nok";
constexpr char clean_records[] =
    "exchange complete by=nobody phase=done op=none status=200\n"
    "client client_closed_idle by=nobody phase=keepalive op=none\n";

// One exchange over a finished handshake.
void serve(Rig& rig, TlsPeer& client) {
    client.send(get);
    Peer upstream = rig.accept();
    assert_true(upstream.open());
    upstream.send(answer);
    rig.settle();
    client.read();
    assert_text_equal(client.received, forwarded_answer);
    client.notify();
    client.socket.close();
    rig.settle();
}

// The record of the (only) client connection so far.
std::string client_record(Rig& rig) {
    for (const std::string& line : rig.records())
        if (field_of(line, "side") == "client") return line;
    return "";
}

// A handshake that must fail; returns the one line of the summary.
std::string refused(Rig& rig, TlsPeer& client) {
    assert_false(client.shake(rig) && client.alert.empty());
    client.socket.read();
    client.socket.close();
    rig.settle();
    return rig.summary();
}

constexpr char failed[] =
    "client client_tls_failed by=client phase=tls_handshake op=tls_handshake\n";

struct Agreed {
    bool rsa;
    const char* cipher;
    const char* group;
    const char* expected_group;
    const char* recorded;
};

}  // namespace

static void every_key_cipher_and_curve_works(void**) {
    TlsPki& made = pki();
    Wanted rsa;
    rsa.rsa = true;
    const Pem rsa_server = made.certificates.make("rsa", rsa, &made.ca);
    const Agreed cases[] = {
        {false, "ECDHE-ECDSA-AES256-GCM-SHA384", "X25519", "X25519",
         "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384"},
        {false, "ECDHE-ECDSA-AES256-GCM-SHA384", "P-256", "prime256v1",
         "TLS-ECDHE-ECDSA-WITH-AES-256-GCM-SHA384"},
        {false, "ECDHE-ECDSA-CHACHA20-POLY1305", "X25519:P-256", "X25519",
         "TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256"},
        {false, "ECDHE-ECDSA-CHACHA20-POLY1305", "P-384:P-256", "prime256v1",
         "TLS-ECDHE-ECDSA-WITH-CHACHA20-POLY1305-SHA256"},
        {true, "ECDHE-RSA-AES256-GCM-SHA384", "X25519", "X25519",
         "TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384"},
        {true, "ECDHE-RSA-AES256-GCM-SHA384", "P-256", "prime256v1",
         "TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384"},
        {true, "ECDHE-RSA-CHACHA20-POLY1305", "X25519", "X25519",
         "TLS-ECDHE-RSA-WITH-CHACHA20-POLY1305-SHA256"},
        {true, "ECDHE-RSA-CHACHA20-POLY1305", "P-256", "prime256v1",
         "TLS-ECDHE-RSA-WITH-CHACHA20-POLY1305-SHA256"},
    };
    for (const Agreed& agreed : cases) {
        RigOptions options = tls_options();
        if (agreed.rsa) {
            options.settings.tlscert = {rsa_server.certificate};
            options.settings.tlskey = {rsa_server.key};
        }
        Rig rig(options);
        TlsWays ways = client_ways();
        ways.max_version = TLS1_2_VERSION;
        ways.ciphers = agreed.cipher;
        ways.groups = agreed.group;
        // ECDSA's curve must be offered too (RFC 8422 §5.1).
        if (!agreed.rsa && ways.groups.find("P-256") == std::string::npos) ways.groups += ":P-256";
        TlsPeer client(rig.connect(), ways);
        assert_true(client.shake(rig));
        assert_text_equal(client.version(), "TLSv1.2");
        assert_text_equal(client.cipher(), agreed.cipher);
        assert_text_equal(client.group(), agreed.expected_group);
        serve(rig, client);
        assert_text_equal(rig.summary(), clean_records);
        assert_text_equal(field_of(client_record(rig), "tls.version"), "TLSv1.2");
        assert_text_equal(field_of(client_record(rig), "tls.cipher"), agreed.recorded);
        rig.finish();
    }
}

static void aes_is_chosen_before_chacha_and_x25519_before_p256(void**) {
    Rig rig(tls_options());
    TlsPeer client(rig.connect(), client_ways());
    assert_true(client.shake(rig));
    assert_true(client.version() == "TLSv1.2" || client.version() == "TLSv1.3");
    assert_text_contains(client.cipher(), "256");
    assert_text_equal(client.group(), "X25519");
    serve(rig, client);
    assert_text_equal(rig.summary(), clean_records);
}

static void a_client_without_our_curves_or_ciphers_is_refused_by_alert(void**) {
    for (const bool curve : {true, false}) {
        Rig rig(tls_options());
        TlsWays ways;
        ways.max_version = TLS1_2_VERSION;
        if (curve) ways.groups = "P-521";
        else ways.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:AES256-GCM-SHA384:AES128-SHA";
        TlsPeer client(rig.connect(), ways);
        assert_text_equal(refused(rig, client), failed);
        assert_text_equal(client.alert, "fatal handshake failure");
        assert_text_contains(client_record(rig), "no cipher or curve in common");
    }
}

static void an_intermediate_certificate_is_sent_along(void**) {
    TlsPki& made = pki();
    const Pem middle = made.certificates.authority("middle", &made.ca);
    const Pem leaf = made.certificates.server("leaf", middle);
    RigOptions options = tls_options();
    options.settings.tlscert = {
        made.certificates.bundle("chain.pem", {leaf.certificate, middle.certificate})};
    options.settings.tlskey = {leaf.key};
    Rig rig(options);
    TlsPeer client(rig.connect(), client_ways());  // knows the root only
    assert_true(client.shake(rig));
    serve(rig, client);
    assert_text_equal(rig.summary(), clean_records);
}

static void names_choose_the_certificate(void**) {
    TlsPki& made = pki();
    const auto named = [&](const char* file, const char* names) {
        Wanted wanted;
        wanted.name = file;
        wanted.names = names;
        return made.certificates.make(file, wanted, &made.ca);
    };
    const Pem first = named("first", "DNS:first.test");
    const Pem wild = named("wild", "DNS:*.build.test,DNS:build.test");
    Wanted bare;
    bare.name = "old.test";  // no subjectAltName: its common name counts
    bare.names = "";
    const Pem old = made.certificates.make("old", bare, &made.ca);
    struct Case {
        const char* asked;
        const char* given;
    };
    const Case cases[] = {
        {"", "first"},
        {"first.test", "first"},
        {"FIRST.Test", "first"},
        {"a.build.test", "wild"},
        {"build.test", "wild"},
        {"old.test", "old.test"},
        {"a.b.build.test", "first"},  // the star is one label: nothing matches, the first is given
        {".build.test", "first"},
        {"nobody.test", "first"},
        {"wild", "first"},  // a common name beside a subjectAltName does not count
    };
    RigOptions options = tls_options();
    options.settings.tlscert = {first.certificate, wild.certificate, old.certificate};
    options.settings.tlskey = {first.key, wild.key, old.key};
    for (const Case& each : cases) {
        Rig rig(options);
        TlsWays ways = client_ways();
        ways.server_name = each.asked;
        TlsPeer client(rig.connect(), ways);
        assert_true(client.shake(rig));
        assert_text_equal(client.peer_name(), each.given);
        serve(rig, client);
        assert_text_equal(rig.summary(), clean_records);
        assert_text_equal(field_of(client_record(rig), "tls.server_name"), each.asked);
    }
}

static void of_two_keys_for_one_name_the_client_gets_what_it_can_use(void**) {
    TlsPki& made = pki();
    Wanted wanted;
    wanted.name = "by-rsa";
    wanted.rsa = true;
    const Pem by_rsa = made.certificates.make("by-rsa", wanted, &made.ca);
    wanted.name = "by-ecdsa";
    wanted.rsa = false;
    const Pem by_ecdsa = made.certificates.make("by-ecdsa", wanted, &made.ca);
    RigOptions options = tls_options();
    options.settings.tlscert = {by_rsa.certificate, by_ecdsa.certificate};
    options.settings.tlskey = {by_rsa.key, by_ecdsa.key};
    for (const bool asks : {true, false}) {
        for (const bool rsa : {true, false}) {
            Rig rig(options);
            TlsWays ways = client_ways();
            ways.max_version = TLS1_2_VERSION;
            ways.ciphers = rsa ? "ECDHE-RSA-AES256-GCM-SHA384" : "ECDHE-ECDSA-AES256-GCM-SHA384";
            if (asks) ways.server_name = "localhost";
            TlsPeer client(rig.connect(), ways);
            assert_true(client.shake(rig));
            assert_text_equal(client.peer_name(), rsa ? "by-rsa" : "by-ecdsa");
        }
    }
}

static void http_1_1_is_picked_from_the_protocols_offered(void**) {
    struct Case {
        const char* offered;
        const char* picked;
    };
    for (const Case& each : {Case{"", ""}, Case{"http/1.1", "http/1.1"},
                             Case{"h2,http/1.1", "http/1.1"}, Case{"http/1.1,h2", "http/1.1"}}) {
        Rig rig(tls_options());
        TlsWays ways = client_ways();
        ways.alpn = each.offered;
        TlsPeer client(rig.connect(), ways);
        assert_true(client.shake(rig));
        assert_text_equal(client.alpn(), each.picked);
        serve(rig, client);
        assert_text_equal(rig.summary(), clean_records);
    }
}

static void h2_alone_is_refused_by_alert_and_on_record(void**) {
    Rig rig(tls_options());
    TlsWays ways = client_ways();
    ways.alpn = "h2";
    TlsPeer client(rig.connect(), ways);
    assert_text_equal(refused(rig, client), failed);
    assert_text_equal(client.alert, "fatal no application protocol");
    assert_text_contains(client_record(rig), "it does not offer http/1.1 (ALPN)");
}

static void old_versions_are_refused_by_alert(void**) {
    for (const int version : {TLS1_VERSION, TLS1_1_VERSION}) {
        Rig rig(tls_options());
        TlsWays ways;
        ways.min_version = ways.max_version = version;
        ways.ciphers = "ALL:@SECLEVEL=0";
        TlsPeer client(rig.connect(), ways);
        assert_text_equal(refused(rig, client), failed);
        assert_text_equal(client.alert, "fatal protocol version");
        assert_text_contains(client_record(rig), "no TLS version in common");
    }
}

static void ssl_3_and_ssl_2_hellos_are_refused(void**) {
    // A ClientHello of SSL 3.0 with one suite (RFC 6101 §5.6.1.2), and one of SSL 2.0.
    const std::string random(32, 'r');
    const std::string body = std::string("\x03\x00", 2) + random + std::string("\x00", 1) +
                             std::string("\x00\x02\x00\x0a\x01\x00", 6);
    std::string ssl_3("\x16\x03\x00\x00", 4);
    ssl_3 += static_cast<char>(body.size() + 4);
    ssl_3 += std::string("\x01\x00\x00", 3) + static_cast<char>(body.size()) + body;
    const std::string ssl_2 =
        std::string("\x80\x1c\x01\x00\x02\x00\x03\x00\x00\x00\x10\x01\x00\x80", 14) +
        std::string(16, 'c');
    for (const std::string& hello : {ssl_3, ssl_2}) {
        Rig rig(tls_options());
        Peer client = rig.connect();
        client.send(hello);
        rig.settle();
        client.read();
        assert_true(client.eof);
        client.close();
        rig.settle();
        assert_text_equal(rig.summary(), failed);
    }
}

// One answer that a person can read, in the words of the protocol that they spoke.
static void plain_http_to_a_tls_port_gets_a_400_and_a_record(void**) {
    for (const char* request : {get, "POST /build HTTP/1.1\r\n", "G"}) {
        Rig rig(tls_options());
        Peer client = rig.connect();
        client.send(request);
        rig.settle();
        client.read();
        const size_t end = client.received.find("\r\n\r\n");
        assert_true(end != std::string::npos);
        assert_text_equal(client.received.substr(0, end),
                          "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
                          "Content-Length: 121\r\nConnection: close");
        const std::string body = client.received.substr(end + 4);
        assert_int_equal(body.size(), 121);
        assert_text_equal(field_of(body, "message"),
                          "becaused: this port speaks TLS: set DOCKER_TLS_VERIFY=1 and "
                          "DOCKER_CERT_PATH, or use https instead of http");
        assert_true(client.eof);
        client.close();
        rig.settle();
        assert_text_equal(rig.summary(), failed);
        assert_text_contains(client_record(rig), "it spoke plain HTTP to a port that speaks TLS");
    }
}

static void a_listener_with_tls_off_stays_plain_beside_the_others(void**) {
    RigOptions options = tls_options();
    options.plain_listener = true;
    Rig rig(options);
    Peer client = rig.connect();
    client.send(get);
    Peer upstream = rig.accept();
    upstream.send(answer);
    rig.settle();
    client.read();
    assert_text_equal(client.received, forwarded_answer);
}

static void garbage_is_refused(void**) {
    for (const std::string& garbage :
         {std::string(5, '\0'), std::string(300, '\xff'), std::string("\x16\x03\x01\xff\xff", 5),
          std::string("\x17\x03\x03\x00\x10", 5) + std::string(16, 'x'),
          std::string("\x16\x03\x03\x00\x04\x0e\x00\x00\x00", 9), std::string("ssh-2.0\r\n")}) {
        Rig rig(tls_options());
        Peer client = rig.connect();
        client.send(garbage);
        rig.settle();
        client.read();
        assert_true(client.eof);
        client.close();
        rig.settle();
        assert_text_equal(rig.summary(), failed);
    }
}

static void a_handshake_byte_by_byte_works(void**) {
    Rig rig(tls_verify_options());
    TlsWays ways = client_ways();
    ways.certificate = &pki().client;
    TlsPeer client(rig.connect(), ways);
    for (int i = 0; i < 8; ++i) {
        const bool done = client.step();
        for (const char byte : std::exchange(client.outgoing, {})) {
            client.socket.send({&byte, 1});
            rig.loop().turn();
        }
        rig.settle();
        if (done) break;
    }
    assert_false(client.failed);
    assert_int_equal(SSL_is_init_finished(client.ssl()), 1);
    serve(rig, client);
    assert_text_equal(rig.summary(), clean_records);
}

// Cuts the client's flights at every record's begin, middle and end.
static void a_handshake_that_stalls_anywhere_is_ended_by_its_clock(void**) {
    const auto first_flight = [](TlsPeer& client) {
        client.step();
        return client.outgoing.size();
    };
    size_t hello = 0;
    {
        Rig rig(tls_options());
        TlsPeer client(rig.connect(), client_ways());
        hello = first_flight(client);
    }
    for (const size_t sent : {size_t{0}, size_t{1}, size_t{5}, size_t{9}, hello / 2, hello - 1}) {
        Rig rig(tls_options());
        TlsPeer client(rig.connect(), client_ways());
        assert_int_equal(first_flight(client), hello);
        client.socket.send(client.outgoing.substr(0, sent));
        rig.advance(9'700);
        assert_text_equal(rig.summary(), "");
        rig.advance(600);
        assert_text_equal(rig.summary(),
                          "client client_tls_timeout by=client phase=tls_handshake op=clock "
                          "clock=tls_handshake/10000\n");
    }
    for (int part = 0; part < 7; ++part) {
        Rig rig(tls_options());
        TlsWays ways = client_ways();
        ways.max_version = TLS1_2_VERSION;
        TlsPeer client(rig.connect(), ways);
        client.step();
        client.flush();
        rig.settle();
        client.step();  // ClientKeyExchange, ChangeCipherSpec, Finished
        assert_true(client.outgoing.size() > 90);
        const size_t size = client.outgoing.size() * static_cast<size_t>(part) / 7;
        // The clock is for the whole: bytes that come late do not stretch it.
        rig.advance(5'000);
        client.socket.send(client.outgoing.substr(0, size));
        rig.advance(4'700);
        assert_text_equal(rig.summary(), "");
        rig.advance(600);
        assert_text_equal(rig.summary(),
                          "client client_tls_timeout by=client phase=tls_handshake op=clock "
                          "clock=tls_handshake/10000\n");
    }
}

static void one_who_connects_and_leaves_without_a_byte_was_a_probe(void**) {
    Rig rig(tls_options());
    rig.connect().close();
    rig.settle();
    assert_text_equal(rig.summary(), "client probe by=nobody phase=tls_handshake op=none\n");
}

static void fin_and_rst_at_each_step_blame_the_client(void**) {
    for (const bool reset : {false, true}) {
        for (int steps = 0; steps < 2; ++steps) {
            Rig rig(tls_options());
            TlsPeer client(rig.connect(), client_ways());
            client.step();
            client.socket.send(client.outgoing.substr(0, 20));
            rig.settle();
            if (steps == 1) {
                client.socket.send(client.outgoing.substr(20));
                rig.settle();
                client.socket.read();
            }
            if (reset) client.socket.reset();
            else client.socket.close();
            rig.settle();
            assert_text_equal(rig.summary(),
                              reset ? "client client_reset by=client phase=tls_handshake op=read "
                                      "errno=ECONNRESET\n"
                                    : "client client_closed by=client phase=tls_handshake "
                                      "op=tls_handshake\n");
        }
    }
}

static void more_handshakes_than_allowed_are_refused_and_places_come_free(void**) {
    RigOptions options = tls_options();
    options.settings.max_handshakes = 2;
    Rig rig(options);
    TlsPeer first(rig.connect(), client_ways());
    Peer second = rig.connect();
    Peer third = rig.connect();
    rig.settle();
    third.read();
    assert_int_equal(third.error, ECONNRESET);
    assert_text_equal(rig.summary(),
                      "client concurrency_limited by=gate phase=tls_handshake op=accept\n");
    rig.take_records();
    // One is done, one gives up: both places are free again.
    assert_true(first.shake(rig));
    second.close();
    rig.settle();
    TlsPeer fourth(rig.connect(), client_ways());
    TlsPeer fifth(rig.connect(), client_ways());
    assert_true(fourth.shake(rig));
    assert_true(fifth.shake(rig));
    Peer sixth = rig.connect();
    Peer seventh = rig.connect();
    Peer eighth = rig.connect();
    eighth.read();
    assert_int_equal(eighth.error, ECONNRESET);
    // Handshakes that the clock ends give their places back too.
    rig.advance(10'500);
    TlsPeer ninth(rig.connect(), client_ways());
    assert_true(ninth.shake(rig));
}

static  // What others hold must not make a handshake that never comes of one that nobody read.
    void
    a_handshake_and_a_request_are_read_where_no_memory_is_left(void**) {
    Rig rig(tls_options());
    SlabPool& pool = rig.loop().slabs();
    std::vector<Slice> others;
    for (std::span<char> room = pool.room(); !room.empty(); room = pool.room())
        others.push_back(pool.claim(room.size()));
    TlsPeer client(rig.connect(), client_ways());
    assert_true(client.shake(rig));
    client.send(get);
    rig.settle();
    client.read();
    assert_true(client.received.starts_with("HTTP/1.1 503 "));
    assert_text_equal(rig.summary(),
                      "exchange memory_shed by=proxy phase=gate op=allocate status=503\n");
    others.clear();
    client.received.clear();
    rig.take_records();
    serve(rig, client);
    assert_text_equal(rig.summary(), clean_records);
}

void a_stop_ends_handshakes_at_once(void**) {
    Rig rig(tls_options());
    TlsPeer client(rig.connect(), client_ways());
    client.step();
    client.flush();
    rig.settle();
    rig.house().stop();
    rig.settle();
    assert_text_equal(rig.summary(),
                      "client shutdown_idle by=operator phase=tls_handshake op=none\n");
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_key_cipher_and_curve_works),
        cmocka_unit_test(aes_is_chosen_before_chacha_and_x25519_before_p256),
        cmocka_unit_test(a_client_without_our_curves_or_ciphers_is_refused_by_alert),
        cmocka_unit_test(an_intermediate_certificate_is_sent_along),
        cmocka_unit_test(names_choose_the_certificate),
        cmocka_unit_test(of_two_keys_for_one_name_the_client_gets_what_it_can_use),
        cmocka_unit_test(http_1_1_is_picked_from_the_protocols_offered),
        cmocka_unit_test(h2_alone_is_refused_by_alert_and_on_record),
        cmocka_unit_test(old_versions_are_refused_by_alert),
        cmocka_unit_test(ssl_3_and_ssl_2_hellos_are_refused),
        cmocka_unit_test(plain_http_to_a_tls_port_gets_a_400_and_a_record),
        cmocka_unit_test(a_listener_with_tls_off_stays_plain_beside_the_others),
        cmocka_unit_test(garbage_is_refused),
        cmocka_unit_test(a_handshake_byte_by_byte_works),
        cmocka_unit_test(a_handshake_that_stalls_anywhere_is_ended_by_its_clock),
        cmocka_unit_test(one_who_connects_and_leaves_without_a_byte_was_a_probe),
        cmocka_unit_test(fin_and_rst_at_each_step_blame_the_client),
        cmocka_unit_test(more_handshakes_than_allowed_are_refused_and_places_come_free),
        cmocka_unit_test(a_handshake_and_a_request_are_read_where_no_memory_is_left),
        cmocka_unit_test(a_stop_ends_handshakes_at_once),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
