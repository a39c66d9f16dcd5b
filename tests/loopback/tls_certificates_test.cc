// Who is let in by a client certificate, what is resumed, and how new certificates come into use.
#include <openssl/ssl.h>

#include <cstdio>

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
constexpr char failed[] =
    "client client_tls_failed by=client phase=tls_handshake op=tls_handshake\n";

void exchange(Rig& rig, TlsPeer& client, Peer& upstream) {
    client.received.clear();
    client.send(get);
    if (!upstream.open()) upstream = rig.accept();
    assert_true(upstream.open());
    rig.settle();
    upstream.read();
    assert_text_contains(upstream.received, "GET /version");
    upstream.received.clear();
    upstream.send(answer);
    rig.settle();
    client.read();
    assert_text_equal(client.received, forwarded_answer);
}

void leave(Rig& rig, TlsPeer& client) {
    client.notify();
    client.socket.close();
    rig.settle();
}

// Shakes hands, asks, leaves: "served", or the alert that came.
std::string visit(Rig& rig, TlsPeer& client) {
    Peer upstream;
    if (client.shake(rig)) {
        rig.settle();
        client.read();  // an alert may follow what the client takes for the end of the handshake
    }
    if (!client.alert.empty() || client.failed) {
        client.socket.close();
        rig.settle();
        return client.alert;
    }
    exchange(rig, client, upstream);
    leave(rig, client);
    return "served";
}

std::string client_record(Rig& rig) {
    for (const std::string& line : rig.records())
        if (field_of(line, "side") == "client") return line;
    return "";
}

enum class Demand : uint8_t { verify, ca_only };

RigOptions demanding(Demand demand) {
    RigOptions options = tls_verify_options();
    options.settings.tlsverify = demand == Demand::verify;
    return options;
}

struct Claim {
    const char* name;
    const Pem* certificate;
    const char* outcome;
    const char* detail;
};

void check_claims(Demand demand, const std::vector<Claim>& claims) {
    for (const Claim& claim : claims) {
        print_message("  %s\n", claim.name);
        Rig rig(demanding(demand));
        TlsWays ways = client_ways();
        ways.certificate = claim.certificate;
        ways.max_version = TLS1_2_VERSION;  // 1.3 has other alerts for some
        TlsPeer client(rig.connect(), ways);
        assert_text_equal(visit(rig, client), claim.outcome);
        const bool served = claim.detail == nullptr;
        assert_text_equal(rig.summary(), served ? clean_records : failed);
        if (!served) assert_text_contains(client_record(rig), claim.detail);
        rig.finish();
    }
}

struct Clients {
    Clients() {
        TlsPki& made = pki();
        Wanted wanted;
        wanted.names = "";
        wanted.purpose = "clientAuth";
        wanted.from_s = -7200;
        wanted.until_s = -3600;
        expired = made.certificates.make("expired", wanted, &made.ca);
        wanted.from_s = 3600;
        wanted.until_s = 7200;
        future = made.certificates.make("future", wanted, &made.ca);
        stranger = made.certificates.client("stranger", made.other_ca);
        wanted.from_s = -3600;
        self_signed = made.certificates.make("self-signed", wanted, nullptr);
        wrong_use = made.certificates.server("wrong-use", made.ca);
        const Pem middle = made.certificates.authority("client-middle", &made.ca);
        chained = made.certificates.client("chained", middle);
        chained.certificate = made.certificates.bundle("chained-chain.pem",
                                                       {chained.certificate, middle.certificate});
    }
    Pem expired, future, stranger, self_signed, wrong_use, chained;
};

Clients& clients() {
    static Clients made;
    return made;
}

}  // namespace

static void tlsverify_lets_in_who_shows_a_good_certificate(void**) {
    Clients& each = clients();
    check_claims(
        Demand::verify,
        {
            {"good", &pki().client, "served", nullptr},
            {"by an intermediate", &each.chained, "served", nullptr},
            {"none", nullptr, "fatal handshake failure", "no client certificate was sent"},
            {"expired", &each.expired, "fatal certificate expired", "its certificate has expired"},
            {"from the future", &each.future, "fatal certificate unknown",
             "its certificate is not valid yet"},
            {"another authority's", &each.stranger, "fatal unknown CA",
             "its certificate is not signed by a trusted authority"},
            {"signed by itself", &each.self_signed, "fatal unknown CA",
             "its certificate is not signed by a trusted authority"},
            {"a server's", &each.wrong_use, "fatal unsupported certificate",
             "its certificate is not for this use"},
        });
}

// dockerd's --tlscacert alone: none need come, a bad one does not get in.
static void tlscacert_alone_lets_in_those_without_a_certificate_and_none_with_a_bad_one(void**) {
    Clients& each = clients();
    check_claims(
        Demand::ca_only,
        {
            {"good", &pki().client, "served", nullptr},
            {"by an intermediate", &each.chained, "served", nullptr},
            {"none", nullptr, "served", nullptr},
            {"expired", &each.expired, "fatal certificate expired", "its certificate has expired"},
            {"from the future", &each.future, "fatal certificate unknown",
             "its certificate is not valid yet"},
            {"another authority's", &each.stranger, "fatal unknown CA",
             "its certificate is not signed by a trusted authority"},
            {"signed by itself", &each.self_signed, "fatal unknown CA",
             "its certificate is not signed by a trusted authority"},
            {"a server's", &each.wrong_use, "fatal unsupported certificate",
             "its certificate is not for this use"},
        });
}

// A request in the same segment as the end of a refused handshake must not reach the upstream.
static void a_request_right_behind_a_bad_certificate_goes_nowhere(void**) {
    Rig rig(demanding(Demand::ca_only));
    TlsWays ways = client_ways();
    ways.certificate = &clients().stranger;
    TlsPeer client(rig.connect(), ways);
    client.step();
    client.flush();
    rig.settle();
    client.step();
    // Finished is under way; whatever follows it on the wire is in the same read.
    client.flush();
    client.socket.send(std::string("\x17\x03\x03\x00\x20", 5) + std::string(32, 'x'));
    rig.settle();
    assert_false(rig.accept().open());
    assert_text_equal(rig.summary(), failed);
}

static void tickets_and_ids_resume_sessions(void**) {
    for (const Demand demand : {Demand::verify, Demand::ca_only}) {
        for (const bool tickets : {true, false}) {
            for (const bool certificate : {true, false}) {
                if (!certificate && demand == Demand::verify) continue;
                Rig rig(demanding(demand));
                TlsWays ways = client_ways();
                ways.max_version = TLS1_2_VERSION;
                ways.tickets = tickets;
                if (certificate) ways.certificate = &pki().client;
                TlsPeer first(rig.connect(), ways);
                assert_text_equal(visit(rig, first), "served");
                assert_false(first.resumed());
                const SessionPtr session = first.session();
                assert_true(SSL_SESSION_is_resumable(session.get()) == 1);
                ways.session = session.get();
                rig.take_records();
                for (int i = 0; i < 2; ++i) {
                    TlsPeer again(rig.connect(), ways);
                    assert_true(again.shake(rig));
                    assert_true(again.resumed());
                    leave(rig, again);
                }
                TlsPeer last(rig.connect(), ways);
                assert_true(last.shake(rig));
                assert_true(last.resumed());
                last.send(get);
                rig.settle();
                assert_true(rig.house().session_count() == 1);
            }
        }
    }
}

// What a refused handshake left with the client opens no door later.
static void a_session_of_a_refused_certificate_is_refused_again(void**) {
    for (const bool tickets : {true, false}) {
        Rig rig(demanding(Demand::ca_only));
        TlsWays ways = client_ways();
        ways.tickets = tickets;
        ways.certificate = &clients().stranger;
        TlsPeer first(rig.connect(), ways);
        first.shake(rig);
        const SessionPtr session = first.session();
        first.socket.close();
        rig.settle();
        assert_text_equal(rig.summary(), failed);
        if (session == nullptr) continue;
        ways.session = session.get();
        ways.certificate = nullptr;
        TlsPeer again(rig.connect(), ways);
        again.shake(rig);
        again.send(get);
        rig.settle();
        again.read();
        // Resumed and judged again, or shaken anew as somebody without a certificate.
        if (again.resumed()) {
            assert_false(rig.accept().open());
            assert_text_equal(rig.summary(), std::string(failed) + failed);
        }
    }
}

// A rig whose certificate files are its own, to be changed.
struct OwnFiles {
    OwnFiles() : options(tls_verify_options()) {
        copy(pki().server);
        write_file(authority, read_file(pki().ca.certificate));
        options.settings.tlscert = {pem.certificate};
        options.settings.tlskey = {pem.key};
        options.settings.tlscacert = authority;
    }
    void copy(const Pem& from) {
        // As certificate tools do it: a new file in the old one's place.
        replace(pem.certificate, read_file(from.certificate));
        replace(pem.key, read_file(from.key));
    }
    static void replace(const std::string& path, const std::string& text) {
        write_file(path + ".new", text);
        assert_int_equal(std::rename((path + ".new").c_str(), path.c_str()), 0);
    }
    Certificates directory;
    Pem pem{directory.path("cert.pem"), directory.path("key.pem")};
    std::string authority = directory.path("ca.pem");
    RigOptions options;
};

Pem named(const char* name) {
    Wanted wanted;
    wanted.name = name;
    return pki().certificates.make(name, wanted, &pki().ca);
}

static TlsWays with_certificate() {
    TlsWays ways = client_ways();
    ways.certificate = &pki().client;
    return ways;
}

// Shakes hands and says whose certificate came.
static std::string who_answers(Rig& rig) {
    TlsPeer client(rig.connect(), with_certificate());
    assert_true(client.shake(rig));
    std::string name = client.peer_name();
    leave(rig, client);
    return name;
}

static std::vector<std::string> reports;

static void changed_files_come_into_use_and_old_connections_live_on(void**) {
    reports.clear();
    OwnFiles files;
    const Pem second = named("second");
    Rig rig(files.options);
    rig.house().on_tls_files([](const Status& status) {
        reports.push_back(status.ok() ? std::string("fine") : status.message());
    });
    TlsPeer before(rig.connect(), with_certificate());
    Peer upstream;
    assert_true(before.shake(rig));
    files.copy(second);
    assert_text_equal(who_answers(rig), "localhost");  // looked for every five seconds at most
    rig.advance(5'100);
    assert_text_equal(who_answers(rig), "second");
    assert_int_equal(reports.size(), 1);
    assert_text_equal(reports[0], "fine");
    rig.advance(5'100);
    assert_text_equal(who_answers(rig), "second");
    assert_int_equal(reports.size(), 1);
    exchange(rig, before, upstream);
    leave(rig, before);
}

static void a_bad_file_leaves_the_old_ones_in_use_and_says_so_once(void**) {
    reports.clear();
    OwnFiles files;
    Rig rig(files.options);
    rig.house().on_tls_files([](const Status& status) {
        reports.push_back(status.ok() ? std::string("fine") : status.message());
    });
    // The new certificate is there, its key not yet.
    const Pem third = named("third");
    OwnFiles::replace(files.pem.certificate, read_file(third.certificate));
    rig.advance(5'100);
    assert_text_equal(who_answers(rig), "localhost");
    assert_int_equal(reports.size(), 1);
    assert_text_contains(reports[0], "tlskey: " + files.pem.key + ": ");
    rig.advance(5'100);
    assert_text_equal(who_answers(rig), "localhost");
    assert_int_equal(reports.size(), 1);
    OwnFiles::replace(files.pem.key, read_file(third.key));
    rig.advance(5'100);
    assert_text_equal(who_answers(rig), "third");
    assert_int_equal(reports.size(), 2);
    assert_text_equal(reports[1], "fine");
    for (const std::string& path : {files.pem.certificate, files.pem.key, files.authority}) {
        const std::string good = read_file(path);
        for (const char* bad : {"", "garbage", "-----BEGIN CERTIFICATE-----\nAAAA\n"}) {
            OwnFiles::replace(path, bad);
            const Status status = rig.house().reload();
            assert_false(status.ok());
            assert_text_contains(status.message(), path);
            assert_text_equal(who_answers(rig), "third");
        }
        std::remove(path.c_str());
        assert_false(rig.house().reload().ok());
        assert_text_equal(who_answers(rig), "third");
        OwnFiles::replace(path, good);
        assert_true(rig.house().reload().ok());
        assert_text_equal(who_answers(rig), "third");
    }
}

static void reload_takes_new_files_at_once(void**) {
    OwnFiles files;
    Rig rig(files.options);
    files.copy(named("fourth"));
    assert_true(rig.house().reload().ok());
    assert_text_equal(who_answers(rig), "fourth");
}

static void a_session_is_not_resumed_past_a_new_authority(void**) {
    for (const bool tickets : {true, false}) {
        OwnFiles files;
        Rig rig(files.options);
        TlsWays ways = with_certificate();
        ways.max_version = TLS1_2_VERSION;
        ways.tickets = tickets;
        TlsPeer first(rig.connect(), ways);
        assert_text_equal(visit(rig, first), "served");
        const SessionPtr session = first.session();
        ways.session = session.get();
        OwnFiles::replace(files.authority, read_file(pki().other_ca.certificate));
        assert_true(rig.house().reload().ok());
        rig.take_records();
        TlsPeer again(rig.connect(), ways);
        assert_text_equal(visit(rig, again), "fatal unknown CA");
        assert_text_equal(rig.summary(),
                          "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n" +
                              std::string(failed));
    }
}

// mbedTLS's tickets of TLS 1.3 forget the client's certificate: there are none where it counts. Where the
// library has no 1.3, this is a session of 1.2, and is resumed.
static void in_tls_1_3_a_client_with_a_certificate_shows_it_each_time(void**) {
    Rig rig(tls_verify_options());
    TlsWays ways = with_certificate();
    TlsPeer first(rig.connect(), ways);
    assert_text_equal(visit(rig, first), "served");
    const bool newer = first.version() == "TLSv1.3";
    const SessionPtr session = first.session();
    assert_int_equal(SSL_SESSION_is_resumable(session.get()), newer ? 0 : 1);
    ways.session = session.get();
    TlsPeer again(rig.connect(), ways);
    assert_text_equal(visit(rig, again), "served");
    assert_true(again.resumed() != newer);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(tlsverify_lets_in_who_shows_a_good_certificate),
        cmocka_unit_test(
            tlscacert_alone_lets_in_those_without_a_certificate_and_none_with_a_bad_one),
        cmocka_unit_test(a_request_right_behind_a_bad_certificate_goes_nowhere),
        cmocka_unit_test(tickets_and_ids_resume_sessions),
        cmocka_unit_test(a_session_of_a_refused_certificate_is_refused_again),
        cmocka_unit_test(changed_files_come_into_use_and_old_connections_live_on),
        cmocka_unit_test(a_bad_file_leaves_the_old_ones_in_use_and_says_so_once),
        cmocka_unit_test(reload_takes_new_files_at_once),
        cmocka_unit_test(a_session_is_not_resumed_past_a_new_authority),
        cmocka_unit_test(in_tls_1_3_a_client_with_a_certificate_shows_it_each_time),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
