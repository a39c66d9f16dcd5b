// Docker's multiplexed streams (stdcopy: attach, exec and logs of containers without a terminal): frames
// of eight header bytes (the stream's number, three zeros, the size in network order) and their data.
// Followed as they pass; nothing is kept or copied. Lives with the stream it follows.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace becaused {

class StdcopyBoundary {
  public:
    // `sure`: the answer said that it is multiplexed. Else it is taken for that only after a whole frame:
    // a terminal's output does not begin with one, and a stream that said nothing yet may be one's.
    void start(bool sure) {
        *this = StdcopyBoundary();
        proven_ = sure;
    }
    void passed(std::string_view bytes);
    // A frame of ours may follow.
    bool at_boundary() const { return proven_ && !lost_ && header_bytes_ == 0 && left_ == 0; }
    // These are no frames: no later byte will tell anything.
    bool lost() const { return lost_; }

  private:
    bool take_header_byte(uint8_t byte);

    uint32_t left_ = 0;  // of the frame's data
    uint8_t header_bytes_ = 0;
    bool proven_ = false;
    bool lost_ = false;
};

// A frame of the stream that reports errors (3): docker clients print "error from daemon in stream: "
// and `text`, and exit with 1. On stderr (2) they would print it too, and go on.
void append_error_frame(std::string& out, std::string_view text);

}  // namespace becaused
