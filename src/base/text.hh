// Text for machines: JSON written straight into a string whose capacity is kept, numbers, times.
// JsonLine writes one object; it never allocates once the string has grown to its usual size.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace becaused {

void append_number(std::string& out, uint64_t value);
// Milliseconds with three decimals from nanoseconds, "12.345"; trailing zeros left out.
void append_ms(std::string& out, uint64_t ns);
// "2026-11-21T12:00:00.123Z" (RFC 3339), from nanoseconds since 1970.
void append_time(std::string& out, uint64_t wall_ns);
// For people: "12 B", "1.2 kB", "300 MB"; "250 ms", "12 s", "15 min", "2 h".
void append_size(std::string& out, uint64_t bytes);
void append_duration(std::string& out, uint64_t ms);
// As the inside of a JSON string: quotes, backslash and control bytes escaped, bytes that are not UTF-8
// replaced by U+FFFD (RFC 8259 §8.1).
void append_json_text(std::string& out, std::string_view text);

class JsonLine {
  public:
    // Appends to `out`; the object is open from here to `end()`.
    explicit JsonLine(std::string& out) : out_(out) { out_ += '{'; }
    JsonLine(const JsonLine&) = delete;
    JsonLine& operator=(const JsonLine&) = delete;

    void text(std::string_view name, std::string_view value);
    void number(std::string_view name, uint64_t value);
    void ms(std::string_view name, uint64_t ns);
    void time(std::string_view name, uint64_t wall_ns);
    void flag(std::string_view name, bool value);
    // Nested objects and arrays; `name` empty inside arrays.
    void open(std::string_view name, char bracket);
    void close(char bracket);
    // Closes the object and ends the line.
    void end() { out_ += "}\n"; }
    std::string& out() { return out_; }
    // Begins a value that the caller appends to out() itself.
    void key(std::string_view key);

  private:
    std::string& out_;
    bool first_ = true;
};

}  // namespace becaused
