// Bodies and tunnels that go from socket to socket by splice(2) (net/splice.hh): what comes out, who is
// blamed when they are cut, and what the records say is what it is for those that are read and written.
// Each play runs over all four pairs of sockets, first copied, then uncopied, and the two are compared.
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <map>

#include "support/flood.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

struct Way {
    std::string name;
    bool unix_client;
    bool unix_upstream;
};
const Way ways[] = {{"tcp to tcp", false, false},
                    {"tcp to unix", false, true},
                    {"unix to tcp", true, false},
                    {"unix to unix", true, true}};

// Who is gone by its own hand looks like a reset over TCP, and like a close over unix sockets.
enum class Gone : uint8_t { nobody, client, upstream };

struct Play {
    std::string_view name;
    void (*play)(Stage&);
    std::string_view records;
    std::string_view closed_records = {};  // where whoever is gone had a unix socket
    Gone gone = Gone::nobody;
    bool same = true;  // byte for byte what the copied one's records say
};

#define VIA "Via: 1.1 becaused\r\n"
constexpr uint64_t body_bytes = 3 * mib;
constexpr uint64_t some_bytes = mib;
constexpr std::string_view length_text = "Content-Length: 3145728\r\n";
constexpr std::string_view endless_text = "Content-Length: 99999999\r\n";  // more than `much`

const Known& known() {
    static const Known stream;
    return stream;
}

void wait_for(Peer& peer) {
    pollfd look{peer.fd(), POLLIN, 0};
    assert_true(::poll(&look, 1, 20) >= 0);
}

// Bytes `at` to `at + count` of the known stream, from one peer to the other, and then `behind`.
void pass(Stage& stage, Peer& from, Peer& to, uint64_t at, uint64_t count,
          std::string_view behind = {}) {
    const uint64_t end = at + count;
    uint64_t sent = at;
    for (int idle = 0; at < end && idle < 200;) {
        to.received.clear();
        size_t went = 0;
        if (sent < end) {
            std::string piece(known().part(sent, std::min<uint64_t>(end - sent, 48 * 1024)));
            if (sent + piece.size() == end) piece += behind;
            went = from.send(piece);
            sent += went;
        }
        stage.rig().settle();
        to.read();
        idle = went == 0 && to.received.empty() ? idle + 1 : 0;
        if (to.received.empty() && idle > 0) wait_for(to);
        const size_t here = std::min<uint64_t>(to.received.size(), end - at);
        assert_true(known().holds(at, std::string_view(to.received).substr(0, here)));
        at += here;
        assert_int_equal(to.received.size(), here);
    }
    assert_int_equal(at, end);
    to.received.clear();
}

// Sends from byte `sent` on until no more is taken, at most to byte `most`; nobody reads. Returns how far.
uint64_t fill(Stage& stage, Peer& from, uint64_t most, uint64_t sent = 0) {
    for (int idle = 0; sent < most && idle < 4;) {
        const size_t went = from.send(known().part(sent, std::min<uint64_t>(most - sent, 65'521)));
        stage.rig().settle();
        sent += went;
        idle = went == 0 ? idle + 1 : 0;
    }
    return sent;
}

// Reads all that comes until the end of the connection, or until it is `most`; returns how much.
uint64_t drain(Stage& stage, Peer& to, uint64_t most) {
    uint64_t got = 0;
    for (int idle = 0; got < most && !to.eof && to.error == 0 && idle < 200;) {
        to.received.clear();
        stage.rig().settle();
        to.read();
        assert_true(known().holds(got, to.received));
        got += to.received.size();
        idle = to.received.empty() ? idle + 1 : 0;
        if (idle > 0 && !to.eof && to.error == 0) wait_for(to);
    }
    to.received.clear();
    return got;
}

void expect(Stage& stage, Peer& peer, std::string_view bytes) {
    stage.rig().settle();
    peer.read();
    assert_text_equal(readable(peer.received), bytes);
    peer.received.clear();
}

constexpr std::string_view get = "GET /a HTTP/1.1\r\nHost: a\r\n\r\n";

// A request's head, with what the proxy adds, and nothing behind it.
void expect_request(Stage& stage, std::string_view head) {
    stage.rig().settle();
    stage.upstream.read();
    const std::string& got = stage.upstream.received;
    assert_text_equal(got.substr(0, head.size()), head);
    assert_true(got.ends_with("\r\n\r\n"));
    assert_int_equal(got.find("\r\n\r\n"), got.size() - 4);
    stage.upstream.received.clear();
}
constexpr std::string_view get_got = "GET /a HTTP/1.1\r\nHost: a\r\n";

void begin_download(Stage& stage, std::string_view length = length_text) {
    const std::string head = "HTTP/1.1 200 OK\r\n" + std::string(length);
    stage.send(get);
    assert_true(stage.accept());
    expect_request(stage, get_got);
    stage.answer(head + "\r\n");
    expect(stage, stage.client, head + VIA "\r\n");
}

void begin_upload(Stage& stage, std::string_view more = {}) {
    const std::string head = "POST /a HTTP/1.1\r\nHost: a\r\n" + std::string(length_text);
    stage.send(head + std::string(more) + "\r\n");
    assert_true(stage.accept());
    expect_request(stage, head + std::string(more));
}

void begin_tunnel(Stage& stage) {
    stage.send("POST /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n");
    assert_true(stage.accept());
    stage.rig().settle();
    stage.upstream.read();
    stage.answer("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n");
    stage.client.read();
    stage.upstream.received.clear();
    stage.client.received.clear();
}

constexpr std::string_view ok = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";
constexpr std::string_view ok_got = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" VIA "\r\nok";

// The same two connections carry another request.
void expect_kept(Stage& stage) {
    assert_true(stage.client.send(get) == get.size());
    expect_request(stage, get_got);
    stage.answer(ok);
    expect(stage, stage.client, ok_got);
    assert_false(stage.rig().accept().open());
}

// ---- whole -------------------------------------------------------------------------------------

void download(Stage& stage) {
    begin_download(stage);
    pass(stage, stage.upstream, stage.client, 0, body_bytes);
    expect_kept(stage);
    stage.leave();
}

void upload_before_a_request(Stage& stage) {
    begin_upload(stage);
    pass(stage, stage.client, stage.upstream, 0, body_bytes - 1000);
    // The last bytes and the next request lie in the client's socket together.
    std::string last(known().part(body_bytes - 1000, 1000));
    assert_true(stage.client.send(last + std::string(get)) == last.size() + get.size());
    stage.rig().settle();
    stage.upstream.read();
    assert_text_equal(stage.upstream.received, last);
    stage.upstream.received.clear();
    stage.answer(ok);
    expect(stage, stage.client, ok_got);
    expect_request(stage, get_got);
    stage.answer(ok);
    expect(stage, stage.client, ok_got);
    assert_false(stage.rig().accept().open());
    stage.leave();
}

void upload_that_is_waited_for(Stage& stage) {
    begin_upload(stage, "Expect: 100-continue\r\n");
    stage.answer("HTTP/1.1 100 Continue\r\n\r\n");
    expect(stage, stage.client, "HTTP/1.1 100 Continue\r\n" VIA "\r\n");
    pass(stage, stage.client, stage.upstream, 0, body_bytes);
    stage.answer(ok);
    expect(stage, stage.client, ok_got);
    expect_kept(stage);
    stage.leave();
}

void upload_that_is_answered_early(Stage& stage) {
    begin_upload(stage);
    pass(stage, stage.client, stage.upstream, 0, some_bytes);
    stage.answer(ok);
    expect(stage, stage.client, ok_got);
    pass(stage, stage.client, stage.upstream, some_bytes, body_bytes - some_bytes);
    expect_kept(stage);
    stage.leave();
}

void tunnel(Stage& stage) {
    begin_tunnel(stage);
    pass(stage, stage.client, stage.upstream, 0, some_bytes);
    pass(stage, stage.upstream, stage.client, 0, some_bytes);
    stage.client_fin();
    assert_text_equal(stage.upstream_state(), "fin");
    assert_text_equal(stage.client_state(), "open");
    pass(stage, stage.upstream, stage.client, some_bytes, some_bytes);
    stage.upstream_fin();
    assert_text_equal(stage.client_state(), "fin");
    stage.leave();
}

// The FIN stands behind bytes that nobody took for long.
void tunnel_from(Stage& stage, Peer& from, Peer& to) {
    begin_tunnel(stage);
    const uint64_t sent = fill(stage, from, much);
    assert_true(sent > mib / 2 && sent < much);
    assert_true(stage.rig().loop().slabs().held() <= slabs_of_1_mib);
    from.finish();
    assert_int_equal(drain(stage, to, UINT64_MAX), sent);
    assert_true(to.eof);
    assert_int_equal(to.error, 0);
    to.finish();
    stage.leave();
}
void full_tunnel_down(Stage& stage) { tunnel_from(stage, stage.upstream, stage.client); }
void full_tunnel_up(Stage& stage) { tunnel_from(stage, stage.client, stage.upstream); }

// ---- cut ---------------------------------------------------------------------------------------

void download_that_the_upstream_ends(Stage& stage) {
    begin_download(stage);
    pass(stage, stage.upstream, stage.client, 0, some_bytes);
    stage.upstream_fin();
    expect(stage, stage.client, "");
    assert_text_equal(stage.client_state(), "fin");
    stage.leave();
}

void download_that_the_upstream_resets(Stage& stage) {
    begin_download(stage);
    pass(stage, stage.upstream, stage.client, 0, some_bytes);
    stage.upstream.reset();
    expect(stage, stage.client, "");
    assert_text_equal(stage.client_state(), "fin");
    stage.leave();
}

void download_that_the_client_leaves(Stage& stage) {
    begin_download(stage);
    pass(stage, stage.upstream, stage.client, 0, some_bytes);
    stage.client.reset();
    stage.rig().settle();
    assert_text_equal(stage.upstream_state(), stage.options.unix_upstream ? "fin" : "reset");
}

void upload_that_the_client_leaves(Stage& stage) {
    begin_upload(stage);
    pass(stage, stage.client, stage.upstream, 0, some_bytes);
    stage.client.reset();
    stage.rig().settle();
    assert_text_equal(stage.upstream_state(), stage.options.unix_upstream ? "fin" : "reset");
}

void upload_that_the_upstream_leaves(Stage& stage) {
    begin_upload(stage);
    pass(stage, stage.client, stage.upstream, 0, some_bytes);
    stage.upstream.reset();
    stage.rig().settle();
    stage.client.read();
    assert_text_contains(stage.client.received, "HTTP/1.1 502 Bad Gateway\r\n");
    stage.leave();
}

// The rest of the body is dropped, not sent on and not left in the client's socket.
void upload_that_is_refused_early(Stage& stage) {
    begin_upload(stage);
    pass(stage, stage.client, stage.upstream, 0, some_bytes);
    stage.answer("HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno\n");
    stage.upstream_fin();
    stage.upstream.close();
    for (int i = 0; i < 20; ++i) {
        stage.client.send(known().part(0, 48 * 1024));
        stage.rig().settle();
    }
    expect(stage, stage.client, "HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n" VIA "\r\nno\n");
    stage.client_fin();
    stage.leave();
}

void answer_with_bytes_behind_it(Stage& stage) {
    begin_download(stage);
    pass(stage, stage.upstream, stage.client, 0, body_bytes, "and more");
    stage.rig().settle();
    stage.client.read();
    assert_text_equal(stage.client.received, "");
    stage.leave();
}

// ---- clocks and stops ----------------------------------------------------------------------------

void download_whose_upstream_is_silent(Stage& stage) {
    stage.options.settings.clocks.set_all(ClockName::response_body, 60'000);
    begin_download(stage);
    pass(stage, stage.upstream, stage.client, 0, some_bytes);
    stage.rig().advance(60'000);
    assert_text_equal(stage.client_state(), "fin");
    stage.leave();
}

void upload_whose_client_is_silent(Stage& stage) {
    begin_upload(stage);
    pass(stage, stage.client, stage.upstream, 0, some_bytes);
    stage.rig().advance(120'000);
    stage.client.read();
    assert_text_contains(stage.client.received, "HTTP/1.1 408 Request Timeout\r\n");
    stage.leave();
}

uint64_t number_of(const std::string& record, std::string_view key) {
    const std::string text = field_of(record, key);
    return text.empty() ? 0 : std::stoull(text);
}

// A busy machine's kernel moves bytes on for a while, which is progress.
void wait_for_the_end(Stage& stage) {
    for (int i = 0; i < 40 && stage.exchange().empty(); ++i) stage.rig().advance(20'000);
    assert_false(stage.exchange().empty());
}

// What was read of one side is what went to the other, but for the heads; and what of it never went
// out is known to the byte, where the kernel holds nothing back.
void expect_counted(Stage& stage, bool up, uint64_t got) {
    const std::string record = stage.exchange();
    const std::string_view in = up ? "bytes.client_in" : "bytes.upstream_in";
    const std::string_view out = up ? "bytes.upstream_out" : "bytes.client_out";
    const uint64_t body_in = number_of(record, in);
    const uint64_t body_out = number_of(record, out);
    const uint64_t unsent = number_of(record, up ? "unsent.upstream" : "unsent.client");
    // Heads: a few hundred bytes, the same for every body.
    assert_true(body_in > mib / 4 && body_out > mib / 4);
    assert_true(body_out < body_in + 400 && body_in < body_out + 400);
    assert_true(unsent > 0);
    const bool unix_sink = up ? stage.options.unix_upstream : stage.options.unix_client;
    if (unix_sink) assert_int_equal(got + unsent, body_out);
    else assert_true(got + unsent >= body_out && got <= body_out);
}

void download_whose_client_does_not_read(Stage& stage) {
    stage.options.settings.clocks.set_all(ClockName::response_body, 60'000);
    begin_download(stage, endless_text);
    assert_true(fill(stage, stage.upstream, much) < much);
    assert_true(stage.rig().loop().slabs().held() <= slabs_of_1_mib);
    wait_for_the_end(stage);
    stage.client.read();
    const size_t head_bytes =
        std::string_view("HTTP/1.1 200 OK\r\n" VIA "\r\n").size() + endless_text.size();
    expect_counted(stage, false, head_bytes + stage.client.received.size());
    stage.leave();
}

void upload_whose_upstream_does_not_read(Stage& stage) {
    stage.send("POST /a HTTP/1.1\r\nHost: a\r\nContent-Length: 99999999\r\n\r\n");
    assert_true(stage.accept());
    assert_true(fill(stage, stage.client, much) < much);
    assert_true(stage.rig().loop().slabs().held() <= slabs_of_1_mib);
    wait_for_the_end(stage);
    stage.upstream.read();
    expect_counted(stage, true, stage.upstream.received.size());
    stage.leave();
}

// It reads, though slowly: nobody is blamed, however long it takes.
void download_whose_client_reads_slowly(Stage& stage) {
    stage.options.settings.clocks.set_all(ClockName::response_body, 60'000);
    begin_download(stage, endless_text);
    uint64_t sent = fill(stage, stage.upstream, much);
    uint64_t got = 0;
    for (int i = 0; i < 12; ++i) {
        for (uint64_t taken = 0; taken < mib / 2;) {
            char piece[65'521];
            const ssize_t count = ::recv(stage.client.fd(), piece, sizeof piece, 0);
            if (count <= 0) break;
            const auto size = static_cast<size_t>(count);
            assert_true(known().holds(got, std::string_view(piece, size)));
            got += size;
            taken += size;
        }
        stage.rig().advance(20'000);
        sent = fill(stage, stage.upstream, much, sent);
    }
    assert_true(got >= mib && got < sent);
    assert_int_equal(stage.rig().records().size(), 0);
    stage.rig().stop();
    stage.rig().stop();
    stage.leave();
}

void download_while_it_stops(Stage& stage) {
    begin_download(stage);
    pass(stage, stage.upstream, stage.client, 0, some_bytes);
    stage.rig().stop();
    pass(stage, stage.upstream, stage.client, some_bytes, body_bytes - some_bytes);
    assert_text_equal(stage.client_state(), "fin");
    stage.leave();
}

void download_that_is_stopped_at_once(Stage& stage) {
    begin_download(stage, endless_text);
    assert_true(fill(stage, stage.upstream, much) < much);
    stage.rig().stop();
    stage.rig().stop();
    stage.rig().settle();
    stage.leave();
}

// ---- all of them -------------------------------------------------------------------------------

#define COMPLETE "exchange complete by=nobody phase=done op=none status=200\n"
#define STOPPED                                                               \
    "exchange shutdown by=operator phase=response_body op=admin status=200\n" \
    "client partner(shutdown) by=nobody phase=response_body op=none\n"        \
    "upstream partner(shutdown) by=nobody phase=response_body op=none\n"
#define LEFT "client client_closed_idle by=nobody phase=keepalive op=none\n"
#define TUNNEL                                                           \
    "exchange tunnel_complete by=nobody phase=done op=none status=101\n" \
    "client tunnel_complete by=nobody phase=done op=none\n"              \
    "upstream tunnel_complete by=nobody phase=done op=none\n"

constexpr Play plays[] = {
    {"a download passes whole", download, COMPLETE COMPLETE LEFT},
    {"an upload passes whole, and no byte of the next request with it", upload_before_a_request,
     COMPLETE COMPLETE LEFT},
    {"an upload that waits for a 100 passes whole", upload_that_is_waited_for,
     COMPLETE COMPLETE LEFT},
    {"an upload that is answered early passes whole", upload_that_is_answered_early,
     COMPLETE COMPLETE LEFT},
    {"a tunnel passes both ways and half-closes in order", tunnel, TUNNEL},
    {"a tunnel's FIN stands behind its last byte, down",
     full_tunnel_down,
     TUNNEL,
     {},
     Gone::nobody,
     false},
    {"a tunnel's FIN stands behind its last byte, up",
     full_tunnel_up,
     TUNNEL,
     {},
     Gone::nobody,
     false},
    {"a FIN inside a download is a cut", download_that_the_upstream_ends,
     "exchange upstream_closed by=upstream phase=response_body op=read status=200\n"
     "client partner(upstream_closed) by=nobody phase=response_body op=none\n"
     "upstream upstream_closed by=upstream phase=response_body op=read\n"},
    {"a reset inside a download names the upstream", download_that_the_upstream_resets,
     "exchange upstream_reset by=upstream phase=response_body op=read errno=ECONNRESET "
     "status=200\n"
     "client partner(upstream_reset) by=nobody phase=response_body op=none\n"
     "upstream upstream_reset by=upstream phase=response_body op=read errno=ECONNRESET\n",
     "exchange upstream_closed by=upstream phase=response_body op=read status=200\n"
     "client partner(upstream_closed) by=nobody phase=response_body op=none\n"
     "upstream upstream_closed by=upstream phase=response_body op=read\n",
     Gone::upstream},
    {"a client that leaves its download is named", download_that_the_client_leaves,
     "exchange client_reset by=client phase=response_body op=read errno=ECONNRESET status=200\n"
     "client client_reset by=client phase=response_body op=read errno=ECONNRESET\n"
     "upstream partner(client_reset) by=nobody phase=response_body op=none\n",
     "exchange client_closed by=client phase=response_body op=read status=200\n"
     "client client_closed by=client phase=response_body op=read\n"
     "upstream partner(client_closed) by=nobody phase=response_body op=none\n",
     Gone::client},
    {"a client that leaves its upload is named", upload_that_the_client_leaves,
     "exchange client_reset by=client phase=request_body op=read errno=ECONNRESET status=499\n"
     "client client_reset by=client phase=request_body op=read errno=ECONNRESET\n"
     "upstream partner(client_reset) by=nobody phase=request_body op=none\n",
     "exchange client_closed by=client phase=request_body op=read status=499\n"
     "client client_closed by=client phase=request_body op=read\n"
     "upstream partner(client_closed) by=nobody phase=request_body op=none\n",
     Gone::client},
    {"an upstream that leaves an upload is named", upload_that_the_upstream_leaves,
     "exchange upstream_reset by=upstream phase=request_body op=read errno=ECONNRESET "
     "status=502\n"
     "client partner(upstream_reset) by=nobody phase=request_body op=none\n"
     "upstream upstream_reset by=upstream phase=request_body op=read errno=ECONNRESET\n",
     "exchange upstream_closed by=upstream phase=request_body op=read status=502\n"
     "client partner(upstream_closed) by=nobody phase=request_body op=none\n"
     "upstream upstream_closed by=upstream phase=request_body op=read\n",
     Gone::upstream},
    {"an upload that is refused early is dropped", upload_that_is_refused_early,
     "exchange complete by=nobody phase=done op=none status=413\n"
     "client complete by=nobody phase=done op=none\n"
     "upstream complete by=nobody phase=done op=none\n"},
    {"bytes behind an answer go to nobody", answer_with_bytes_behind_it,
     COMPLETE "client client_closed_idle by=nobody phase=keepalive op=none\n"
              "upstream upstream_malformed by=upstream phase=done op=parse\n"},
    {"a silent upstream owes a download", download_whose_upstream_is_silent,
     "exchange upstream_stalled_sending by=upstream phase=response_body op=clock "
     "clock=response_body/60000 status=200\n"
     "client partner(upstream_stalled_sending) by=nobody phase=response_body op=none\n"
     "upstream upstream_stalled_sending by=upstream phase=response_body op=clock "
     "clock=response_body/60000\n"},
    {"a silent client owes an upload", upload_whose_client_is_silent,
     "exchange client_stalled_sending by=client phase=request_body op=clock "
     "clock=request_body/120000 status=408\n"
     "client client_stalled_sending by=client phase=request_body op=clock "
     "clock=request_body/120000\n"
     "upstream partner(client_stalled_sending) by=nobody phase=request_body op=none\n"},
    {"a client that does not read owes a download, to the byte",
     download_whose_client_does_not_read,
     "exchange client_stalled_reading by=client phase=response_body op=clock "
     "clock=response_body/60000 status=200\n"
     "client client_stalled_reading by=client phase=response_body op=clock "
     "clock=response_body/60000\n"
     "upstream partner(client_stalled_reading) by=nobody phase=response_body op=none\n",
     {},
     Gone::nobody,
     false},
    {"an upstream that does not read owes an upload, to the byte",
     upload_whose_upstream_does_not_read,
     "exchange upstream_stalled_reading by=upstream phase=request_body op=clock "
     "clock=request_body/120000 status=504\n"
     "client partner(upstream_stalled_reading) by=nobody phase=request_body op=none\n"
     "upstream upstream_stalled_reading by=upstream phase=request_body op=clock "
     "clock=request_body/120000\n",
     {},
     Gone::nobody,
     false},
    {"a client that reads slowly owes nothing",
     download_whose_client_reads_slowly,
     STOPPED,
     {},
     Gone::nobody,
     false},
    {"a download goes on while the house stops", download_while_it_stops,
     COMPLETE "client shutdown_idle by=operator phase=keepalive op=none\n"
              "upstream shutdown_idle by=operator phase=keepalive op=none\n"},
    {"a download that is stopped at once is the operator's",
     download_that_is_stopped_at_once,
     STOPPED,
     {},
     Gone::nobody,
     false},
};

// ---- what is spliced, and when -----------------------------------------------------------------

size_t pipes(Stage& stage) { return stage.rig().loop().splices().alive(); }

void a_body_of_less_takes_no_pipe(Stage& stage) {
    begin_download(stage, "Content-Length: 262144\r\n");
    assert_int_equal(pipes(stage), 0);
    pass(stage, stage.upstream, stage.client, 0, 262'144);
    assert_text_equal(stage.leave(), COMPLETE LEFT);
    assert_int_equal(stage.rig().loop().splices().bytes(), 0);
}

// All but its last byte.
void a_body_of_more_takes_one_until_its_end(Stage& stage) {
    begin_download(stage, "Content-Length: 262145\r\n");
    assert_int_equal(pipes(stage), 1);
    pass(stage, stage.upstream, stage.client, 0, 262'144);
    assert_int_equal(pipes(stage), 0);
    pass(stage, stage.upstream, stage.client, 262'144, 1);
    assert_text_equal(stage.leave(), COMPLETE LEFT);
    assert_int_equal(stage.rig().loop().splices().bytes(), 262'144);
}

void a_chunked_body_takes_no_pipe(Stage& stage) {
    stage.send(get);
    assert_true(stage.accept());
    stage.answer("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
    stage.answer("80000\r\n");
    assert_int_equal(pipes(stage), 0);
}

void a_tunnel_takes_a_pipe_while_it_is_busy(Stage& stage) {
    stage.options.unix_client = stage.options.unix_upstream = true;
    begin_tunnel(stage);
    stage.answer(known().part(0, 60'000));
    assert_int_equal(pipes(stage), 0);
    stage.answer(std::string(known().part(0, 65'521)) + "much at one time");
    assert_int_equal(pipes(stage), 1);
    stage.answer(known().part(0, 20'000));
    assert_int_equal(pipes(stage), 1);
    stage.answer("not much");
    assert_int_equal(pipes(stage), 0);
    assert_int_equal(stage.rig().loop().splices().bytes(), 20'008);
    stage.client.read();
    assert_int_equal(stage.client.received.size(), 60'000 + 65'537 + 20'008);
}

void begin_attach(Stage& stage) {
    stage.options.unix_client = stage.options.unix_upstream = true;
    stage.send(
        "POST /v1.41/containers/a/attach?stream=1&stdout=1 HTTP/1.1\r\nHost: a\r\n"
        "Connection: upgrade\r\nUpgrade: tcp\r\n\r\n");
    assert_true(stage.accept());
    stage.rig().settle();
    stage.answer(
        "HTTP/1.1 101 X\r\nContent-Type: application/vnd.docker.raw-stream\r\n"
        "Connection: upgrade\r\nUpgrade: tcp\r\n\r\n");
}

// Nothing could be said in the midst of it anyway.
void a_terminals_output_takes_a_pipe(Stage& stage) {
    begin_attach(stage);
    stage.answer(std::string(known().part(0, 65'521)) + "much at one time");
    assert_int_equal(pipes(stage), 1);
}

// One frame of 65,528 bytes on stdout (its size is 0xfff8), and the next begins where it ends.
void frames_are_followed_and_take_no_pipe(Stage& stage) {
    begin_attach(stage);
    const std::string frame =
        std::string("\1\0\0\0\0\0\xff\xf8", 8) + std::string(known().part(0, 65'528));
    stage.answer(frame);
    stage.answer(frame);
    assert_int_equal(pipes(stage), 0);
}

void without_a_pipe_left_bytes_are_copied(Stage& stage) {
    stage.options.settings.splice_bytes = 1;
    begin_tunnel(stage);
    stage.rig().loop().splices().allow(1);
    pass(stage, stage.client, stage.upstream, 0, some_bytes);
    pass(stage, stage.upstream, stage.client, 0, some_bytes);
    assert_int_equal(pipes(stage), 1);
    const uint64_t spliced = stage.rig().loop().splices().bytes();
    assert_true(spliced > 0 && spliced <= some_bytes);
    assert_int_equal(stage.rig().loop().splices().failures(), 0);
}

// The kernel is not asked again at once, and nobody is told.
void without_descriptors_bytes_are_copied(Stage& stage) {
    stage.options.settings.splice_bytes = 1;
    stage.send(get);
    assert_true(stage.accept());
    rlimit before{};
    assert_int_equal(::getrlimit(RLIMIT_NOFILE, &before), 0);
    const int lowest_free = ::dup(STDERR_FILENO);
    ::close(lowest_free);
    const rlimit none{static_cast<rlim_t>(lowest_free), before.rlim_max};
    assert_int_equal(::setrlimit(RLIMIT_NOFILE, &none), 0);
    stage.answer("HTTP/1.1 200 OK\r\n" + std::string(length_text) + "\r\n");
    stage.client.read();
    stage.client.received.clear();
    pass(stage, stage.upstream, stage.client, 0, some_bytes);
    const SplicePool& splices = stage.rig().loop().splices();
    const uint64_t failures = splices.failures();
    assert_int_equal(::setrlimit(RLIMIT_NOFILE, &before), 0);
    assert_int_equal(failures, 1);
    assert_int_equal(splices.bytes(), 0);
    stage.rig().advance(1'000);
    pass(stage, stage.upstream, stage.client, some_bytes, some_bytes);
    assert_true(splices.bytes() > 0);
    pass(stage, stage.upstream, stage.client, 2 * some_bytes, some_bytes);
    assert_text_equal(stage.leave(), COMPLETE LEFT);
}

// A TCP peer's kernel acknowledges when it likes: what of that is still due stands in `unsent`.
std::string comparable(const std::vector<std::string>& lines) {
    std::string text;
    for (std::string line : Rig::normalized(lines)) {
        if (const size_t at = line.find("\"unsent\":"); at != std::string::npos) {
            const char close = line[at + 9] == '{' ? '}' : ',';
            line.erase(at, line.find(close, at) + 1 - at);
        }
        text += line + '\n';
    }
    return text;
}

std::map<std::string, std::string> copied_records;

void check(Stage& stage, const Play& play, const Way& way, bool uncopied) {
    stage.options.unix_client = way.unix_client;
    stage.options.unix_upstream = way.unix_upstream;
    stage.options.settings.splice_bytes = uncopied ? 1 : 0;
    play.play(stage);
    const bool closed = (play.gone == Gone::client && way.unix_client) ||
                        (play.gone == Gone::upstream && way.unix_upstream);
    assert_text_equal(stage.records(), closed ? play.closed_records : play.records);
    const SplicePool& splices = stage.rig().loop().splices();
    assert_int_equal(splices.failures(), 0);
    const std::string key = std::string(play.name) + way.name;
    if (!uncopied) {
        assert_int_equal(splices.bytes(), 0);
        copied_records[key] = comparable(stage.rig().records());
        return;
    }
    assert_true(splices.bytes() > mib / 8);
    if (play.same) assert_text_equal(comparable(stage.rig().records()), copied_records[key]);
}

}  // namespace

int main() {
    Cases cases;
    for (const Play& play : plays)
        for (const Way& way : ways)
            for (const bool uncopied : {false, true})
                cases.add(
                    std::string(play.name) + " (" + way.name +
                        (uncopied ? ", uncopied)" : ", copied)"),
                    [&play, &way, uncopied](Stage& stage) { check(stage, play, way, uncopied); });
    cases.add(SCENARIO(a_body_of_less_takes_no_pipe));
    cases.add(SCENARIO(a_body_of_more_takes_one_until_its_end));
    cases.add(SCENARIO(a_chunked_body_takes_no_pipe));
    cases.add(SCENARIO(a_tunnel_takes_a_pipe_while_it_is_busy));
    cases.add(SCENARIO(a_terminals_output_takes_a_pipe));
    cases.add(SCENARIO(frames_are_followed_and_take_no_pipe));
    cases.add(SCENARIO(without_a_pipe_left_bytes_are_copied));
    cases.add(SCENARIO(without_descriptors_bytes_are_copied));
    return cases.run("splice");
}
