// A file of lines that is put aside before it grows too large or too old: FILE becomes FILE.1, what was
// FILE.1 becomes FILE.2.gz, and so on; the oldest goes. FILE.1 is not compressed, since its last bytes
// may still be on their way. Compressing is done by a thread of its own, one file at a time; what it did
// not get to is compressed after the next rotation.
//
// Renames only: whoever writes the file opens it anew.
#pragma once

#include <atomic>
#include <cstdint>
#include <string>
#include <thread>

#include "base/status.hh"
#include "ops/baton.hh"

namespace becaused {

class Rotation {
  public:
    struct Limits {
        uint64_t bytes = 0;  // 0: any
        uint32_t age_s = 0;  // 0: any
        uint32_t keep = 0;   // files put aside; the oldest beyond are removed
    };

    Rotation(std::string path, const Limits& limits);
    Rotation(const Rotation&) = delete;
    Rotation& operator=(const Rotation&) = delete;
    ~Rotation();  // the thread stops at once, or is done

    // Other processes put the same file aside: only one at a time.
    void share(Baton& baton) { baton_ = &baton; }
    bool wanted() const { return limits_.bytes > 0 || limits_.age_s > 0; }
    // A regular file that has reached a limit, and nothing is being compressed. One look at the file. Of
    // several processes one is told so, until it has called rotate().
    bool due() const;
    // Failed: the file is where it was, or one of the older ones is.
    Status rotate();

  private:
    std::string name(uint32_t number, bool compressed) const;
    bool reached() const;
    void pass_on() const;
    Status shift();
    void compress(const std::string& from, const std::string& to) noexcept;
    void join();
    std::string next_to_compress(uint32_t& number) const;

    std::string path_;
    Limits limits_;
    Baton* baton_ = nullptr;  // null: nobody else rotates
    std::atomic<bool> busy_{false};
    std::atomic<bool> over_{false};
    std::thread thread_;
};

// Writes TO as gzip (RFC 1952) of FROM, whole or not at all, with FROM's mode. FROM stays. Given up when
// `over` becomes true.
Status compress_file(const std::string& from, const std::string& to, const std::atomic<bool>& over);

}  // namespace becaused
