// Appends to a string through a pointer: a check of the bound for each piece, and no call for short ones.
// The string has its right size again when the cursor is gone; nobody looks at it before.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/text.hh"

namespace becaused {

class TextCursor {
  public:
    // `room`: what most likely suffices.
    TextCursor(std::string& out, size_t room) : out_(out) {
        const size_t used = out.size();
        out.resize(used + room);
        set(used);
    }
    TextCursor(const TextCursor&) = delete;
    TextCursor& operator=(const TextCursor&) = delete;
    ~TextCursor() { out_.resize(static_cast<size_t>(at_ - out_.data())); }

    void put(std::string_view text) {
        need(text.size());
        at_ = copy_short(at_, text);
    }
    template <size_t size>
    void put(const char (&literal)[size]) {
        need(size - 1);
        std::memcpy(at_, literal, size - 1);
        at_ += size - 1;
    }
    void put(char byte) {
        need(1);
        *at_++ = byte;
    }
    void number(uint64_t value) {
        need(20);
        at_ = write_number(at_, value);
    }

  private:
    void need(size_t bytes) {
        if (static_cast<size_t>(limit_ - at_) < bytes) [[unlikely]]
            grow(bytes);
    }
    void grow(size_t bytes) {
        const auto used = static_cast<size_t>(at_ - out_.data());
        out_.resize(2 * used + bytes);
        set(used);
    }
    void set(size_t used) {
        at_ = out_.data() + used;
        limit_ = out_.data() + out_.size();
    }

    std::string& out_;
    char* at_;
    char* limit_;
};

}  // namespace becaused
