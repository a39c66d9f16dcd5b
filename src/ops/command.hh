// The command line's front: picks the command, prints help, turns Statuses into exit codes.
// 0: fine; 1: the machine or the run failed; 2: what was typed or configured is wrong.
#pragma once

#include <span>
#include <string>

namespace becaused {

inline constexpr int exit_fine = 0;
inline constexpr int exit_failed = 1;
inline constexpr int exit_usage = 2;

int command(int argc, char** argv);

// Prints "becaused: MESSAGE" to stderr and returns `code`.
int complain(std::string_view message, int code);

}  // namespace becaused
