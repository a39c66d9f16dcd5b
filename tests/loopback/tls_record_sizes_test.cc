// How long the records are that a client gets: the headers on the wire, over a real socket.
#include <openssl/ssl.h>

#include <algorithm>
#include <vector>

#include "net/tls.hh"
#include "support/tls_rig.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

constexpr char get[] = "GET /version HTTP/1.1\r\nHost: docker\r\n\r\n";

// The plaintext in each record of application data, in order, as its header says: AEADs of TLS 1.2 add a
// tag of 16, and GCM the 8 bytes of its nonce (RFC 5288 §3, RFC 7905 §2).
struct Sizes {
    // Before the handshake: OpenSSL 3.2 and later ask only then who wants to hear.
    explicit Sizes(TlsPeer& client) : peer(client) {
        SSL_set_msg_callback(peer.ssl(), note_cb);
        SSL_set_msg_callback_arg(peer.ssl(), this);
    }
    static void note_cb(int writes, int, int type, const void* bytes, size_t size, SSL*, void* to) {
        const auto* header = static_cast<const unsigned char*>(bytes);
        if (writes != 0 || type != SSL3_RT_HEADER || size != 5 || header[0] != 23) return;
        auto* sizes = static_cast<Sizes*>(to);
        sizes->found.push_back(header[3] * 256U + header[4]);
    }
    std::vector<size_t> take() {
        const size_t overhead = peer.cipher().find("GCM") == peer.cipher().npos ? 16 : 24;
        for (size_t& size : found) size -= overhead;
        return std::exchange(found, {});
    }
    TlsPeer& peer;
    std::vector<size_t> found;
};

std::string text_of(const std::vector<size_t>& sizes) {
    std::string text;
    for (size_t i = 0; i < sizes.size();) {
        size_t end = i;
        while (end < sizes.size() && sizes[end] == sizes[i]) ++end;
        text += std::to_string(end - i) + "x" + std::to_string(sizes[i]) + " ";
        i = end;
    }
    return text;
}

TlsWays ways_of(const char* cipher) {
    TlsWays ways = client_ways();
    ways.max_version = TLS1_2_VERSION;
    ways.ciphers = cipher;
    return ways;
}

// Over a unix socket what is sent at once is read at once.
RigOptions unix_upstream() {
    RigOptions options = tls_options();
    options.unix_upstream = true;
    return options;
}

// A client with an answer of `size` bytes, head and all, given to the proxy in one piece.
struct Visit {
    explicit Visit(const char* cipher = "ECDHE-ECDSA-AES256-GCM-SHA384", uint8_t fragment = 0)
        : rig(unix_upstream()), client(rig.connect(), ways_of(cipher)) {
        if (fragment != 0)
            assert_int_equal(SSL_set_tlsext_max_fragment_length(client.ssl(), fragment), 1);
        sizes = std::make_unique<Sizes>(client);
        assert_true(client.shake(rig));
    }
    // The records that brought it, as text, behind a check that all of it came.
    std::string answer(size_t size) {
        client.send(get);
        rig.settle();
        if (!upstream.open()) upstream = rig.accept();
        upstream.read();
        // "Via: 1.1 becaused" is added on the way.
        const std::string line = "Via: 1.1 becaused\r\n";
        std::string head = "HTTP/1.1 200 OK\r\nContent-Length: ";
        size_t body = size - head.size() - line.size() - 4;
        while (head.size() + std::to_string(body).size() + line.size() + 4 + body > size) --body;
        head += std::to_string(body) + "\r\n\r\n";
        assert_int_equal(upstream.send(head + std::string(body, 'x')), head.size() + body);
        client.received.clear();
        for (int turn = 0; turn < 2000 && client.received.size() < size; ++turn) {
            rig.settle();
            client.read();
        }
        assert_int_equal(client.received.size(), size);
        return text_of(sizes->take());
    }
    Rig rig;
    TlsPeer client;
    Peer upstream;
    std::unique_ptr<Sizes> sizes;
};

}  // namespace

static void an_answer_of_one_flight_is_one_record(void**) {
    Visit visit;
    assert_text_equal(visit.answer(200), "1x200 ");
    assert_text_equal(visit.answer(1372), "1x1372 ");
    assert_text_equal(visit.answer(13'710), "1x13710 ");
}

// 40 x 1371 = 54,840; the 150,000's rest is 95,160 = 5 x 16,384 + 13,240.
static void a_long_answer_begins_with_forty_small_records(void**) {
    Visit visit;
    assert_text_equal(visit.answer(150'000), "40x1371 5x16384 1x13240 ");
}

static void just_beyond_one_flight_begins_the_small_ones(void**) {
    Visit visit;
    assert_text_equal(visit.answer(13'711), "10x1371 1x1 ");
}

static void what_went_before_counts(void**) {
    Visit visit;
    for (int i = 0; i < 30; ++i) assert_text_equal(visit.answer(200), "1x200 ");
    // Ten are left: 13,710; the rest is 86,290 = 5 x 16,384 + 4,370.
    assert_text_equal(visit.answer(100'000), "10x1371 5x16384 1x4370 ");
    assert_text_equal(visit.answer(40'000), "2x16384 1x7232 ");
}

static void after_a_second_of_silence_they_are_small_again(void**) {
    Visit visit;
    assert_text_equal(visit.answer(100'000), "40x1371 2x16384 1x12392 ");
    visit.rig.skip(900);
    assert_text_equal(visit.answer(40'000), "2x16384 1x7232 ");
    visit.rig.skip(1000);
    assert_text_equal(visit.answer(40'000), "29x1371 1x241 ");
}

static void chacha_has_the_same_rule(void**) {
    Visit visit("ECDHE-ECDSA-CHACHA20-POLY1305");
    assert_text_equal(visit.answer(150'000), "40x1371 5x16384 1x13240 ");
}

// RFC 6066 §4: who has little memory asks for less. 1000 = 512 + 488; 13,000 =
// 25 x 512 + 200.
static void a_client_gets_no_longer_records_than_it_asked_for(void**) {
    Visit visit("ECDHE-ECDSA-AES256-GCM-SHA384", TLSEXT_max_fragment_length_512);
    assert_text_equal(visit.answer(300), "1x300 ");
    assert_text_equal(visit.answer(1000), "1x512 1x488 ");
    assert_text_equal(visit.answer(13'000), "25x512 1x200 ");
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(an_answer_of_one_flight_is_one_record),
        cmocka_unit_test(a_long_answer_begins_with_forty_small_records),
        cmocka_unit_test(just_beyond_one_flight_begins_the_small_ones),
        cmocka_unit_test(what_went_before_counts),
        cmocka_unit_test(after_a_second_of_silence_they_are_small_again),
        cmocka_unit_test(chacha_has_the_same_rule),
        cmocka_unit_test(a_client_gets_no_longer_records_than_it_asked_for),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
