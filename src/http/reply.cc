#include "http/reply.hh"

#include "http/write.hh"

namespace becaused {

namespace {

struct Phrase {
    uint16_t status;
    std::string_view text;
};

// IANA's registry of HTTP status codes, as far as a proxy for dockerd meets them.
constexpr Phrase phrases[] = {
    {100, "Continue"},
    {101, "Switching Protocols"},
    {102, "Processing"},
    {103, "Early Hints"},
    {200, "OK"},
    {201, "Created"},
    {202, "Accepted"},
    {203, "Non-Authoritative Information"},
    {204, "No Content"},
    {205, "Reset Content"},
    {206, "Partial Content"},
    {300, "Multiple Choices"},
    {301, "Moved Permanently"},
    {302, "Found"},
    {303, "See Other"},
    {304, "Not Modified"},
    {307, "Temporary Redirect"},
    {308, "Permanent Redirect"},
    {400, "Bad Request"},
    {401, "Unauthorized"},
    {403, "Forbidden"},
    {404, "Not Found"},
    {405, "Method Not Allowed"},
    {406, "Not Acceptable"},
    {407, "Proxy Authentication Required"},
    {408, "Request Timeout"},
    {409, "Conflict"},
    {410, "Gone"},
    {411, "Length Required"},
    {412, "Precondition Failed"},
    {413, "Content Too Large"},
    {414, "URI Too Long"},
    {415, "Unsupported Media Type"},
    {416, "Range Not Satisfiable"},
    {417, "Expectation Failed"},
    {421, "Misdirected Request"},
    {422, "Unprocessable Content"},
    {425, "Too Early"},
    {426, "Upgrade Required"},
    {428, "Precondition Required"},
    {429, "Too Many Requests"},
    {431, "Request Header Fields Too Large"},
    {499, "Client Closed Request"},
    {500, "Internal Server Error"},
    {501, "Not Implemented"},
    {502, "Bad Gateway"},
    {503, "Service Unavailable"},
    {504, "Gateway Timeout"},
    {505, "HTTP Version Not Supported"},
    {507, "Insufficient Storage"},
    {511, "Network Authentication Required"},
};

// How many bytes of well-formed UTF-8 begin here (RFC 3629); 0 when none do.
size_t utf8_size(std::string_view bytes) {
    const auto at = [bytes](size_t i) {
        return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U;
    };
    const auto follows = [at](size_t i) { return (at(i) & 0xc0) == 0x80; };
    const unsigned first = at(0);
    if (first < 0x80) return 1;
    if (first < 0xc2) return 0;
    if (first < 0xe0) return follows(1) ? 2 : 0;
    if (first < 0xf0) {
        const bool overlong = first == 0xe0 && at(1) < 0xa0;
        const bool surrogate = first == 0xed && at(1) >= 0xa0;
        return follows(1) && follows(2) && !overlong && !surrogate ? 3 : 0;
    }
    const bool in_range =
        first < 0xf5 && !(first == 0xf0 && at(1) < 0x90) && !(first == 0xf4 && at(1) >= 0x90);
    return in_range && follows(1) && follows(2) && follows(3) ? 4 : 0;
}

void append_json_byte(std::string& out, char byte) {
    constexpr char digits[] = "0123456789abcdef";
    switch (byte) {
        case '"': out += "\\\""; return;
        case '\\': out += "\\\\"; return;
        case '\n': out += "\\n"; return;
        case '\r': out += "\\r"; return;
        case '\t': out += "\\t"; return;
        default: break;
    }
    const auto code = static_cast<unsigned char>(byte);
    if (code >= 0x20 && code != 0x7f) {
        out += byte;
        return;
    }
    out += "\\u00";
    out += digits[code >> 4];
    out += digits[code & 15];
}

// Escaped for the inside of a JSON string; what is not UTF-8 becomes U+FFFD.
void append_json(std::string& out, std::string_view text) {
    while (!text.empty()) {
        const size_t size = utf8_size(text);
        if (size == 1) append_json_byte(out, text.front());
        else if (size > 1) out.append(text.substr(0, size));
        else out += "\xef\xbf\xbd";
        text.remove_prefix(size == 0 ? 1 : size);
    }
}

// The inside of a structured field's string (RFC 8941 §3.3.3): visible ASCII and spaces only.
void append_sf_string(std::string& out, std::string_view text) {
    for (const char byte : text) {
        if (byte == '"' || byte == '\\') out += '\\';
        out += byte >= 0x20 && byte < 0x7f ? byte : '?';
    }
}

// RFC 9209: who failed, how, and which record tells more.
void append_proxy_status(std::string& out, const Reply& reply) {
    const ReasonRow& why = row(reply.reason);
    out += "Proxy-Status: becaused";
    if (!why.proxy_error.empty()) {
        out += "; error=";
        out += why.proxy_error;
    }
    out += "; details=\"";
    append_sf_string(out, reply.details.empty() ? why.symbol : reply.details);
    if (!reply.record_id.empty()) {
        out += ' ';
        append_sf_string(out, reply.record_id);
    }
    out += "\"\r\n";
}

void append_rate(std::string& out, const RateFacts& rate) {
    const auto item = [&](std::string_view field, std::string_view first, uint64_t a,
                          std::string_view second, uint64_t b) {
        out.append(field).append(": \"").append(rate.policy).append(first);
        append_number(out, a);
        out += second;
        append_number(out, b);
        out += "\r\n";
    };
    item("RateLimit-Policy", "\";q=", rate.quota, ";w=", rate.window_s);
    item("RateLimit", "\";r=", rate.remaining, ";t=", rate.reset_s);
}

std::string message_body(const Reply& reply) {
    std::string body = "{\"message\":\"becaused: ";
    append_json(body, reply.because);
    if (!reply.record_id.empty()) {
        body += " (record ";
        append_json(body, reply.record_id);
        body += ')';
    }
    body += "\"}\n";
    return body;
}

}  // namespace

void write_reply(const Reply& reply, std::string& out) {
    const std::string body = message_body(reply);
    out += "HTTP/1.1 ";
    append_number(out, reply.status);
    out += ' ';
    out += status_phrase(reply.status);
    out += "\r\nContent-Type: application/json\r\nContent-Length: ";
    append_number(out, body.size());
    out += "\r\n";
    append_proxy_status(out, reply);
    if (!reply.api_version.empty()) append_line(out, "Api-Version", reply.api_version);
    if (!reply.allow.empty()) append_line(out, "Allow", reply.allow);
    if (reply.retry_after_s > 0) append_number_line(out, "Retry-After", reply.retry_after_s);
    if (!reply.challenge.empty()) append_line(out, "WWW-Authenticate", reply.challenge);
    if (!reply.rate.policy.empty()) append_rate(out, reply.rate);
    if (reply.close) append_line(out, "Connection", "close");
    else if (reply.request_minor == 0 && reply.keep_alive_1_0)
        append_line(out, "Connection", "keep-alive");
    out += "\r\n";
    if (!reply.head_method) out += body;
}

std::string_view status_phrase(uint16_t status) {
    for (const Phrase& phrase : phrases)
        if (phrase.status == status) return phrase.text;
    return "Unknown";
}

}  // namespace becaused
