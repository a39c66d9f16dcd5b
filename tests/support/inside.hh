// Is the proxy running, or the test around it? Tests that count or fail calls do so only inside.
// One per thread, so that libuv's thread pool is never inside.
#pragma once

namespace becaused::test {

inline thread_local int inside_depth = 0;

inline bool inside() { return inside_depth > 0; }

// For the time that a test lets the proxy run.
class Inside {
  public:
    Inside() { ++inside_depth; }
    Inside(const Inside&) = delete;
    Inside& operator=(const Inside&) = delete;
    ~Inside() { --inside_depth; }
};

}  // namespace becaused::test
