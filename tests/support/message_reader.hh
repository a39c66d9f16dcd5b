// One HTTP/1.1 message as it arrives, read for tests: its head as text, how its body is framed, how much
// of it came, and whether it is the text that was sent. Written apart from src/, and strict: becaused
// writes what is read here, so anything odd is wrong.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace becaused::test {

class MessageReader {
  public:
    enum class Kind : uint8_t { request, answer };

    // Ready for the next message. `head_method`: the answer is to a HEAD.
    void start(Kind kind, bool head_method = false);
    // What body_text() of this seed the body must be; any text without.
    void expect_body(uint64_t seed) {
        seed_ = seed;
        expecting_ = true;
    }

    // Reads up to the end of the message, or of its head (call again then); returns how much was read.
    // Interim answers are passed over.
    size_t take(std::string_view bytes);
    // What follows is a tunnel's bytes.
    void open_tunnel() { state_ = State::tunnel; }
    // The connection has ended: true when that ends the message as it should.
    bool end();

    bool begun() const { return !head_.empty(); }
    bool head_done() const { return state_ != State::head; }
    bool done() const { return state_ == State::done; }
    bool tunnel() const { return state_ == State::tunnel; }
    bool wrong() const { return wrong_; }
    const std::string& head() const { return head_; }
    unsigned status() const { return status_; }
    bool closes() const { return closes_; }  // the connection is of no use after it
    bool until_close() const { return until_close_; }
    uint64_t body_bytes() const { return body_bytes_; }

  private:
    enum class State : uint8_t { head, length, size, data, data_end, tail, close, tunnel, done };

    size_t take_head(std::string_view bytes);
    void read_head();
    void take_body(std::string_view bytes);
    size_t take_chunk_line(std::string_view bytes);

    Kind kind_ = Kind::answer;
    State state_ = State::head;
    bool head_method_ = false;
    bool expecting_ = false;
    bool wrong_ = false;
    bool closes_ = false;
    bool until_close_ = false;
    unsigned status_ = 0;
    uint64_t seed_ = 0;
    uint64_t left_ = 0;
    uint64_t body_bytes_ = 0;
    std::string head_;
    std::string line_;
};

// The value of a field in a head, its name given in lower case; empty when absent.
std::string_view field_in(std::string_view head, std::string_view name);

}  // namespace becaused::test
