#include "http/reply.hh"

#include "http/stdcopy.hh"
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
    append_proxy_name(out, reply.proxy_name);
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

std::string message_of(const Reply& reply) {
    std::string message(reply.verbatim);
    if (message.empty()) append_message(message, reply.because, reply.record_id);
    return message;
}

std::string message_body(const Reply& reply) {
    const std::string message = message_of(reply);
    std::string body = "{\"message\":\"";
    append_json_text(body, message);
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

void write_refused_tunnel(const Reply& reply, std::string_view protocol, std::string& out) {
    out += "HTTP/1.1 101 UPGRADED\r\nContent-Type: application/vnd.docker.raw-stream\r\n";
    append_proxy_status(out, reply);
    append_line(out, "Connection", "Upgrade");
    append_line(out, "Upgrade", protocol);
    out += "\r\n";
    append_error_frame(out, message_of(reply));
}

void append_proxy_name(std::string& out, std::string_view name) {
    // A token of structured fields begins with a letter or "*" (RFC 8941 §3.3.4); a token of HTTP, which
    // is what a name here is, may not.
    const bool letter = (name.front() | 0x20) >= 'a' && (name.front() | 0x20) <= 'z';
    const bool token = letter || name.front() == '*';
    out += token ? "Proxy-Status: " : "Proxy-Status: \"";
    out += name;
    if (!token) out += '"';
}

void append_message(std::string& out, std::string_view because, std::string_view record_id) {
    out += "becaused: ";
    out += because;
    if (record_id.empty()) return;
    out += " (record ";
    out += record_id;
    out += ')';
}

std::string_view status_phrase(uint16_t status) {
    for (const Phrase& phrase : phrases)
        if (phrase.status == status) return phrase.text;
    return "Unknown";
}

}  // namespace becaused
