// The way back: answers, as http/forward.hh says.
#include "http/forward.hh"
#include "http/write.hh"

namespace becaused {

AnswerFraming frame_answer(const ResponseHead& head, const BodyFraming& from_upstream,
                           uint8_t request_minor, bool head_method, bool client_keep_alive) {
    AnswerFraming framing;
    framing.kind = head_method ? BodyKind::none : from_upstream.kind;
    if (framing.kind == BodyKind::length) framing.length = from_upstream.length;
    const bool interim = head.status < 200;  // 101 included: nothing is said about what comes after
    if (interim || framing.kind == BodyKind::tunnel) return framing;
    const bool unsized = framing.kind == BodyKind::chunked || framing.kind == BodyKind::until_close;
    if (unsized) framing.kind = request_minor == 0 ? BodyKind::until_close : BodyKind::chunked;
    framing.close = !client_keep_alive || framing.kind == BodyKind::until_close;
    framing.keep_alive_1_0 = request_minor == 0 && !framing.close;
    return framing;
}

namespace {

// True when the field is to be copied as it is.
bool answer_keeps(const Field& field, const ResponseHead& head, const AnswerFraming& framing) {
    if (field.known == FieldName::upgrade) return head.status == 101;
    if (field.known == FieldName::trailer)
        return framing.kind == BodyKind::chunked && !field.hop_by_hop;
    return !field.hop_by_hop;
}

// HEAD and 304 say the length of what is not sent; 1xx and 204 must not (RFC 9110 §8.6).
bool answer_says_length(const ResponseHead& head, const AnswerFraming& framing) {
    if (framing.kind == BodyKind::length) return true;
    return framing.kind == BodyKind::none && head.status >= 200 && head.status != 204;
}

}  // namespace

void write_response_head(const ResponseHead& head, const AnswerFraming& framing,
                         std::string_view via_name, std::string& text) {
    TextCursor out(text, usual_head_bytes);
    out.put("HTTP/1.1 ");
    out.number(head.status);
    out.put(' ');
    out.put(head.reason);
    out.put("\r\n");
    FieldCopy copy(out);
    for (const Field& field : head.fields) {
        if (field.known == FieldName::content_length) {
            if (!answer_says_length(head, framing)) continue;
            copy.flush();
            put_number_line(out, field.name, head.content_length);
        } else if (answer_keeps(field, head, framing)) {
            copy.add(field);
        }
    }
    copy.flush();
    if (framing.kind == BodyKind::chunked) out.put("Transfer-Encoding: chunked\r\n");
    if (framing.kind == BodyKind::tunnel && head.status == 101) out.put("Connection: Upgrade\r\n");
    else if (framing.close) out.put("Connection: close\r\n");
    else if (framing.keep_alive_1_0) out.put("Connection: keep-alive\r\n");
    put_via(out, head.minor_version, via_name);
    out.put("\r\n");
}

}  // namespace becaused
