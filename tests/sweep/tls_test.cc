// The calls of mbedTLS that can fail on a connection, and all those below them, each failed once: towards
// clients, towards a TLS upstream, and where a certificate is refused.
#include "support/tls_rig.hh"
#include "sweep/sweep.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

const std::string get = "GET /version HTTP/1.1\r\nHost: docker\r\n\r\n";
const std::string ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

RigOptions with_short_clocks(RigOptions options) {
    for (size_t clock = 0; clock < clock_count; ++clock)
        options.settings.clocks.set_all(static_cast<ClockName>(clock), 1000);
    options.settings.clocks.set_all(ClockName::keepalive, 3000);
    options.settings.clocks.set_all(ClockName::upstream_idle, 3000);
    options.settings.clocks.set_all(ClockName::max_age, 0);
    options.settings.profile = "any";
    options.settings.handshake_rate = {};
    return options;
}

TlsWays named_ways() {
    TlsWays ways = client_ways();
    ways.server_name = "localhost";
    return ways;
}

// One request over TLS, and a farewell; whatever comes back.
std::string visit(Rig& rig, const TlsWays& ways) {
    Origin origin(rig, ok);
    TlsPeer client(rig.connect(), ways);
    if (client.shake(rig)) {
        client.send(get);
        origin.serve();
        client.read();
        client.notify();
    }
    settle(rig);
    client.read();
    client.socket.close();
    settle(rig);
    return client.received;
}

std::string fresh(Rig& rig) { return visit(rig, named_ways()); }

// A request whose upstream speaks TLS; whatever comes back.
std::string talk_to_tls(Rig& rig) {
    Peer client = rig.connect();
    client.send(get);
    settle(rig);
    for (int tries = 0; tries < 4 && client.received.empty(); ++tries) {
        TlsWays ways;
        ways.server = true;
        ways.certificate = &pki().server;
        if (Peer next = rig.accept_now(); next.open()) {
            TlsPeer upstream(std::move(next), ways);
            if (upstream.shake(rig)) {
                settle(rig);
                upstream.read();
                if (!upstream.received.empty()) upstream.send(ok);
                settle(rig);
            }
            client.read();
            upstream.notify();
            settle(rig);
            upstream.socket.close();
        }
        rig.skip(300);
        settle(rig);
        client.read();
    }
    client.close();
    settle(rig);
    return client.received;
}

void check(const Scenario& scenario) {
    const std::vector<std::string> complaints = sweep(scenario);
    for (const std::string& complaint : complaints) print_error("%s\n", complaint.c_str());
    assert_int_equal(complaints.size(), 0);
}

}  // namespace

static void clients_over_tls(void**) {
    check({"clients over TLS", with_short_clocks(tls_options()), [](Rig& rig) { fresh(rig); },
           "exchange complete by=nobody phase=done op=none status=200\n"
           "client client_closed_idle by=nobody phase=keepalive op=none\n",
           fresh});
}

// Judged by us, not by mbedTLS: it is for us to say so.
static void a_client_with_a_strangers_certificate(void**) {
    RigOptions options = tls_options();
    options.settings.tlscacert = pki().ca.certificate;
    check({"a stranger's certificate", with_short_clocks(options),
           [](Rig& rig) {
               static const Pem stranger = pki().certificates.client("stranger", pki().other_ca);
               TlsWays ways = named_ways();
               ways.certificate = &stranger;
               visit(rig, ways);
           },
           "client client_tls_failed by=client phase=tls_handshake op=tls_handshake\n", fresh});
}

static void an_upstream_over_tls(void**) {
    RigOptions options;
    options.tls_upstream = true;
    options.settings.upstream_tlscacert = pki().ca.certificate;
    check({"an upstream over TLS", with_short_clocks(options), [](Rig& rig) { talk_to_tls(rig); },
           "exchange complete by=nobody phase=done op=none status=200\n"
           "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n"
           "client client_closed_idle by=nobody phase=keepalive op=none\n",
           talk_to_tls});
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(clients_over_tls),
        cmocka_unit_test(a_client_with_a_strangers_certificate),
        cmocka_unit_test(an_upstream_over_tls),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
