// Lines of a file that may still grow, be truncated or be replaced. Bounded: a line beyond the
// limit is passed over, not kept. Owns the descriptor it opened; not standard input.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.hh"

namespace becaused {

class Lines {
  public:
    static constexpr size_t longest = 64 * 1024;
    enum class Got : uint8_t { line, too_long, end, failed };

    Lines() = default;
    Lines(const Lines&) = delete;
    Lines& operator=(const Lines&) = delete;
    ~Lines() { shut(); }

    // "-": standard input.
    Status open(const std::string& path);
    // What comes first is gzip's: there are no lines in it. Reads, so only before the first line.
    bool compressed();
    // The next whole line, without its newline; valid until the next call. `end` may become `line`
    // again when the file grows.
    Got next(std::string_view& line);
    // What stands at the end without a newline; once, after `end`.
    std::string_view rest();
    // After `end`: goes over to the file that now has the path, or to the start of this one when it
    // shrank; true when it did. A file replaced is read to its last byte first.
    bool turn_over();
    // Growing makes sense: a regular file.
    bool can_grow() const { return can_grow_; }

  private:
    void shut();
    bool fill();

    std::string path_;
    int descriptor_ = -1;
    bool can_grow_ = false;
    bool replaced_ = false;  // seen, but there may be unread bytes
    bool passing_over_ = false;
    bool failed_ = false;
    std::string buffer_;
    size_t begin_ = 0;
    size_t searched_ = 0;  // no newline before here
};

}  // namespace becaused
