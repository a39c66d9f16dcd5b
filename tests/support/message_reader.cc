#include "support/message_reader.hh"

#include <algorithm>
#include <cstdlib>

#include "support/fates.hh"

namespace becaused::test {

namespace {

bool same(std::string_view a, std::string_view b) {
    return a.size() == b.size() && std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) {
               return (x >= 'A' && x <= 'Z' ? x + 32 : x) == y;
           });
}

}  // namespace

std::string_view field_in(std::string_view head, std::string_view name) {
    for (size_t at = head.find("\r\n"); at != std::string_view::npos;
         at = head.find("\r\n", at + 2)) {
        const std::string_view line = head.substr(at + 2, head.find("\r\n", at + 2) - at - 2);
        const size_t colon = line.find(':');
        if (colon == std::string_view::npos || !same(line.substr(0, colon), name)) continue;
        const size_t begin = line.find_first_not_of(' ', colon + 1);
        return begin == std::string_view::npos ? std::string_view() : line.substr(begin);
    }
    return {};
}

void MessageReader::start(Kind kind, bool head_method) {
    *this = MessageReader();
    kind_ = kind;
    head_method_ = head_method;
}

size_t MessageReader::take(std::string_view bytes) {
    size_t taken = 0;
    while (taken < bytes.size() && state_ != State::done && !wrong_) {
        const std::string_view rest = bytes.substr(taken);
        switch (state_) {
            case State::head:
                taken += take_head(rest);
                if (state_ != State::head) return taken;
                break;
            case State::length:
            case State::data: {
                const auto count = static_cast<size_t>(std::min<uint64_t>(rest.size(), left_));
                take_body(rest.substr(0, count));
                taken += count;
                left_ -= count;
                if (left_ == 0) state_ = state_ == State::data ? State::data_end : State::done;
                break;
            }
            case State::close:
            case State::tunnel: take_body(rest); return bytes.size();
            case State::size:
            case State::data_end:
            case State::tail: taken += take_chunk_line(rest); break;
            case State::done: break;
        }
    }
    return taken;
}

bool MessageReader::end() {
    if (state_ != State::close) return false;
    state_ = State::done;
    return true;
}

size_t MessageReader::take_head(std::string_view bytes) {
    const size_t before = head_.size();
    head_ += bytes;
    const size_t end = head_.find("\r\n\r\n");
    if (end == std::string::npos) return bytes.size();
    const size_t taken = end + 4 - before;
    head_.resize(end + 4);
    read_head();
    return taken;
}

void MessageReader::read_head() {
    if (kind_ == Kind::answer) {
        wrong_ = !head_.starts_with("HTTP/1.1 ");
        status_ = wrong_ ? 0 : static_cast<unsigned>(std::strtoul(head_.c_str() + 9, nullptr, 10));
        if (status_ == 101) {
            state_ = State::tunnel;
            return;
        }
        if (status_ >= 100 && status_ < 200) {
            head_.clear();
            return;
        }
    }
    const std::string_view length = field_in(head_, "content-length");
    const std::string_view coding = field_in(head_, "transfer-encoding");
    closes_ = same(field_in(head_, "connection"), "close");
    if (!coding.empty() && (coding != "chunked" || !length.empty())) wrong_ = true;
    const bool bodyless =
        kind_ == Kind::answer && (head_method_ || status_ == 204 || status_ == 304);
    if (bodyless) {
        state_ = State::done;
    } else if (!coding.empty()) {
        state_ = State::size;
    } else if (!length.empty()) {
        left_ = std::strtoull(std::string(length).c_str(), nullptr, 10);
        state_ = left_ == 0 ? State::done : State::length;
    } else if (kind_ == Kind::answer) {
        state_ = State::close;
        until_close_ = closes_ = true;
    } else {
        state_ = State::done;
    }
}

void MessageReader::take_body(std::string_view bytes) {
    for (uint64_t at = 0; expecting_ && at < bytes.size();) {
        const uint64_t count = std::min<uint64_t>(bytes.size() - at, 60'000);
        if (bytes.substr(at, count) != body_text(seed_, body_bytes_ + at, count)) wrong_ = true;
        at += count;
    }
    body_bytes_ += bytes.size();
}

// One byte of a line at a time: lines are few and short beside the data.
size_t MessageReader::take_chunk_line(std::string_view bytes) {
    line_ += bytes.front();
    if (!line_.ends_with("\r\n")) {
        wrong_ = wrong_ || line_.size() > 1000;
        return 1;
    }
    line_.resize(line_.size() - 2);
    switch (state_) {
        case State::size: {
            char* end = nullptr;
            left_ = std::strtoull(line_.c_str(), &end, 16);
            wrong_ = line_.empty() || *end != '\0';
            state_ = left_ == 0 ? State::tail : State::data;
            break;
        }
        case State::data_end:
            wrong_ = !line_.empty();
            state_ = State::size;
            break;
        case State::tail:
            if (line_.empty()) state_ = State::done;
            break;
        case State::head:
        case State::length:
        case State::data:
        case State::close:
        case State::tunnel:
        case State::done: wrong_ = true;
    }
    line_.clear();
    return 1;
}

}  // namespace becaused::test
