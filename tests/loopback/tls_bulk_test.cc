// Much data through TLS: whole, bounded, and however it is cut into records and segments; and what idle
// connections cost.
#include <malloc.h>
#include <openssl/ssl.h>
#include <poll.h>

#include <algorithm>

#include "net/tls.hh"
#include "support/sanitizers.hh"
#include "support/tls_rig.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

constexpr size_t bulk = 64U << 20;
constexpr char get[] = "GET /version HTTP/1.1\r\nHost: docker\r\n\r\n";
constexpr char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr char forwarded_answer[] =
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nVia: 1.1 becaused\r\n\r\nok";

// Byte `at` of the endless text that is sent: no two places of a period look the same.
char byte_at(size_t at) { return static_cast<char>((at * 2654435761U) >> 13U); }

std::string piece(size_t from, size_t size) {
    std::string text(size, '\0');
    for (size_t i = 0; i < size; ++i) text[i] = byte_at(from + i);
    return text;
}

bool is_piece(size_t from, std::string_view text) {
    for (size_t i = 0; i < text.size(); ++i)
        if (text[i] != byte_at(from + i)) return false;
    return true;
}

// A reader that checks and forgets.
struct Reader {
    void take(std::string& received) {
        if (!head_seen) {
            const size_t end = received.find("\r\n\r\n");
            if (end == std::string::npos) return;
            head = received.substr(0, end + 4);
            received.erase(0, end + 4);
            head_seen = true;
        }
        right = right && is_piece(count, received);
        count += received.size();
        received.clear();
    }
    std::string head;
    bool head_seen = false;
    bool right = true;
    size_t count = 0;
};

// The kernel's buffers move by themselves now and then (window updates).
void breathe(size_t round) {
    if (round % 64 == 63) ::poll(nullptr, 0, 1);
}
constexpr size_t most_rounds = 400'000;

constexpr size_t slab_limit = 24;

RigOptions bounded(RigOptions options) {
    options.slabs = slab_limit;
    return options;
}

}  // namespace

static void sixty_four_megabytes_up_are_whole_and_bounded(void**) {
    Rig rig(bounded(tls_options()));
    TlsPeer client(rig.connect(), client_ways());
    assert_true(client.shake(rig));
    client.send("POST /images/load HTTP/1.1\r\nHost: docker\r\nContent-Length: " +
                std::to_string(bulk) + "\r\n\r\n");
    Peer upstream = rig.accept();
    Reader reader;
    size_t sent = 0;
    size_t most_slabs = 0;
    // A while in which the upstream reads nothing: the client must be held back.
    for (int i = 0; i < 3000; ++i) {
        if (client.outgoing.empty()) {
            client.send(piece(sent, 65536));
            sent += 65536;
        }
        client.flush();
        rig.loop().turn();
        most_slabs = std::max(most_slabs, rig.loop().slabs().alive());
    }
    assert_true(sent < bulk / 2);
    assert_true(most_slabs <= 8);
    for (size_t round = 0; reader.count < bulk && round < most_rounds; ++round) {
        if (client.outgoing.empty() && sent < bulk) {
            client.send(piece(sent, 65536));
            sent += 65536;
        }
        client.flush();
        rig.loop().turn();
        upstream.read();
        reader.take(upstream.received);
        most_slabs = std::max(most_slabs, rig.loop().slabs().alive());
        breathe(round);
    }
    assert_int_equal(reader.count, bulk);
    assert_true(reader.right);
    assert_true(most_slabs <= 8);
    upstream.send(answer);
    rig.settle();
    client.read();
    assert_text_equal(client.received, forwarded_answer);
    assert_text_equal(rig.summary(), "exchange complete by=nobody phase=done op=none status=200\n");
    assert_text_equal(field_of(rig.records()[0], "bytes.upstream_out").substr(0, 3), "671");
}

static void sixty_four_megabytes_down_are_whole_and_bounded(void**) {
    Rig rig(bounded(tls_options()));
    TlsPeer client(rig.connect(), client_ways());
    assert_true(client.shake(rig));
    client.send(get);
    Peer upstream = rig.accept();
    upstream.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(bulk) + "\r\n\r\n");
    std::string pending;
    size_t made = 0;
    size_t most_slabs = 0;
    const auto feed = [&] {
        if (pending.empty() && made < bulk) {
            pending = piece(made, 65536);
            made += pending.size();
        }
        pending.erase(0, upstream.send(pending));
        rig.loop().turn();
        most_slabs = std::max(most_slabs, rig.loop().slabs().alive());
    };
    for (int i = 0; i < 3000; ++i) feed();  // the client reads nothing: the upstream is held back
    assert_true(made < bulk / 2);
    assert_true(most_slabs <= 8);
    Reader reader;
    for (size_t round = 0; reader.count < bulk && round < most_rounds; ++round) {
        feed();
        client.read();
        reader.take(client.received);
        breathe(round);
    }
    assert_int_equal(reader.count, bulk);
    assert_true(reader.right);
    assert_true(most_slabs <= 8);
    rig.settle();
    assert_text_equal(rig.summary(), "exchange complete by=nobody phase=done op=none status=200\n");
}

static void chunked_bodies_pass_both_ways(void**) {
    Rig rig(tls_options());
    TlsPeer client(rig.connect(), client_ways());
    assert_true(client.shake(rig));
    client.send("POST /build HTTP/1.1\r\nHost: docker\r\nTransfer-Encoding: chunked\r\n\r\n");
    client.send("5\r\nabcde\r\n");
    client.send("3\r\nfgh\r");
    client.send("\n0\r\n\r");
    client.send("\n");
    Peer upstream = rig.accept();
    rig.settle();
    upstream.read();
    assert_true(upstream.received.ends_with("\r\n\r\n8\r\nabcdefgh\r\n0\r\n\r\n"));
    upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nwxyz\r\n");
    rig.settle();
    client.read();
    assert_true(client.received.ends_with("4\r\nwxyz\r\n"));
    upstream.send("0\r\n\r\n");
    rig.settle();
    client.read();
    assert_true(client.received.ends_with("4\r\nwxyz\r\n0\r\n\r\n"));
    assert_text_equal(rig.summary(), "exchange complete by=nobody phase=done op=none status=200\n");
}

static void requests_in_one_record_are_answered_in_order(void**) {
    Rig rig(tls_options());
    TlsPeer client(rig.connect(), client_ways());
    assert_true(client.shake(rig));
    client.send(std::string(get) + get + get);
    Peer upstream = rig.accept();
    for (int i = 0; i < 3; ++i) {
        rig.settle();
        upstream.read();
        assert_text_contains(upstream.received, "GET /version");
        upstream.received.clear();
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n" + std::to_string(i));
        rig.settle();
    }
    client.read();
    std::string expected;
    for (int i = 0; i < 3; ++i)
        expected +=
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nVia: 1.1 becaused\r\n\r\n" + std::to_string(i);
    assert_text_equal(client.received, expected);
}

static void a_request_may_be_cut_into_any_records_and_segments(void**) {
    for (const size_t segment : {1U, 7U, 100U}) {
        Rig rig(tls_options());
        TlsPeer client(rig.connect(), client_ways());
        assert_true(client.shake(rig));
        std::string wire;
        for (const char byte : std::string_view(get)) wire += client.seal({&byte, 1});
        for (size_t at = 0; at < wire.size(); at += segment) {
            client.socket.send(std::string_view(wire).substr(at, segment));
            rig.loop().turn();
        }
        Peer upstream = rig.accept();
        assert_true(upstream.open());
        upstream.send(answer);
        rig.settle();
        client.read();
        assert_text_equal(client.received, forwarded_answer);
    }
}

// The handshake's last message and the request in one segment.
static void a_request_right_behind_the_handshake_is_served(void**) {
    Rig rig(tls_options());
    TlsWays ways = client_ways();
    ways.max_version = TLS1_2_VERSION;
    TlsPeer first(rig.connect(), ways);
    assert_true(first.shake(rig));
    const SessionPtr session = first.session();
    ways.session = session.get();
    // Resumed, the client has the last word (RFC 5246 §7.3): its Finished and its request go together.
    TlsPeer client(rig.connect(), ways);
    client.step();
    client.flush();
    rig.settle();
    assert_true(client.step());
    assert_true(client.resumed());
    std::string wire = client.outgoing;
    client.outgoing.clear();
    wire += client.seal(get);
    client.socket.send(wire);
    Peer upstream = rig.accept();
    assert_true(upstream.open());
    upstream.send(answer);
    rig.settle();
    client.read();
    assert_text_equal(client.received, forwarded_answer);
}

// Slabs come home at rest, and record buffers are lent to whoever has work.
static void idle_connections_hold_no_slab_and_no_record_buffers(void**) {
    constexpr size_t many = 40;
    Rig rig(tls_options());
    Peer upstream;
    std::vector<std::unique_ptr<TlsPeer>> clients;
    const auto one_more = [&] {
        clients.push_back(std::make_unique<TlsPeer>(rig.connect(), client_ways()));
        TlsPeer& client = *clients.back();
        assert_true(client.shake(rig));
        client.send(get);
        if (!upstream.open()) upstream = rig.accept();
        rig.settle();
        upstream.read();
        upstream.received.clear();
        upstream.send(answer);
        rig.settle();
        client.read();
        assert_text_equal(client.received, forwarded_answer);
    };
    one_more();
    assert_int_equal(rig.loop().slabs().held(), 0);
    for (size_t i = 0; i < many; ++i) one_more();
    assert_int_equal(rig.loop().slabs().held(), 0);
    assert_true(rig.loop().slabs().alive() <= 1);
#if MBEDTLS_VERSION_MAJOR < 3
    assert_true(rig.loop().tls_room().spare.size() > 0);
#endif
    // What the proxy's side of one costs: its session goes away alone, OpenSSL's end stays.
    const auto in_use = [] { return ::mallinfo2().uordblks + ::mallinfo2().hblkhd; };
    for (auto& client : clients) client->socket.finish();
    const size_t before = in_use();
    rig.settle();
    const size_t after = in_use();
    assert_int_equal(rig.house().session_count(), 0);
    const size_t each = (before - after) / clients.size();
    print_message("  %zu bytes of heap for an idle TLS connection\n", each);
#if MBEDTLS_VERSION_MAJOR < 3
    if constexpr (!sanitized) assert_true(each > 1000 && each < 8 * 1024);
#endif
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(sixty_four_megabytes_up_are_whole_and_bounded),
        cmocka_unit_test(sixty_four_megabytes_down_are_whole_and_bounded),
        cmocka_unit_test(chunked_bodies_pass_both_ways),
        cmocka_unit_test(requests_in_one_record_are_answered_in_order),
        cmocka_unit_test(a_request_may_be_cut_into_any_records_and_segments),
        cmocka_unit_test(a_request_right_behind_the_handshake_is_served),
        cmocka_unit_test(idle_connections_hold_no_slab_and_no_record_buffers),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
