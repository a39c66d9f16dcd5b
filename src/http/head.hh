// A message head as facts: views into bytes that someone else owns, valid as long as those bytes.
// Parsed by http/parser.hh; read by the gate, by framing and by forward. Nothing here is changed after
// parsing, and nothing owns memory but the field list's capacity.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace becaused {

inline constexpr size_t head_limit_bytes = 64 * 1024;   // 431 beyond (RFC 6585 §5)
inline constexpr size_t target_limit_bytes = 8 * 1024;  // 414 beyond (RFC 9110 §15.5.15)
inline constexpr size_t field_limit = 1024;             // field lines in a head; 431 beyond

// Fields that the proxy itself reads or replaces; everything else is `other`.
enum class FieldName : uint8_t {
    other,
    connection,
    content_length,
    content_type,
    date,
    expect,
    forwarded,
    host,
    http2_settings,
    keep_alive,
    max_forwards,
    proxy_authenticate,
    proxy_authorization,
    proxy_connection,
    proxy_status,
    server,
    te,
    traceparent,
    tracestate,
    trailer,
    transfer_encoding,
    upgrade,
    via,
    x_forwarded_for,
    x_forwarded_host,
    x_forwarded_proto,
    x_request_id,
};

struct Field {
    std::string_view name;   // as sent
    std::string_view value;  // without the white space around it
    FieldName known = FieldName::other;
    bool hop_by_hop = false;  // must not be forwarded: RFC 9110 §7.6.1, or named by Connection
};

// What Connection, Keep-Alive and friends said.
struct ConnectionOptions {
    bool close = false;
    bool keep_alive = false;
    bool upgrade = false;
    bool te = false;
};

struct Head {
    std::vector<Field> fields;  // in order, every line; capacity is kept from message to message
    uint8_t minor_version = 1;  // HTTP/1.0 or HTTP/1.1
    ConnectionOptions connection;
    // Framing facts, already judged valid alone; http/framing.hh decides what they mean together.
    bool has_content_length = false;
    uint64_t content_length = 0;  // at most 2^63 - 1
    bool chunked = false;         // Transfer-Encoding is exactly `chunked`

    // The first field of that name, or null.
    const Field* find(FieldName known) const {
        for (const Field& field : fields)
            if (field.known == known) return &field;
        return nullptr;
    }
};

struct RequestHead : Head {
    std::string_view method;  // a token
    std::string_view target;  // as sent
    // Origin-form path and query (also cut out of an absolute-form target; "/" where that has none),
    // or "*" for OPTIONS *.
    std::string_view path_and_query;
    std::string_view path;       // without the query; as sent, not decoded
    std::string_view query;      // without "?"
    std::string_view authority;  // Host's value, or the absolute-form's authority (which wins)
    std::string_view upgrade;    // Upgrade's value, only with Connection: upgrade in HTTP/1.1
    bool expect_continue = false;
    bool accepts_trailers = false;  // TE: trailers
    bool has_max_forwards = false;
    uint64_t max_forwards = 0;
};

struct ResponseHead : Head {
    uint16_t status = 0;       // 100..599
    std::string_view reason;   // the reason phrase, may be empty
    std::string_view upgrade;  // Upgrade's value, only with Connection: upgrade
};

// Field names compare without case (RFC 9110 §5.1); ASCII only.
bool same_name(std::string_view a, std::string_view b);
FieldName known_field(std::string_view name);
// GET, HEAD, OPTIONS, TRACE, PUT, DELETE (RFC 9110 §9.2.2). Case-sensitive.
bool idempotent(std::string_view method);

}  // namespace becaused
