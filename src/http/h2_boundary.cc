#include "http/h2_boundary.hh"

#include <algorithm>

namespace becaused {

namespace {

// What the client's side begins with (RFC 9113 §3.4). As a frame it would be five megabytes long.
constexpr std::string_view preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr uint8_t header_size = 9;

// RFC 9113 §6.
constexpr uint8_t headers = 1, settings = 4, push_promise = 5, goaway = 7, continuation = 9;
constexpr uint8_t end_headers = 4;  // a flag
constexpr uint32_t internal_error = 2;
constexpr uint32_t highest_stream = 0x7fffffff;

void append_word(std::string& out, uint32_t word) {
    for (unsigned shift = 32; shift > 0; shift -= 8)
        out += static_cast<char>(word >> (shift - 8) & 255U);
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
    if (have_ == 0 && byte != static_cast<uint8_t>(preface.front())) {
        state_ = State::header;
        take_header_byte(byte);
        return;
    }
    if (byte != static_cast<uint8_t>(preface[have_])) {
        state_ = State::lost;
        return;
    }
    if (++have_ < preface.size()) return;
    have_ = 0;
    state_ = State::header;
}

void H2Boundary::take_header_byte(uint8_t byte) {
    if (have_ < 3) left_ = left_ << 8U | byte;
    else if (have_ == 3) type_ = byte;
    else if (have_ == 4) flags_ = byte;
    if (++have_ == header_size) header_done();
}

void H2Boundary::header_done() {
    have_ = 0;
    const bool ends = (flags_ & end_headers) != 0;
    const bool in_order = begun_ ? block_ == (type_ == continuation) : type_ == settings;
    if (!in_order || type_ == goaway) {
        state_ = State::lost;
        return;
    }
    if (type_ == headers || type_ == push_promise || type_ == continuation) block_ = !ends;
    begun_ = true;
    state_ = left_ > 0 ? State::payload : State::header;
}

void append_goaway(std::string& out, std::string_view text) {
    const auto size = static_cast<uint32_t>(8 + text.size());
    append_word(out, size << 8U | goaway);
    out.append(5, '\0');  // flags; stream 0
    append_word(out, highest_stream);
    append_word(out, internal_error);
    out += text;
}

}  // namespace becaused
