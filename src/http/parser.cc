#include "http/parser.hh"

#include <llhttp.h>

#include <algorithm>
#include <bit>
#include <cstring>

#include "http/guard.hh"
#include "http/octets.hh"

#if LLHTTP_VERSION_MAJOR < 9 && !LLHTTP_STRICT_MODE
#error \
    "llhttp before 9.0 must be built with -DLLHTTP_STRICT_MODE=1 (CVE-2023-30589, CVE-2025-23167)"
#endif

namespace becaused {

namespace {

// What the guard saw, while llhttp walks over the same bytes.
struct Comparison {
    std::string_view target;  // empty for answers
    const std::vector<Field>* fields = nullptr;
    size_t names_seen = 0;
    const char* value_at = nullptr;  // where llhttp's value of the last field ended; null: no value
    bool complete = false;

    bool target_is(std::string_view url) const {
        return url.data() == target.data() && url.size() == target.size();
    }

    bool name_is(std::string_view name) {
        if (!value_agrees() || names_seen == fields->size()) return false;
        const std::string_view expected = (*fields)[names_seen++].name;
        value_at = nullptr;
        return name.data() == expected.data() && name.size() == expected.size();
    }

    // llhttp may give a value in pieces, and may leave white space at its end.
    bool value_goes_on(std::string_view piece) {
        if (names_seen == 0) return false;
        const std::string_view expected = (*fields)[names_seen - 1].value;
        const char* const due = value_at == nullptr ? expected.data() : value_at;
        if (!piece.empty() && !expected.empty() && piece.data() != due) return false;
        value_at = piece.data() + piece.size();
        return true;
    }

    bool value_agrees() const {
        if (names_seen == 0) return true;
        const std::string_view expected = (*fields)[names_seen - 1].value;
        return expected.empty() ||
               (value_at != nullptr && value_at >= expected.data() + expected.size());
    }

    bool ends_well() {
        complete = value_agrees() && names_seen == fields->size();
        return complete;
    }
};

Comparison& comparison(llhttp_t* parser) { return *static_cast<Comparison*>(parser->data); }

int on_url(llhttp_t* parser, const char* at, size_t length) noexcept {
    return comparison(parser).target_is({at, length}) ? HPE_OK : HPE_USER;
}

int on_name(llhttp_t* parser, const char* at, size_t length) noexcept {
    return comparison(parser).name_is({at, length}) ? HPE_OK : HPE_USER;
}

int on_value(llhttp_t* parser, const char* at, size_t length) noexcept {
    return comparison(parser).value_goes_on({at, length}) ? HPE_OK : HPE_USER;
}

// Pausing keeps llhttp away from bodies (http/chunked.hh is ours).
int on_end(llhttp_t* parser) noexcept { return comparison(parser).ends_well() ? HPE_PAUSED : -1; }

int on_end_unheard(llhttp_t*) noexcept { return HPE_PAUSED; }

}  // namespace

struct HeadParser::State {
    llhttp_t parser;
    llhttp_settings_t comparing;
    llhttp_settings_t unheard;  // to learn llhttp's word on what the guard refused
    Comparison seen;
};

HeadParser::HeadParser() : state_(new State()) {
    llhttp_settings_init(&state_->comparing);
    state_->comparing.on_url = on_url;
    state_->comparing.on_header_field = on_name;
    state_->comparing.on_header_value = on_value;
    state_->comparing.on_headers_complete = on_end;
    llhttp_settings_init(&state_->unheard);
    state_->unheard.on_headers_complete = on_end_unheard;
}

HeadParser::~HeadParser() { delete state_; }

namespace {

bool accepted(llhttp_errno_t error) { return error == HPE_OK || error == HPE_PAUSED; }

// The guard's fault, under llhttp's name where llhttp refuses the bytes too.
ParseFault named(ParseFault fault, llhttp_t& parser, const llhttp_settings_t& settings,
                 llhttp_type_t type, std::string_view bytes) {
    llhttp_init(&parser, type, &settings);
    const llhttp_errno_t error = llhttp_execute(&parser, bytes.data(), bytes.size());
    if (!accepted(error)) fault.parser_error = llhttp_errno_name(error);
    return fault;
}

// llhttp refused what the guard let pass: the method, when the error lies in a request line.
ParseFault refused(Side from, const llhttp_t& parser, llhttp_errno_t error, std::string_view bytes,
                   size_t first_line_size) {
    const char* const at = llhttp_get_error_pos(&parser);
    const bool inside = at != nullptr && at >= bytes.data() && at <= bytes.data() + bytes.size();
    const size_t offset = inside ? static_cast<size_t>(at - bytes.data()) : 0;
    ParseFault fault;
    if (from == Side::client && offset <= first_line_size && error != HPE_USER)
        fault = make_fault(from, Flaw::unsupported, "the method is not one that is known", 0);
    else if (accepted(error) || error == HPE_USER || error == HPE_CB_HEADERS_COMPLETE)
        return make_fault(from, Flaw::malformed, "two parsers read the head differently", offset);
    else fault = make_fault(from, Flaw::malformed, llhttp_get_error_reason(&parser), offset);
    fault.parser_error = llhttp_errno_name(error);
    return fault;
}

}  // namespace

std::optional<ParseFault> HeadParser::parse_request(std::string_view bytes, RequestHead& head) {
    State& state = *state_;
    std::string_view line;
    std::optional<ParseFault> fault = split_head(Side::client, bytes, line, head.fields);
    if (!fault) fault = judge_request_line(line, head);
    if (!fault) fault = judge_request_fields(bytes, head);
    if (fault) [[unlikely]]
        return named(*fault, state.parser, state.unheard, HTTP_REQUEST, bytes);

    state.seen = Comparison{head.target, &head.fields};
    llhttp_init(&state.parser, HTTP_REQUEST, &state.comparing);
    state.parser.data = &state.seen;
    const llhttp_errno_t error = llhttp_execute(&state.parser, bytes.data(), bytes.size());
    if (error == HPE_PAUSED && state.seen.complete) [[likely]]
        return std::nullopt;
    return refused(Side::client, state.parser, error, bytes, line.size());
}

std::optional<ParseFault> HeadParser::parse_response(std::string_view bytes, ResponseHead& head) {
    State& state = *state_;
    std::string_view line;
    std::optional<ParseFault> fault = split_head(Side::upstream, bytes, line, head.fields);
    if (!fault) fault = judge_status_line(line, head);
    if (!fault) fault = judge_response_fields(bytes, head);
    if (fault) [[unlikely]]
        return named(*fault, state.parser, state.unheard, HTTP_RESPONSE, bytes);

    state.seen = Comparison{{}, &head.fields};
    llhttp_init(&state.parser, HTTP_RESPONSE, &state.comparing);
    state.parser.data = &state.seen;
    const llhttp_errno_t error = llhttp_execute(&state.parser, bytes.data(), bytes.size());
    if (error == HPE_PAUSED && state.seen.complete) [[likely]]
        return std::nullopt;
    return refused(Side::upstream, state.parser, error, bytes, line.size());
}

namespace {

// Is the line that the LF at `at` ends an empty one?
bool ends_empty_line(const char* begin, size_t at) {
    if (at > 0 && begin[at - 1] == '\r') --at;
    return at == 0 || begin[at - 1] == '\n';
}

}  // namespace

std::optional<size_t> find_head_end(std::string_view bytes, size_t from) {
    const char* const begin = bytes.data();
    size_t at = from;
#ifdef __SSE2__
    for (; at + 16 <= bytes.size(); at += 16) {
        const __m128i piece = _mm_loadu_si128(reinterpret_cast<const __m128i*>(begin + at));
        auto found =
            static_cast<unsigned>(_mm_movemask_epi8(_mm_cmpeq_epi8(piece, _mm_set1_epi8('\n'))));
        for (; found != 0; found &= found - 1) {
            const size_t line_end = at + static_cast<size_t>(std::countr_zero(found));
            if (ends_empty_line(begin, line_end)) return line_end + 1;
        }
    }
#endif
    for (; at < bytes.size(); ++at)
        if (begin[at] == '\n' && ends_empty_line(begin, at)) return at + 1;
    return std::nullopt;
}

size_t leading_empty_line(std::string_view bytes) { return bytes.substr(0, 2) == "\r\n" ? 2 : 0; }

namespace {

// A request line whose end has not come.
std::optional<ParseFault> refuse_partial_line(std::string_view line) {
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
    const size_t space = std::min(line.find(' '), line.size());
    if (!all(octet_token, line.substr(0, space)) || (space == 0 && !line.empty()))
        return make_fault(Side::client, Flaw::malformed, "the method is not a token", 0);
    if (space > 64)
        return make_fault(Side::client, Flaw::unsupported, "the method is not one that is known",
                          0);
    if (line.size() > space + 1 + target_limit_bytes)
        return make_fault(Side::client, Flaw::target_too_large, "the request target is over 8 KiB",
                          space + 1);
    return std::nullopt;
}

}  // namespace

std::optional<ParseFault> refuse_incomplete_request(std::string_view bytes) {
    const size_t end = bytes.find('\n');
    if (end == std::string_view::npos) {
        if (const auto fault = refuse_partial_line(bytes)) return fault;
    } else if (end > 1 && bytes[end - 1] == '\r') {
        RequestHead line_only;
        if (const auto fault = judge_request_line(bytes.substr(0, end - 1), line_only))
            return fault;
    }
    if (bytes.size() >= head_limit_bytes)
        return make_fault(Side::client, Flaw::head_too_large, "the head is over 64 KiB",
                          head_limit_bytes);
    return refuse_tail(Side::client, bytes);
}

std::optional<ParseFault> refuse_incomplete_response(std::string_view bytes) {
    constexpr std::string_view start = "HTTP/1.";
    const size_t common = std::min(bytes.size(), start.size());
    if (bytes.substr(0, common) != start.substr(0, common))
        return make_fault(Side::upstream, Flaw::malformed,
                          "the status line does not begin with HTTP/1.0 or HTTP/1.1", 0);
    if (bytes.size() >= head_limit_bytes)
        return make_fault(Side::upstream, Flaw::head_too_large, "the head is over 64 KiB",
                          head_limit_bytes);
    return refuse_tail(Side::upstream, bytes);
}

}  // namespace becaused
