// Records that show when somebody changed them: each line ends with what the one before it ended with
// (`prev`) and a keyed BLAKE2b of all of the line before it (`chain`). Whoever has no key can neither
// change a line, nor take one out, put one in, or move one, without a line that does not fit. The end of a
// file can be cut off unseen as long as nothing follows it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.hh"
#include "gate/secret.hh"

namespace becaused {

class Chain {
  public:
    static constexpr size_t hex_digits = 32;  // 128 bit
    // What a line grows by.
    static constexpr size_t tail_bytes = 85;
    static constexpr size_t least_secret_bytes = 32;
    using Link = std::array<char, hex_digits>;

    // Failed: the file is not for us to trust (ops/secret_file.hh), or too short to be a secret.
    static Result<Chain> from_file(const std::string& path);
    explicit Chain(std::string_view secret);

    // Goes on behind this whole line, with or without its newline; one without a chain changes nothing.
    void resume(std::string_view line);
    // A whole line with its newline.
    void extend(std::string& line);
    const Link& last() const { return last_; }
    void go_back_to(const Link& link) { last_ = link; }

    enum class Verdict : uint8_t { good, unchained, changed, moved };
    // A line without its newline, after the one that was checked before; good ones are the new last.
    Verdict check(std::string_view line);
    // What the first checked line followed; all zeros where a chain began.
    const Link& first() const { return first_; }

  private:
    Link mac_of(std::string_view text) const;

    Secret key_;
    Link last_;
    Link first_;
    bool begun_ = false;  // something was checked
};

// The last whole line of a file of records, or of FILE.1 where FILE holds none; empty where neither does.
std::string last_record(const std::string& path);

}  // namespace becaused
