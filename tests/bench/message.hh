// message: one HTTP/1.1 message as it arrives: its start line, its framing, how much body came.
//
// Strict about what the bench needs to be sure of (a whole head, a stated length, well-formed
// chunks) and blind to everything else; of the body it keeps the first bytes, for a sink's count.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace bench {

class Message {
  public:
    enum class Role { request, response };

    explicit Message(Role role) : role_(role) { head_.reserve(head_limit); }

    // Makes it ready for the next message on the connection.
    void reset();
    // Reads up to the message's last byte, and says how many bytes that were.
    [[nodiscard]] std::size_t take(std::string_view bytes);

    [[nodiscard]] bool begun() const { return state_ != State::head || !head_.empty(); }
    [[nodiscard]] bool done() const { return state_ == State::done; }
    // Null, or what is wrong with it.
    [[nodiscard]] const char* wrong() const { return wrong_; }

    // Once the head is whole:
    [[nodiscard]] std::string_view start_line() const;
    [[nodiscard]] int status() const;
    [[nodiscard]] bool asks_to_close() const { return asks_to_close_; }
    [[nodiscard]] bool asks_to_upgrade() const { return asks_to_upgrade_; }
    [[nodiscard]] std::uint64_t body_bytes() const { return body_bytes_; }
    [[nodiscard]] std::string_view first_body_bytes() const { return {first_, first_count_}; }

    // Body bytes that may be thrown away unread, followed by skip(): the kernel drops them for less
    // than it copies them. Only a Content-Length body has any, and its last byte is never one.
    [[nodiscard]] std::uint64_t skippable() const;
    void skip(std::uint64_t bytes);

  private:
    enum class State { head, fixed, chunk_size, chunk_note, chunk_data, chunk_end, trailer, done };
    static constexpr std::size_t head_limit = 16384;

    [[nodiscard]] std::size_t take_head(std::string_view bytes);
    [[nodiscard]] std::size_t take_body(std::string_view bytes);
    void take_framing_byte(char byte);
    void read_fields();
    void read_field(std::string_view line);
    void begin_body();
    void fail(const char* what);

    Role role_;
    State state_ = State::head;
    const char* wrong_ = nullptr;
    std::string head_;
    bool chunked_ = false;
    bool has_length_ = false;
    bool asks_to_close_ = false;
    bool asks_to_upgrade_ = false;
    std::uint64_t left_ = 0;  // of the body, or of the chunk
    std::uint64_t body_bytes_ = 0;
    bool line_empty_ =
        true;  // of the trailer line being read; or no digit of the chunk size came yet
    char first_[32] = {};
    std::size_t first_count_ = 0;
};

}  // namespace bench
