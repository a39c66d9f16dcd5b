// What this binary is made of.
#pragma once

#include <string>

namespace becaused {

// Lines "name version": becaused, its libraries, the compiler.
std::string version_text();

}  // namespace becaused
