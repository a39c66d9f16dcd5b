#include "http/guard.hh"

#include <algorithm>

#include "http/octets.hh"

namespace becaused {

namespace {

uint32_t as_offset(size_t offset) {
    return static_cast<uint32_t>(std::min<size_t>(offset, UINT32_MAX));
}

// The byte at `at` is a control byte that does not belong there.
const char* control_detail(std::string_view bytes, size_t at) {
    if (at >= bytes.size()) return "the head is cut short";
    switch (bytes[at]) {
        case '\n': return "a line ends in a bare LF";
        case '\r': return "a bare CR";
        case '\0': return "a NUL byte";
        default: return "a control byte";
    }
}

bool ends_line(std::string_view bytes, size_t at) {
    return at + 1 < bytes.size() && bytes[at] == '\r' && bytes[at + 1] == '\n';
}

size_t find_control_from(std::string_view bytes, size_t at) {
    const char* const begin = bytes.data();
    return static_cast<size_t>(find_control(begin + at, begin + bytes.size()) - begin);
}

// RFC 9110 §7.6.1, and HTTP2-Settings (RFC 7540 §3.2.1), which must be named in Connection anyway.
constexpr uint64_t bit(FieldName name) { return uint64_t{1} << static_cast<unsigned>(name); }
constexpr uint64_t always_hop_by_hop =
    bit(FieldName::connection) | bit(FieldName::http2_settings) | bit(FieldName::keep_alive) |
    bit(FieldName::proxy_authenticate) | bit(FieldName::proxy_authorization) |
    bit(FieldName::proxy_connection) | bit(FieldName::te) | bit(FieldName::transfer_encoding) |
    bit(FieldName::upgrade);

size_t token_end(std::string_view bytes, size_t at) {
    const char* const begin = bytes.data();
    const char* const end = begin + bytes.size();
    const char* byte = begin + at;
    while (byte < end && is(octet_token, *byte)) ++byte;
    return static_cast<size_t>(byte - begin);
}

const char* name_detail(std::string_view bytes, size_t name, size_t at) {
    if (at == name && at < bytes.size() && bytes[at] == ':') return "a field has no name";
    if (at < bytes.size() && is_space(bytes[at])) return "white space in or after a field name";
    if (at >= bytes.size()) return "the head is cut short";
    if (bytes[at] == '\r' || bytes[at] == '\n') return "a field line has no colon";
    return "a field name is not a token";
}

}  // namespace

ParseFault make_fault(Side from, Flaw flaw, const char* detail, size_t offset) {
    struct Verdict {
        Reason reason;
        uint16_t status;
    };
    static constexpr Verdict for_clients[] = {
        {Reason::client_malformed, 400},      {Reason::client_ambiguous_framing, 400},
        {Reason::request_unsupported, 501},   {Reason::request_unsupported, 505},
        {Reason::request_unsupported, 417},   {Reason::client_head_too_large, 414},
        {Reason::client_head_too_large, 431},
    };
    Verdict verdict = for_clients[static_cast<size_t>(flaw)];
    if (from != Side::client) {
        const bool large = flaw == Flaw::head_too_large;
        verdict = {large ? Reason::upstream_head_too_large : Reason::upstream_malformed, 502};
    }
    return {verdict.reason, verdict.status, detail, "guard", as_offset(offset)};
}

std::optional<ParseFault> split_head(Side from, std::string_view bytes,
                                     std::string_view& first_line, std::vector<Field>& fields) {
    fields.clear();
    if (bytes.size() > head_limit_bytes)
        return make_fault(from, Flaw::head_too_large, "the head is over 64 KiB", head_limit_bytes);
    const size_t end = find_control_from(bytes, 0);
    if (!ends_line(bytes, end))
        return make_fault(from, Flaw::malformed, control_detail(bytes, end), end);
    first_line = bytes.substr(0, end);
    if (first_line.empty())
        return make_fault(from, Flaw::malformed, "an empty line instead of a head", 0);
    const size_t at = end + 2;
    if (at < bytes.size() && is_space(bytes[at]))
        return make_fault(from, Flaw::malformed, "white space before the first field", at);
    return split_fields(from, bytes, at, fields);
}

std::optional<ParseFault> split_fields(Side from, std::string_view bytes, size_t at,
                                       std::vector<Field>& fields) {
    while (!ends_line(bytes, at)) {
        if (at < bytes.size() && is_space(bytes[at]))
            return make_fault(from, Flaw::malformed, "a folded line", at);
        const size_t name = at;
        at = token_end(bytes, at);
        if (at == name || at >= bytes.size() || bytes[at] != ':') {
            const bool control = find_control_from(bytes.substr(0, at + 1), at) == at;
            const bool line_end = ends_line(bytes, at);
            return make_fault(
                from, Flaw::malformed,
                control && !line_end ? control_detail(bytes, at) : name_detail(bytes, name, at),
                at);
        }
        const size_t end = find_control_from(bytes, at + 1);
        if (!ends_line(bytes, end))
            return make_fault(from, Flaw::malformed, control_detail(bytes, end), end);
        if (fields.size() == field_limit)
            return make_fault(from, Flaw::head_too_large, "more than 1024 field lines", name);
        Field& field = fields.emplace_back();
        field.name = bytes.substr(name, at - name);
        field.value = trimmed(bytes.substr(at + 1, end - at - 1));
        field.known = known_field(field.name);
        field.hop_by_hop = (always_hop_by_hop & bit(field.known)) != 0;
        at = end + 2;
    }
    if (at + 2 != bytes.size())
        return make_fault(from, Flaw::malformed, "bytes after the empty line", at + 2);
    return std::nullopt;
}

std::optional<ParseFault> refuse_tail(Side from, std::string_view bytes) {
    // Only the end, so that a head that comes byte by byte costs linear time; what a larger read
    // hides from this is found when the head is whole.
    constexpr size_t tail = 1024;
    size_t at = bytes.size() > tail ? bytes.size() - tail : 0;
    if (at > 0 && bytes[at] == '\n' && bytes[at - 1] == '\r') ++at;
    while ((at = find_control_from(bytes, at)) < bytes.size()) {
        const bool may_go_on = bytes[at] == '\r' && at + 1 == bytes.size();
        if (may_go_on) break;
        if (!ends_line(bytes, at))
            return make_fault(from, Flaw::malformed, control_detail(bytes, at), at);
        at += 2;
    }
    return std::nullopt;
}

}  // namespace becaused
