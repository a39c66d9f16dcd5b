// One JSON object a line, written straight into memory of its own, which is kept for the line after it:
// nothing is allocated once it has grown to the usual size. Names of fields that are known when this is
// compiled are rendered then, with comma, quotes and colon: `line.number<"exchanges">(3)`.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/text.hh"

namespace becaused {

// `,"name":`, behind room to copy it with one move of constant size.
struct JsonName {
    static constexpr size_t limit = 32;

    template <size_t N>
    // NOLINTNEXTLINE(google-explicit-constructor): it stands where the name stands
    consteval JsonName(const char (&name)[N]) : size(N + 3) {
        static_assert(N + 3 <= limit, "a longer name needs a larger limit");
        text[0] = ',';
        text[1] = '"';
        for (size_t i = 0; i + 1 < N; ++i) text[2 + i] = name[i];
        text[N + 1] = '"';
        text[N + 2] = ':';
    }

    std::array<char, limit + 1> text{};
    size_t size;
};

class JsonLine {
  public:
    JsonLine() { grow(1024); }
    JsonLine(const JsonLine&) = delete;
    JsonLine& operator=(const JsonLine&) = delete;

    // What was written before is forgotten.
    void begin() {
        at_ = room_.get();
        *at_++ = '{';
        first_ = 1;
    }
    // The whole line, newline included, until the next begin().
    std::string_view end() {
        put("}\n");
        return {room_.get(), static_cast<size_t>(at_ - room_.get())};
    }

    // Values of fields. `text` is escaped; a `word` needs no escape.
    template <JsonName name>
    void text(std::string_view value) {
        key<name>();
        put_text(value);
    }
    template <JsonName name>
    void word(std::string_view value) {
        key<name>();
        put_word(value);
    }
    template <JsonName name>
    void number(uint64_t value) {
        key<name>();
        at_ = write_number(at_, value);
        check_room();
    }
    template <JsonName name>
    void ms(uint64_t ns) {
        key<name>();
        at_ = write_ms(at_, ns);
        check_room();
    }
    template <JsonName name>
    void time(uint64_t wall_ns) {
        key<name>();
        *at_++ = '"';
        at_ = write_time(at_, wall_ns);
        *at_++ = '"';
        check_room();
    }
    template <JsonName name>
    void flag(bool value) {
        key<name>();
        put(value ? "true" : "false");
    }
    // A nested object or array: '{' or '['.
    template <JsonName name>
    void open(char bracket) {
        key<name>();
        *at_++ = bracket;
        first_ = 1;
        check_room();
    }
    void close(char bracket) {
        *at_++ = bracket;
        first_ = 0;
        check_room();
    }
    // A value that put() and its like append.
    template <JsonName name>
    void key() {
        std::memcpy(at_, name.text.data() + first_, JsonName::limit);
        at_ += name.size - first_;
        first_ = 0;
        check_room();
    }

    // The same for a name that is known only now, and needs no escape.
    void key(std::string_view name);
    void text(std::string_view name, std::string_view value) {
        key(name);
        put_text(value);
    }
    void ms(std::string_view name, uint64_t ns) {
        key(name);
        at_ = write_ms(at_, ns);
        check_room();
    }
    // The next element of an array: a text, or an object that close() ends.
    void element(std::string_view value) {
        comma();
        put_text(value);
    }
    void open_element() {
        comma();
        put("{");
        first_ = 1;
    }

    // As it is; a word with quotes around.
    void put(std::string_view raw) {
        need(raw.size());
        at_ = copy_short(at_, raw);
    }
    void put_word(std::string_view word) {
        need(word.size() + 2);
        *at_++ = '"';
        at_ = copy_short(at_, word);
        *at_++ = '"';
    }
    void put_text(std::string_view text) {
        put("\"");
        put_inside(text);
        put("\"");
    }
    // The inside of a text, escaped, without its quotes.
    void put_inside(std::string_view text) {
        wrote(write_json_text(need(json_text_limit(text.size())), text));
    }
    // Room for so many bytes behind what is there, and how many of them were written.
    char* need(size_t bytes) {
        if (limit_ - at_ < static_cast<ptrdiff_t>(bytes)) [[unlikely]]
            grow(bytes);
        return at_;
    }
    void wrote(const char* end) { at_ += end - at_; }

  private:
    // A key and any number or time fit behind at_, always.
    static constexpr size_t margin = 96;

    void check_room() { need(0); }
    void comma() {
        if (first_ == 0) put(",");
        first_ = 0;
    }
    void grow(size_t bytes);

    std::unique_ptr<char[]> room_;
    char* at_ = nullptr;
    char* limit_ = nullptr;  // `margin` bytes before its end
    size_t first_ = 1;       // 1: the next field is its object's first one
};

}  // namespace becaused
