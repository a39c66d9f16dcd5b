// Records that no ordinary client sends, between our state and a mbedTLS client in memory: they are read
// as the RFCs say, whatever mbedtls_ssl_read calls them.

#include <mbedtls/ssl.h>
#include <mbedtls/version.h>
#if MBEDTLS_VERSION_MAJOR < 3
#include <mbedtls/ssl_internal.h>
#endif

#include <algorithm>
#include <string>

#include "net/tls.hh"
#include "support/certificates.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

#if MBEDTLS_VERSION_MAJOR >= 3
int main() { return 0; }  // the client below speaks 2.28's interface
#else

namespace {

// A client of TLS 1.2 that says what it is told to.
struct Client {
    Client() {
        mbedtls_ssl_config_init(&config);
        mbedtls_ssl_init(&ssl);
        assert_int_equal(
            mbedtls_ssl_config_defaults(&config, MBEDTLS_SSL_IS_CLIENT,
                                        MBEDTLS_SSL_TRANSPORT_STREAM, MBEDTLS_SSL_PRESET_DEFAULT),
            0);
        mbedtls_ssl_conf_rng(&config, tls_random, nullptr);
        mbedtls_ssl_conf_authmode(&config, MBEDTLS_SSL_VERIFY_NONE);
        mbedtls_ssl_conf_renegotiation(&config, MBEDTLS_SSL_RENEGOTIATION_ENABLED);
        mbedtls_ssl_conf_max_version(&config, MBEDTLS_SSL_MAJOR_VERSION_3,
                                     MBEDTLS_SSL_MINOR_VERSION_3);
        assert_int_equal(mbedtls_ssl_setup(&ssl, &config), 0);
        mbedtls_ssl_set_bio(
            &ssl, this,
            [](void* to, const unsigned char* bytes, size_t size) {
                static_cast<Client*>(to)->out.append(reinterpret_cast<const char*>(bytes), size);
                return static_cast<int>(size);
            },
            [](void* from, unsigned char* bytes, size_t size) {
                std::string& pending = static_cast<Client*>(from)->in;
                const size_t count = std::min(size, pending.size());
                if (count == 0) return MBEDTLS_ERR_SSL_WANT_READ;
                pending.copy(reinterpret_cast<char*>(bytes), count);
                pending.erase(0, count);
                return static_cast<int>(count);
            },
            nullptr);
    }
    Client(const Client&) = delete;
    Client& operator=(const Client&) = delete;
    ~Client() {
        mbedtls_ssl_free(&ssl);
        mbedtls_ssl_config_free(&config);
    }
    // One record; empty ones too.
    void say(std::string_view plain) {
        assert_int_equal(
            mbedtls_ssl_write(&ssl, reinterpret_cast<const unsigned char*>(plain.data()),
                              plain.size()),
            static_cast<int>(plain.size()));
    }
    std::string take_out() { return std::exchange(out, {}); }

    mbedtls_ssl_config config;
    mbedtls_ssl_context ssl;
    std::string in;
    std::string out;
};

struct Pair {
    Pair() {
        const Pem pem = certificates.make("server", {});
        TlsFiles files;
        files.pairs.push_back({pem.certificate, pem.key});
        Result<TlsContext*> opened = TlsContext::open(TlsContext::Role::server, files);
        assert_true(opened.ok());
        context = opened.value();
        server = Tls::open(*context, room);
        assert_non_null(server.get());
        for (int i = 0; i < 10 && !server->secured(); ++i) {
            const int error = mbedtls_ssl_handshake(&client.ssl);
            assert_true(error == 0 || error == MBEDTLS_ERR_SSL_WANT_READ);
            const std::string wire = client.take_out();
            std::string_view in = wire;
            assert_true(server->handshake(in) != Tls::Step::failed);
            assert_true(in.empty());
            client.in += room.out.view();
            room.out.clear();
        }
        assert_int_equal(mbedtls_ssl_handshake(&client.ssl), 0);
        server->rest();
    }
    Pair(const Pair&) = delete;
    Pair& operator=(const Pair&) = delete;
    ~Pair() {
        server.reset();
        context->release();
    }
    // The server reads `wire`; its plaintext is added to `plain`.
    Tls::Step read(std::string_view wire) {
        std::string space(wire.size() + Tls::record_bytes + 1, '\0');
        size_t count = 0;
        const Tls::Step step = server->read(wire, space, count);
        plain += space.substr(0, count);
        server->rest();
        return step;
    }
    Certificates certificates;
    TlsRoom room;
    TlsContext* context = nullptr;
    std::unique_ptr<Tls> server;
    Client client;
    std::string plain;
};

}  // namespace

static void empty_records_end_nothing(void**) {
    Pair pair;
    pair.client.say("a");
    for (int i = 0; i < 3; ++i) pair.client.say("");
    pair.client.say("b");
    assert_int_equal(pair.read(pair.client.take_out()), Tls::Step::more);
    assert_text_equal(pair.plain, "ab");
    for (int i = 0; i < 2; ++i) {
        pair.client.say("");
        assert_int_equal(pair.read(pair.client.take_out()), Tls::Step::more);
    }
    pair.client.say("c");
    assert_int_equal(pair.read(pair.client.take_out()), Tls::Step::more);
    assert_text_equal(pair.plain, "abc");
}

// mbedTLS bounds them: they cost work and bring nothing.
static void a_flood_of_empty_records_is_refused(void**) {
    Pair pair;
    for (int i = 0; i < 100; ++i) pair.client.say("");
    assert_int_equal(pair.read(pair.client.take_out()), Tls::Step::failed);
}

static void a_warning_that_means_nothing_loses_no_bytes(void**) {
    Pair pair;
    pair.client.say("before ");
    for (int i = 0; i < 3; ++i) {
        assert_int_equal(
            mbedtls_ssl_send_alert_message(&pair.client.ssl, MBEDTLS_SSL_ALERT_LEVEL_WARNING,
                                           MBEDTLS_SSL_ALERT_MSG_NO_RENEGOTIATION),
            0);
        pair.client.say("behind ");
    }
    assert_int_equal(pair.read(pair.client.take_out()), Tls::Step::more);
    assert_text_equal(pair.plain, "before behind behind behind ");
}

// Asked once or twice it is refused by a warning, and what came before and comes after counts.
static void renegotiation_is_refused_without_losing_bytes(void**) {
    Pair pair;
    pair.client.say("before ");
    const int asked = mbedtls_ssl_renegotiate(&pair.client.ssl);
    assert_true(asked == MBEDTLS_ERR_SSL_WANT_READ || asked == 0);
    assert_int_equal(pair.read(pair.client.take_out()), Tls::Step::more);
    assert_text_equal(pair.plain, "before ");
    assert_true(!pair.room.out.empty());  // the warning
}

// What a reader that never reads could make us queue is bounded.
static void renegotiation_again_and_again_is_a_fault(void**) {
    Pair pair;
    bool failed = false;
    for (int i = 0; i < 20 && !failed; ++i) {
        pair.client.ssl.renego_status = MBEDTLS_SSL_INITIAL_HANDSHAKE;
        pair.client.ssl.state = MBEDTLS_SSL_HANDSHAKE_OVER;
        mbedtls_ssl_renegotiate(&pair.client.ssl);
        failed = pair.read(pair.client.take_out()) == Tls::Step::failed;
    }
    assert_true(failed);
    assert_text_equal(pair.server->detail(), "it asks for a renegotiation over and over");
}

static void any_cut_of_the_wire_gives_the_same_bytes(void**) {
    for (const size_t size : {1U, 2U, 5U, 13U, 29U, 100U, 16384U}) {
        Pair pair;
        std::string expected;
        for (int i = 0; i < 5; ++i) {
            const std::string text(static_cast<size_t>(1) << (3 * i), static_cast<char>('a' + i));
            pair.client.say(text);
            expected += text;
        }
        const std::string wire = pair.client.take_out();
        for (size_t at = 0; at < wire.size(); at += size)
            assert_int_equal(pair.read(std::string_view(wire).substr(at, size)), Tls::Step::more);
        assert_true(pair.plain == expected);
    }
}

// Whole records take another way than those in pieces: both ways count the same records.
static void whole_records_and_pieces_take_turns(void**) {
    Pair pair;
    std::string expected;
    for (size_t round = 0; round < 40; ++round) {
        std::string wire;
        for (size_t i = 0; i < 3; ++i) {
            const std::string text(1 + round * 400 + i, static_cast<char>('a' + i));
            pair.client.say(text);
            expected += text;
        }
        wire = pair.client.take_out();
        const size_t cut = wire.size() * (round % 5) / 4;
        assert_int_equal(pair.read(wire.substr(0, cut)), Tls::Step::more);
        assert_int_equal(pair.read(wire.substr(cut)), Tls::Step::more);
    }
    assert_true(pair.plain == expected);
}

// What came before it counts; it, and what is behind it, does not; and the client hears why.
static void a_changed_record_fails_wherever_it_is_changed(void**) {
    constexpr size_t text_bytes = 100;
    const size_t record_bytes = 5 + 8 + text_bytes + 16;
    for (const size_t at :
         {5U, 12U, 13U, 60U, 112U, 113U, 128U}) {  // nonce, text and tag, each end
        Pair pair;
        pair.client.say("before");
        std::string wire = pair.client.take_out();
        pair.client.say(std::string(text_bytes, 'x'));
        std::string changed = pair.client.take_out();
        assert_int_equal(changed.size(), record_bytes);
        changed[at] = static_cast<char>(changed[at] ^ 1);
        pair.client.say("behind");
        assert_int_equal(pair.read(wire + changed + pair.client.take_out()), Tls::Step::failed);
        assert_text_equal(pair.plain, "before");
        assert_text_equal(pair.server->detail(), "a record was changed on its way");
        pair.client.in += pair.room.out.view();
        unsigned char byte = 0;
        assert_int_equal(mbedtls_ssl_read(&pair.client.ssl, &byte, 1),
                         MBEDTLS_ERR_SSL_FATAL_ALERT_MESSAGE);
        assert_int_equal(pair.client.ssl.in_msg[1], MBEDTLS_SSL_ALERT_MSG_BAD_RECORD_MAC);
    }
}

static void a_record_again_or_out_of_turn_fails(void**) {
    Pair pair;
    pair.client.say("one");
    const std::string one = pair.client.take_out();
    pair.client.say("two");
    const std::string two = pair.client.take_out();
    assert_int_equal(pair.read(one + one), Tls::Step::failed);
    assert_text_equal(pair.plain, "one");
    Pair other;
    other.client.say("one");
    other.client.take_out();
    other.client.say("two");
    assert_int_equal(other.read(other.client.take_out()), Tls::Step::failed);
    assert_text_equal(other.plain, "");
}

// A header that lies: 2^14 bytes of text at most (RFC 5246 §6.2.1), and never less than nonce and tag.
static void lengths_that_no_record_has_fail(void**) {
    for (const size_t length : {0U, 1U, 23U, 16384U + 25U, 16384U + 2049U, 65535U}) {
        Pair pair;
        std::string wire = {23, 3, 3, static_cast<char>(length >> 8U), static_cast<char>(length)};
        wire += std::string(std::min<size_t>(length, 18'000), 'x');
        assert_int_equal(pair.read(wire), Tls::Step::failed);
        assert_text_equal(pair.plain, "");
    }
}

// Both ends of what is written: mbedTLS reads it, whatever its size.
static void mbedtls_reads_what_is_sealed(void**) {
    Pair pair;
    for (const size_t size : {1U, 15U, 16U, 17U, 1371U, 16384U, 16385U, 50'000U}) {
        const std::string text(size, static_cast<char>('a' + size % 26));
        assert_true(pair.server->write(text));
        pair.server->rest();
        pair.client.in += pair.room.out.view();
        pair.room.out.clear();
        std::string got(size, '\0');
        for (size_t count = 0; count < size;) {
            const int some = mbedtls_ssl_read(&pair.client.ssl,
                                              reinterpret_cast<unsigned char*>(got.data()) + count,
                                              size - count);
            assert_true(some > 0);
            count += static_cast<size_t>(some);
        }
        assert_true(got == text);
    }
    pair.server->finish();
    pair.client.in += pair.room.out.view();
    unsigned char byte = 0;
    assert_int_equal(mbedtls_ssl_read(&pair.client.ssl, &byte, 1),
                     MBEDTLS_ERR_SSL_PEER_CLOSE_NOTIFY);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(empty_records_end_nothing),
        cmocka_unit_test(a_flood_of_empty_records_is_refused),
        cmocka_unit_test(a_warning_that_means_nothing_loses_no_bytes),
        cmocka_unit_test(renegotiation_is_refused_without_losing_bytes),
        cmocka_unit_test(renegotiation_again_and_again_is_a_fault),
        cmocka_unit_test(any_cut_of_the_wire_gives_the_same_bytes),
        cmocka_unit_test(whole_records_and_pieces_take_turns),
        cmocka_unit_test(a_changed_record_fails_wherever_it_is_changed),
        cmocka_unit_test(a_record_again_or_out_of_turn_fails),
        cmocka_unit_test(lengths_that_no_record_has_fail),
        cmocka_unit_test(mbedtls_reads_what_is_sealed),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}

#endif
