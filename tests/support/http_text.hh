// Heads and faults as one line of text, so that a table's row can hold all that is expected of them.
#pragma once

#include <string>
#include <string_view>

#include "http/framing.hh"
#include "http/head.hh"
#include "http/parser.hh"

namespace test_support {

inline std::string text_of(const becaused::ParseFault& fault) {
    return std::to_string(fault.status) + ' ' + std::string(becaused::name(fault.reason)) + " @" +
           std::to_string(fault.offset) + ' ' + fault.detail;
}

// Name: value; what stays on this hop is in parentheses.
inline std::string text_of(const std::vector<becaused::Field>& fields) {
    std::string text;
    for (const becaused::Field& field : fields) {
        if (!text.empty()) text += "; ";
        if (field.hop_by_hop) text += '(';
        text.append(field.name).append(": ").append(field.value);
        if (field.hop_by_hop) text += ')';
    }
    return text;
}

inline std::string text_of_shared(const becaused::Head& head) {
    std::string text;
    if (head.has_content_length) text += " length=" + std::to_string(head.content_length);
    if (head.chunked) text += " chunked";
    if (head.connection.close) text += " close";
    if (head.connection.keep_alive) text += " keep-alive";
    if (head.connection.upgrade) text += " upgrade";
    if (head.connection.te) text += " te";
    return text;
}

inline std::string text_of(const becaused::RequestHead& head) {
    std::string text(head.method);
    text.append(" ").append(head.path_and_query);
    text += " 1." + std::to_string(head.minor_version);
    text.append(" host=").append(head.authority).append(" path=").append(head.path);
    if (!head.query.empty()) text.append(" query=").append(head.query);
    text += text_of_shared(head);
    if (!head.upgrade.empty()) text.append(" to=").append(head.upgrade);
    if (head.expect_continue) text += " expect";
    if (head.accepts_trailers) text += " trailers";
    if (head.has_max_forwards) text += " hops=" + std::to_string(head.max_forwards);
    return text + " | " + text_of(head.fields);
}

inline std::string text_of(const becaused::ResponseHead& head) {
    std::string text = std::to_string(head.status);
    text.append(" '").append(head.reason).append("' 1.").append(std::to_string(head.minor_version));
    text += text_of_shared(head);
    if (!head.upgrade.empty()) text.append(" to=").append(head.upgrade);
    return text + " | " + text_of(head.fields);
}

inline std::string text_of(const becaused::BodyFraming& framing) {
    switch (framing.kind) {
        case becaused::BodyKind::none: return "none";
        case becaused::BodyKind::length: return "length " + std::to_string(framing.length);
        case becaused::BodyKind::chunked: return "chunked";
        case becaused::BodyKind::until_close: return "until_close";
        case becaused::BodyKind::tunnel: return "tunnel";
    }
    return "?";
}

inline std::string text_of_request(becaused::HeadParser& parser, std::string_view bytes) {
    becaused::RequestHead head;
    const auto fault = parser.parse_request(bytes, head);
    return fault ? text_of(*fault) : text_of(head);
}

inline std::string text_of_response(becaused::HeadParser& parser, std::string_view bytes) {
    becaused::ResponseHead head;
    const auto fault = parser.parse_response(bytes, head);
    return fault ? text_of(*fault) : text_of(head);
}

}  // namespace test_support
