// Lines to a file without waiting for it: collected in memory, written by libuv's thread pool at most a
// tick later or when 64 KiB are there. The memory is bounded: what does not fit is not taken, and the
// caller counts it. Never blocks the loop, but for the last flush at close.
#pragma once

#include <uv.h>

#include <string>
#include <string_view>

#include "base/status.hh"
#include "net/loop.hh"

namespace becaused {

class Appender final : private WheelNode {
  public:
    Appender(Loop& loop, uint64_t limit_bytes) : loop_(loop), limit_bytes_(limit_bytes) {}
    Appender(const Appender&) = delete;
    Appender& operator=(const Appender&) = delete;
    ~Appender() { CHECK(fd_ < 0); }

    // `path`: appended to, created with mode 0640; "-" is standard output.
    Status open(const std::string& path);
    // False when the limit is reached: nothing of `line` was taken.
    bool append(std::string_view line);
    // Opens the path anew once what was written so far is out (after the file was moved away).
    void reopen() { reopen_ = true; }
    // Writes what is left, waiting for the disk, and closes. Call when the loop has ended.
    void close();

    // Times that writing failed since the last success, and the errno of the last; 0: none.
    int last_error() const { return last_error_; }

  private:
    static constexpr size_t flush_bytes = 64 * 1024;

    void on_ring() override;
    void flush();
    void try_reopen();
    void handle_written(ssize_t result);
    static void write_cb(uv_fs_t* request) noexcept;

    Loop& loop_;
    uint64_t limit_bytes_;
    std::string path_;
    int fd_ = -1;
    bool busy_ = false;
    bool reopen_ = false;
    int last_error_ = 0;
    size_t written_ = 0;  // of writing_
    std::string filling_;
    std::string writing_;
    uv_fs_t request_{};
};

}  // namespace becaused
