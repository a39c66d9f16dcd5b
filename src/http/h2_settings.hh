// The SETTINGS of an HTTP/2 server's side, followed as they pass, for the one that matters to who reads
// the other side's fields: how large a table it may compress them with (RFC 7541 §4.2). Nothing is kept
// but those sizes, until the other side says that it has them.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>

#include "http/h2_frame.hh"

namespace becaused {

class H2Settings {
  public:
    // What one SETTINGS frame says of it. Where it says it twice, the least counts too.
    struct TableSize {
        bool said = false;
        uint32_t least = 0;
        uint32_t last = 0;
    };

    void passed(std::string_view bytes);
    // The other side acknowledges the oldest SETTINGS; nothing: there are none.
    std::optional<TableSize> acknowledged();
    // More unacknowledged ones than are kept.
    bool overrun() const { return overrun_; }

  private:
    static constexpr size_t kept = 8;
    static constexpr size_t setting_bytes = 6;

    void head_done();
    void setting_done();

    std::array<char, h2_head_bytes> part_{};  // of a frame's header, or of one setting
    uint8_t have_ = 0;
    uint8_t count_ = 0;
    bool settings_ = false;  // the payload is one of SETTINGS
    bool overrun_ = false;
    uint32_t left_ = 0;  // of the payload
    std::array<TableSize, kept> waiting_{};
};

}  // namespace becaused
