// Where one HTTP/2 frame ends and the next begins (RFC 9113 §4.1), in one direction of a tunnel that
// BuildKit speaks h2c in: `/session` and `/grpc`. Followed as they pass; nothing is kept or copied, no
// state but frames is known. A GOAWAY of ours may follow at a boundary.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace becaused {

class H2Boundary {
  public:
    void start() { *this = H2Boundary(); }
    void passed(std::string_view bytes);
    // After a whole frame, the first of which was SETTINGS (RFC 9113 §3.4), outside of a block of
    // fields (§4.3), and unless this side has said GOAWAY itself, whose last stream might be a lower one.
    bool at_boundary() const { return state_ == State::header && have_ == 0 && begun_ && !block_; }

  private:
    enum class State : uint8_t { preface, header, payload, lost };

    void begin(uint8_t byte);
    void take_header_byte(uint8_t byte);
    void header_done();

    State state_ = State::preface;
    uint8_t have_ = 0;  // bytes of the preface or the header
    uint8_t type_ = 0;
    uint8_t flags_ = 0;
    bool begun_ = false;  // a whole frame passed
    bool block_ = false;  // a block of fields is not at its end
    uint32_t left_ = 0;   // of the frame's payload
};

// GOAWAY (RFC 9113 §6.8) with INTERNAL_ERROR and `text` as its debug data. Its last stream is the highest
// there can be: nothing is said to be unprocessed, so that nobody repeats what may have been done.
void append_goaway(std::string& out, std::string_view text);

// What a gRPC call in `stream` is told by a server that permits it to nobody like its caller: a HEADERS
// frame that ends it with PERMISSION_DENIED and `text` (gRPC over HTTP/2, "Trailers-Only"). No table
// remembers its fields, so it may stand between any two frames of another's.
void append_denied_call(std::string& out, uint32_t stream, std::string_view text);

}  // namespace becaused
