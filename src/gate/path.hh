// A request's path as dockerd routes on it: decoded once, without the /vN.N prefix. What is not written
// in the one canonical way is told, so that a profile can refuse it; nothing is ever rewritten: the bytes
// that go on are those that came. Owned by whoever judges, for as long as that takes.
#pragma once

#include <string_view>

#include "http/head.hh"

namespace becaused {

class Path {
  public:
    // `path`: as sent, without the query; its escapes are whole (http/guard.hh). Must outlive this.
    explicit Path(std::string_view path);
    Path(const Path&) = delete;
    Path& operator=(const Path&) = delete;

    // Decoded, without the version: "/images/a/json".
    std::string_view text() const { return text_; }
    // What is not canonical, in words; null if all is.
    const char* flaw() const { return flaw_; }

  private:
    std::string_view decode(std::string_view path);

    std::string_view text_;
    const char* flaw_ = nullptr;
    char room_[target_limit_bytes];  // left as it is unless there are escapes
};

// The path without a leading /vN.N (API version); also without one that is not quite so.
std::string_view without_version(std::string_view path);

// One byte of an escape; `two` are its hexadecimal digits.
char unescaped(const char* two);

}  // namespace becaused
