// The words that every record is made of: sides, phases, operations, clocks, route classes, reasons.
// Each set is one table; enum, name, counters, documentation and tests come from it, so that a word
// cannot exist in one of them only. Nothing here has state.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace becaused {

// Who caused an end, or who owed the next byte.
// clang-format off
#define BECAUSED_SIDES(X)                                                                          \
    X(nobody,    "nobody")   /* nothing went wrong */                                              \
    X(client,    "client")                                                                         \
    X(gate,      "gate")     /* our rules: authentication, policy, limits */                       \
    X(upstream,  "upstream")                                                                       \
    X(proxy,     "proxy")    /* our own resources or faults */                                     \
    X(operator_, "operator") /* a person: signal, kill, drain */

// What an exchange or connection was doing. For exchanges a pure function of its two halves.
#define BECAUSED_PHASES(X)                                                                         \
    X(accept,        "accept",        "while being accepted")                                      \
    X(tls_handshake, "tls_handshake", "during the TLS handshake")                                  \
    X(keepalive,     "keepalive",     "between requests")                                          \
    X(request_head,  "request_head",  "while the request head was arriving")                       \
    X(gate,          "gate",          "while the request was being judged")                        \
    X(held,          "held",          "while the request waited for the upstream to be ready")     \
    X(connect,       "connect",       "while connecting to the upstream")                          \
    X(request_body,  "request_body",  "while the request body was on its way")                     \
    X(first_byte,    "first_byte",    "before the answer began")                                   \
    X(response_body, "response_body", "while the answer was on its way")                           \
    X(tunnel,        "tunnel",        "in the tunnel")                                             \
    X(linger,        "linger",        "while delivering an early answer")                          \
    X(done,          "done",          "after everything was done")

// The operation that showed the end.
#define BECAUSED_OPS(X)                                                                            \
    X(none, "none") X(accept, "accept") X(resolve, "resolve") X(connect, "connect")                \
    X(read, "read") X(write, "write") X(shutdown, "shutdown") X(probe, "probe")                    \
    X(parse, "parse") X(clock, "clock") X(judge, "judge") X(allocate, "allocate")                  \
    X(admin, "admin") X(tls_read, "tls_read") X(tls_write, "tls_write")                            \
    X(tls_handshake, "tls_handshake")

// Idle clocks; those that limit a whole phase say `total`. Key, default for the quick, transfer, build,
// follow, tunnel, session classes in ms (0: off), and what it limits.
#define BECAUSED_CLOCKS(X)                                                                         \
    X(tls_handshake,         10'000,    10'000,    10'000,    10'000,    10'000,    10'000, "PROXY header and TLS handshake, total")          \
    X(request_head,          15'000,    15'000,    15'000,    15'000,    15'000,    15'000, "silence inside a request head") \
    X(request_head_total,    60'000,    60'000,    60'000,    60'000,    60'000,    60'000, "a whole request head")          \
    X(keepalive,           120'000,   120'000,   120'000,   120'000,   120'000,   120'000, "an idle client connection")     \
    X(upstream_idle,         60'000,    60'000,    60'000,    60'000,    60'000,    60'000, "an idle upstream connection")   \
    X(boot_hold,             60'000,    60'000,    60'000,    60'000,    60'000,    60'000, "holding a request while the upstream boots") \
    X(connect,                 5'000,     5'000,     5'000,     5'000,     5'000,     5'000, "one connect to the upstream over TCP") \
    X(connect_unix,            2'000,     2'000,     2'000,     2'000,     2'000,     2'000, "one connect to the upstream over a unix socket") \
    X(request_body,        120'000,   120'000,   120'000,   120'000,   120'000,   120'000, "silence in the request body")   \
    X(first_byte,            30'000,         0,         0,         0,    30'000,    30'000, "silence before the answer's head") \
    X(response_body,         60'000,   900'000, 1'800'000,         0,         0,         0, "silence in the answer's body")  \
    X(tunnel,                          0,         0,         0,         0,         0,    60'000, "silence in a tunnel, both ways") \
    X(half_open,             60'000,    60'000,    60'000,    60'000,    60'000,    60'000, "silence after the upstream ended its half of a tunnel") \
    X(auth,                    5'000,     5'000,     5'000,     5'000,     5'000,     5'000, "an answer of the authorisation service, total") \
    X(linger,                  2'000,     2'000,     2'000,     2'000,     2'000,     2'000, "silence while an early answer is delivered; total after a refusal") \
    X(drain,                 30'000,    30'000,    30'000,    30'000,    30'000,    30'000, "finishing what runs at shutdown, total") \
    X(max_age,                         0,         0,         0,         0,         0,         0, "a whole exchange, total; off unless set")

// Patience classes of routes.
#define BECAUSED_ROUTE_CLASSES(X)                                                                  \
    X(quick,    "quick",    "ping, version, info, inspect, list")                                  \
    X(transfer, "transfer", "push, pull, load, save, archive, and paths no rule knows")            \
    X(build,    "build",    "build, commit, prune")                                                \
    X(follow,   "follow",   "events, logs, stats, wait")                                           \
    X(tunnel,   "tunnel",   "attach, exec, grpc")                                                  \
    X(session,  "session",  "session, where BuildKit's side beats every few seconds")

// How a client was told of an end after its answer had begun: in the format of what it reads.
#define BECAUSED_TELLINGS(X)                                                                       \
    X(nothing,  "not at all")                                                                      \
    X(progress, "a last message in a progress stream (push, pull, build, load)")                   \
    X(frames,   "an error frame in a multiplexed stream (attach, exec, logs)")                     \
    X(goaway,   "GOAWAY with debug data in BuildKit's HTTP/2, to either side")                     \
    X(refusals, "an error frame in place of a refused upgrade (attach, exec)")

#define BECAUSED_CLASSES(X) X(clean) X(refused) X(truncated) X(fault)

// symbol, side, class, HTTP status while no head was sent (0: none), RFC 9209 error type ("": none),
// the sentence for people. In sentences: {phase} {clock} {setting} {silence} {errno} {detail} {first}
// {in} {out} (bytes from and to the client) {limit}.
#define BECAUSED_REASONS(X)                                                                                             \
    X(complete,               nobody,   clean,     0, "", "Finished.")                                                  \
    X(tunnel_complete,        nobody,   clean,     0, "", "The tunnel was ended by both sides after their last bytes.") \
    X(keepalive_idle,         nobody,   clean,     0, "", "Idle for {setting}, so the connection was closed (clock {clock}).") \
    X(client_closed_idle,     nobody,   clean,     0, "", "The client closed its idle connection.")                     \
    X(upstream_closed_idle,   nobody,   clean,     0, "", "The upstream closed an idle connection.")                    \
    X(probe,                  nobody,   clean,     0, "", "Opened and closed without a byte.")                          \
    X(shutdown_idle,          operator_, clean,    0, "", "Idle when becaused was told to stop.")                       \
    X(max_requests,           nobody,   clean,     0, "", "Closed after its last allowed request.")                     \
    X(client_closed,          client,   truncated, 499, "", "The client closed its connection {phase}.")                \
    X(client_reset,           client,   truncated, 499, "", "The client reset its connection {phase} ({errno}).")       \
    X(client_head_timeout,    client,   fault,     408, "http_request_error", "The client did not finish its request head: clock {clock} allows {setting}.") \
    X(client_stalled_sending, client,   truncated, 408, "http_request_error", "The client owed bytes of the request and sent none for {silence} (clock {clock}, {setting}).") \
    X(client_stalled_reading, client,   truncated, 0, "", "The client stopped reading: nothing was taken for {silence} (clock {clock}, {setting}).") \
    X(client_malformed,       client,   refused,   400, "http_request_error", "The request is not valid HTTP/1.1: {detail}.") \
    X(client_ambiguous_framing, client, refused,   400, "http_request_error", "The request says in two ways where its body ends: {detail}.") \
    X(client_head_too_large,  client,   refused,   431, "http_request_error", "The request head is larger than allowed: {detail}.") \
    X(client_proxy_malformed, client,   refused,   0, "", "The connection does not begin with a valid PROXY header: {detail}.") \
    X(client_proxy_timeout,   client,   fault,     0, "", "The PROXY header was not whole within {setting} (clock {clock}).") \
    X(client_tls_failed,      client,   fault,     0, "", "The TLS handshake failed: {detail}.")                        \
    X(client_tls_timeout,     client,   fault,     0, "", "The TLS handshake took longer than {setting}.")              \
    X(client_tls_truncated,   client,   fault,     0, "", "The client closed TCP without a TLS close_notify {phase}.")  \
    X(client_unreachable,     client,   truncated, 499, "", "The client's machine stopped answering {phase} ({errno}).") \
    X(auth_missing,           gate,     refused,   401, "http_request_denied", "No credentials were sent.")             \
    X(auth_invalid,           gate,     refused,   401, "http_request_denied", "The credentials were not accepted: {detail}.") \
    X(auth_expired,           gate,     refused,   401, "http_request_denied", "The credentials have expired.")         \
    X(auth_unavailable,       gate,     refused,   503, "proxy_internal_error", "The authorisation service could not be asked: {detail}.") \
    X(auth_locked_out,        gate,     refused,   429, "http_request_error", "Too many failed attempts: {detail}.")    \
    X(policy_denied,          gate,     refused,   403, "http_request_denied", "The request is not allowed here: {detail}.") \
    X(policy_uninspectable,   gate,     refused,   403, "http_request_denied", "The request could not be judged, so it was refused: {detail}.") \
    X(rate_limited,           gate,     refused,   429, "http_request_error", "Too many requests: {detail}.")           \
    X(concurrency_limited,    gate,     refused,   429, "http_request_error", "Too many at the same time: {detail}.")   \
    X(body_too_large,         gate,     refused,   413, "http_request_error", "The request body is larger than {limit} bytes.") \
    X(source_denied,          gate,     refused,   0, "http_request_denied", "Connections from this address are not allowed.") \
    X(draining,               operator_, refused,  503, "proxy_internal_response", "becaused is shutting down: try again in a moment.") \
    X(disk_low,               gate,     refused,   507, "destination_unavailable", "The build machine's disk is nearly full.") \
    X(request_unsupported,    client,   refused,   501, "http_request_error", "This proxy does not do that: {detail}.") \
    X(upstream_refused,       upstream, fault,     502, "connection_refused", "The upstream refused the connection ({errno}): is dockerd running?") \
    X(upstream_unreachable,   upstream, fault,     502, "destination_unavailable", "The upstream could not be reached ({errno}).") \
    X(upstream_connect_timeout, upstream, fault,   504, "connection_timeout", "The upstream did not accept the connection within {setting}.") \
    X(upstream_booting,       upstream, refused,   503, "destination_unavailable", "dockerd is starting: try again in a moment.") \
    X(upstream_down,          upstream, refused,   503, "destination_unavailable", "dockerd is not running.")           \
    X(upstream_exited,        upstream, truncated, 502, "connection_terminated", "dockerd exited {phase}: {detail}.")   \
    X(upstream_silent,        upstream, fault,     504, "http_response_timeout", "The upstream sent no answer for {silence} (clock {clock}, {setting}).") \
    X(upstream_closed,        upstream, truncated, 502, "connection_terminated", "The upstream closed its connection {phase}: dockerd or the request's handler died, or was stopped.") \
    X(upstream_reset,         upstream, truncated, 502, "connection_terminated", "The upstream reset its connection {phase} ({errno}): dockerd died, or was stopped.") \
    X(upstream_stalled_sending, upstream, truncated, 504, "connection_read_timeout", "The upstream owed bytes of the answer and sent none for {silence} (clock {clock}, {setting}).") \
    X(upstream_stalled_reading, upstream, truncated, 504, "connection_write_timeout", "The upstream stopped reading: nothing was taken for {silence} (clock {clock}, {setting}).") \
    X(upstream_malformed,     upstream, fault,     502, "http_protocol_error", "The upstream's answer is not valid HTTP/1.1: {detail}.") \
    X(upstream_head_too_large, upstream, fault,    502, "http_response_header_section_size", "The upstream's answer has a head larger than allowed: {detail}.") \
    X(upstream_tls_failed,    upstream, fault,     502, "tls_protocol_error", "TLS to the upstream failed: {detail}.")  \
    X(upstream_unreachable_live, upstream, truncated, 502, "connection_terminated", "The upstream's machine stopped answering {phase} ({errno}).") \
    X(upgrade_mismatch,       upstream, fault,     502, "http_upgrade_failed", "The upstream switched protocols without being asked: {detail}.") \
    X(retry_exhausted,        upstream, fault,     502, "connection_terminated", "The upstream closed every connection that was tried before it answered.") \
    X(retry_impossible,       upstream, fault,     502, "connection_terminated", "The upstream closed its kept-alive connection before it answered, and this request may not be sent twice.") \
    X(admin_kill,             operator_, truncated, 503, "proxy_internal_response", "An operator ended it {phase}.")   \
    X(drain_deadline,         operator_, truncated, 503, "proxy_internal_response", "becaused was told to stop, and {setting} for finishing were over {phase} (clock {clock}).") \
    X(shutdown,               operator_, truncated, 503, "proxy_internal_response", "becaused was told to stop at once {phase}.") \
    X(max_age,                operator_, truncated, 504, "http_response_timeout", "The whole-exchange limit max_age of {setting} was reached {phase}.") \
    X(accept_limit,           proxy,    refused,   503, "proxy_internal_error", "becaused has as many connections as it may have ({limit}).") \
    X(fd_exhausted,           proxy,    refused,   503, "proxy_internal_error", "becaused has no file descriptor left ({errno}).") \
    X(memory_shed,            proxy,    refused,   503, "proxy_internal_error", "becaused's memory budget is used up: try again in a moment.") \
    X(partner,                nobody,   truncated, 0, "", "Its partner ended first: {first}.")                          \
    X(internal,               proxy,    fault,     500, "proxy_internal_error", "becaused failed: {detail} ({errno}).") \
    X(lost,                   proxy,    fault,     0, "proxy_internal_error", "becaused let it go without saying why: a bug.") \
    X(previous_life,          proxy,    truncated, 0, "", "becaused's process ended {phase}: {detail}.")
// clang-format on

#define BECAUSED_ENUM2(symbol, ...) symbol,
enum class Side : uint8_t { BECAUSED_SIDES(BECAUSED_ENUM2) };
enum class Phase : uint8_t { BECAUSED_PHASES(BECAUSED_ENUM2) };
enum class Op : uint8_t { BECAUSED_OPS(BECAUSED_ENUM2) };
enum class ClockName : uint8_t { BECAUSED_CLOCKS(BECAUSED_ENUM2) };
enum class RouteClass : uint8_t { BECAUSED_ROUTE_CLASSES(BECAUSED_ENUM2) };
enum class Telling : uint8_t { BECAUSED_TELLINGS(BECAUSED_ENUM2) };
enum class EndClass : uint8_t { BECAUSED_CLASSES(BECAUSED_ENUM2) };
enum class Reason : uint8_t { BECAUSED_REASONS(BECAUSED_ENUM2) };
#undef BECAUSED_ENUM2

#define BECAUSED_ONE(...) +1
inline constexpr size_t side_count = 0 BECAUSED_SIDES(BECAUSED_ONE);
inline constexpr size_t phase_count = 0 BECAUSED_PHASES(BECAUSED_ONE);
inline constexpr size_t op_count = 0 BECAUSED_OPS(BECAUSED_ONE);
inline constexpr size_t clock_count = 0 BECAUSED_CLOCKS(BECAUSED_ONE);
inline constexpr size_t route_class_count = 0 BECAUSED_ROUTE_CLASSES(BECAUSED_ONE);
inline constexpr size_t telling_count = 0 BECAUSED_TELLINGS(BECAUSED_ONE);
inline constexpr size_t reason_count = 0 BECAUSED_REASONS(BECAUSED_ONE);
#undef BECAUSED_ONE

struct ReasonRow {
    Reason reason;
    std::string_view symbol;
    Side by;
    EndClass end_class;
    uint16_t status;               // 0: no answer is possible or due
    std::string_view proxy_error;  // RFC 9209 §2.3 error type; empty: none
    std::string_view sentence;
};

struct ClockRow {
    ClockName clock;
    std::string_view symbol;
    std::array<uint32_t, route_class_count> default_ms;  // 0: off
    std::string_view limits;
};

const ReasonRow& row(Reason reason);
const ClockRow& row(ClockName clock);

std::string_view name(Side side);
std::string_view name(Phase phase);
std::string_view name(Op op);
std::string_view name(ClockName clock);
std::string_view name(RouteClass route_class);
std::string_view name(EndClass end_class);
std::string_view name(Reason reason);
std::string_view name(Telling telling);
// The phase inside a sentence: "while the answer was on its way".
std::string_view words(Phase phase);
// What belongs to a route class, for help texts.
std::string_view words(RouteClass route_class);
// How a client was told, for help texts.
std::string_view words(Telling telling);

std::optional<Reason> find_reason(std::string_view symbol);
std::optional<ClockName> find_clock(std::string_view symbol);
std::optional<RouteClass> find_route_class(std::string_view symbol);
std::optional<Telling> find_telling(std::string_view symbol);

// Limits of every clock for every class, in ms; 0: off.
class ClockTable {
  public:
    ClockTable();  // the defaults of the table above
    uint32_t ms(RouteClass route_class, ClockName clock) const {
        return ms_[static_cast<size_t>(route_class)][static_cast<size_t>(clock)];
    }
    // For clocks that run before a route is known, or belong to no request.
    uint32_t ms(ClockName clock) const { return ms(RouteClass::quick, clock); }
    void set(RouteClass route_class, ClockName clock, uint32_t ms) {
        ms_[static_cast<size_t>(route_class)][static_cast<size_t>(clock)] = ms;
    }
    void set_all(ClockName clock, uint32_t ms) {
        for (auto& by_clock : ms_) by_clock[static_cast<size_t>(clock)] = ms;
    }

  private:
    std::array<std::array<uint32_t, clock_count>, route_class_count> ms_;
};

}  // namespace becaused
