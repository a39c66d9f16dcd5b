// What a gateway adds to and removes from a head on its way (RFC 9110 §7.6): writes the head that goes
// out, straight from the one that came in, into the caller's buffer. Removes hop-by-hop and
// Connection-named fields (never end-to-end ones that an attacker names there: Host, Content-Length,
// Authorization, ...), replaces framing fields by the decision of http/framing.hh, adds Via,
// X-Forwarded-*, Forwarded, X-Request-Id, traceparent. Every other field passes byte-exact, in order.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "http/framing.hh"
#include "http/head.hh"

namespace becaused {

struct Hop {
    // The client's address without port, "127.0.0.1" or "2001:db8::1"; "unix" for a unix socket
    // (then Forwarded says for=unknown and X-Forwarded-For is left out).
    std::string_view client_address;
    std::string_view scheme = "http";  // for X-Forwarded-Proto
    std::string_view via_name = "becaused";
    bool trust_forwarded =
        false;  // keep and extend the client's X-Forwarded-*, Forwarded; else replaced
    std::string_view
        request_id;  // used when the client's X-Request-Id is absent, invalid or repeated
    std::string_view traceparent;  // the same for traceparent (W3C Trace Context, level 1)
    std::span<const std::string> withheld = {};  // names of fields that stay here, in lower case
    std::string_view added;                      // whole field lines, put in as they are
    std::string_view target;  // in place of the head's path and query; empty: those
};

// A client's X-Request-Id that may be kept: 1 to 128 visible ASCII characters without quotes, comma,
// semicolon or backslash.
bool valid_request_id(std::string_view id);
// version-traceid-parentid-flags, lower hex, ids not all zero (W3C Trace Context §3.2).
bool valid_traceparent(std::string_view value);

// What the outgoing request may ask of the upstream; part of the record and of AskedFor.
struct ForwardedRequest {
    // The ones that were sent: views into the head or into `hop`.
    std::string_view request_id;
    std::string_view traceparent;
};

// Appends the upstream's request head to `text` (which keeps its capacity). The body follows as `framing`
// says: Content-Length kept, or Transfer-Encoding: chunked. HTTP/1.1 always, Host from head.authority
// (for HTTP/1.0 without Host: `fallback_host`), origin-form target. Max-Forwards is decremented for
// OPTIONS and TRACE. Upgrade and `Connection: upgrade` are sent when head.upgrade is not empty.
ForwardedRequest write_request_head(const RequestHead& head, const BodyFraming& framing,
                                    const Hop& hop, std::string_view fallback_host,
                                    std::string& text);

// How the answer is framed towards this client.
struct AnswerFraming {
    BodyKind kind =
        BodyKind::none;  // length, chunked, until_close (HTTP/1.0 clients), none, tunnel
    uint64_t length = 0;
    bool close = false;           // say Connection: close
    bool keep_alive_1_0 = false;  // the client speaks HTTP/1.0 and asked for keep-alive: say so
};
// `request_minor`: the client's minor version. Interim answers have kind none and no Via is required,
// Content-Length of HEAD, 304 answers passes as it came (no body follows). 204 and 1xx get no CL, no TE.
AnswerFraming frame_answer(const ResponseHead& head, const BodyFraming& from_upstream,
                           uint8_t request_minor, bool head_method, bool client_keep_alive);

// Appends the client's answer head to `text`. Status line is always HTTP/1.1. For tunnel with status 101:
// Upgrade and Connection: Upgrade are kept. No Content-Type, Date or Server is invented.
void write_response_head(const ResponseHead& head, const AnswerFraming& framing,
                         std::string_view via_name, std::string& text);

}  // namespace becaused
