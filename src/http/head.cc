#include "http/head.hh"

#include <cstring>

#include "http/octets.hh"

namespace becaused {

bool same_name(std::string_view a, std::string_view b) {
    if (a.size() != b.size()) return false;
    for (size_t i = 0; i < a.size(); ++i)
        if (a[i] != b[i] && lower(a[i]) != lower(b[i])) return false;
    return true;
}

namespace {

// `name` has the length of `known`. Nearly all peers spell names as the RFCs do, which one comparison of
// known length shows.
template <size_t size>
FieldName if_same(std::string_view name, const char (&known)[size], FieldName field) {
    const bool as_spelled = std::memcmp(name.data(), known, size - 1) == 0;
    return as_spelled || same_name(name, {known, size - 1}) ? field : FieldName::other;
}

FieldName known_of_10(std::string_view name) {
    if (lower(name[0]) == 'c') return if_same(name, "Connection", FieldName::connection);
    if (lower(name[0]) == 'k') return if_same(name, "Keep-Alive", FieldName::keep_alive);
    return if_same(name, "tracestate", FieldName::tracestate);
}

FieldName known_of_12(std::string_view name) {
    switch (lower(name[0])) {
        case 'c': return if_same(name, "Content-Type", FieldName::content_type);
        case 'm': return if_same(name, "Max-Forwards", FieldName::max_forwards);
        case 'p': return if_same(name, "Proxy-Status", FieldName::proxy_status);
        default: return if_same(name, "X-Request-Id", FieldName::x_request_id);
    }
}

FieldName known_of_14(std::string_view name) {
    if (lower(name[0]) == 'c') return if_same(name, "Content-Length", FieldName::content_length);
    return if_same(name, "HTTP2-Settings", FieldName::http2_settings);
}

FieldName known_of_16(std::string_view name) {
    if (lower(name[0]) == 'p')
        return if_same(name, "Proxy-Connection", FieldName::proxy_connection);
    return if_same(name, "X-Forwarded-Host", FieldName::x_forwarded_host);
}

FieldName known_of_17(std::string_view name) {
    if (lower(name[0]) == 't')
        return if_same(name, "Transfer-Encoding", FieldName::transfer_encoding);
    return if_same(name, "X-Forwarded-Proto", FieldName::x_forwarded_proto);
}

}  // namespace

// By length first: most fields of a head are told apart from all known ones by that alone.
FieldName known_field(std::string_view name) {
    switch (name.size()) {
        case 2: return if_same(name, "TE", FieldName::te);
        case 3: return if_same(name, "Via", FieldName::via);
        case 4:
            if (lower(name[0]) == 'h') return if_same(name, "Host", FieldName::host);
            return if_same(name, "Date", FieldName::date);
        case 6:
            if (lower(name[0]) == 'e') return if_same(name, "Expect", FieldName::expect);
            return if_same(name, "Server", FieldName::server);
        case 7:
            if (lower(name[0]) == 'u') return if_same(name, "Upgrade", FieldName::upgrade);
            return if_same(name, "Trailer", FieldName::trailer);
        case 9: return if_same(name, "Forwarded", FieldName::forwarded);
        case 10: return known_of_10(name);
        case 11: return if_same(name, "traceparent", FieldName::traceparent);
        case 12: return known_of_12(name);
        case 14: return known_of_14(name);
        case 15: return if_same(name, "X-Forwarded-For", FieldName::x_forwarded_for);
        case 16: return known_of_16(name);
        case 17: return known_of_17(name);
        case 18: return if_same(name, "Proxy-Authenticate", FieldName::proxy_authenticate);
        case 19: return if_same(name, "Proxy-Authorization", FieldName::proxy_authorization);
        default: return FieldName::other;
    }
}

bool idempotent(std::string_view method) {
    for (const std::string_view safe : {"GET", "HEAD", "PUT", "DELETE", "OPTIONS", "TRACE"})
        if (method == safe) return true;
    return false;
}

}  // namespace becaused
