// The states and the signals that ends.txt has a line for, each with how to bring it about. Include before
// support/cmocka.hh.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "matrix/reach.hh"
#include "support/ends_table.hh"
#include "support/people.hh"
#include "support/tls_rig.hh"
#include "support/watch.hh"

namespace becaused::test {

// A phase of the exchange, and when it began: ms since the exchange was opened.
struct Span {
    const char* phase;
    uint64_t begin_ms;
};

struct State {
    const char* name;
    const char* phase;
    std::function<void(Watch&)> reach;
    std::vector<Span> spans = {};  // empty: there is no exchange
    const char* method = "";
    const char* target = "";
    const char* route = "";
    const char* identity = "";  // who asks, by a static token; empty: nobody is known
    int upstream_status = 0;    // of its answer; below 200: that was none yet, but for a tunnel's
    // What a client that speaks nonsense, and an upstream, would say here.
    std::string client_nonsense = "zz\r\n";
    std::string upstream_nonsense = "zz\r\n";
    bool dials_tcp = false;  // only TCP can take its time to connect
    void (*options)(RigOptions&) = nullptr;
    bool only_tcp = false;  // what the client begins with is for TCP only
};

inline const char* const chunk_of_five = "5\r\nhello\r\n";

inline std::string chunk_of_32k() { return "8000\r\n" + std::string(0x8000, 'x') + "\r\n"; }

// The first message of a handshake, as OpenSSL sends it.
inline std::string client_hello() {
    TlsPeer client(Peer{}, TlsWays{});
    ignored(static_cast<long>(client.step()), "the answer would come next");
    return client.outgoing;
}

inline void speaks_tls(RigOptions& options) {
    options.settings.tlscert = {pki().server.certificate};
    options.settings.tlskey = {pki().server.key};
}

// Only a service knows whose the bytes are.
inline void asks_a_service(RigOptions& options) {
    options.access = token_entry("runner", runner_token);
    options.asks_upstream = true;
}

// Of a container that a request names, the upstream is asked whose it is.
inline void asks_whose_it_is(RigOptions& options) {
    options.access = "[[profile]]\nname = \"mine\"\nbase = \"run_sandboxed\"\nown = true\n" +
                     token_entry("runner", runner_token, "profile = \"mine\"\n");
}

inline void behind_a_balancer(RigOptions& options) { options.proxied = true; }

// A second after the connection was made; what follows comes at other distances, so that no two times
// are the same by chance.
inline void ask(Watch& watch, const std::string& request) {
    watch.connect();
    watch.wait(1'000);
    watch.begin_exchange();
    watch.client_says(request);
}

inline std::vector<State> all_states() {
    const std::string nonsense_head("\x16\x03\x01\x02\x00\x01", 6);
    return {
        {.name = "no_byte",
         .phase = "keepalive",
         .reach =
             [](Watch& watch) {
                 watch.connect();
                 watch.wait(1'000);
             },
         .client_nonsense = nonsense_head},
        {.name = "no_hello",
         .phase = "tls_handshake",
         .reach =
             [](Watch& watch) {
                 watch.connect();
                 watch.wait(1'000);
             },
         .client_nonsense = "GET / HTTP/1.1\r\nHost: docker\r\n\r\n",
         .options = speaks_tls,
         .only_tcp = true},
        {.name = "no_proxy_header",
         .phase = "accept",
         .reach =
             [](Watch& watch) {
                 watch.connect();
                 watch.wait(1'000);
             },
         .client_nonsense = "GET / HTTP/1.1\r\nHost: docker\r\n\r\n",
         .options = behind_a_balancer,
         .only_tcp = true},
        {.name = "half_proxy_header",
         .phase = "accept",
         .reach =
             [](Watch& watch) {
                 watch.connect();
                 watch.wait(1'000);
                 watch.client_says("PROXY TCP4 192.0");
                 watch.wait(2'000);
             },
         .client_nonsense = ".2.1 192.0.2.9 1000 99999\r\n",
         .options = behind_a_balancer,
         .only_tcp = true},
        {.name = "no_hello_behind_a_balancer",
         .phase = "tls_handshake",
         .reach =
             [](Watch& watch) {
                 watch.connect();
                 watch.wait(1'000);
                 watch.client_says("PROXY UNKNOWN\r\n");
                 watch.client.in = {};  // it is the balancer's
                 watch.wait(2'000);
             },
         .client_nonsense = "GET / HTTP/1.1\r\nHost: docker\r\n\r\n",
         .options =
             [](RigOptions& options) {
                 speaks_tls(options);
                 behind_a_balancer(options);
             },
         .only_tcp = true},
        {.name = "shaking",
         .phase = "tls_handshake",
         .reach =
             [](Watch& watch) {
                 watch.connect();
                 watch.wait(1'000);
                 watch.client_says(client_hello().substr(0, 3));
                 watch.wait(2'000);
             },
         .client_nonsense = "\xff\xff????",
         .options = speaks_tls,
         .only_tcp = true},
        {.name = "half_head",
         .phase = "request_head",
         .reach =
             [](Watch& watch) {
                 ask(watch, "GET /ver");
                 watch.wait(2'000);
             },
         .spans = {{"request_head", 0}},
         .client_nonsense = "sion HTTP/1.1\r\n\r\n"},
        {.name = "idle",
         .phase = "keepalive",
         .reach =
             [](Watch& watch) {
                 ask(watch, get_version);
                 watch.wait(500);
                 watch.upstream_says(ok_ten + "0123456789");
                 watch.wait(1'500);
                 forget(watch.scene);
             },
         .client_nonsense = nonsense_head,
         .upstream_nonsense = ok_ten},
        {.name = "judging",
         .phase = "gate",
         .reach =
             [](Watch& watch) {
                 ask(watch,
                     "POST /v1.41/containers/create HTTP/1.1\r\nHost: docker\r\n"
                     "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n");
                 watch.client_says("5\r\n{\"Ima\r\n");
                 watch.wait(2'000);
             },
         .spans = {{"gate", 0}},
         .method = "POST",
         .target = "/v1.41/containers/create",
         .route = "transfer",
         .options = [](RigOptions& options) { options.settings.profile = "run_sandboxed"; }},
        {.name = "asking_who",
         .phase = "gate",
         .reach =
             [](Watch& watch) {
                 ask(watch, "POST /v1.41/images/load HTTP/1.1\r\nHost: docker\r\n" +
                                bearer_line("svc_0123456789-0123456789-0123456789") +
                                "Transfer-Encoding: chunked\r\n\r\n");
                 watch.wait(2'000);
                 watch.client_says(std::string(chunk_of_five) + "0\r\n\r\n");
                 watch.wait(1'500);
             },
         .spans = {{"gate", 0}},
         .method = "POST",
         .target = "/v1.41/images/load",
         .route = "transfer",
         .upstream_nonsense = bad_answer,
         .options = asks_a_service},
        {.name = "asking_whose",
         .phase = "gate",
         .reach =
             [](Watch& watch) {
                 ask(watch, "POST /v1.41/networks/n/connect HTTP/1.1\r\nHost: docker\r\n" +
                                bearer_line(runner_token) +
                                "Content-Type: application/json\r\nContent-Length: 19\r\n\r\n");
                 watch.wait(2'000);
                 watch.client_says("{\"Container\":\"web\"}");
                 watch.wait(1'500);
             },
         .spans = {{"gate", 0}},
         .method = "POST",
         .target = "/v1.41/networks/n/connect",
         .route = "transfer",
         .identity = "runner",
         .upstream_nonsense = bad_answer,
         .options = asks_whose_it_is},
        {.name = "dialling",
         .phase = "connect",
         .reach =
             [](Watch& watch) {
                 upstream_is_busy(watch.scene);
                 ask(watch, get_version);
                 watch.upstream.opened_ms = watch.now_ms;
                 watch.wait(2'000);
             },
         .spans = {{"connect", 0}},
         .method = "GET",
         .target = "/version",
         .route = "quick",
         .dials_tcp = true},
        {.name = "upload_none",
         .phase = "request_body",
         .reach =
             [](Watch& watch) {
                 ask(watch, post_chunked);
                 watch.wait(2'000);
             },
         .spans = {{"request_body", 0}},
         .method = "POST",
         .target = "/v1.41/images/load",
         .route = "transfer",
         .upstream_nonsense = bad_answer},
        {.name = "upload_some",
         .phase = "request_body",
         .reach =
             [](Watch& watch) {
                 ask(watch, post_chunked);
                 watch.wait(2'000);
                 watch.client_says(chunk_of_five);
                 watch.wait(3'000);
             },
         .spans = {{"request_body", 0}},
         .method = "POST",
         .target = "/v1.41/images/load",
         .route = "transfer",
         .upstream_nonsense = bad_answer},
        {.name = "asked",
         .phase = "first_byte",
         .reach =
             [](Watch& watch) {
                 ask(watch, get_version);
                 watch.wait(2'000);
             },
         .spans = {{"first_byte", 0}},
         .method = "GET",
         .target = "/version",
         .route = "quick",
         .upstream_nonsense = bad_answer},
        {.name = "uploaded",
         .phase = "first_byte",
         .reach =
             [](Watch& watch) {
                 ask(watch, post_chunked);
                 watch.wait(2'000);
                 watch.client_says(std::string(chunk_of_five) + "0\r\n\r\n");
                 watch.wait(3'000);
             },
         .spans = {{"request_body", 0}, {"first_byte", 2'000}},
         .method = "POST",
         .target = "/v1.41/images/load",
         .route = "transfer",
         .upstream_nonsense = bad_answer},
        {.name = "interim",
         .phase = "first_byte",
         .reach =
             [](Watch& watch) {
                 ask(watch, get_version);
                 watch.wait(2'000);
                 watch.upstream_says(early_hints);
                 watch.wait(3'000);
             },
         .spans = {{"first_byte", 0}},
         .method = "GET",
         .target = "/version",
         .route = "quick",
         .upstream_status = 103,
         .upstream_nonsense = bad_answer},
        {.name = "answer_none",
         .phase = "response_body",
         .reach =
             [](Watch& watch) {
                 ask(watch, get_version);
                 watch.wait(2'000);
                 watch.upstream_says(ok_chunked);
                 watch.wait(3'000);
             },
         .spans = {{"first_byte", 0}, {"response_body", 2'000}},
         .method = "GET",
         .target = "/version",
         .route = "quick",
         .upstream_status = 200},
        {.name = "answer_some",
         .phase = "response_body",
         .reach =
             [](Watch& watch) {
                 ask(watch, get_version);
                 watch.wait(2'000);
                 watch.upstream_says(ok_chunked);
                 watch.wait(3'000);
                 watch.upstream_says(chunk_of_five);
                 watch.wait(4'000);
             },
         .spans = {{"first_byte", 0}, {"response_body", 2'000}},
         .method = "GET",
         .target = "/version",
         .route = "quick",
         .upstream_status = 200},
        {.name = "answer_stuck",
         .phase = "response_body",
         .reach =
             [](Watch& watch) {
                 ask(watch, get_version);
                 watch.wait(2'000);
                 watch.upstream_says(ok_chunked);
                 watch.wait(3'000);
                 watch.client_stops_reading(chunk_of_32k());
                 watch.wait(4'000);
             },
         .spans = {{"first_byte", 0}, {"response_body", 2'000}},
         .method = "GET",
         .target = "/version",
         .route = "quick",
         .upstream_status = 200},
        {.name = "upload_stuck",
         .phase = "request_body",
         .reach =
             [](Watch& watch) {
                 ask(watch, post_chunked);
                 watch.wait(2'000);
                 watch.upstream_stops_reading(chunk_of_32k());
                 watch.wait(3'000);
             },
         .spans = {{"request_body", 0}},
         .method = "POST",
         .target = "/v1.41/images/load",
         .route = "transfer",
         .upstream_nonsense = bad_answer},
        {.name = "both_ways",
         .phase = "response_body",
         .reach =
             [](Watch& watch) {
                 ask(watch, post_chunked);
                 watch.client_says(chunk_of_five);
                 watch.wait(2'000);
                 watch.upstream_says(ok_chunked + chunk_of_five);
                 watch.wait(3'000);
             },
         .spans = {{"request_body", 0}, {"response_body", 2'000}},
         .method = "POST",
         .target = "/v1.41/images/load",
         .route = "transfer",
         .upstream_status = 200},
        {.name = "early",
         .phase = "linger",
         .reach =
             [](Watch& watch) {
                 ask(watch, post_chunked);
                 watch.client_says(chunk_of_five);
                 watch.wait(2'000);
                 watch.upstream_says(too_large);
                 watch.wait(700);
             },
         .spans = {{"request_body", 0}, {"linger", 2'000}},
         .method = "POST",
         .target = "/v1.41/images/load",
         .route = "transfer",
         .upstream_status = 413,
         .upstream_nonsense = ok_ten},
        {.name = "tunnel_none",
         .phase = "tunnel",
         .reach =
             [](Watch& watch) {
                 ask(watch, attach);
                 watch.wait(2'000);
                 watch.upstream_says(switching);
                 watch.wait(3'000);
             },
         .spans = {{"first_byte", 0}, {"tunnel", 2'000}},
         .method = "POST",
         .target = "/v1.41/containers/x/attach?stream=1",
         .route = "tunnel",
         .upstream_status = 101},
        {.name = "tunnel_some",
         .phase = "tunnel",
         .reach =
             [](Watch& watch) {
                 ask(watch, attach);
                 watch.wait(2'000);
                 watch.upstream_says(switching + "out");
                 watch.wait(3'000);
                 watch.client_says("in");
                 watch.wait(4'000);
             },
         .spans = {{"first_byte", 0}, {"tunnel", 2'000}},
         .method = "POST",
         .target = "/v1.41/containers/x/attach?stream=1",
         .route = "tunnel",
         .upstream_status = 101},
        {.name = "tunnel_client_fin",
         .phase = "tunnel",
         .reach =
             [](Watch& watch) {
                 ask(watch, attach);
                 watch.wait(2'000);
                 watch.upstream_says(switching + "out");
                 watch.wait(3'000);
                 watch.client_says("in");
                 watch.client_finishes();
                 watch.wait(4'000);
             },
         .spans = {{"first_byte", 0}, {"tunnel", 2'000}},
         .method = "POST",
         .target = "/v1.41/containers/x/attach?stream=1",
         .route = "tunnel",
         .upstream_status = 101},
        {.name = "tunnel_upstream_fin",
         .phase = "tunnel",
         .reach =
             [](Watch& watch) {
                 ask(watch, attach);
                 watch.wait(2'000);
                 watch.client_says("in");
                 watch.upstream_says(switching + "out");
                 watch.upstream_finishes();
                 watch.wait(4'000);
             },
         .spans = {{"first_byte", 0}, {"tunnel", 2'000}},
         .method = "POST",
         .target = "/v1.41/containers/x/attach?stream=1",
         .route = "tunnel",
         .upstream_status = 101},
    };
}

constexpr uint64_t max_age_ms = 12'000;

struct Signal {
    const char* name;
    std::function<void(Watch&, const State&, const EndsRow&)> strike;
    // What the records of whoever did it say of the operation.
    const char* op;
    const char* errno_name = "";
    const char* clock = "";
    bool needs_tcp_client = false;
    bool needs_tcp_upstream = false;
};

inline std::vector<Signal> all_signals() {
    return {
        {"client_fin", [](Watch& watch, const State&, const EndsRow&) { watch.client_finishes(); },
         "read"},
        // The second behind it is for what only looking can tell.
        {"client_rst",
         [](Watch& watch, const State&, const EndsRow&) {
             watch.client_resets();
             watch.wait(1'100);
         },
         "read", "ECONNRESET", "", true, false},
        {"client_bad",
         [](Watch& watch, const State& state, const EndsRow& row) {
             if (row.exchange.phase == "request_head" && *state.phase == 'k')
                 watch.begin_exchange();
             watch.client_says(state.client_nonsense);
         },
         "parse"},
        {"upstream_fin",
         [](Watch& watch, const State&, const EndsRow&) { watch.upstream_finishes(); }, "read"},
        {"upstream_rst",
         [](Watch& watch, const State&, const EndsRow&) {
             watch.upstream_resets();
             watch.wait(1'100);
         },
         "read", "ECONNRESET", "", false, true},
        {"upstream_bad",
         [](Watch& watch, const State& state, const EndsRow&) {
             watch.upstream_says(state.upstream_nonsense);
         },
         "parse"},
        {"clock",
         [](Watch& watch, const State&, const EndsRow&) {
             for (int i = 0; i < 1'300 && watch.scene.rig.records().empty(); ++i) watch.wait(100);
         },
         "clock"},
        {"stop_twice",
         [](Watch& watch, const State&, const EndsRow&) {
             watch.stop();
             watch.stop();
         },
         "admin"},
        // Of the exchange, or of a client's connection without one.
        {"kill", [](Watch& watch, const State&, const EndsRow&) { watch.operator_ends_it(); },
         "admin"},
        {"drain",
         [](Watch& watch, const State&, const EndsRow&) {
             watch.stop();
             for (int i = 0; i < 302; ++i) watch.wait(100);
         },
         "clock", "", "drain/30000"},
        {"max_age",
         [](Watch& watch, const State&, const EndsRow&) {
             for (int i = 0; i < 200 && watch.scene.rig.records().empty(); ++i) watch.wait(100);
         },
         "clock", "", "max_age/12000"},
    };
}

}  // namespace becaused::test
