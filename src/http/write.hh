// Pieces of outgoing heads: lines, numbers, and fields copied as they came.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/text_cursor.hh"
#include "http/head.hh"

namespace becaused {

inline void put_line(TextCursor& out, std::string_view name, std::string_view value) {
    out.put(name);
    out.put(": ");
    out.put(value);
    out.put("\r\n");
}

inline void put_number_line(TextCursor& out, std::string_view name, uint64_t number) {
    out.put(name);
    out.put(": ");
    out.number(number);
    out.put("\r\n");
}

// The same for heads that are rare enough.
inline void append_line(std::string& out, std::string_view name, std::string_view value) {
    TextCursor cursor(out, name.size() + value.size() + 4);
    put_line(cursor, name, value);
}

inline void append_number_line(std::string& out, std::string_view name, uint64_t number) {
    TextCursor cursor(out, name.size() + 24);
    put_number_line(cursor, name, number);
}

// Copies fields as they came. Neighbours lie one CRLF apart in the head, so most heads need few copies.
class FieldCopy {
  public:
    explicit FieldCopy(TextCursor& out) : out_(out) {}
    FieldCopy(const FieldCopy&) = delete;
    FieldCopy& operator=(const FieldCopy&) = delete;

    void add(const Field& field) {
        const char* const end = field.value.data() + field.value.size();
        if (begin_ != nullptr && end_ + 2 == field.name.data()) {
            end_ = end;
            return;
        }
        flush();
        begin_ = field.name.data();
        end_ = end;
    }
    // Before anything else is appended to the output.
    void flush() {
        if (begin_ == nullptr) return;
        out_.put({begin_, end_});
        out_.put("\r\n");
        begin_ = nullptr;
    }
    // A field whose value goes on after what came.
    void unfinished(const Field& field) {
        flush();
        out_.put({field.name.data(), field.value.data() + field.value.size()});
    }

  private:
    TextCursor& out_;
    const char* begin_ = nullptr;
    const char* end_ = nullptr;
};

// Nearly all heads are smaller than this when they go out.
inline constexpr size_t usual_head_bytes = 1024;

// `minor_version`: of the message that was received (RFC 9110 §7.6.3).
inline void put_via(TextCursor& out, uint8_t minor_version, std::string_view name) {
    out.put(minor_version == 0 ? std::string_view("Via: 1.0 ") : std::string_view("Via: 1.1 "));
    out.put(name);
    out.put("\r\n");
}

}  // namespace becaused
