// Makes a running process hang, from outside (ptrace(2)), as a mistake in it would: nothing in the program
// knows of it.
#pragma once

#include <sys/types.h>

#include <cstdint>

namespace becaused::test {

// Its main thread runs round one instruction for ever from here on, at the program's entry point, where
// nobody else comes by. `deaf`: every thread blocks every signal that can be blocked. The kernel kills it
// after a minute's work, whatever became of the test.
void loop_for_ever(pid_t process, bool deaf);

// That point as the program's file has it: an address relative to where it was loaded.
uint64_t entry_point_of(pid_t process);

}  // namespace becaused::test
