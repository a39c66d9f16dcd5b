#include "support/wire_text.hh"

#include <algorithm>
#include <cstdint>

namespace becaused::test {

namespace {

bool take(std::string_view& rest, std::string_view text) {
    if (rest.substr(0, text.size()) != text) return false;
    rest.remove_prefix(text.size());
    return true;
}

// `count` lower hex digits, not all of them 0; any number of digits for count 0.
bool take_hex(std::string_view& rest, size_t count) {
    const size_t end = std::min(rest.find_first_not_of("0123456789abcdef"), rest.size());
    const size_t size = count == 0 ? end : count;
    if (size == 0 || size > end) return false;
    if (rest.substr(0, size).find_first_not_of('0') == std::string_view::npos) return false;
    rest.remove_prefix(size);
    return true;
}

bool take_gateway_lines(std::string_view& rest) {
    std::string_view at = rest;
    if (!take(at,
              "Via: 1.1 becaused\r\nX-Forwarded-For: 127.0.0.1\r\nX-Forwarded-Host: a\r\n"
              "X-Forwarded-Proto: http\r\nForwarded: for=127.0.0.1;host=a;proto=http\r\n"
              "X-Request-Id: becabeca-") ||
        !take_hex(at, 0) || !take(at, "\r\ntraceparent: 00-") || !take_hex(at, 32) ||
        !take(at, "-") || !take_hex(at, 16) || !take(at, "-01\r\n"))
        return false;
    rest = at;
    return true;
}

std::string marked(std::string_view head) {
    std::string out;
    while (!head.empty()) {
        if (take_gateway_lines(head)) {
            out += "{+}";
            continue;
        }
        const size_t end = head.find('\n');
        const size_t size = end == std::string_view::npos ? head.size() : end + 1;
        out += head.substr(0, size);
        head.remove_prefix(size);
    }
    return out;
}

// The way we write chunks: lower hex without leading zeros, CRLF, no extensions.
bool take_size(std::string_view& rest, size_t& size) {
    const size_t end = std::min(rest.find_first_not_of("0123456789abcdef"), rest.size());
    if (end == 0 || end > 8 || rest.substr(end, 2) != "\r\n") return false;
    if (rest[0] == '0' && end > 1) return false;
    size = std::stoul(std::string(rest.substr(0, end)), nullptr, 16);
    rest.remove_prefix(end + 2);
    return true;
}

std::string body_of(std::string_view& rest) {
    std::string body;
    for (;;) {
        std::string_view at = rest;
        size_t size = 0;
        if (at.find("\r\n") == std::string_view::npos && at.size() < 10)
            return at.empty() ? "[" + body + " (cut)" : "[" + body + " (cut in a size)";
        if (!take_size(at, size)) return "[" + body + " (broken)";
        if (size == 0) {
            const size_t end = at.substr(0, 2) == "\r\n" ? 0 : at.find("\r\n\r\n");
            if (end == std::string_view::npos) return "[" + body + " (cut in the trailers)";
            const std::string_view trailers = at.substr(0, end == 0 ? 0 : end + 2);
            rest = at.substr(trailers.size() + 2);
            return "[" + body + "]" + std::string(trailers);
        }
        body += at.substr(0, size);
        if (at.size() < size + 2) {
            rest = {};
            return "[" + body + " (cut in a chunk)";
        }
        if (at.substr(size, 2) != "\r\n") return "[" + body + " (broken)";
        rest = at.substr(size + 2);
    }
}

size_t content_length(std::string_view head) {
    const size_t at = head.find("\r\nContent-Length: ");
    return at == std::string_view::npos ? 0 : std::stoul(std::string(head.substr(at + 18, 9)));
}

}  // namespace

std::string readable(std::string_view bytes) {
    std::string out;
    while (!bytes.empty()) {
        const size_t end = bytes.find("\r\n\r\n");
        if (end == std::string_view::npos) return out.append(bytes);
        const std::string_view head = bytes.substr(0, end + 4);
        out += marked(head);
        bytes.remove_prefix(head.size());
        if (head.find("\r\nTransfer-Encoding: chunked\r\n") != std::string_view::npos) {
            const size_t before = bytes.size();
            const std::string body = body_of(bytes);
            out += body;
            if (body.back() == ')') return out;
            if (bytes.size() == before) return out.append(" (no body)");
            continue;
        }
        const size_t length = std::min(content_length(head), bytes.size());
        out += bytes.substr(0, length);
        bytes.remove_prefix(length);
    }
    return out;
}

namespace {

struct Words {
    std::string_view reason;
    std::string_view error;     // RFC 9209 §2.3
    std::string_view sentence;  // "%": the detail
    std::string_view look_at;
    bool refused = false;  // trying again would not help
};
constexpr std::string_view look_at_client = "Look at the client, and at proxies before this one.";
constexpr std::string_view look_at_log = "Look at dockerd's log.";
constexpr std::string_view ask_operator = "Ask becaused's operator.";
constexpr std::string_view was_stopped = "becaused was stopped or restarted: ask its operator.";
constexpr Words words[] = {
    {"client_malformed", "http_request_error", "The request is not valid HTTP/1.1: %.",
     look_at_client, true},
    {"client_ambiguous_framing", "http_request_error",
     "The request says in two ways where its body ends: %.", look_at_client, true},
    {"client_head_too_large", "http_request_error", "The request head is larger than allowed: %.",
     "Look at the client's fields: tokens, HttpHeaders.", true},
    {"request_unsupported", "http_request_error", "This proxy does not do that: %.",
     "Look at the client.", true},
    {"client_head_timeout", "http_request_error", "%",
     "Look at the client, and at the network on its way here."},
    {"client_stalled_sending", "http_request_error", "%", "Look at what holds the client up."},
    {"upstream_malformed", "http_protocol_error", "The upstream's answer is not valid HTTP/1.1: %.",
     look_at_log},
    {"upstream_head_too_large", "http_response_header_section_size",
     "The upstream's answer has a head larger than allowed: %.", look_at_log},
    {"upgrade_mismatch", "http_upgrade_failed",
     "The upstream switched protocols without being asked: %.", look_at_log},
    {"upstream_closed", "connection_terminated", "%", look_at_log},
    {"upstream_reset", "connection_terminated", "%", look_at_log},
    {"upstream_refused", "connection_refused", "%", "Look whether dockerd runs."},
    {"upstream_silent", "http_response_timeout", "%",
     "Look what dockerd is busy with; if such silence is normal here, raise the clock."},
    {"retry_impossible", "connection_terminated", "%", look_at_log},
    {"retry_exhausted", "connection_terminated", "%", look_at_log},
    {"memory_shed", "proxy_internal_error", "%", "Look at becaused's log and its limits.", true},
    {"auth_missing", "http_request_denied", "No credentials were sent.",
     "Look at the credentials that the client is to send.", true},
    {"auth_invalid", "http_request_denied", "The credentials were not accepted: %.",
     "Look at the credentials that the client sends.", true},
    {"auth_expired", "http_request_denied", "The credentials have expired.", "Get new credentials.",
     true},
    {"auth_unavailable", "proxy_internal_error", "The authorisation service could not be asked: %.",
     ask_operator, true},
    {"auth_locked_out", "http_request_error", "Too many failed attempts: %.",
     "Look at the credentials before trying again later.", true},
    {"policy_denied", "http_request_denied", "The request is not allowed here: %.", ask_operator,
     true},
    {"policy_uninspectable", "http_request_denied",
     "The request could not be judged, so it was refused: %.", ask_operator, true},
    {"rate_limited", "http_request_error", "Too many requests: %.",
     "Wait a little before trying again.", true},
    {"concurrency_limited", "http_request_error", "Too many at the same time: %.",
     "Wait until something else has finished.", true},
    {"body_too_large", "http_request_error", "The request body is larger than % bytes.",
     ask_operator, true},
    {"drain_deadline", "proxy_internal_response", "%", was_stopped},
    {"shutdown", "proxy_internal_response", "%", was_stopped},
};

std::string_view phrase(int status) {
    switch (status) {
        case 400: return "Bad Request";
        case 401: return "Unauthorized";
        case 403: return "Forbidden";
        case 408: return "Request Timeout";
        case 413: return "Content Too Large";
        case 414: return "URI Too Long";
        case 417: return "Expectation Failed";
        case 429: return "Too Many Requests";
        case 431: return "Request Header Fields Too Large";
        case 501: return "Not Implemented";
        case 502: return "Bad Gateway";
        case 503: return "Service Unavailable";
        case 504: return "Gateway Timeout";
        case 505: return "HTTP Version Not Supported";
        default: return "?";
    }
}

}  // namespace

std::string own_answer(const OwnAnswer& answer) {
    const Words* said = std::find_if(std::begin(words), std::end(words),
                                     [&](const Words& row) { return row.reason == answer.reason; });
    if (said == std::end(words)) return "no words for " + std::string(answer.reason);
    std::string sentence(said->sentence);
    if (const size_t detail = sentence.find('%'); detail != std::string::npos)
        sentence.replace(detail, 1, answer.message);
    if (answer.reached == "reads") sentence += " It only reads: it is safe to try again. ";
    else if (answer.reached == "acts")
        sentence += " dockerd had the request: see what it did before you try again. ";
    else if (said->refused) sentence += " Nothing reached dockerd. ";
    else sentence += " Nothing reached dockerd: it is safe to try again. ";
    sentence += said->look_at;
    const std::string record(answer.record);
    const std::string body =
        R"({"message":"becaused: )" + sentence + " (record " + record + ")\"}\n";
    std::string text = "HTTP/1.1 " + std::to_string(answer.status) + ' ';
    text += phrase(answer.status);
    text += "\r\nContent-Type: application/json\r\nContent-Length: ";
    text += std::to_string(body.size()) + "\r\nProxy-Status: becaused; error=";
    text += said->error;
    text += "; details=\"" + std::string(answer.reason) + ' ' + record + "\"\r\n";
    text += answer.extra;
    if (answer.close) text += "Connection: close\r\n";
    text += "\r\n";
    return answer.head ? text : text + body;
}

std::string pattern(size_t count) {
    std::string text(count, '\0');
    uint32_t state = 2463534242U;
    for (char& byte : text) {
        state ^= state << 13U;
        state ^= state >> 17U;
        state ^= state << 5U;
        byte = static_cast<char>(state);
    }
    return text;
}

std::string times(size_t count, std::string_view text) {
    std::string all;
    all.reserve(count * text.size());
    for (size_t i = 0; i < count; ++i) all += text;
    return all;
}

std::string chunked(std::string_view body, size_t size) {
    std::string all;
    while (!body.empty()) {
        const std::string_view piece = body.substr(0, size);
        char line[24];
        std::snprintf(line, sizeof line, "%zx\r\n", piece.size());
        all.append(line).append(piece).append("\r\n");
        body.remove_prefix(piece.size());
    }
    return all + "0\r\n\r\n";
}

}  // namespace becaused::test
