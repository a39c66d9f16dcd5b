// Status and Result<T>: how the environment's failures travel at start-up. A Status is fine or holds
// one line for a person, which names the key, file or address at fault and says what to do.
// Run-time failures of peers are not Statuses but Endings (ledger/ending.hh).
#pragma once

#include <optional>
#include <string>
#include <utility>

#include "base/check.hh"

namespace becaused {

class [[nodiscard]] Status {
  public:
    static Status fine() { return Status(); }
    // `message`: one line, no trailing full stop or newline.
    static Status failed(std::string message) {
        Status status;
        status.failed_ = true;
        status.message_ = std::move(message);
        return status;
    }

    bool ok() const { return !failed_; }
    const std::string& message() const { return message_; }

  private:
    bool failed_ = false;
    std::string message_;
};

template <typename T>
class [[nodiscard]] Result {
  public:
    Result(T value) : value_(std::move(value)) {}  // NOLINT: implicit by intent
    Result(Status status) : status_(std::move(status)) { CHECK(!status_.ok()); }  // NOLINT

    bool ok() const { return status_.ok(); }
    const Status& status() const { return status_; }
    T& value() {
        CHECK(ok());
        return *value_;
    }

  private:
    Status status_ = Status::fine();
    std::optional<T> value_;
};

// The one way to drop an error: say why it does not matter. `error` is a libuv code or errno.
inline void ignored(long error, const char* why) {
    static_cast<void>(error);
    static_cast<void>(why);
}

}  // namespace becaused
