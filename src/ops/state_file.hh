// The file of the black box: where it is, who may use it, how it comes to be. One process at a time: a
// lock on a file beside it, which the kernel gives back however the process ends. The file of a new life
// replaces that of the last one by one rename(2), so that there is never none and never half of one.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/status.hh"

namespace becaused {

inline constexpr std::string_view box_suffix = ".box";

// All of it, without a lock and without a trace. Failed: it cannot be read, or is no such file.
Result<std::string> read_state_file(const std::string& path);

class StateFile {
  public:
    StateFile() = default;
    StateFile(const StateFile&) = delete;
    StateFile& operator=(const StateFile&) = delete;
    ~StateFile();

    // Makes the directory (mode 0700) and takes the lock on DIRECTORY/NAME.lock. Failed: says what is
    // in the way, and `busy` whether that is another process.
    Status lock(const std::string& directory, const std::string& name, bool& busy);
    // Without a lock: somebody else holds it for us.
    void place(const std::string& directory, const std::string& name);
    // What the last life left. Failed: it cannot be read.
    Result<std::string> read() const { return read_state_file(path_); }
    bool exists() const;
    // Renames the file to NAME.box.corrupt-1 and so on; the last of them is replaced. Returns the new
    // name.
    std::string set_aside() const;
    // A new file of zeros with all its memory reserved, mapped. It counts from commit() on.
    Result<std::span<char>> create(uint64_t bytes);
    Status commit();
    // In a process that came of this one: the lock stays with the other.
    void let_go();
    // A clean end: nothing is to be told. Keeps the lock's file.
    void remove();

    const std::string& path() const { return path_; }

  private:
    std::string path_;
    int lock_fd_ = -1;
    std::span<char> memory_;
};

}  // namespace becaused
