// Everything that the proxy can be told, as plain values with their defaults. Filled by ops/config from
// flags, environment and file; never changed while running. Owns its strings.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "gate/rate.hh"
#include "gate/route.hh"
#include "ledger/vocabulary.hh"

namespace becaused {

// An address as in DOCKER_HOST: tcp://127.0.0.1:2375, tcp://[::1]:2375, tcp://name:2375,
// unix:///run/docker.sock; an upstream may be tls://name:2376.
struct Address {
    enum class Kind : uint8_t { tcp, unix };
    Kind kind = Kind::tcp;
    bool tls = false;  // tls://host:port; tcp only
    std::string host;  // without brackets; an address literal or a name
    uint16_t port = 0;
    std::string path;  // unix: absolute
    std::string text;  // as given
};

struct ListenAddress : Address {
    // Unix sockets only: `unix:///run/b.sock?mode=0660&group=docker`.
    uint32_t mode = 0660;
    std::string group;  // name or number; empty: unchanged
    // TCP only: `tcp://127.0.0.1:2375?tls=off` stays plain beside others that speak TLS.
    bool plain = false;
    // TCP only: `?proxy=on`: every connection begins with a PROXY header.
    bool proxied = false;
};

// The rate of identities that name this class.
struct RateClass {
    std::string name;
    Rate rate;
};

struct Settings {
    // The policy only says what it would refuse.
    bool only_reports() const { return mode != "enforce"; }

    std::vector<ListenAddress> listen;
    Address upstream;
    std::string records;  // a file, "-" for stdout, empty: none
    bool record_request_start = false;
    uint64_t records_max_bytes = 0;  // the file is put aside before the next line; 0: never
    uint32_t records_max_age_s = 0;  // the same
    uint32_t records_keep = 8;       // files put aside; older ones are removed
    std::string records_key_file;    // a secret by which records are chained; empty: they are not
    std::string records_otlp;        // an OpenTelemetry collector's URL for logs; empty: none
    bool records_otlp_gzip = false;
    std::string records_otlp_tlscacert;  // who signs its certificate (https)
    std::string state = "auto";  // directory of the black box; "auto": the usual one; "off": none
    std::string admin =
        "auto";        // where operators ask; "auto": a socket beside the box; "off": nowhere
    std::string user;  // whom the process becomes once it listens: USER[:GROUP]; empty: nobody else
    ClockTable clocks;
    std::vector<RoutePattern> routes;  // before the built-in table

    // TLS on TCP listeners, with dockerd's own flags and their meanings (dockerd(8)).
    std::vector<std::string> tlscert;  // each with its chain; several: chosen by name and key type
    std::vector<std::string> tlskey;   // in the order of `tlscert`; none: every listener is plain
    std::string tlscacert;   // who signs clients' certificates; those that come must be good
    bool tlsverify = false;  // a client certificate must come
    // The same for a tls:// upstream, where we are the client.
    std::string upstream_tlscert;
    std::string upstream_tlskey;
    std::string upstream_tlscacert;
    bool upstream_tlsverify = true;
    std::vector<std::string> proxy_from;  // networks that may send a PROXY header; empty: all
    uint32_t max_handshakes = 256;        // TLS handshakes at once

    // Who may come in, and what they may do.
    std::string access;          // the access file (gate/TOKENS.md); empty: everybody may
    Address auth_service;        // asked about credentials that nothing else knows; no text: none
    std::string auth_path;       // of the request to it
    std::string auth_tlscacert;  // who signs its certificate (https)
    std::vector<std::string> auth_fields;  // fields of the request that it is told too
    std::vector<std::string> auth_copy;    // fields of its answer for the upstream; lower case
    uint32_t auth_cache_ms = 10'000;       // how long what it allowed is believed; 0: never
    std::string profile = "builder";       // of those whose identity says nothing else
    // enforce; report: the policy refuses nothing, records say what it would have; learn: as report,
    // and what would let all of it pass is written down.
    std::string mode = "enforce";
    std::string learn;               // the file for that
    bool open_ping = false;          // /_ping answers without credentials
    bool pass_credentials = false;   // the upstream gets the credentials too
    Rate connection_rate;            // new connections, of one address
    Rate handshake_rate{100, 1, 0};  // TLS handshakes, of one address
    Rate address_rate;               // requests, of one address
    Rate identity_rate;              // requests, of one identity whose class is none of these:
    std::vector<RateClass> rate_classes;
    Rate total_rate;                  // requests of all together
    uint32_t identity_exchanges = 0;  // at once, of one identity; 0: no limit
    uint32_t identity_tunnels = 0;    // of these: what may become a tunnel
    uint32_t identity_builds = 0;     // of these: builds
    uint64_t identity_upload = 0;     // bytes per second of one identity's; 0: no limit
    uint64_t identity_download = 0;
    std::vector<BodyLimit> body_limits;

    bool trust_forwarded = false;  // keep the client's X-Forwarded-*, Forwarded
    bool allow_half_close =
        false;  // a client's FIN while its plain answer is pending is no farewell
    std::string via_name = "becaused";
    // Which ways to tell a client why its answer was cut: Telling's words with commas between; "off".
    std::string tell = "progress,frames,goaway";

    uint32_t workers = 1;             // processes that share the ports; 0: one for each core
    uint32_t worker_watchdog_s = 60;  // one whose loop stands still for so long is ended; 0: none
    uint32_t max_connections = 4096;  // clients at once; also capped below RLIMIT_NOFILE
    uint32_t max_requests = 0;        // per client connection; 0: no limit
    uint64_t memory_bytes = 256U << 20;  // for bodies in flight (slabs)
    uint32_t pool_size = 64;             // idle upstream connections kept
    uint32_t connect_tries = 3;          // dials per request, with exponential back-off
    uint32_t retry_backoff_ms = 100;     // first pause between dials; doubles, with jitter
    uint32_t replays = 2;                // repeats of a replayable request on a fresh connection
    uint32_t replay_bytes = 64U << 10;   // largest body kept for that
    uint32_t backlog = 1024;
    uint32_t tcp_keepalive_s = 30;  // idle before the first probe; 0: off
    uint32_t tcp_user_timeout_s =
        120;  // unacknowledged data: the peer is gone; 0: the kernel's own
    uint64_t journal_bytes =
        4U << 20;  // records waiting to be written; beyond: dropped and counted
    // Bodies of which so much is to come, and busy tunnels, go by splice(2); 0: none do.
    uint64_t splice_bytes = 256U << 10;
};

}  // namespace becaused
