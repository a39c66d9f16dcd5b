// Passwords, kept as Argon2id hashes in their usual text. A check takes tens of milliseconds and megabytes
// by design, so it is an object of its own that a worker thread runs; nothing here is for the loop but
// making one and reading its outcome.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "gate/secret.hh"

namespace becaused {

// "$argon2id$v=19$m=65536,t=2,p=1$SALT$HASH" taken apart.
struct PasswordHash {
    static constexpr uint32_t most_kib = 256 * 1024;  // more than that, or more passes than
    static constexpr uint32_t most_passes = 16;       // this, is a mistake, not caution

    uint32_t memory_kib = 0;
    uint32_t passes = 0;
    std::array<char, 16> salt{};
    std::array<char, 32> hash{};

    // Nothing for other texts, other algorithms and other sizes.
    static std::optional<PasswordHash> parse(std::string_view text);
    std::string text() const;
};

// 64 MiB and two passes (libsodium's "interactive") unless said otherwise; nothing when the memory is not
// there. `memory_kib` at least 8.
std::optional<PasswordHash> hash_password(std::string_view password, uint32_t memory_kib = 65'536,
                                          uint32_t passes = 2);

// The work of one check. `run` touches nothing but this object: any thread may run it, once, and
// whoever reads the outcome has been told that it is over.
class PasswordCheck {
  public:
    enum class Outcome : uint8_t {
        pending,
        matched,
        differs,
        failed,  // the memory was not there: nothing is known about the password
    };

    PasswordCheck(Secret password, const PasswordHash& hash)
        : password_(std::move(password)), hash_(hash) {}

    void run() noexcept;
    Outcome outcome() const { return outcome_; }

  private:
    Secret password_;
    PasswordHash hash_;
    Outcome outcome_ = Outcome::pending;
};

}  // namespace becaused
