// Lines to a file, a pipe or standard output, without waiting for it: collected in memory, written by
// libuv's thread pool at most a tick later or when 64 KiB are there. The memory is bounded: what does not
// fit is not taken, and the caller counts it. Owns the descriptor it opened, never standard output's own.
//
// Never blocks the loop, and its thread no longer than a tick on a pipe that nobody empties: such a pipe
// must not keep the process from ending either.
#pragma once

#include <uv.h>

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.hh"
#include "net/loop.hh"

namespace becaused {

class AppenderSink {
  public:
    AppenderSink() = default;
    AppenderSink(const AppenderSink&) = delete;
    AppenderSink& operator=(const AppenderSink&) = delete;
    // Writing, or opening anew, failed; `error` is negative. What is queued is kept and tried again. Told
    // once, and again after a success or when the error is another one; never from inside a call of the
    // sink's.
    virtual void on_trouble(std::string_view path, std::string_view what, int error) = 0;
    // So many more lines are with the kernel, to their last byte, in the order of append().
    virtual void on_written(size_t lines) = 0;

  protected:
    ~AppenderSink() = default;
};

// Several processes that write the same file or pipe take turns, so that no line is written into another
// one (ops/baton.hh). Called from the thread that writes, and at the end from the loop's.
class WriteTurns {
  public:
    WriteTurns() = default;
    WriteTurns(const WriteTurns&) = delete;
    WriteTurns& operator=(const WriteTurns&) = delete;
    // True: ours until pass_on(); also when it was already. Never waits.
    virtual bool take() = 0;
    // The turn is new, and whoever had it before was ended within a line.
    virtual bool torn() const = 0;
    // False: we may be ended within a line from here on.
    virtual void note(bool at_line_end) = 0;
    virtual void pass_on() = 0;

  protected:
    ~WriteTurns() = default;
};

class Appender final : private WheelNode {
  public:
    Appender(Loop& loop, AppenderSink& sink, uint64_t limit_bytes)
        : loop_(loop), sink_(sink), limit_bytes_(limit_bytes) {}
    Appender(const Appender&) = delete;
    Appender& operator=(const Appender&) = delete;
    ~Appender() { CHECK(fd_ < 0); }

    // `path`: appended to, created with mode 0640; "-" is standard output. A named pipe needs no reader
    // yet. Where the last life left half a line, it is ended first.
    Status open(const std::string& path);
    // Others write there too. Before open(); outlives this. The file that has the path is the one that is
    // written, from the next write on after somebody has put another one there.
    void share(WriteTurns& turns) { turns_ = &turns; }
    // False when the limit is reached: nothing of `line` was taken.
    bool append(std::string_view line);
    bool fits(size_t bytes) const { return waiting_bytes() + bytes <= limit_bytes_; }
    // Beyond the limit too: what was taken by another life.
    void take_over(std::string_view line);
    // Opens the path anew within a tick (after the file was moved away). A line is never cut in two;
    // what cannot be written to the old file goes to the new one.
    void reopen();
    // After a refusal: half of the memory is free again, so that it is worth while to go on.
    bool has_room() const { return waiting_bytes() <= limit_bytes_ / 2; }
    // Both when the loop has ended. Writes what is left, waiting a short while for a slow reader; returns
    // the bytes that it had to give up, of which the first line may be partly written.
    std::string write_rest();
    void close();

  private:
    static constexpr uint64_t flush_bytes = 64 * 1024;  // or half of the limit

    // What the thread reads and fills in.
    struct Work {
        uv_work_t request;
        int fd;
        size_t most;  // bytes per write(2)
        std::string_view bytes;
        const char* path;  // shared files, between lines: it must still be this one's; else null
        ssize_t result;    // bytes, or negative errno; -ESTALE: the path is another file's now
    };

    void on_ring() override;
    int open_path();
    void end_torn_line();
    void try_reopen();
    void flush();
    void handle_written(ssize_t result);
    void tell(std::string_view what, int error);
    void count_lines();
    bool at_line_end() const { return written_ == 0 || writing_[written_ - 1] == '\n'; }
    Work next_work() const;
    ssize_t write_in_turn(const Work& work, int ms);
    ssize_t write_last();
    bool piled_up() const { return filling_.size() >= std::min(limit_bytes_ / 2, flush_bytes); }
    uint64_t waiting_bytes() const { return writing_.size() - written_ + filling_.size(); }
    static void write_work(uv_work_t* request) noexcept;
    static void written_cb(uv_work_t* request, int status) noexcept;

    Loop& loop_;
    AppenderSink& sink_;
    uint64_t limit_bytes_;
    WriteTurns* turns_ = nullptr;
    std::string path_;
    int fd_ = -1;
    bool stays_ = false;      // the path's new file could not be opened
    size_t most_ = SIZE_MAX;  // less where a larger write(2) might wait
    bool busy_ = false;
    bool reopen_ = false;
    int last_error_ = 0;     // of the last write; 0: it worked
    size_t written_ = 0;     // of writing_
    size_t counted_ = 0;     // of writing_: its line ends were told
    bool own_line_ = false;  // the first line end is of the line that the last life left torn
    std::string filling_;
    std::string writing_;
    Work work_{};
};

}  // namespace becaused
