#include "ops/orders.hh"

#include <sys/socket.h>

#include <cerrno>
#include <cstring>

namespace becaused {

bool send_order(int channel, Order order, int passed) {
    auto word = static_cast<char>(order);
    iovec part{&word, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    if (passed >= 0) {
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        cmsghdr* header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
    }
    return ::sendmsg(channel, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == 1;
}

Received receive_order(int channel) {
    char word = 0;
    iovec part{&word, 1};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int))] = {};
    message.msg_control = control;
    message.msg_controllen = sizeof control;
    ssize_t count = -1;
    do count = ::recvmsg(channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
    while (count < 0 && errno == EINTR);
    Received received;
    if (count < 0 && errno == EAGAIN) return received;
    received.order = count == 1 ? static_cast<Order>(word) : Order::gone;
    const cmsghdr* header = CMSG_FIRSTHDR(&message);
    if (header != nullptr && header->cmsg_level == SOL_SOCKET && header->cmsg_type == SCM_RIGHTS)
        std::memcpy(&received.passed, CMSG_DATA(header), sizeof received.passed);
    return received;
}

Status Orders::open(int channel) {
    channel_ = channel;
    return readable_.open(channel);
}

void Orders::on_readable() {
    const Received received = receive_order(channel_);
    if (received.order == Order::none) return;
    // Nothing more will come, and it would be said for ever.
    if (received.order == Order::gone) readable_.close();
    sink_.on_order(received);
}

}  // namespace becaused
