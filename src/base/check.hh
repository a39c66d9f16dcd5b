// Assertions. CHECK holds in every build: what it guards is impossible, so going on would be a lie.
// DCHECK is for the tests' builds (BECAUSED_CHECKS=1), where it may cost time. Neither is for what a
// peer or the environment can cause: those are Endings and Statuses.
#pragma once

namespace becaused {

// Prints `file:line: check failed: expression` to stderr and aborts.
[[noreturn]] void check_failed(const char* expression, const char* file, int line) noexcept;

}  // namespace becaused

#define CHECK(condition)                                              \
    do {                                                              \
        if (!(condition)) [[unlikely]]                                \
            ::becaused::check_failed(#condition, __FILE__, __LINE__); \
    } while (false)

#if defined(BECAUSED_CHECKS) && BECAUSED_CHECKS
#define DCHECK(condition) CHECK(condition)
#else
#define DCHECK(condition) \
    do {                  \
    } while (false)
#endif
