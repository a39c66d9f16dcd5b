// Turns at the records' file for several processes: who writes, and who puts the file aside. Made before
// the processes are, and inherited by them. What is held is given back by the kernel however its holder
// ends (record locks, fcntl(2)), and whether that was within a line is known to the next one.
#pragma once

#include <atomic>
#include <cstdint>

#include "base/status.hh"
#include "net/appender.hh"

namespace becaused {

class Baton final : public WriteTurns {
  public:
    Baton() = default;
    ~Baton();

    // `unknown`: the file was there before, and may end within a line.
    Status make(bool unknown);

    bool take() override;
    bool torn() const override { return torn_; }
    void note(bool at_line_end) override;
    void pass_on() override;

    // To put the file aside, and until the one before it is compressed. Never waits; not for two threads
    // of a process.
    bool take_rotation();
    void pass_rotation();

  private:
    enum class Turn : uint8_t { writing, rotating };  // bytes of the file that are locked
    bool lock(Turn turn, short way) const;

    int fd_ = -1;
    std::atomic<uint32_t>* within_line_ = nullptr;  // shared by all of them
    bool held_ = false;
    bool torn_ = false;
};

}  // namespace becaused
