#include "base/check.hh"

#include <cstdio>
#include <cstdlib>

namespace becaused {

void check_failed(const char* expression, const char* file, int line) noexcept {
    std::fprintf(stderr, "becaused: %s:%d: check failed: %s\n", file, line, expression);
    std::abort();
}

}  // namespace becaused
