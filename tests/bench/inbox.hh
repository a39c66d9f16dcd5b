// inbox: reads what a socket holds into a Message, through one buffer that all connections share.
//
// Bulk that nobody looks at is dropped inside the kernel (MSG_TRUNC on TCP), so that an end of the
// bench costs a fraction of the proxy that it measures. Never closes.
#pragma once

#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <span>
#include <string_view>

#include "message.hh"

namespace bench {

class Inbox {
  public:
    enum class Result { more, done, ended, failed, wrong };

    explicit Inbox(bool is_tcp) : is_tcp_(is_tcp) {}

    // One read. After `failed`, errno says why; after `wrong`, what_wrong().
    [[nodiscard]] Result read_from(int fd, Message& message) {
        const std::uint64_t unread = is_tcp_ ? message.skippable() : 0;
        const std::span<char> buffer = shared_buffer();
        if (unread >= buffer.size()) return drop_from(fd, message, unread);
        const ssize_t got = recv(fd, buffer.data(), buffer.size(), 0);
        if (got <= 0) return empty_read(got);
        const std::string_view bytes(buffer.data(), static_cast<std::size_t>(got));
        const std::size_t used = message.take(bytes);
        if (message.wrong() != nullptr) return wrong(message.wrong());
        if (!message.done()) return Result::more;
        return used == bytes.size() ? Result::done : wrong("bytes after the message's end");
    }

    [[nodiscard]] const char* what_wrong() const { return what_wrong_; }

  private:
    static std::span<char> shared_buffer() {
        static char bytes[256 * 1024];
        return bytes;
    }

    Result drop_from(int fd, Message& message, std::uint64_t unread) {
        const std::size_t limit =
            static_cast<std::size_t>(std::min<std::uint64_t>(unread, 1 << 20));
        const ssize_t got = recv(fd, nullptr, limit, MSG_TRUNC);
        if (got <= 0) return empty_read(got);
        message.skip(static_cast<std::uint64_t>(got));
        return Result::more;
    }

    static Result empty_read(ssize_t got) {
        if (got == 0) return Result::ended;
        return errno == EAGAIN ? Result::more : Result::failed;
    }

    Result wrong(const char* what) {
        what_wrong_ = what;
        return Result::wrong;
    }

    bool is_tcp_;
    const char* what_wrong_ = "";
};

}  // namespace bench
