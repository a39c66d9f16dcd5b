// The last words of a process that its own fault ends (SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT): one line
// with signal, address, build and the entry being served, on standard error and into the black box. Then
// the signal does what it would have done: the core and the exit status are those of the fault.
//
// The handler runs on a stack of its own, and does nothing that is not async-signal-safe
// (signal-safety(7)).
#pragma once

#include <string>

#include "ledger/black_box.hh"

namespace becaused {

// From here on. `box`: null: standard error only. Both outlive the process's main loop; a second call
// (with nulls) forgets them.
void watch_for_crashes(const Ledger* ledger, BlackBox* box);

// The linker's build id of this program, in hex; empty where it has none.
std::string build_id();

}  // namespace becaused
