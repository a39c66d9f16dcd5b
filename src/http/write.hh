// Pieces of outgoing heads: lines, numbers, and fields copied as they came. Everything is appended to a
// string of the caller, which keeps its capacity from message to message.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/text.hh"
#include "http/head.hh"

namespace becaused {

inline void append_line(std::string& out, std::string_view name, std::string_view value) {
    out += name;
    out += ": ";
    out += value;
    out += "\r\n";
}

inline void append_number_line(std::string& out, std::string_view name, uint64_t number) {
    out += name;
    out += ": ";
    append_number(out, number);
    out += "\r\n";
}

// Copies fields as they came. Neighbours lie one CRLF apart in the head, so most heads need few copies.
class FieldCopy {
  public:
    explicit FieldCopy(std::string& out) : out_(out) {}
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
        out_.append(begin_, end_);
        out_ += "\r\n";
        begin_ = nullptr;
    }
    // A field whose value goes on after what came.
    std::string& unfinished(const Field& field) {
        flush();
        const char* const end = field.value.data() + field.value.size();
        return out_.append(field.name.data(), end);
    }

  private:
    std::string& out_;
    const char* begin_ = nullptr;
    const char* end_ = nullptr;
};

// `minor_version`: of the message that was received (RFC 9110 §7.6.3).
inline void append_via(std::string& out, uint8_t minor_version, std::string_view name) {
    out += minor_version == 0 ? "Via: 1.0 " : "Via: 1.1 ";
    out += name;
    out += "\r\n";
}

}  // namespace becaused
