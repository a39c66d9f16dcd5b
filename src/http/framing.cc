#include "http/framing.hh"

#include "http/guard.hh"
#include "http/octets.hh"

namespace becaused {

namespace {

// RFC 9112 §6.1 and §6.3, for both directions.
const char* contradiction(const Head& head) {
    if (head.chunked && head.has_content_length) return "Content-Length beside Transfer-Encoding";
    if (head.chunked && head.minor_version == 0) return "Transfer-Encoding in HTTP/1.0";
    return nullptr;
}

BodyFraming sized(uint64_t length) {
    if (length == 0) return {};
    return {BodyKind::length, length};
}

bool offered(std::string_view protocol, std::string_view offer) {
    while (!offer.empty())
        if (same_name(take_element(offer), protocol)) return true;
    return false;
}

// A 101 (RFC 9110 §7.8): asked for, and to nothing but what was offered.
const char* mismatch(const ResponseHead& head, const AskedFor& asked) {
    if (!asked.upgrade) return "101 without a request to upgrade";
    if (head.minor_version == 0) return "101 in HTTP/1.0";
    if (head.upgrade.empty()) return "101 without an Upgrade field named by Connection";
    std::string_view protocols = head.upgrade;
    while (!protocols.empty()) {
        const std::string_view protocol = take_element(protocols);
        if (!protocol.empty() && !offered(protocol, asked.upgrade_protocol))
            return "101 to a protocol that was not offered";
    }
    return nullptr;
}

// What attach and exec are answered with when no Upgrade was asked for.
bool raw_stream(const ResponseHead& head) {
    const Field* const type = head.find(FieldName::content_type);
    if (type == nullptr) return false;
    const std::string_view media = trimmed(type->value.substr(0, type->value.find(';')));
    return same_name(media, "application/vnd.docker.raw-stream") ||
           same_name(media, "application/vnd.docker.multiplexed-stream");
}

}  // namespace

std::optional<ParseFault> decide_request_body(const RequestHead& head, BodyFraming& framing) {
    framing = {};
    if (const char* detail = contradiction(head))
        return make_fault(Side::client, Flaw::ambiguous, detail, 0);
    if (head.chunked) framing.kind = BodyKind::chunked;
    else framing = sized(head.content_length);
    return std::nullopt;
}

std::optional<ParseFault> decide_response_body(const ResponseHead& head, const AskedFor& asked,
                                               BodyFraming& framing) {
    framing = {};
    if (const char* detail = contradiction(head))
        return make_fault(Side::upstream, Flaw::ambiguous, detail, 0);
    if (head.status == 101) {
        if (const char* detail = mismatch(head, asked)) {
            ParseFault fault = make_fault(Side::upstream, Flaw::malformed, detail, 0);
            fault.reason = Reason::upgrade_mismatch;
            return fault;
        }
        framing.kind = BodyKind::tunnel;
        return std::nullopt;
    }
    const bool bodyless = head.status < 200 || head.status == 204 || head.status == 304;
    if (bodyless || asked.head_method) return std::nullopt;
    if (head.chunked) framing.kind = BodyKind::chunked;
    else if (head.has_content_length) framing = sized(head.content_length);
    else if (asked.hijackable && head.status == 200 && raw_stream(head))
        framing.kind = BodyKind::tunnel;
    else framing.kind = BodyKind::until_close;
    return std::nullopt;
}

}  // namespace becaused
