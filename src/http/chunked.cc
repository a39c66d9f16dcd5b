#include "http/chunked.hh"

#include <algorithm>

#include "base/check.hh"
#include "http/guard.hh"
#include "http/octets.hh"

namespace becaused {

//     size --CR--> size_lf --LF--> data --left 0--> data_cr --CR--> data_lf --LF--> size
//      | ";" or white space  ^ |
//      v                     | +-- LF after size 0 --> trailers --empty line--> complete
//     gap --";"--> extension-+
enum class ChunkedDecoder::State : uint8_t {
    size,       // hex digits, at least one
    gap,        // white space before ";" (BWS, RFC 9112 §7.1.1)
    extension,  // dropped until CR
    size_lf,
    data,
    data_cr,
    data_lf,
    trailers,  // lines until an empty one
    complete,
    fault,
};

void ChunkedDecoder::start(Side from) {
    from_ = from;
    state_ = State::size;
    digits_ = 0;
    left_ = 0;
    extension_bytes_ = extensions_bytes_ = 0;
    offset_ = 0;
    section_.clear();
    trailers_.clear();
    fault_ = {};
}

ChunkedDecoder::Step ChunkedDecoder::next(std::string_view& bytes, std::string_view& data) {
    while (state_ < State::complete) {
        if (state_ == State::data) {
            if (left_ == 0) {
                state_ = State::data_cr;
                continue;
            }
            if (bytes.empty()) return Step::need_more;
            data = bytes.substr(0, left_);
            bytes.remove_prefix(data.size());
            skip(data.size());
            return Step::data;
        }
        if (bytes.empty()) return Step::need_more;
        if (state_ == State::trailers) {
            if (!take_trailers(bytes)) return Step::fault;
            continue;
        }
        if (!take_line_byte(bytes.front())) return Step::fault;
        bytes.remove_prefix(1);
        ++offset_;
    }
    return state_ == State::complete ? Step::complete : Step::fault;
}

bool ChunkedDecoder::take_line_byte(char byte) {
    switch (state_) {
        case State::size: return take_size_byte(byte);
        case State::gap:
        case State::extension: return take_extension_byte(byte);
        case State::size_lf:
            if (byte != '\n')
                return refuse(Flaw::malformed, "a bare CR after a chunk size", offset_);
            state_ = left_ == 0 ? State::trailers : State::data;
            return true;
        case State::data_cr:
            if (byte != '\r')
                return refuse(Flaw::malformed, "a chunk does not end in CRLF after its data",
                              offset_);
            state_ = State::data_lf;
            return true;
        case State::data_lf:
            if (byte != '\n')
                return refuse(Flaw::malformed, "a chunk does not end in CRLF after its data",
                              offset_);
            state_ = State::size;
            digits_ = 0;
            extension_bytes_ = 0;
            return true;
        case State::data:
        case State::trailers:
        case State::complete:
        case State::fault: break;
    }
    CHECK(false);
}

bool ChunkedDecoder::take_size_byte(char byte) {
    if (is(octet_hex, byte)) {
        if (++digits_ > 16)
            return refuse(Flaw::malformed, "a chunk size has more than 16 digits", offset_);
        if (left_ > most_bytes >> 4)
            return refuse(Flaw::malformed, "a chunk size does not fit 63 bits", offset_);
        const int digit = is(octet_digit, byte) ? byte - '0' : (byte | 0x20) - 'a' + 10;
        left_ = left_ << 4 | static_cast<uint64_t>(digit);
        return true;
    }
    if (digits_ == 0) return refuse(Flaw::malformed, "a chunk size is not hexadecimal", offset_);
    if (byte == '\r') state_ = State::size_lf;
    else if (byte == ';') state_ = State::extension;
    else if (is_space(byte)) state_ = State::gap;
    else if (byte == '\n')
        return refuse(Flaw::malformed, "a chunk size line ends in a bare LF", offset_);
    else return refuse(Flaw::malformed, "a chunk size is not hexadecimal", offset_);
    return true;
}

// Extensions mean something on this hop only, and we know none: read, bounded, dropped.
bool ChunkedDecoder::take_extension_byte(char byte) {
    if (state_ == State::extension && byte == '\r') {
        state_ = State::size_lf;
        return true;
    }
    if (++extension_bytes_ > chunk_extension_limit_bytes)
        return refuse(Flaw::malformed, "a chunk extension is over 1 KiB", offset_);
    if (++extensions_bytes_ > chunk_extensions_limit_bytes)
        return refuse(Flaw::malformed, "the chunk extensions are over 16 KiB", offset_);
    if (state_ == State::gap) {
        if (byte == ';') state_ = State::extension;
        if (byte == ';' || is_space(byte)) return true;
        return refuse(Flaw::malformed, "white space after a chunk size", offset_);
    }
    if (byte == '\n')
        return refuse(Flaw::malformed, "a chunk size line ends in a bare LF", offset_);
    if (find_control(&byte, &byte + 1) == &byte)
        return refuse(Flaw::malformed, "a control byte in a chunk extension", offset_);
    return true;
}

// Takes at most one line.
bool ChunkedDecoder::take_trailers(std::string_view& bytes) {
    const size_t newline = bytes.find('\n');
    const size_t count = newline == std::string_view::npos ? bytes.size() : newline + 1;
    // The empty line that ends the section is not counted against the limit.
    if (section_.size() + count > trailer_limit_bytes + 2)
        return refuse(Flaw::head_too_large, "the trailers are over 8 KiB", offset_);
    section_.append(bytes.substr(0, count));
    bytes.remove_prefix(count);
    offset_ += count;
    if (newline == std::string_view::npos) return true;
    const size_t end = section_.size();
    if (end < 2 || section_[end - 2] != '\r')
        return refuse(Flaw::malformed, "a trailer line ends in a bare LF", offset_ - 1);
    if (end > 2 && section_[end - 3] != '\n') return true;
    state_ = State::complete;
    return end == 2 || judge_trailers();
}

namespace {

enum class TrailerFate : uint8_t { forward, leave_out, refuse };

// RFC 9110 §6.5.1: what frames, routes or belongs to a hop cannot come late; a message that has it is
// an attack on whoever merges trailers into the head. Connection-named fields are refused in heads.
constexpr std::string_view refused_names[] = {
    "connection",        "content-length",   "host", "http2-settings",
    "keep-alive",        "proxy-connection", "te",   "trailer",
    "transfer-encoding", "upgrade",
};
// Controls, credentials, what says how to read the body, what this proxy itself adds to heads.
constexpr std::string_view dropped_names[] = {
    "age",
    "api-version",
    "authorization",
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-location",
    "content-range",
    "content-type",
    "cookie",
    "date",
    "expect",
    "expires",
    "forwarded",
    "location",
    "max-forwards",
    "pragma",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-status",
    "range",
    "retry-after",
    "set-cookie",
    "traceparent",
    "tracestate",
    "vary",
    "via",
    "warning",
    "www-authenticate",
    "x-real-ip",
    "x-request-id",
};
constexpr std::string_view dropped_prefixes[] = {"if-", "sec-", "x-forwarded-", "x-registry-"};

TrailerFate fate_of(std::string_view name) {
    for (const std::string_view refused : refused_names)
        if (same_name(name, refused)) return TrailerFate::refuse;
    for (const std::string_view dropped : dropped_names)
        if (same_name(name, dropped)) return TrailerFate::leave_out;
    for (const std::string_view prefix : dropped_prefixes)
        if (same_name(name.substr(0, prefix.size()), prefix)) return TrailerFate::leave_out;
    return TrailerFate::forward;
}

}  // namespace

bool ChunkedDecoder::judge_trailers() {
    const uint64_t begin = offset_ - section_.size();
    std::vector<Field> fields;
    if (const auto fault = split_fields(from_, section_, 0, fields)) {
        refuse(Flaw::malformed, fault->detail, begin + fault->offset);
        fault_.reason = fault->reason;
        fault_.status = fault->status;
        return false;
    }
    for (size_t i = 0; i < fields.size(); ++i) {
        const size_t at = static_cast<size_t>(fields[i].name.data() - section_.data());
        const char* const line_end = i + 1 < fields.size() ? fields[i + 1].name.data()
                                                           : section_.data() + section_.size() - 2;
        const TrailerFate fate = fate_of(fields[i].name);
        if (fate == TrailerFate::refuse)
            return refuse(Flaw::malformed, "a trailer that frames, routes or belongs to the hop",
                          begin + at);
        if (fate == TrailerFate::forward) trailers_.append(fields[i].name.data(), line_end);
    }
    return true;
}

bool ChunkedDecoder::refuse(Flaw flaw, const char* detail, uint64_t offset) {
    state_ = State::fault;
    fault_ = make_fault(from_, flaw, detail, offset);
    return false;
}

std::string_view chunk_line(uint64_t size, char* line) {
    constexpr char digits[] = "0123456789abcdef";
    char* at = line + 18;
    *--at = '\n';
    *--at = '\r';
    do {
        *--at = digits[size & 15];
        size >>= 4;
    } while (size > 0);
    return {at, static_cast<size_t>(line + 18 - at)};
}

}  // namespace becaused
