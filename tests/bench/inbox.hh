// inbox: reads what a channel holds into a Message, through one buffer that all connections share.
//
// Bulk that nobody looks at is dropped inside the kernel (MSG_TRUNC on TCP), so that an end of the
// bench costs a fraction of the proxy that it measures. Never closes.
#pragma once

#include <algorithm>
#include <cerrno>
#include <span>
#include <string_view>

#include "channel.hh"
#include "message.hh"

namespace bench {

class Inbox {
  public:
    enum class Result { more, done, ended, failed, wrong };

    // One read. After `failed`, errno says why; after `wrong`, what_wrong().
    [[nodiscard]] Result read_from(Channel& channel, Message& message) {
        const std::uint64_t unread = channel.can_drop() ? message.skippable() : 0;
        const std::span<char> buffer = shared_buffer();
        if (unread >= buffer.size()) return drop_from(channel, message, unread);
        const ssize_t got = channel.receive(buffer);
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

    Result drop_from(Channel& channel, Message& message, std::uint64_t unread) {
        const std::size_t limit =
            static_cast<std::size_t>(std::min<std::uint64_t>(unread, 1 << 20));
        const ssize_t got = channel.drop(limit);
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

    const char* what_wrong_ = "";
};

}  // namespace bench
