// What single fields of a head mean, and which of them stay on this hop.
#include <algorithm>

#include "http/guard.hh"
#include "http/octets.hh"

namespace becaused {

namespace {

// More options than this in Connection serve only to make us compare names.
constexpr size_t connection_option_limit = 64;

struct Finding {
    const char* detail = nullptr;  // null: nothing wrong
    Flaw flaw = Flaw::malformed;
};

Finding read_connection(std::string_view list, ConnectionOptions& options, size_t& count,
                        bool& names_fields) {
    while (!list.empty()) {
        const std::string_view option = take_element(list);
        if (option.empty()) continue;
        if (++count > connection_option_limit) return {"more than 64 Connection options"};
        if (same_name(option, "close")) options.close = true;
        else if (same_name(option, "keep-alive")) options.keep_alive = true;
        else if (same_name(option, "upgrade")) options.upgrade = true;
        else if (same_name(option, "te")) options.te = true;
        else if (is_token(option)) names_fields = true;
        else return {"a Connection option is not a token"};
    }
    return {};
}

void mark_named(Head& head) {
    for (const Field& connection : head.fields) {
        if (connection.known != FieldName::connection) continue;
        std::string_view list = connection.value;
        while (!list.empty()) {
            const std::string_view option = take_element(list);
            for (Field& field : head.fields)
                if (same_name(field.name, option) && !end_to_end(field.name))
                    field.hop_by_hop = true;
        }
    }
}

Finding read_content_length(std::string_view value, Head& head) {
    if (head.has_content_length) return {"Content-Length is repeated", Flaw::ambiguous};
    head.has_content_length = true;
    if (value.find(',') != std::string_view::npos)
        return {"Content-Length is a list", Flaw::ambiguous};
    if (!read_decimal(value, head.content_length))
        return {"Content-Length is not a number of at most 63 bits"};
    return {};
}

Finding read_transfer_encoding(std::string_view value, Head& head) {
    if (head.chunked) return {"Transfer-Encoding is repeated", Flaw::ambiguous};
    if (same_name(value, "chunked")) {
        head.chunked = true;
        return {};
    }
    bool other = false;
    do {
        const std::string_view coding = take_element(value);
        if (!is_token(coding)) return {"Transfer-Encoding is not exactly chunked", Flaw::ambiguous};
        if (!same_name(coding, "chunked")) other = true;
    } while (!value.empty());
    if (other) return {"a transfer coding other than chunked", Flaw::unsupported};
    return {"Transfer-Encoding is not exactly chunked", Flaw::ambiguous};
}

// 1#( token [ "/" token ] ), RFC 9110 §7.8.
bool valid_protocols(std::string_view list) {
    bool any = false;
    while (!list.empty()) {
        const std::string_view protocol = take_element(list);
        if (protocol.empty()) continue;
        const size_t slash = std::min(protocol.find('/'), protocol.size());
        if (!is_token(protocol.substr(0, slash))) return false;
        if (slash < protocol.size() && !is_token(protocol.substr(slash + 1))) return false;
        any = true;
    }
    return any;
}

bool offers_trailers(std::string_view list) {
    while (!list.empty())
        if (same_name(take_element(list), "trailers")) return true;
    return false;
}

Finding read_host(const Field& field, bool& seen, RequestHead& head) {
    if (seen) return {"Host is repeated"};
    seen = true;
    // An empty value is valid where the target has no authority (RFC 9112 §3.2), as on unix sockets.
    if (!field.value.empty() && !valid_authority(field.value)) return {"Host is not valid"};
    if (head.authority.empty()) head.authority = field.value;
    return {};
}

Finding read_expect(Field& field, RequestHead& head) {
    if (head.minor_version == 0) {
        field.hop_by_hop = true;  // to be ignored in HTTP/1.0 (RFC 9110 §10.1.1), so not passed on
        return {};
    }
    if (!same_name(field.value, "100-continue"))
        return {"an expectation other than 100-continue", Flaw::expectation};
    head.expect_continue = true;
    return {};
}

// Only OPTIONS and TRACE give it a meaning (RFC 9110 §7.6.2).
Finding read_max_forwards(std::string_view value, RequestHead& head) {
    const bool repeated = head.has_max_forwards;
    const bool valid = !value.empty() && all(octet_digit, value) && !repeated;
    const bool matters = head.method == "OPTIONS" || head.method == "TRACE";
    if (!matters) return {};
    if (!valid) return {repeated ? "Max-Forwards is repeated" : "Max-Forwards is not a number"};
    head.has_max_forwards = true;
    if (!read_decimal(value, head.max_forwards)) head.max_forwards = most_bytes;
    return {};
}

// State of one walk over the fields of a head.
struct Walk {
    Side from;
    std::string_view bytes;
    size_t options = 0;
    bool names_fields = false;
    bool host = false;
    const Field* upgrade = nullptr;
    bool upgrade_repeated = false;

    ParseFault fault(const Finding& finding, std::string_view at) const {
        return make_fault(from, finding.flaw, finding.detail,
                          static_cast<size_t>(at.data() - bytes.data()));
    }
};

void forget(Head& head) {
    head.connection = {};
    head.has_content_length = head.chunked = false;
    head.content_length = 0;
}

Finding read_framing(const Field& field, Head& head) {
    const Finding alone = field.known == FieldName::content_length
                              ? read_content_length(field.value, head)
                              : read_transfer_encoding(field.value, head);
    // llhttp refuses both together as well; http/framing.hh says why.
    if (alone.detail == nullptr && head.chunked && head.has_content_length)
        return {"Content-Length beside Transfer-Encoding", Flaw::ambiguous};
    return alone;
}

Finding read_shared(const Field& field, Head& head, Walk& walk) {
    if (field.known == FieldName::connection)
        return read_connection(field.value, head.connection, walk.options, walk.names_fields);
    if (field.known == FieldName::content_length || field.known == FieldName::transfer_encoding)
        return read_framing(field, head);
    if (field.known == FieldName::upgrade) {
        walk.upgrade_repeated = walk.upgrade != nullptr;
        walk.upgrade = &field;
    }
    return {};
}

Finding read_asked(Field& field, RequestHead& head, Walk& walk) {
    if (field.known == FieldName::host) return read_host(field, walk.host, head);
    if (field.known == FieldName::expect) return read_expect(field, head);
    if (field.known == FieldName::max_forwards) return read_max_forwards(field.value, head);
    if (field.known == FieldName::te && head.minor_version == 1)
        head.accepts_trailers |= offers_trailers(field.value);
    return read_shared(field, head, walk);
}

constexpr std::string_view end_to_end_names[] = {
    "accept",
    "accept-encoding",
    "age",
    "allow",
    "api-version",
    "authorization",
    "cache-control",
    "cookie",
    "date",
    "etag",
    "expect",
    "expires",
    "forwarded",
    "from",
    "host",
    "last-modified",
    "location",
    "max-forwards",
    "origin",
    "ostype",
    "pragma",
    "proxy-status",
    "range",
    "referer",
    "retry-after",
    "server",
    "set-cookie",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "user-agent",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "x-real-ip",
    "x-request-id",
};
constexpr std::string_view end_to_end_prefixes[] = {
    "access-control-", "builder-",     "content-",    "docker-", "if-", "sec-",
    "x-docker-",       "x-forwarded-", "x-registry-",
};

}  // namespace

bool end_to_end(std::string_view name) {
    for (const std::string_view known : end_to_end_names)
        if (same_name(name, known)) return true;
    for (const std::string_view prefix : end_to_end_prefixes)
        if (same_name(name.substr(0, prefix.size()), prefix)) return true;
    return false;
}

std::optional<ParseFault> judge_request_fields(std::string_view bytes, RequestHead& head) {
    Walk walk{Side::client, bytes};
    forget(head);
    head.upgrade = {};
    head.expect_continue = head.accepts_trailers = head.has_max_forwards = false;
    head.max_forwards = 0;
    for (Field& field : head.fields) {
        if (field.known == FieldName::other) continue;
        const Finding finding = read_asked(field, head, walk);
        if (finding.detail != nullptr) return walk.fault(finding, field.value);
    }
    if (!walk.host && head.minor_version == 1)
        return walk.fault({"Host is missing"}, bytes.substr(bytes.size()));
    if (walk.names_fields) mark_named(head);
    if (head.minor_version == 1 && head.connection.upgrade && walk.upgrade != nullptr) {
        if (walk.upgrade_repeated) return walk.fault({"Upgrade is repeated"}, walk.upgrade->value);
        if (!valid_protocols(walk.upgrade->value))
            return walk.fault({"Upgrade is not a list of protocols"}, walk.upgrade->value);
        head.upgrade = walk.upgrade->value;
    }
    return std::nullopt;
}

std::optional<ParseFault> judge_response_fields(std::string_view bytes, ResponseHead& head) {
    Walk walk{Side::upstream, bytes};
    forget(head);
    head.upgrade = {};
    for (const Field& field : head.fields) {
        if (field.known == FieldName::other) continue;
        const Finding finding = read_shared(field, head, walk);
        if (finding.detail != nullptr) return walk.fault(finding, field.value);
    }
    if (walk.names_fields) mark_named(head);
    if (head.connection.upgrade && walk.upgrade != nullptr && !walk.upgrade_repeated &&
        valid_protocols(walk.upgrade->value))
        head.upgrade = walk.upgrade->value;
    return std::nullopt;
}

}  // namespace becaused
