// The kernel's own way from one socket to another: splice(2) through a pipe, so that bytes which nobody
// here looks at are never copied. A Splice is such a pipe with what lies in it, and whose it is at the
// moment; the loop's SplicePool owns all of them, keeps a few open, and has a bound, since each takes
// two descriptors. Connections use them (net/conn.hh, splice_to); nothing here decides what may go so.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/clock.hh"

namespace becaused {

class Conn;

class Splice {
  public:
    // The most that lies in a pipe, and the size that is asked for.
    static constexpr size_t room_bytes = 256 * 1024;

    Splice(const Splice&) = delete;
    Splice& operator=(const Splice&) = delete;

    // From the socket into the pipe, `most` bytes at most, without waiting. Returns how many; 0 at the
    // socket's FIN; or a negative errno. Only while nothing lies in it: a pipe has a number of places
    // besides its size, and when these are taken, what the kernel says is what it says of an empty socket.
    ssize_t fill(int fd, size_t most);
    // From the pipe into the socket, as much as that takes without waiting. Returns how many, more than
    // 0, or a negative errno.
    ssize_t drain(int fd);
    // From the pipe into memory.
    ssize_t read(std::span<char> room);
    uint64_t bytes() const { return bytes_; }

    Conn* source = nullptr;   // whose bytes come; null: no more do
    Conn* sink = nullptr;     // where they go: it holds the pipe until that is empty
    uint64_t left_bytes = 0;  // that may still come

  private:
    friend class SplicePool;
    Splice(int in, int out) : in_(in), out_(out) {}
    ~Splice();

    int in_;
    int out_;
    uint64_t bytes_ = 0;
    Splice* next_free_ = nullptr;
};

// The kernel does not splice here, which says nothing of the socket: its bytes go through memory.
bool cannot_splice(ssize_t error);

class SplicePool {
  public:
    explicit SplicePool(Clock& clock) : clock_(clock) {}
    SplicePool(const SplicePool&) = delete;
    SplicePool& operator=(const SplicePool&) = delete;
    ~SplicePool();

    // At most so many at once; 0, as it begins: none.
    void allow(size_t limit) { limit_ = limit; }
    size_t limit() const { return limit_; }
    // Null: the limit is reached, or the kernel gives no pipe that is of use (and is not asked again for a
    // while).
    Splice* take();
    // What still lies in it is gone.
    void give_back(Splice* splice) noexcept;
    // One that was begun cannot go on; others are not begun for a while.
    void failed();

    size_t alive() const { return alive_; }  // handed out
    // Pipes that could not be had, and splices that failed, so far.
    uint64_t failures() const { return failures_; }
    // What has come this way so far.
    uint64_t bytes() const { return bytes_; }
    void count(size_t bytes) { bytes_ += bytes; }

  private:
    static constexpr size_t warm = 4;
    static constexpr uint64_t rest_ns = 1'000 * ns_per_ms;  // after a failure

    Splice* open();

    Clock& clock_;
    size_t limit_ = 0;
    size_t alive_ = 0;
    size_t free_count_ = 0;
    Splice* free_ = nullptr;
    uint64_t not_before_ns_ = 0;
    uint64_t failures_ = 0;
    uint64_t bytes_ = 0;
};

}  // namespace becaused
