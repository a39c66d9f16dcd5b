// How TLS connections end: close_notify sent and demanded, half-closes in tunnels, resets, and what was
// changed on the way. Nothing that was cut looks whole.
#include <openssl/ssl.h>

#include <algorithm>

#include "support/tls_rig.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

constexpr char get[] = "GET /version HTTP/1.1\r\nHost: docker\r\n\r\n";
constexpr char post_head[] =
    "POST /images/load HTTP/1.1\r\nHost: docker\r\nContent-Length: 100\r\n\r\n";
constexpr char attach[] =
    "POST /containers/a/attach?stream=1 HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\n"
    "Upgrade: tcp\r\nContent-Length: 0\r\n\r\n";
constexpr char switched[] = "HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";
constexpr char answer[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr char complete[] = "exchange complete by=nobody phase=done op=none status=200\n";

// A secured client and the upstream of its request.
struct Talk {
    explicit Talk(std::string_view request, RigOptions options = tls_options())
        : rig(std::move(options)), client(rig.connect(), client_ways()) {
        assert_true(client.shake(rig));
        if (request.empty()) return;
        client.send(request);
        upstream = rig.accept();
        assert_true(upstream.open());
        rig.settle();
        upstream.read();
    }
    // The upstream's bytes reach the client.
    void reply(std::string_view bytes) {
        upstream.send(bytes);
        rig.settle();
        client.read();
    }
    // What the client still gets.
    void look() {
        rig.settle();
        client.read();
        upstream.read();
    }
    void tunnel() {
        reply(switched);
        assert_text_contains(client.received, "101");
        client.received.clear();
        upstream.received.clear();
    }
    std::string records() {
        rig.settle();
        return rig.summary();
    }
    Rig rig;
    TlsPeer client;
    Peer upstream;
};

constexpr char truncated_in[] =
    "exchange client_tls_truncated by=client phase=PHASE op=tls_read status=0\n"
    "client client_tls_truncated by=client phase=PHASE op=tls_read\n"
    "upstream partner(client_tls_truncated) by=nobody phase=PHASE op=none\n";

std::string in_phase(std::string text, const std::string& phase) {
    for (size_t at = text.find("PHASE"); at != std::string::npos; at = text.find("PHASE"))
        text.replace(at, 5, phase);
    return text;
}

// The lines of a summary in the order of the alphabet: which of two connections is gone first is
// nobody's promise.
std::string sorted(const std::string& text) {
    std::vector<std::string> lines;
    for (size_t from = 0; from < text.size();) {
        const size_t end = text.find('\n', from) + 1;
        lines.push_back(text.substr(from, end - from));
        from = end;
    }
    std::sort(lines.begin(), lines.end());
    std::string all;
    for (const std::string& line : lines) all += line;
    return all;
}

}  // namespace

static void our_ends_begin_with_a_close_notify(void**) {
    {  // the last answer of a connection
        Talk talk("GET /a HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        talk.reply(answer);
        assert_true(talk.client.notified && talk.client.socket.eof);
        assert_int_equal(talk.client.socket.error, 0);
        assert_text_contains(talk.client.received, "\r\n\r\nok");
    }
    {  // an idle one
        Talk talk("");
        talk.rig.advance(120'500);
        talk.look();
        assert_true(talk.client.notified && talk.client.socket.eof);
        assert_text_equal(
            talk.records(),
            "client keepalive_idle by=nobody phase=keepalive op=clock clock=keepalive/120000\n");
    }
    {  // at a stop
        Talk talk("");
        talk.rig.house().stop();
        talk.look();
        assert_true(talk.client.notified && talk.client.socket.eof);
        assert_text_equal(talk.records(),
                          "client shutdown_idle by=operator phase=keepalive op=none\n");
    }
    {  // a refused request
        Talk talk("");
        talk.client.send("GET / HTTP/9.9\r\n\r\n");
        talk.look();
        assert_text_contains(talk.client.received, "HTTP/1.1 505");
        assert_true(talk.client.notified);
        talk.client.notify();
        talk.look();
        assert_true(talk.client.socket.eof);
    }
}

static void an_idle_client_may_leave_in_any_way_but_by_a_reset(void**) {
    for (const int how : {0, 1, 2}) {
        Talk talk(get);
        talk.reply(answer);
        if (how == 0) talk.client.notify();
        if (how <= 1) talk.client.socket.close();
        else talk.client.socket.reset();
        assert_text_equal(
            talk.records(),
            std::string(complete) +
                (how <= 1 ? "client client_closed_idle by=nobody phase=keepalive op=none\n"
                          : "client client_reset by=client phase=keepalive op=read "
                            "errno=ECONNRESET\n"));
    }
}

static void a_fin_without_close_notify_truncates_a_request(void**) {
    {  // in the head
        Talk talk("");
        talk.client.send(std::string_view(get).substr(0, 20));
        talk.rig.settle();
        talk.client.socket.finish();
        assert_text_equal(
            talk.records(),
            "exchange client_tls_truncated by=client phase=request_head op=tls_read status=0\n"
            "client client_tls_truncated by=client phase=request_head op=tls_read\n");
    }
    {  // in the body
        Talk talk(std::string(post_head) + "half");
        talk.client.socket.finish();
        talk.look();
        assert_int_equal(talk.upstream.error, ECONNRESET);
        assert_text_equal(sorted(talk.records()), sorted(in_phase(truncated_in, "request_body")));
    }
    {  // while it waits for its answer
        Talk talk(get);
        talk.client.socket.finish();
        talk.look();
        assert_text_equal(sorted(talk.records()), sorted(in_phase(truncated_in, "first_byte")));
    }
    {  // in the answer
        Talk talk(get);
        talk.reply("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
        talk.client.socket.finish();
        talk.look();
        std::string expected = in_phase(truncated_in, "response_body");
        expected.replace(expected.find("status=0"), 8, "status=200");
        assert_text_equal(sorted(talk.records()), sorted(expected));
    }
    {  // in a tunnel
        Talk talk(attach);
        talk.tunnel();
        talk.client.socket.finish();
        talk.look();
        std::string expected = in_phase(truncated_in, "tunnel");
        expected.replace(expected.find("status=0"), 8, "status=101");
        assert_text_equal(sorted(talk.records()), sorted(expected));
        assert_int_equal(talk.upstream.error, ECONNRESET);
    }
}

static void a_reset_blames_the_client_in_every_phase(void**) {
    struct Case {
        std::string_view request;
        std::string_view reply;
        const char* phase;
        const char* status;
    };
    const std::string part = std::string(post_head) + "half";
    const Case cases[] = {
        {part, "", "request_body", "499"},
        {get, "", "first_byte", "499"},
        {get, "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nabc", "response_body", "200"},
        {attach, switched, "tunnel", "101"},
    };
    for (const Case& each : cases) {
        Talk talk(each.request);
        talk.reply(each.reply);
        talk.client.socket.reset();
        talk.look();
        assert_int_equal(talk.upstream.error, ECONNRESET);
        const std::string phase = each.phase;
        assert_text_equal(
            sorted(talk.records()),
            sorted("exchange client_reset by=client phase=" + phase +
                   " op=read errno=ECONNRESET status=" + each.status +
                   "\nclient client_reset by=client phase=" + phase +
                   " op=read errno=ECONNRESET\nupstream partner(client_reset) by=nobody phase=" +
                   phase + " op=none\n"));
    }
}

// What Docker's clients do when their standard input ends: close_notify, no FIN, and reading on.
static void a_half_close_by_close_notify_reaches_the_upstream_as_a_fin(void**) {
    Talk talk(attach);
    talk.tunnel();
    talk.client.send("last words");
    talk.client.notify();
    talk.look();
    assert_text_equal(talk.upstream.received, "last words");
    assert_true(talk.upstream.eof);
    talk.rig.advance(7'200'000);  // attach may be silent for hours
    talk.reply("an answer");
    assert_text_equal(talk.client.received, "an answer");
    assert_false(talk.client.notified);
    assert_text_equal(talk.records(), "");
    talk.upstream.close();
    talk.look();
    assert_true(talk.client.notified && talk.client.socket.eof);
    talk.client.socket.close();
    assert_text_equal(sorted(talk.records()),
                      "client tunnel_complete by=nobody phase=done op=none\n"
                      "exchange tunnel_complete by=nobody phase=done op=none status=101\n"
                      "upstream tunnel_complete by=nobody phase=done op=none\n");
}

static void a_fin_after_the_half_close_means_gone(void**) {
    Talk talk(attach);
    talk.tunnel();
    talk.client.notify();
    talk.look();
    assert_true(talk.upstream.eof);
    talk.client.socket.finish();
    talk.look();
    // The upstream has heard the farewell: for a moment it may end its half of the tunnel as well.
    talk.rig.advance(1'800);
    assert_text_equal(talk.records(), "");
    talk.rig.advance(300);
    assert_text_equal(sorted(talk.records()),
                      "client client_closed by=client phase=tunnel op=read\n"
                      "exchange client_closed by=client phase=tunnel op=read status=101\n"
                      "upstream partner(client_closed) by=nobody phase=tunnel op=none\n");
}

// As BuildKit's session does at the end of a build.
static void a_tunnel_that_both_ends_end_after_the_clients_farewell_is_complete(void**) {
    for (const bool at_once : {false, true}) {
        Talk talk(attach);
        talk.tunnel();
        talk.client.send("bye");
        talk.client.notify();
        if (at_once) talk.client.socket.close();
        talk.look();
        if (!at_once) talk.client.socket.close();
        talk.look();
        talk.rig.advance(1'000);
        assert_text_equal(talk.upstream.received, "bye");
        assert_true(talk.upstream.eof);
        talk.upstream.close();
        assert_text_equal(sorted(talk.records()),
                          "client tunnel_complete by=nobody phase=done op=none\n"
                          "exchange tunnel_complete by=nobody phase=done op=none status=101\n"
                          "upstream tunnel_complete by=nobody phase=done op=none\n");
    }
}

static void a_half_close_before_the_tunnel_stands_is_kept_for_it(void**) {
    Talk talk("");
    std::string wire = talk.client.seal(attach);
    wire += talk.client.seal("early");
    wire += talk.client.sealed_notify();
    talk.client.socket.send(wire);
    talk.upstream = talk.rig.accept();
    talk.reply(switched);
    talk.look();
    assert_text_contains(talk.upstream.received, "\r\n\r\nearly");
    assert_true(talk.upstream.eof);
    talk.upstream.send("bye");
    talk.upstream.close();
    talk.look();
    assert_text_contains(talk.client.received, "\r\n\r\nbye");
    talk.client.socket.close();
    assert_text_equal(sorted(talk.records()),
                      "client tunnel_complete by=nobody phase=done op=none\n"
                      "exchange tunnel_complete by=nobody phase=done op=none status=101\n"
                      "upstream tunnel_complete by=nobody phase=done op=none\n");
}

// The upstream's half ends; the client's goes on.
static void the_upstreams_fin_in_a_tunnel_is_a_close_notify(void**) {
    Talk talk(attach);
    talk.tunnel();
    talk.upstream.send("the end");
    talk.upstream.finish();
    talk.look();
    assert_text_equal(talk.client.received, "the end");
    assert_true(talk.client.notified);
    assert_false(talk.client.socket.eof);  // the FIN comes when both halves are over
    assert_text_equal(talk.records(), "");
    talk.client.send("still here");
    talk.look();
    assert_text_equal(talk.upstream.received, "still here");
    talk.client.notify();
    talk.look();
    assert_true(talk.upstream.eof);
    assert_text_equal(sorted(talk.records()),
                      "client tunnel_complete by=nobody phase=done op=none\n"
                      "exchange tunnel_complete by=nobody phase=done op=none status=101\n"
                      "upstream tunnel_complete by=nobody phase=done op=none\n");
}

static void what_follows_a_close_notify_does_not_count(void**) {
    Talk talk(attach);
    talk.tunnel();
    const std::string more = talk.client.seal("before");
    const std::string farewell = talk.client.sealed_notify();
    talk.client.socket.send(more + farewell + std::string(300, 'x'));
    talk.look();
    talk.client.socket.send(std::string(300, 'y'));
    talk.look();
    assert_text_equal(talk.upstream.received, "before");
    assert_true(talk.upstream.eof);
    assert_text_equal(talk.records(), "");
}

static void a_request_and_its_farewell_in_one_segment_are_a_client_that_left(void**) {
    Talk talk("");
    std::string wire = talk.client.seal(get);
    wire += talk.client.sealed_notify();
    talk.client.socket.send(wire);
    talk.look();
    assert_text_contains(sorted(talk.records()),
                         "exchange client_closed by=client phase=connect op=read status=499\n");
    RigOptions lenient = tls_options();
    lenient.settings.allow_half_close = true;
    Talk patient("", lenient);
    wire = patient.client.seal(get);
    wire += patient.client.sealed_notify();
    patient.client.socket.send(wire);
    patient.upstream = patient.rig.accept();
    assert_true(patient.upstream.open());
    patient.reply(answer);
    assert_text_contains(patient.client.received, "\r\n\r\nok");
    assert_true(patient.client.notified);
}

// Each way to change what is on the wire, in the middle of a request's body.
static void changed_records_end_it_and_the_upstream_never_gets_a_whole_request(void**) {
    enum class Change : uint8_t { flip_body, flip_tag, flip_header, replay, drop, swap, cut };
    for (const Change change : {Change::flip_body, Change::flip_tag, Change::flip_header,
                                Change::replay, Change::drop, Change::swap, Change::cut}) {
        Talk talk(std::string(post_head) + "half");
        const std::string first = talk.client.seal("first ");
        const std::string second = talk.client.seal("second ");
        const std::string third = talk.client.seal(std::string(83, '3'));
        std::string wire;
        std::string good = "half";
        switch (change) {
            case Change::flip_body:
            case Change::flip_tag:
            case Change::flip_header: {
                std::string changed = first;
                const size_t at = change == Change::flip_body  ? 5 + 8 + 2
                                  : change == Change::flip_tag ? changed.size() - 1
                                                               : 0;
                changed[at] = static_cast<char>(changed[at] ^ 1);
                wire = changed + second + third;
                break;
            }
            case Change::replay:
                wire = first + first + second + third;
                good += "first ";
                break;
            case Change::drop: wire = second + third; break;
            case Change::swap:
                wire = first + third + second;
                good += "first ";
                break;
            case Change::cut:
                wire = first + second.substr(0, second.size() - 3) + third;
                good += "first ";
                break;
        }
        talk.client.socket.send(wire);
        talk.look();
        assert_true(talk.upstream.received.ends_with("\r\n\r\n" + good));
        assert_int_equal(talk.upstream.error, ECONNRESET);
        assert_text_equal(
            sorted(talk.records()),
            "client client_tls_failed by=client phase=request_body op=tls_read\n"
            "exchange client_tls_failed by=client phase=request_body op=tls_read status=0\n"
            "upstream partner(client_tls_failed) by=nobody phase=request_body op=none\n");
        talk.client.read();
        assert_true(talk.client.alert.starts_with("fatal "));
    }
}

static void a_client_that_does_not_trust_us_is_on_record_with_its_alert(void**) {
    Rig rig(tls_options());
    TlsWays ways;
    ways.authority = pki().other_ca.certificate;
    TlsPeer client(rig.connect(), ways);
    assert_false(client.shake(rig));
    client.flush();
    client.socket.close();
    rig.settle();
    assert_text_equal(rig.summary(),
                      "client client_tls_failed by=client phase=tls_handshake op=tls_handshake\n");
    assert_text_equal(field_of(rig.records()[0], "detail"),
                      "the other side's alert says unknown_ca");
}

// The answer is cut by its upstream: whoever reads it can tell.
static void a_cut_answer_never_looks_whole(void**) {
    struct Case {
        const char* head;
        bool farewell;  // a close_notify is fine where the body says itself that it is not whole
    };
    const Case cases[] = {
        {"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", true},
        {"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc", true},
        {"HTTP/1.0 200 OK\r\n\r\nabc", false},
    };
    for (const Case& each : cases) {
        // To a client of HTTP/1.0 a body without a length ends with the connection.
        Talk talk(each.farewell ? std::string(get) : "GET /version HTTP/1.0\r\nHost: a\r\n\r\n");
        talk.reply(each.head);
        assert_text_contains(talk.client.received, "abc");
        talk.upstream.reset();
        talk.look();
        assert_text_contains(talk.records(),
                             "exchange upstream_reset by=upstream phase=response_body op=read "
                             "errno=ECONNRESET status=200\n");
        assert_true(talk.client.received.find("0\r\n\r\n") == std::string::npos);
        if (each.farewell) {
            assert_true(talk.client.notified);
        } else {
            assert_false(talk.client.notified);
            assert_int_equal(talk.client.socket.error, ECONNRESET);
        }
    }
    {  // a tunnel
        Talk talk(attach);
        talk.tunnel();
        talk.upstream.reset();
        talk.look();
        assert_false(talk.client.notified);
        assert_int_equal(talk.client.socket.error, ECONNRESET);
    }
    {  // stopped at once
        Talk talk("GET /version HTTP/1.0\r\nHost: a\r\n\r\n");
        talk.reply("HTTP/1.0 200 OK\r\n\r\nabc");
        talk.rig.house().stop();
        talk.rig.house().stop();
        talk.look();
        assert_false(talk.client.notified);
        assert_int_equal(talk.client.socket.error, ECONNRESET);
    }
}

static void a_close_delimited_answer_that_is_whole_ends_with_a_close_notify(void**) {
    Talk talk("GET /version HTTP/1.0\r\nHost: a\r\n\r\n");
    talk.upstream.send("HTTP/1.0 200 OK\r\n\r\nabc");
    talk.upstream.close();
    talk.look();
    assert_text_contains(talk.client.received, "\r\n\r\nabc");
    assert_true(talk.client.notified && talk.client.socket.eof);
}

static void renegotiation_is_refused(void**) {
    RigOptions options = tls_options();
    Rig rig(options);
    TlsWays ways = client_ways();
    ways.max_version = TLS1_2_VERSION;
    TlsPeer client(rig.connect(), ways);
    assert_true(client.shake(rig));
    assert_int_equal(SSL_renegotiate(client.ssl()), 1);
    client.shake(rig);
    assert_true(client.failed);
    assert_text_equal(client.alert, "warning no renegotiation");
    client.socket.close();
    rig.settle();
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(our_ends_begin_with_a_close_notify),
        cmocka_unit_test(an_idle_client_may_leave_in_any_way_but_by_a_reset),
        cmocka_unit_test(a_fin_without_close_notify_truncates_a_request),
        cmocka_unit_test(a_reset_blames_the_client_in_every_phase),
        cmocka_unit_test(a_half_close_by_close_notify_reaches_the_upstream_as_a_fin),
        cmocka_unit_test(a_fin_after_the_half_close_means_gone),
        cmocka_unit_test(a_tunnel_that_both_ends_end_after_the_clients_farewell_is_complete),
        cmocka_unit_test(a_half_close_before_the_tunnel_stands_is_kept_for_it),
        cmocka_unit_test(the_upstreams_fin_in_a_tunnel_is_a_close_notify),
        cmocka_unit_test(what_follows_a_close_notify_does_not_count),
        cmocka_unit_test(a_request_and_its_farewell_in_one_segment_are_a_client_that_left),
        cmocka_unit_test(changed_records_end_it_and_the_upstream_never_gets_a_whole_request),
        cmocka_unit_test(a_client_that_does_not_trust_us_is_on_record_with_its_alert),
        cmocka_unit_test(a_cut_answer_never_looks_whole),
        cmocka_unit_test(a_close_delimited_answer_that_is_whole_ends_with_a_close_notify),
        cmocka_unit_test(renegotiation_is_refused),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
