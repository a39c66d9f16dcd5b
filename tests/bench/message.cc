#include "message.hh"

#include <strings.h>

#include <algorithm>
#include <charconv>

namespace bench {

namespace {

int hex_digit(char byte) {
    if (byte >= '0' && byte <= '9') return byte - '0';
    const char lower = static_cast<char>(byte | 0x20);
    return lower >= 'a' && lower <= 'f' ? lower - 'a' + 10 : -1;
}

// The value of "name: value" when the line has that name; an empty view has a null data().
std::string_view value_of(std::string_view line, std::string_view name) {
    if (line.size() <= name.size() || line[name.size()] != ':') return {};
    if (strncasecmp(line.data(), name.data(), name.size()) != 0) return {};
    line.remove_prefix(name.size() + 1);
    while (!line.empty() && line.front() == ' ') line.remove_prefix(1);
    return line;
}

}  // namespace

void Message::reset() {
    state_ = State::head;
    wrong_ = nullptr;
    head_.clear();
    chunked_ = has_length_ = asks_to_close_ = asks_to_upgrade_ = false;
    left_ = body_bytes_ = 0;
    line_empty_ = true;
    first_count_ = 0;
}

void Message::fail(const char* what) { wrong_ = what; }

std::size_t Message::take(std::string_view bytes) {
    std::size_t used = 0;
    while (used < bytes.size() && state_ != State::done && wrong_ == nullptr) {
        const std::string_view rest = bytes.substr(used);
        if (state_ == State::head) {
            used += take_head(rest);
        } else if (state_ == State::fixed || state_ == State::chunk_data) {
            used += take_body(rest);
        } else {
            take_framing_byte(rest.front());
            ++used;
        }
    }
    return used;
}

std::size_t Message::take_head(std::string_view bytes) {
    const std::size_t had = head_.size();
    head_.append(bytes.substr(0, head_limit - had));
    const std::size_t end = head_.find("\r\n\r\n", had < 3 ? 0 : had - 3);
    if (end == std::string::npos) {
        if (head_.size() == head_limit) fail("a head over 16 KiB");
        return head_.size() - had;
    }
    const std::size_t length = end + 4;
    head_.resize(length);
    read_fields();
    if (wrong_ == nullptr) begin_body();
    return length - had;
}

void Message::read_fields() {
    std::string_view rest = head_;
    rest.remove_prefix(rest.find('\n') + 1);  // the start line
    while (rest.size() > 2) {
        const std::size_t end = rest.find('\n');
        read_field(rest.substr(0, end - 1));
        rest.remove_prefix(end + 1);
    }
}

void Message::read_field(std::string_view line) {
    const std::string_view length = value_of(line, "content-length");
    if (length.data() != nullptr) {
        const auto [end, error] = std::from_chars(length.begin(), length.end(), left_);
        if (error != std::errc{} || end != length.end() || has_length_)
            fail("a bad Content-Length");
        has_length_ = true;
    }
    const std::string_view coding = value_of(line, "transfer-encoding");
    if (coding.data() != nullptr) {
        if (coding != "chunked" || chunked_) fail("a bad Transfer-Encoding");
        chunked_ = true;
    }
    if (value_of(line, "connection") == "close") asks_to_close_ = true;
    if (value_of(line, "upgrade") == "tcp") asks_to_upgrade_ = true;
}

void Message::begin_body() {
    if (chunked_ && has_length_) return fail("both Content-Length and Transfer-Encoding");
    if (chunked_) {
        state_ = State::chunk_size;
    } else if (has_length_ || role_ == Role::request || status() == 101) {
        state_ = left_ > 0 ? State::fixed : State::done;
    } else {
        fail("an answer without a stated length");
    }
}

std::size_t Message::take_body(std::string_view bytes) {
    const std::size_t count =
        static_cast<std::size_t>(std::min<std::uint64_t>(left_, bytes.size()));
    const std::size_t kept = std::min(count, sizeof first_ - first_count_);
    bytes.copy(first_ + first_count_, kept);
    first_count_ += kept;
    skip(count);
    return count;
}

void Message::skip(std::uint64_t bytes) {
    left_ -= bytes;
    body_bytes_ += bytes;
    if (left_ == 0) state_ = state_ == State::fixed ? State::done : State::chunk_end;
}

std::uint64_t Message::skippable() const {
    return state_ == State::fixed && wrong_ == nullptr ? left_ - 1 : 0;
}

void Message::take_framing_byte(char byte) {
    if (state_ == State::chunk_size) {
        const int digit = hex_digit(byte);
        if (digit >= 0 && left_ < (1ULL << 40)) {
            left_ = left_ * 16 + static_cast<std::uint64_t>(digit);
            line_empty_ = false;
        } else if (digit < 0 && !line_empty_) {
            state_ = State::chunk_note;
        } else {
            fail("a bad chunk size");
        }
    }
    if (state_ == State::chunk_note && byte == '\n') {
        state_ = left_ > 0 ? State::chunk_data : State::trailer;
        line_empty_ = true;
    } else if (state_ == State::chunk_end) {
        if (byte != '\r' && byte != '\n') fail("a chunk longer than its size");
        if (byte == '\n') state_ = State::chunk_size;
    } else if (state_ == State::trailer && byte == '\n') {
        if (line_empty_) state_ = State::done;
        line_empty_ = true;
    } else if (state_ == State::trailer && byte != '\r') {
        line_empty_ = false;
    }
}

std::string_view Message::start_line() const {
    return std::string_view(head_).substr(0, head_.find('\r'));
}

int Message::status() const {
    // "HTTP/1.1 200 ..."
    int code = 0;
    if (head_.size() > 12) std::from_chars(head_.data() + 9, head_.data() + 12, code);
    return code;
}

}  // namespace bench
