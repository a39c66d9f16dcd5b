// Every call of src/net that can fail, failed once at each of its occurrences, in what a proxy does all
// day. See sweep.hh for what must hold afterwards.
#include <sys/resource.h>
#include <unistd.h>

#include <array>
#include <set>

#include "ops/admin.hh"
#include "ops/admin_visit.hh"
#include "ops/exporter.hh"
#include "support/busy_threads.hh"
#include "support/people.hh"
#include "support/program.hh"
#include "sweep/sweep.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

// Every clock at a second or a few, so that whatever is stuck ends by its clock soon.
RigOptions with_short_clocks() {
    RigOptions options;
    for (size_t clock = 0; clock < clock_count; ++clock)
        options.settings.clocks.set_all(static_cast<ClockName>(clock), 1000);
    options.settings.clocks.set_all(ClockName::keepalive, 3000);
    options.settings.clocks.set_all(ClockName::upstream_idle, 3000);
    options.settings.clocks.set_all(ClockName::max_age, 0);
    options.settings.clocks.set_all(ClockName::tunnel, 3000);
    options.settings.clocks.set_all(ClockName::half_open, 3000);
    return options;
}

void check(const Scenario& scenario) {
    const std::vector<std::string> complaints = sweep(scenario);
    for (const std::string& complaint : complaints) print_error("%s\n", complaint.c_str());
    assert_int_equal(complaints.size(), 0);
}

void play_gets(Rig& rig) {
    Origin origin(rig);
    Peer client = rig.connect();
    for (int i = 0; i < 3; ++i) {
        client.send("GET /version HTTP/1.1\r\nHost: docker\r\n\r\n");
        origin.serve();
        client.read();
    }
    client.close();
    settle(rig);
}

constexpr const char* gets_filed =
    "exchange complete by=nobody phase=done op=none status=200\n"
    "exchange complete by=nobody phase=done op=none status=200\n"
    "exchange complete by=nobody phase=done op=none status=200\n"
    "client client_closed_idle by=nobody phase=keepalive op=none\n";

}  // namespace

static void keep_alive_gets_over_tcp(void**) {
    check({"keep-alive GETs over tcp", with_short_clocks(), play_gets, gets_filed});
}

static void keep_alive_gets_over_unix(void**) {
    RigOptions options = with_short_clocks();
    options.unix_client = options.unix_upstream = true;
    check({"keep-alive GETs over unix", options, play_gets, gets_filed});
}

// Requests that may not be sent twice look at the pooled connection before they use it.
static void posts_on_a_pooled_connection(void**) {
    const auto play = [](Rig& rig) {
        Origin origin(rig);
        Peer client = rig.connect();
        for (int i = 0; i < 3; ++i) {
            client.send(
                "POST /containers/a/start HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n");
            origin.serve();
            client.read();
        }
        client.close();
        settle(rig);
    };
    check({"POSTs on a pooled connection", with_short_clocks(), play, gets_filed});
}

namespace {

// Sends `message` from `from` on as far as `at`, and goes on from there next time.
void send_more(Peer& from, const std::string& message, size_t& at) {
    at += from.send(std::string_view(message).substr(at));
}

std::string chunked_body(size_t chunks) {
    std::string body;
    for (size_t i = 0; i < chunks; ++i) {
        body += "10000\r\n";
        body.append(0x10000, static_cast<char>('a' + i % 26));
        body += "\r\n";
    }
    return body + "0\r\n\r\n";
}

constexpr std::string_view body_end = "\r\n0\r\n\r\n";

// Of the same size, its length known.
std::string plain_body(size_t chunks) {
    const std::string body(0x10000 * chunks, 'x');
    return "Content-Length: " + std::to_string(body.size() + body_end.size()) + "\r\n\r\n" + body +
           std::string(body_end);
}

constexpr std::string_view post = "POST /images/load HTTP/1.1\r\nHost: docker\r\n";
constexpr std::string_view ok = "HTTP/1.1 200 OK\r\n";
constexpr std::string_view chunks = "Transfer-Encoding: chunked\r\n\r\n";

void upload(Rig& rig, const std::string& message) {
    size_t at = 0;
    Peer upstream;
    Peer client = rig.connect();
    for (int i = 0; i < 6; ++i) {
        send_more(client, message, at);
        settle(rig);
        if (!upstream.open()) upstream = rig.accept_now();
    }
    rig.skip(300);
    settle(rig);
    for (int i = 0; i < 12; ++i) {
        upstream.read();
        send_more(client, message, at);
        settle(rig);
    }
    upstream.read();
    if (upstream.received.ends_with("\r\n0\r\n\r\n"))
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    settle(rig);
    client.read();
    client.close();
    upstream.close();
    settle(rig);
}

void play_upload(Rig& rig) {
    upload(rig, std::string(post) + std::string(chunks) + chunked_body(16));
}

void download(Rig& rig, const std::string& message) {
    size_t at = 0;
    Peer client = rig.connect();
    client.send("GET /images/get HTTP/1.1\r\nHost: docker\r\n\r\n");
    Peer upstream = rig.accept();
    upstream.read();
    for (int i = 0; i < 6; ++i) {
        send_more(upstream, message, at);
        settle(rig);
    }
    rig.skip(300);
    settle(rig);
    for (int i = 0; i < 12; ++i) {
        client.read();
        send_more(upstream, message, at);
        settle(rig);
    }
    client.read();
    client.close();
    upstream.close();
    settle(rig);
}

void play_download(Rig& rig) {
    download(rig, std::string(ok) + std::string(chunks) + chunked_body(16));
}

constexpr const char* one_transfer_filed =
    "exchange complete by=nobody phase=done op=none status=200\n"
    "client client_closed_idle by=nobody phase=keepalive op=none\n"
    "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n";

}  // namespace

static void chunked_upload_with_back_pressure(void**) {
    RigOptions options = with_short_clocks();
    options.unix_client = options.unix_upstream = true;
    check({"chunked upload, full upstream", options, play_upload, one_transfer_filed});
}

static void chunked_download_with_a_slow_reader(void**) {
    RigOptions options = with_short_clocks();
    options.unix_client = options.unix_upstream = true;
    check({"chunked download, slow reader", options, play_download, one_transfer_filed});
}

// Through pipes: what they are made of fails, and what moves bytes through them.
static void uncopied_upload_with_back_pressure(void**) {
    RigOptions options = with_short_clocks();
    options.unix_client = options.unix_upstream = true;
    options.settings.splice_bytes = 1;
    const auto play = [](Rig& rig) { upload(rig, std::string(post) + plain_body(16)); };
    check({"uncopied upload, full upstream", options, play, one_transfer_filed});
}

static void uncopied_download_with_a_slow_reader(void**) {
    RigOptions options = with_short_clocks();
    options.unix_client = options.unix_upstream = true;
    options.settings.splice_bytes = 1;
    const auto play = [](Rig& rig) { download(rig, std::string(ok) + plain_body(16)); };
    check({"uncopied download, slow reader", options, play, one_transfer_filed});
}

// The budget of slabs itself: two for everything.
static void transfers_with_two_slabs(void**) {
    RigOptions options = with_short_clocks();
    options.unix_client = options.unix_upstream = true;
    options.slabs = 3;
    check({"chunked upload, few slabs", options, play_upload, one_transfer_filed});
    check({"chunked download, few slabs", options, play_download, one_transfer_filed});
}

static void client_that_stops_reading_over_tcp(void**) {
    const auto play = [](Rig& rig) {
        Peer client = rig.connect();
        client.shrink_receive_buffer(4096);
        client.send("GET /images/get HTTP/1.1\r\nHost: docker\r\n\r\n");
        Peer upstream = rig.accept();
        const std::string piece(256 * 1024, 'x');
        upstream.send("HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n");
        size_t sent = 1;
        for (int i = 0; i < 100 && sent > 0; ++i) {
            sent = upstream.send(piece);
            settle(rig);
        }
        for (int i = 0; i < 16; ++i) {
            rig.skip(100);
            settle(rig);
        }
        client.read();
        client.close();
        upstream.close();
        settle(rig);
    };
    check({"a client stops reading over tcp", with_short_clocks(), play,
           "exchange client_stalled_reading by=client phase=response_body op=clock "
           "clock=response_body/1000 status=200\n"
           "upstream partner(client_stalled_reading) by=nobody phase=response_body op=none\n"
           "client client_stalled_reading by=client phase=response_body op=clock "
           "clock=response_body/1000\n"});
}

// Whatever fails while the last words are said and delivered: each connection still ends once.
static void broken_push_that_is_told(void**) {
    const auto play = [](Rig& rig) {
        Peer client = rig.connect();
        client.send("POST /images/x/push HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n");
        Peer upstream = rig.accept();
        upstream.read();
        upstream.send(
            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n");
        settle(rig);
        client.read();
        if (upstream.open()) upstream.reset();
        settle(rig);
        client.read();
        client.close();
        settle(rig);
    };
    check({"a broken push is told", with_short_clocks(), play,
           "exchange upstream_reset by=upstream phase=response_body op=read errno=ECONNRESET "
           "status=200\n"
           "upstream upstream_reset by=upstream phase=response_body op=read errno=ECONNRESET\n"
           "client partner(upstream_reset) by=nobody phase=response_body op=none\n"});
}

static void broken_tunnel_that_is_told(void**) {
    const auto play = [](Rig& rig) {
        Peer client = rig.connect();
        client.send(
            "POST /containers/a/attach HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\n"
            "Upgrade: tcp\r\n\r\n");
        Peer upstream = rig.accept();
        upstream.read();
        upstream.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n");
        upstream.send(std::string_view("\1\0\0\0\0\0\0\2hi", 10));
        settle(rig);
        client.read();
        half_close(client);
        settle(rig);
        if (upstream.open()) upstream.reset();
        settle(rig);
        client.read();
        rig.advance(1200);  // the clock linger, if no acknowledgement was found before
        settle(rig);
        client.close();
        settle(rig);
    };
    check({"a broken tunnel is told", with_short_clocks(), play,
           "exchange upstream_reset by=upstream phase=tunnel op=read errno=ECONNRESET status=101\n"
           "upstream upstream_reset by=upstream phase=tunnel op=read errno=ECONNRESET\n"
           "client partner(upstream_reset) by=nobody phase=tunnel op=none\n"});
}

namespace {

void play_tunnel(Rig& rig, bool client_first) {
    Peer client = rig.connect();
    client.send(
        "POST /containers/a/attach HTTP/1.1\r\nHost: docker\r\nConnection: Upgrade\r\n"
        "Upgrade: tcp\r\n\r\n");
    Peer upstream = rig.accept();
    upstream.read();
    upstream.send("HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello");
    settle(rig);
    client.send("typed");
    settle(rig);
    upstream.read();
    upstream.send("echoed");
    settle(rig);
    Peer& first = client_first ? client : upstream;
    Peer& second = client_first ? upstream : client;
    half_close(first);
    settle(rig);
    rig.skip(1100);  // the half-closed socket is probed
    settle(rig);
    second.read();
    second.send("last words");
    half_close(second);
    settle(rig);
    first.read();
    client.close();
    upstream.close();
    settle(rig);
}

constexpr const char* tunnel_filed =
    "exchange tunnel_complete by=nobody phase=done op=none status=101\n"
    "upstream tunnel_complete by=nobody phase=done op=none\n"
    "client tunnel_complete by=nobody phase=done op=none\n";

}  // namespace

static void tunnel_that_the_client_half_closes_first(void**) {
    check({"tunnel over tcp, client first", with_short_clocks(),
           [](Rig& rig) { play_tunnel(rig, true); }, tunnel_filed});
}

static void tunnel_that_the_upstream_half_closes_first(void**) {
    RigOptions options = with_short_clocks();
    options.unix_client = options.unix_upstream = true;
    check({"tunnel over unix, upstream first", options, [](Rig& rig) { play_tunnel(rig, false); },
           tunnel_filed});
}

namespace {

void play_dial(Rig& rig) {
    Origin origin(rig);
    Peer client = rig.connect();
    client.send("GET /version HTTP/1.1\r\nHost: docker\r\n\r\n");
    settle(rig);
    rig.start_upstream();
    rig.skip(200);
    origin.serve();
    client.read();
    client.close();
    settle(rig);
}

constexpr const char* dial_filed =
    "upstream upstream_refused by=upstream phase=connect op=connect errno=ECONNREFUSED\n"
    "exchange complete by=nobody phase=done op=none status=200\n"
    "client client_closed_idle by=nobody phase=keepalive op=none\n";

}  // namespace

static void refused_dial_and_retry_over_tcp(void**) {
    RigOptions options = with_short_clocks();
    options.with_upstream = false;
    check({"refused dial over tcp", options, play_dial, dial_filed});
}

static void refused_dial_and_retry_over_unix(void**) {
    RigOptions options = with_short_clocks();
    options.with_upstream = false;
    options.unix_upstream = true;
    check({"refused dial over unix", options, play_dial, dial_filed});
}

static void early_refusal_with_linger(void**) {
    const auto play = [](Rig& rig) {
        Peer client = rig.connect();
        client.send(
            "POST /images/load HTTP/1.1\r\nHost: docker\r\nContent-Length: 300000\r\n\r\nbegun");
        Peer upstream = rig.accept();
        upstream.read();
        upstream.send(
            "HTTP/1.1 413 Too Large\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno\n");
        half_close(upstream);
        settle(rig);
        client.send(std::string(1000, 'x'));
        settle(rig);
        client.read();
        half_close(client);
        settle(rig);
        client.close();
        upstream.close();
        // One of our own, to a client that goes on sending.
        Peer other = rig.connect();
        other.send("GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\nContent-Length: 9\r\n\r\n");
        settle(rig);
        other.send("more");
        settle(rig);
        other.read();
        rig.skip(1100);
        settle(rig);
    };
    check({"early refusal with linger", with_short_clocks(), play,
           "upstream complete by=nobody phase=done op=none\n"
           "exchange complete by=nobody phase=done op=none status=413\n"
           "client complete by=nobody phase=done op=none\n"
           "exchange client_malformed by=client phase=request_head op=parse "
           "parser=guard@31 status=400\n"
           "client client_malformed by=client phase=request_head op=parse parser=guard@31\n"});
}

namespace {

// No new descriptor for as long as this lives: the limit is set to those that are open.
class NoDescriptors {
  public:
    NoDescriptors() {
        assert_int_equal(::getrlimit(RLIMIT_NOFILE, &before_), 0);
        const int lowest_free = ::dup(STDERR_FILENO);
        ::close(lowest_free);
        rlimit none = before_;
        none.rlim_cur = static_cast<rlim_t>(lowest_free);
        assert_int_equal(::setrlimit(RLIMIT_NOFILE, &none), 0);
    }
    NoDescriptors(const NoDescriptors&) = delete;
    NoDescriptors& operator=(const NoDescriptors&) = delete;
    ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

  private:
    rlimit before_{};
};

}  // namespace

static void accepting_and_dialling_without_descriptors(void**) {
    const auto play = [](Rig& rig) {
        Peer early = rig.connect();
        Peer first = rig.connect_now();
        Peer second = rig.connect_now();
        {
            const NoDescriptors scarcity;
            settle(rig);
            early.send("GET /version HTTP/1.1\r\nHost: docker\r\n\r\n");
            settle(rig);
            for (int pause = 0; pause < 4; ++pause) {
                rig.skip(300);
                settle(rig);
            }
        }
        early.read();
        early.close();
        settle(rig);
    };
    RigOptions options = with_short_clocks();
    options.settings.connect_tries = 2;
    check({"no descriptors left", options, play,
           "client fd_exhausted by=proxy phase=accept op=accept errno=EMFILE\n"
           "client fd_exhausted by=proxy phase=accept op=accept errno=EMFILE\n"
           "upstream fd_exhausted by=proxy phase=connect op=connect errno=EMFILE\n"
           "upstream fd_exhausted by=proxy phase=connect op=connect errno=EMFILE\n"
           "exchange fd_exhausted by=proxy phase=connect op=connect errno=EMFILE status=503\n"
           "client client_closed_idle by=nobody phase=keepalive op=none\n"});
}

static void drain_with_idle_busy_and_stuck_connections(void**) {
    RigOptions options = with_short_clocks();
    options.settings.clocks.set_all(ClockName::drain, 500);
    const auto play = [](Rig& rig) {
        Origin origin(rig);
        Peer idle = rig.connect();
        idle.send("GET /version HTTP/1.1\r\nHost: docker\r\n\r\n");
        origin.serve();
        Peer stuck = rig.connect();
        stuck.send("GET /unanswered HTTP/1.1\r\nHost: docker\r\n\r\n");
        origin.serve();
        Peer busy = rig.connect();
        busy.send("GET /version HTTP/1.1\r\nHost: docker\r\n\r\n");
        settle(rig);
        rig.stop();
        origin.serve();
        rig.skip(600);
        settle(rig);
        stuck.read();
        stuck.close();
        settle(rig);
    };
    check({"drain", options, play,
           "exchange complete by=nobody phase=done op=none status=200\n"
           "client shutdown_idle by=operator phase=keepalive op=none\n"
           "exchange complete by=nobody phase=done op=none status=200\n"
           "client shutdown_idle by=operator phase=keepalive op=none\n"
           "exchange drain_deadline by=operator phase=first_byte op=clock clock=drain/500 "
           "status=503\n"
           "upstream partner(drain_deadline) by=nobody phase=first_byte op=none\n"
           "client partner(drain_deadline) by=nobody phase=first_byte op=none\n"
           "upstream shutdown_idle by=operator phase=keepalive op=none\n"});
}

static void upstream_by_name(void**) {
    RigOptions options = with_short_clocks();
    options.upstream_host = "127.1";  // no literal, but known without asking anyone
    const auto play = [](Rig& rig) {
        Origin origin(rig);
        Peer client = rig.connect();
        client.send("GET /version HTTP/1.1\r\nHost: docker\r\n\r\n");
        settle(rig);
        rig.wait_for_work();
        origin.serve();
        client.read();
        client.close();
        settle(rig);
    };
    check({"upstream by name", options, play,
           "exchange complete by=nobody phase=done op=none status=200\n"
           "client client_closed_idle by=nobody phase=keepalive op=none\n"});
}

static void stop_while_a_name_is_being_resolved(void**) {
    RigOptions options = with_short_clocks();
    options.upstream_host = "127.1";
    const auto play = [](Rig& rig) {
        BusyThreads busy(rig.loop());
        Peer client = rig.connect();
        client.send("GET /version HTTP/1.1\r\nHost: docker\r\n\r\n");
        settle(rig);
        rig.stop();
        rig.stop();
        settle(rig);
        client.close();  // it has its answer
        settle(rig);
        busy.release();
        for (int i = 0; i < 10; ++i) rig.wait_for_work();
    };
    check({"stop while a name is being resolved", options, play,
           "exchange shutdown by=operator phase=connect op=admin status=503\n"
           "client partner(shutdown) by=nobody phase=connect op=none\n"});
}

// Whoever comes after the sweep brings nothing.
static const std::string anybody = "[stranger]\nname = \"anybody\"\nprofile = \"any\"\n";

// A body that is collected, judged and sent; and one that is refused.
static void judged_bodies(void**) {
    RigOptions options = with_short_clocks();
    options.access = anybody + token_entry("runner", runner_token, "profile = \"run_sandboxed\"\n");
    const auto play = [](Rig& rig) {
        const std::string create =
            "POST /containers/create HTTP/1.1\r\nHost: docker\r\n"
            "Content-Type: application/json\r\nExpect: 100-continue\r\n" +
            bearer_line(runner_token);
        Peer client = rig.connect();
        Peer upstream;
        client.send(create + "Transfer-Encoding: chunked\r\n\r\n8\r\n{\"Image\"");
        settle(rig);
        client.send("\r\n5\r\n:\"x\"}\r\n0\r\n\r\n");
        for (int pause = 0; pause < 4; ++pause) {
            settle(rig);
            if (!upstream.open()) upstream = rig.accept_now();
            rig.skip(100);
        }
        upstream.read();
        if (upstream.received.ends_with("\r\n0\r\n\r\n"))
            upstream.send("HTTP/1.1 201 Created\r\nContent-Length: 2\r\n\r\n{}");
        settle(rig);
        client.read();
        client.send(create + "Content-Length: 19\r\n\r\n{\"Privileged\":true}");
        settle(rig);
        client.read();
        client.close();
        upstream.close();
        settle(rig);
    };
    check({"judged bodies", options, play,
           "exchange complete by=nobody phase=done op=none status=201\n"
           "exchange policy_denied by=gate phase=gate op=judge status=403\n"
           "client client_closed_idle by=nobody phase=keepalive op=none\n"
           "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n"});
}

// One that is right, one that is wrong, and one whose client does not wait for the outcome.
static void checked_passwords(void**) {
    RigOptions options = with_short_clocks();
    options.access = anybody + password_entry("alice", "open sesame");
    const auto play = [](Rig& rig) {
        Origin origin(rig);
        Peer client = rig.connect();
        for (const std::string_view password : {"open sesame", "open barley"}) {
            client.send("GET /version HTTP/1.1\r\nHost: docker\r\n" +
                        basic_line("alice", password) + "\r\n");
            settle(rig);
            rig.wait_for_workers();
            origin.serve();
            client.read();
        }
        BusyThreads busy(rig.loop());
        client.send("GET /version HTTP/1.1\r\nHost: docker\r\n" + basic_line("alice", "x") +
                    "\r\n");
        settle(rig);
        client.close();
        settle(rig);
        busy.release();
        rig.wait_for_workers();
    };
    check({"checked passwords", options, play,
           "exchange complete by=nobody phase=done op=none status=200\n"
           "exchange auth_invalid by=gate phase=gate op=judge status=401\n"
           "exchange client_closed by=client phase=gate op=read status=499\n"
           "client client_closed by=client phase=gate op=read\n"});
}

// The upstream is asked whose a container is: of one's own, of another's, and by a client that leaves.
static void asked_owners(void**) {
    RigOptions options = with_short_clocks();
    options.access = "[[profile]]\nname = \"mine\"\nbase = \"run_sandboxed\"\nown = true\n" +
                     anybody + token_entry("alice", runner_token, "profile = \"mine\"\n");
    const auto play = [](Rig& rig) {
        const std::string inspect = "{\"Id\":\"" + std::string(64, 'a') +
                                    "\",\"Config\":{\"Labels\":{\"becaused.owner\":\"";
        Peer upstream;
        const auto serve = [&](std::string_view answer) {
            for (int pause = 0; pause < 4; ++pause) {
                settle(rig);
                if (Peer next = rig.accept_now(); next.open()) upstream = std::move(next);
                rig.skip(100);
            }
            if (!upstream.open()) return;
            upstream.read();
            if (!std::exchange(upstream.received, {}).ends_with("\r\n\r\n")) return;
            upstream.send("HTTP/1.1 200 OK\r\nContent-Length: " + std::to_string(answer.size()) +
                          "\r\n\r\n" + std::string(answer));
            settle(rig);
        };
        Peer client = rig.connect();
        const std::string logs = "GET /containers/web/logs HTTP/1.1\r\nHost: docker\r\n" +
                                 bearer_line(runner_token) + "\r\n";
        client.send(logs);
        serve(inspect + "alice\"}}}");
        serve("ok");
        client.read();
        client.send(logs);
        serve(inspect + "bob\"}}}");
        client.read();
        client.send(logs);
        settle(rig);
        client.close();
        upstream.close();
        settle(rig);
    };
    check({"asked owners", options, play,
           "exchange complete by=nobody phase=done op=none status=200\n"
           "exchange policy_denied by=gate phase=gate op=judge status=404\n"
           "exchange client_closed by=client phase=gate op=read status=499\n"
           "client client_closed by=client phase=gate op=read\n"
           "upstream partner(client_closed) by=nobody phase=gate op=none\n"});
}

// An operator who looks at what is open, and one who ends it.
static void operators_who_look_and_end(void**) {
    const auto play = [](Rig& rig) {
        Admin admin(rig.loop(), rig.ledger(), rig.settings().clocks);
        ListenAddress address;
        address.kind = Address::Kind::unix;
        address.path = rig.directory() + "/admin.sock";
        assert_true(admin.open(address).ok());
        Origin origin(rig);
        Peer client = rig.connect();
        client.send("GET /unanswered HTTP/1.1\r\nHost: docker\r\n\r\n");
        origin.serve();
        const auto ask = [&](const std::string& question) {
            Peer peer = connect_to("unix://" + address.path);
            peer.send(question + " HTTP/1.1\r\nHost: localhost\r\n\r\n");
            settle(rig);
            peer.read();
            peer.close();
            settle(rig);
            return peer.received;
        };
        const std::string lines = ask("GET /live");
        const size_t at = lines.find("\"exchange\",\"id\":\"");
        const std::string id = at == std::string::npos ? "none" : lines.substr(at + 17, 10);
        ask("DELETE /live/" + id);
        client.read();
        client.close();
        settle(rig);
        admin.close();
        settle(rig);
    };
    check({"operators", with_short_clocks(), play,
           "operator complete by=nobody phase=done op=none\n"
           "exchange admin_kill by=operator phase=first_byte op=admin status=503\n"
           "upstream partner(admin_kill) by=nobody phase=first_byte op=none\n"
           "operator complete by=nobody phase=done op=none\n"
           "client client_closed_idle by=nobody phase=keepalive op=none\n"});
}

// The upstream is the collector here. Whatever fails, each record is taken, or counted as dropped.
static void records_on_their_way_to_a_collector(void**) {
    const auto play = [](Rig& rig) {
        Settings settings = rig.settings();
        settings.records_otlp =
            "http://127.0.0.1:" + std::to_string(settings.upstream.port) + "/v1/logs";
        Exporter exporter(rig.loop(), rig.ledger(), settings);
        for (int i = 0; i < 3; ++i) exporter.record("{\"event\":\"exchange\",\"because\":\"x\"}\n");
        std::vector<Peer> peers;
        for (int i = 0; i < 20 && exporter.exported() + exporter.dropped() == 0; ++i) {
            rig.skip(1100);
            settle(rig);
            rig.wait_for_workers();
            settle(rig);
            for (Peer peer = rig.accept_now(); peer.open(); peer = rig.accept_now())
                peers.push_back(std::move(peer));
            for (Peer& peer : peers) {
                peer.read();
                if (!peer.received.ends_with("}")) continue;
                peer.received.clear();
                peer.send("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}");
            }
            settle(rig);
        }
        exporter.finish();
        for (int i = 0; i < 8; ++i) {
            rig.skip(1000);
            settle(rig);
            rig.wait_for_workers();
        }
        settle(rig);
        assert_int_equal(exporter.exported() + exporter.dropped(), 3);
    };
    check({"a collector", with_short_clocks(), play,
           "upstream shutdown_idle by=operator phase=keepalive op=none\n"});
}

// The sweeps before this one are worth nothing unless they fired.
static void every_call_was_made_to_fail_somewhere(void**) {
    // Of these the other tests of this directory say it.
    const std::set<Call> elsewhere = {Call::uv_loop_init,
                                      Call::bind,
                                      Call::chmod,
                                      Call::chown,
                                      Call::getsockname,
                                      Call::listen,
                                      Call::lstat,
                                      Call::unlink,
                                      Call::open,
                                      Call::uv_poll_init,
                                      Call::uv_poll_start,
                                      Call::uv_signal_init,
                                      Call::uv_signal_start,
                                      Call::ftruncate,
                                      Call::mmap,
                                      Call::posix_fallocate,
                                      Call::rename,
                                      Call::mbedtls_ssl_setup,
                                      Call::mbedtls_ssl_set_hostname,
                                      Call::mbedtls_ssl_set_hs_own_cert,
                                      Call::mbedtls_ssl_handshake,
                                      Call::mbedtls_ssl_read,
                                      Call::mbedtls_ssl_write,
                                      Call::mbedtls_ssl_close_notify,
                                      Call::mbedtls_ssl_send_alert_message};
    for (size_t i = 0; i < call_count; ++i) {
        const Call call = static_cast<Call>(i);
        print_message("%-16s %llu\n", name(call),
                      static_cast<unsigned long long>(fired().by_call[i]));
        if (elsewhere.contains(call)) continue;
        if (fired().by_call[i] == 0) print_error("%s was never made to fail\n", name(call));
        assert_true(fired().by_call[i] > 0);
    }
    print_message("%-16s %llu\n%llu runs\n", "slab", static_cast<unsigned long long>(fired().slabs),
                  static_cast<unsigned long long>(fired().runs));
    assert_true(fired().slabs > 0);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(keep_alive_gets_over_tcp),
        cmocka_unit_test(keep_alive_gets_over_unix),
        cmocka_unit_test(posts_on_a_pooled_connection),
        cmocka_unit_test(chunked_upload_with_back_pressure),
        cmocka_unit_test(chunked_download_with_a_slow_reader),
        cmocka_unit_test(uncopied_upload_with_back_pressure),
        cmocka_unit_test(uncopied_download_with_a_slow_reader),
        cmocka_unit_test(transfers_with_two_slabs),
        cmocka_unit_test(client_that_stops_reading_over_tcp),
        cmocka_unit_test(broken_push_that_is_told),
        cmocka_unit_test(broken_tunnel_that_is_told),
        cmocka_unit_test(tunnel_that_the_client_half_closes_first),
        cmocka_unit_test(tunnel_that_the_upstream_half_closes_first),
        cmocka_unit_test(refused_dial_and_retry_over_tcp),
        cmocka_unit_test(refused_dial_and_retry_over_unix),
        cmocka_unit_test(early_refusal_with_linger),
        cmocka_unit_test(accepting_and_dialling_without_descriptors),
        cmocka_unit_test(drain_with_idle_busy_and_stuck_connections),
        cmocka_unit_test(upstream_by_name),
        cmocka_unit_test(stop_while_a_name_is_being_resolved),
        cmocka_unit_test(judged_bodies),
        cmocka_unit_test(checked_passwords),
        cmocka_unit_test(asked_owners),
        cmocka_unit_test(operators_who_look_and_end),
        cmocka_unit_test(records_on_their_way_to_a_collector),
        cmocka_unit_test(every_call_was_made_to_fail_somewhere),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
