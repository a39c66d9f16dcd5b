// outbox: what one connection has still to send: a head, then a body.
//
// The head's text belongs to the caller and outlives the sending. Never blocks, never closes.
#pragma once

#include <cerrno>
#include <cstdint>
#include <string_view>

#include "body.hh"
#include "channel.hh"

namespace bench {

class Outbox {
  public:
    enum class Result { done, blocked, failed };

    void put(std::string_view head, Body body) {
        head_ = head;
        body_ = body;
    }

    // Sends until the socket is full, all is sent, or a turn's share is used up: one stream must
    // not keep the others waiting. After `failed`, errno says why.
    [[nodiscard]] Result send_to(Channel& channel) {
        std::uint64_t share_bytes = 512 * 1024;
        while (!head_.empty() || !body_.done()) {
            const bool from_head = !head_.empty();
            const std::string_view bytes = from_head ? head_ : body_.next();
            const ssize_t sent = channel.send(bytes, from_head && !body_.done());
            if (sent < 0) return errno == EAGAIN ? Result::blocked : Result::failed;
            const std::size_t count = static_cast<std::size_t>(sent);
            if (from_head) {
                head_.remove_prefix(count);
            } else {
                body_.sent(count);
            }
            const bool full = count < bytes.size() && channel.short_means_full();
            if (full || count >= share_bytes) return unsent();
            share_bytes -= count;
        }
        return Result::done;
    }

  private:
    [[nodiscard]] Result unsent() const {
        return head_.empty() && body_.done() ? Result::done : Result::blocked;
    }

    std::string_view head_;
    Body body_;
};

}  // namespace bench
