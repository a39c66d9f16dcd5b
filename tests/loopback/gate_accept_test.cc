// Who may connect, and how often: rates of connections and of TLS handshakes, also behind a load balancer.
#include "support/guarded.hh"
#include "support/tls_rig.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

const std::string get_version = request_of("GET /version");

void connections_have_a_rate(Stage& stage) {
    stage.options.settings.connection_rate = {2, 60, 0};
    assert_served(stage, get_version, version_got);
    another(stage, "");
    Peer& third = another(stage, "");
    third.read();
    assert_int_equal(third.error, ECONNRESET);
    assert_text_equal(summary_of({stage.rig().records().back()}),
                      "client rate_limited by=gate phase=accept op=judge\n");
    assert_text_equal(field_of(stage.rig().records().back(), "detail"),
                      "connections from this address (connection_rate)");
    stage.rig().advance(30'000);
    Peer& fourth = another(stage, get_version);
    stage.upstream_bytes();
    stage.answer(no_content);
    fourth.read();
    assert_text_equal(fourth.received, no_content_got);
}

void handshakes_have_a_rate(Stage& stage) {
    stage.options = tls_options();
    stage.options.settings.handshake_rate = {1, 60, 0};
    TlsPeer first(stage.rig().connect(), client_ways());
    assert_true(first.shake(stage.rig()));
    TlsPeer second(stage.rig().connect(), client_ways());
    assert_false(second.shake(stage.rig()));
    assert_text_equal(summary_of({stage.rig().records().back()}),
                      "client rate_limited by=gate phase=accept op=judge\n");
    assert_text_equal(field_of(stage.rig().records().back(), "detail"),
                      "TLS handshakes with this address (handshake_rate)");
    stage.rig().advance(60'000);
    TlsPeer third(stage.rig().connect(), client_ways());
    assert_true(third.shake(stage.rig()));
    for (TlsPeer* peer : {&first, &second, &third}) peer->socket.close();
}

#define FROM_1 "PROXY TCP4 192.0.2.1 192.0.2.9 1000 2376\r\n"
#define FROM_2 "PROXY TCP4 192.0.2.2 192.0.2.9 1000 2376\r\n"

// Behind a load balancer all come from its address: the one that it names is judged.
void a_balancers_clients_are_judged_by_their_own_address(Stage& stage) {
    stage.options.proxied = true;
    stage.options.settings.connection_rate = {1, 60, 0};
    another(stage, FROM_1);
    Peer& again = another(stage, FROM_1 + get_version);
    again.read();
    assert_int_equal(again.error, ECONNRESET);
    const std::string record = stage.rig().records().back();
    assert_text_equal(summary_of({record}), "client rate_limited by=gate phase=accept op=judge\n");
    assert_text_equal(field_of(record, "peer"), "192.0.2.1:1000");
    Peer& other = another(stage, FROM_2 + get_version);
    assert_true(stage.accept());
    assert_text_contains(stage.upstream_bytes(), "X-Forwarded-For: 192.0.2.2\r\n");
    stage.answer(no_content);
    other.read();
    assert_text_equal(other.received, no_content_got);
    assert_text_equal(field_of(stage.exchange(), "client"), "192.0.2.2:1000");
}

void a_balancers_handshakes_are_judged_by_their_own_address(Stage& stage) {
    stage.options = tls_options();
    stage.options.proxied = true;
    stage.options.settings.handshake_rate = {1, 60, 0};
    const auto shakes = [&](std::string_view header) {
        Peer socket = stage.rig().connect();
        socket.send(header);
        TlsPeer peer(std::move(socket), client_ways());
        const bool shaken = peer.shake(stage.rig());
        peer.socket.close();
        stage.rig().settle();
        return shaken;
    };
    assert_true(shakes(FROM_1));
    stage.rig().take_records();
    assert_false(shakes(FROM_1));
    assert_text_equal(stage.rig().summary(), "client rate_limited by=gate phase=accept op=judge\n");
    assert_text_equal(field_of(stage.rig().records().back(), "detail"),
                      "TLS handshakes with this address (handshake_rate)");
    assert_true(shakes(FROM_2));
}

// Whoever could name an address would be judged by any that it likes.
void only_balancers_of_ours_may_name_an_address(Stage& stage) {
    stage.options.proxied = true;
    stage.options.settings.proxy_from = {"192.0.2.0/24"};
    Peer& stranger = another(stage, FROM_1 + get_version);
    stranger.read();
    assert_true(stranger.eof || stranger.error == ECONNRESET);
    assert_text_equal(stranger.received, "");
    assert_false(stage.accept());
    const std::string record = stage.rig().records().back();
    assert_text_equal(summary_of({record}), "client source_denied by=gate phase=accept op=judge\n");
    assert_text_equal(field_of(record, "detail"), "not a load balancer of ours (proxy_from)");
    assert_text_contains(field_of(record, "peer"), "127.0.0.1:");
}

void a_balancer_of_ours_may_name_an_address(Stage& stage) {
    stage.options.proxied = true;
    stage.options.settings.proxy_from = {"192.0.2.0/24", "127.0.0.0/8"};
    Peer& client = another(stage, FROM_1 + get_version);
    assert_true(stage.accept());
    stage.answer(no_content);
    client.read();
    assert_text_equal(client.received, no_content_got);
    assert_text_equal(field_of(stage.exchange(), "client"), "192.0.2.1:1000");
}

// Requests of a balancer's clients are counted by the address that it names as well.
void a_balancers_clients_have_a_rate_each(Stage& stage) {
    stage.options.proxied = true;
    stage.options.settings.address_rate = {1, 60, 0};
    Peer& one = another(stage, FROM_1 + get_version + get_version);
    assert_true(stage.accept());
    stage.answer(no_content);
    one.read();
    assert_text_contains(one.received, "HTTP/1.1 429 Too Many Requests\r\n");
    stage.upstream_bytes();
    Peer& two = another(stage, FROM_2 + get_version);
    stage.answer(no_content);
    two.read();
    assert_text_equal(two.received, no_content_got);
}

}  // namespace

int main() {
    Cases cases;
    cases.add(SCENARIO(connections_have_a_rate));
    cases.add(SCENARIO(handshakes_have_a_rate));
    cases.add(SCENARIO(a_balancers_clients_are_judged_by_their_own_address));
    cases.add(SCENARIO(a_balancers_handshakes_are_judged_by_their_own_address));
    cases.add(SCENARIO(only_balancers_of_ours_may_name_an_address));
    cases.add(SCENARIO(a_balancer_of_ours_may_name_an_address));
    cases.add(SCENARIO(a_balancers_clients_have_a_rate_each));
    return cases.run("gate_accept");
}
