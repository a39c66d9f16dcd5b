// Answers that becaused gives itself, in Docker's shape: `{"message":"..."}` with Content-Type exactly
// application/json (docker clients show the message only then), Proxy-Status (RFC 9209), the record's id.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "ledger/vocabulary.hh"

namespace becaused {

// What a rate limit says of itself (draft-ietf-httpapi-ratelimit-headers-10).
struct RateFacts {
    std::string_view policy;  // its name, a token; empty: nothing is said
    uint64_t quota = 0;       // requests...
    uint64_t window_s = 0;    // ...per so many seconds
    uint64_t remaining = 0;   // that could pass right now
    uint64_t reset_s = 0;     // until there is room again
};

struct Reply {
    uint16_t status = 502;
    Reason reason = Reason::internal;
    std::string_view because;      // the sentences for people; any bytes, escaped as JSON
    std::string_view verbatim;     // the whole message instead, as another would say it
    std::string_view record_id;    // of the exchange's record
    std::string_view details;      // Proxy-Status `details` parameter; empty: the reason's symbol
    std::string_view api_version;  // for answers to /_ping: Api-Version; empty: left out
    bool head_method = false;      // answer to HEAD: no body
    bool close = true;             // say Connection: close
    uint8_t request_minor = 1;
    bool keep_alive_1_0 = false;
    uint32_t retry_after_s = 0;  // 0: no Retry-After
    std::string_view challenge;  // WWW-Authenticate (RFC 9110 §11.6.1); empty: left out
    RateFacts rate;
    std::string_view allow;                    // Allow for 405, and for OPTIONS answered here
    std::string_view proxy_name = "becaused";  // in Proxy-Status
};

// Appends the whole answer, head and body, to `out`. Message: "becaused: <because> (record <id>)".
void write_reply(const Reply& reply, std::string& out);

// In place of a refusal of an upgrade, whose body Docker's clients do not show: the upgrade to `protocol`
// is granted, and an error frame in the tunnel (http/stdcopy.hh) says the same message. Nothing follows.
void write_refused_tunnel(const Reply& reply, std::string_view protocol, std::string& out);

// "Proxy-Status: NAME", to which its parameters and the CRLF are to be added (RFC 9209 §2).
void append_proxy_name(std::string& out, std::string_view name);

// "becaused: <because> (record <id>)", as answers and streams say it.
void append_message(std::string& out, std::string_view because, std::string_view record_id);

// The standard reason phrase of a status, "Unknown" for others.
std::string_view status_phrase(uint16_t status);

}  // namespace becaused
