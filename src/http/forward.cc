#include "http/forward.hh"

#include "http/octets.hh"
#include "http/write.hh"

namespace becaused {

namespace {

using std::string_view;

// Fields of a request head that are kept, replaced or extended as a whole; the last line of each.
struct Asked {
    const Field* forwarded = nullptr;
    const Field* forwarded_for = nullptr;
    const Field* forwarded_host = nullptr;
    const Field* forwarded_proto = nullptr;
    const Field* host = nullptr;
    const Field* request_id = nullptr;
    const Field* traceparent = nullptr;
    bool request_ids = false;   // more than one
    bool traceparents = false;  // more than one
};

void notice(const Field& field, Asked& asked) {
    if (field.known == FieldName::host) asked.host = &field;
    if (field.known == FieldName::forwarded) asked.forwarded = &field;
    if (field.known == FieldName::x_forwarded_for) asked.forwarded_for = &field;
    if (field.known == FieldName::x_forwarded_host) asked.forwarded_host = &field;
    if (field.known == FieldName::x_forwarded_proto) asked.forwarded_proto = &field;
    if (field.known == FieldName::x_request_id) {
        asked.request_ids = asked.request_id != nullptr;
        asked.request_id = &field;
    }
    if (field.known == FieldName::traceparent) {
        asked.traceparents = asked.traceparent != nullptr;
        asked.traceparent = &field;
    }
}

Asked notice_all(const RequestHead& head) {
    Asked asked;
    for (const Field& field : head.fields)
        if (field.known != FieldName::other) notice(field, asked);
    if (asked.request_ids ||
        (asked.request_id != nullptr && !valid_request_id(asked.request_id->value)))
        asked.request_id = nullptr;
    if (asked.traceparents ||
        (asked.traceparent != nullptr && !valid_traceparent(asked.traceparent->value)))
        asked.traceparent = nullptr;
    return asked;
}

// Other names under which clients claim who they are.
bool claims_origin(string_view name) {
    if (name.size() < 9 || lower(name[0]) != 'x' || name[1] != '-') return false;
    return same_name(name, "X-Real-IP") || same_name(name.substr(0, 12), "X-Forwarded-");
}

bool counts_hops(const RequestHead& head) {
    return head.has_max_forwards && (head.method == "OPTIONS" || head.method == "TRACE");
}

void put_forwarded_element(TextCursor& out, const RequestHead& head, const Hop& hop) {
    const bool ipv6 = hop.client_address.find(':') != string_view::npos;
    out.put("for=");
    if (ipv6) out.put("\"[");
    out.put(hop.client_address == "unix" ? string_view("unknown") : hop.client_address);
    if (ipv6) out.put("]\"");
    if (!head.authority.empty()) {
        // Only a token may go without quotes (RFC 7239 §4); a valid authority needs no escapes.
        const bool quoted = !is_token(head.authority);
        out.put(";host=");
        if (quoted) out.put('"');
        out.put(head.authority);
        if (quoted) out.put('"');
    }
    out.put(";proto=");
    out.put(hop.scheme);
}

// What happens to one field on its way to the upstream.
class RequestCopy {
  public:
    RequestCopy(const RequestHead& head, const BodyFraming& framing, const Hop& hop,
                const Asked& asked, TextCursor& out)
        : head_(head), framing_(framing), hop_(hop), asked_(asked), out_(out), copy_(out) {}

    void all() {
        for (const Field& field : head_.fields) {
            if (field.known == FieldName::other ? passes(field) : replaced(field)) copy_.add(field);
        }
        copy_.flush();
    }

  private:
    bool withheld(string_view name) const {
        for (const std::string& one : hop_.withheld)
            if (same_name(name, one)) return true;
        return false;
    }
    bool passes(const Field& field) const {
        return !field.hop_by_hop && (hop_.trust_forwarded || !claims_origin(field.name)) &&
               !withheld(field.name);
    }
    bool replaced(const Field& field);
    bool extended(const Field& field, const Field* last, bool with_element);

    const RequestHead& head_;
    const BodyFraming& framing_;
    const Hop& hop_;
    const Asked& asked_;
    TextCursor& out_;
    FieldCopy copy_;
};

// The last line of a list gets our element; true when the line is to be copied as it is.
bool RequestCopy::extended(const Field& field, const Field* last, bool with_element) {
    if (!hop_.trust_forwarded) return false;
    if (&field != last || !with_element) return true;
    copy_.unfinished(field);
    out_.put(field.value.empty() ? string_view(" ") : string_view(", "));
    if (field.known == FieldName::forwarded) put_forwarded_element(out_, head_, hop_);
    else out_.put(hop_.client_address);
    out_.put("\r\n");
    return false;
}

// True when the field is to be copied as it is.
bool RequestCopy::replaced(const Field& field) {
    switch (field.known) {
        case FieldName::host: return false;
        case FieldName::content_length:
            if (framing_.kind == BodyKind::chunked) return false;
            copy_.flush();
            put_number_line(out_, field.name, framing_.length);
            return false;
        case FieldName::upgrade: return !head_.upgrade.empty();
        case FieldName::trailer: return framing_.kind == BodyKind::chunked && !field.hop_by_hop;
        case FieldName::max_forwards:
            if (!counts_hops(head_)) return true;
            copy_.flush();
            put_number_line(out_, field.name, head_.max_forwards - (head_.max_forwards > 0));
            return false;
        case FieldName::forwarded: return extended(field, asked_.forwarded, true);
        case FieldName::x_forwarded_for:
            return extended(field, asked_.forwarded_for, hop_.client_address != "unix");
        case FieldName::x_forwarded_host:
        case FieldName::x_forwarded_proto: return hop_.trust_forwarded;
        case FieldName::x_request_id: return asked_.request_id != nullptr;
        case FieldName::traceparent:
        case FieldName::tracestate: return asked_.traceparent != nullptr;
        case FieldName::transfer_encoding: return false;
        case FieldName::connection:
        case FieldName::content_type:
        case FieldName::date:
        case FieldName::expect:
        case FieldName::http2_settings:
        case FieldName::keep_alive:
        case FieldName::other:
        case FieldName::proxy_authenticate:
        case FieldName::proxy_authorization:
        case FieldName::proxy_connection:
        case FieldName::proxy_status:
        case FieldName::server:
        case FieldName::te:
        case FieldName::via: return !field.hop_by_hop;
    }
    return !field.hop_by_hop;
}

// The hop's own connection fields.
void put_request_connection(TextCursor& out, const RequestHead& head) {
    const bool upgrade = !head.upgrade.empty();
    if (head.accepts_trailers) out.put("TE: trailers\r\n");
    if (upgrade && head.accepts_trailers) out.put("Connection: Upgrade, TE\r\n");
    else if (upgrade) out.put("Connection: Upgrade\r\n");
    else if (head.accepts_trailers) out.put("Connection: TE\r\n");
}

void put_forwarded(TextCursor& out, const RequestHead& head, const Hop& hop, const Asked& asked) {
    const bool trusted = hop.trust_forwarded;
    if (!(trusted && asked.forwarded_for != nullptr) && hop.client_address != "unix")
        put_line(out, "X-Forwarded-For", hop.client_address);
    if (!(trusted && asked.forwarded_host != nullptr) && !head.authority.empty())
        put_line(out, "X-Forwarded-Host", head.authority);
    if (!(trusted && asked.forwarded_proto != nullptr))
        put_line(out, "X-Forwarded-Proto", hop.scheme);
    if (!(trusted && asked.forwarded != nullptr)) {
        out.put("Forwarded: ");
        put_forwarded_element(out, head, hop);
        out.put("\r\n");
    }
}

}  // namespace

bool valid_request_id(string_view id) {
    if (id.empty() || id.size() > 128) return false;
    for (const char byte : id)
        if (!is(octet_visible, byte) || byte == '"' || byte == '\'' || byte == ',' || byte == ';' ||
            byte == '\\')
            return false;
    return true;
}

bool valid_traceparent(string_view value) {
    // 00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01
    if (value.size() < 55 || value[2] != '-' || value[35] != '-' || value[52] != '-') return false;
    const string_view version = value.substr(0, 2), trace = value.substr(3, 32);
    const string_view parent = value.substr(36, 16), flags = value.substr(53, 2);
    for (const string_view part : {version, trace, parent, flags})
        for (const char byte : part)
            if (!is(octet_digit, byte) && !(byte >= 'a' && byte <= 'f')) return false;
    if (version == "ff") return false;
    // Later versions may append more fields, after a dash.
    if (value.size() > 55 && (version == "00" || value[55] != '-')) return false;
    const auto zero = [](string_view id) { return id.find_first_not_of('0') == string_view::npos; };
    return !zero(trace) && !zero(parent);
}

ForwardedRequest write_request_head(const RequestHead& head, const BodyFraming& framing,
                                    const Hop& hop, string_view fallback_host, std::string& text) {
    TextCursor out(text, usual_head_bytes);
    const Asked asked = notice_all(head);
    out.put(head.method);
    out.put(' ');
    out.put(hop.target.empty() ? head.path_and_query : hop.target);
    out.put(" HTTP/1.1\r\nHost: ");
    out.put(head.authority.empty() && asked.host == nullptr ? fallback_host : head.authority);
    out.put("\r\n");
    RequestCopy(head, framing, hop, asked, out).all();
    if (framing.kind == BodyKind::chunked) out.put("Transfer-Encoding: chunked\r\n");
    put_request_connection(out, head);
    put_via(out, head.minor_version, hop.via_name);
    put_forwarded(out, head, hop, asked);
    ForwardedRequest sent;
    if (asked.request_id != nullptr) {
        sent.request_id = asked.request_id->value;
    } else if (!hop.request_id.empty()) {
        sent.request_id = hop.request_id;
        put_line(out, "X-Request-Id", hop.request_id);
    }
    if (asked.traceparent != nullptr) {
        sent.traceparent = asked.traceparent->value;
    } else if (!hop.traceparent.empty()) {
        sent.traceparent = hop.traceparent;
        put_line(out, "traceparent", hop.traceparent);
    }
    out.put(hop.added);
    out.put("\r\n");
    return sent;
}

}  // namespace becaused
