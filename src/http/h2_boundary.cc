#include "http/h2_boundary.hh"

#include <algorithm>

#include "http/h2_frame.hh"

namespace becaused {

namespace {

constexpr uint32_t internal_error = 2;
constexpr uint32_t highest_stream = 0x7fffffff;

void append_word(std::string& out, uint32_t word) {
    for (unsigned shift = 32; shift > 0; shift -= 8)
        out += static_cast<char>(word >> (shift - 8) & 255U);
}

// RFC 7541 §5.1, §5.2: a text without Huffman's code.
void append_literal(std::string& out, std::string_view text) {
    constexpr size_t prefix = 127;
    size_t size = text.size();
    out += static_cast<char>(std::min(size, prefix));
    if (size >= prefix) {
        for (size -= prefix; size >= 128; size /= 128) out += static_cast<char>(size % 128 | 128U);
        out += static_cast<char>(size);
    }
    out += text;
}

// A field that is not to be indexed, with a name of its own (RFC 7541 §6.2.2).
void append_field(std::string& out, std::string_view name, std::string_view value) {
    out += '\0';
    append_literal(out, name);
    append_literal(out, value);
}

// gRPC over HTTP/2, "Percent-Encoded".
std::string percent_encoded(std::string_view text) {
    std::string encoded;
    for (const char byte : text) {
        const auto octet = static_cast<uint8_t>(byte);
        if (octet >= 0x20 && octet <= 0x7e && byte != '%') {
            encoded += byte;
            continue;
        }
        constexpr std::string_view digits = "0123456789ABCDEF";
        encoded += '%';
        encoded += digits[octet >> 4U];
        encoded += digits[octet & 15U];
    }
    return encoded;
}

}  // namespace

void H2Boundary::passed(std::string_view bytes) {
    while (!bytes.empty() && state_ != State::lost) {
        if (state_ == State::payload) {
            const size_t data = std::min<size_t>(left_, bytes.size());
            left_ -= static_cast<uint32_t>(data);
            bytes.remove_prefix(data);
            if (left_ == 0) state_ = State::header;
            continue;
        }
        const auto byte = static_cast<uint8_t>(bytes.front());
        if (state_ == State::preface) begin(byte);
        else take_header_byte(byte);
        bytes.remove_prefix(1);
    }
}

// The preface, or the first frame of a side that has none.
void H2Boundary::begin(uint8_t byte) {
    if (have_ == 0 && byte != static_cast<uint8_t>(h2_preface.front())) {
        state_ = State::header;
        take_header_byte(byte);
        return;
    }
    if (byte != static_cast<uint8_t>(h2_preface[have_])) {
        state_ = State::lost;
        return;
    }
    if (++have_ < h2_preface.size()) return;
    have_ = 0;
    state_ = State::header;
}

void H2Boundary::take_header_byte(uint8_t byte) {
    if (have_ < 3) left_ = left_ << 8U | byte;
    else if (have_ == 3) type_ = byte;
    else if (have_ == 4) flags_ = byte;
    if (++have_ == h2_head_bytes) header_done();
}

void H2Boundary::header_done() {
    have_ = 0;
    const bool ends = (flags_ & h2::flag_end_headers) != 0;
    const bool in_order = begun_ ? block_ == (type_ == h2::continuation) : type_ == h2::settings;
    if (!in_order || type_ == h2::goaway) {
        state_ = State::lost;
        return;
    }
    if (type_ == h2::headers || type_ == h2::push_promise || type_ == h2::continuation)
        block_ = !ends;
    begun_ = true;
    state_ = left_ > 0 ? State::payload : State::header;
}

void append_goaway(std::string& out, std::string_view text) {
    const auto size = static_cast<uint32_t>(8 + text.size());
    append_word(out, size << 8U | h2::goaway);
    out.append(5, '\0');  // flags; stream 0
    append_word(out, highest_stream);
    append_word(out, internal_error);
    out += text;
}

void append_denied_call(std::string& out, uint32_t stream, std::string_view text) {
    constexpr size_t longest = 4096;  // far below the frames that everybody takes
    std::string fields = "\x88";      // :status 200 (RFC 7541 Appendix A)
    append_field(fields, "content-type", "application/grpc");
    append_field(fields, "grpc-status", "7");
    append_field(fields, "grpc-message", percent_encoded(text.substr(0, longest)));
    append_word(out, static_cast<uint32_t>(fields.size()) << 8U | h2::headers);
    out += static_cast<char>(h2::flag_end_stream | h2::flag_end_headers);
    append_word(out, stream);
    out += fields;
}

}  // namespace becaused
