// Where one message of a stream of JSON objects ends and the next begins (Docker's progress streams),
// told from the bytes as they pass: strings, escapes and brackets are followed, nothing is kept, copied
// or checked. A message of our own may be added at a boundary only. Lives with the stream it follows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace becaused {

class JsonBoundary {
  public:
    void start() { *this = JsonBoundary(); }
    void passed(std::string_view bytes);
    // Before the first message, and after each whole one. Never again once something that begins no
    // object stood between two messages: then it is another kind of stream.
    bool at_boundary() const { return state_ == State::between; }

  private:
    enum class State : uint8_t { between, inside, string, escape, lost };
    static constexpr uint32_t deepest = 1U << 30;

    void structural(char byte);

    State state_ = State::between;
    uint32_t depth_ = 0;
};

// The message that ends a progress stream with an error, CRLF included: docker clients print `text`
// and exit with 1. (An errorDetail.code would become their exit code.)
void append_error_message(std::string& out, std::string_view text);

}  // namespace becaused
