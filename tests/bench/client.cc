#include "client.hh"

#include <cstring>

namespace bench {

Client::Client(Group& group, const Target& target, Poller& poller)
    : group_(group), target_(target), poller_(poller) {}

void Client::open_first() {
    open();
    opening_ = true;
    send(group_.opening, {});
}

void Client::start() {
    resting_ = false;
    if (channel_.open()) return next();
    if (!may_start(now_ns())) return;
    open();
    send_request();
}

void Client::open() {
    begun_ns_ = now_ns();
    channel_ = Channel(connect_to(target_.address), target_.kind);
    events_ = EPOLLIN;
    poller_.add(channel_.fd(), events_, this);
}

void Client::fail(const std::string& what) {
    resting_ = false;
    ++group_.errors;
    if (group_.first_error.empty()) group_.first_error = what;
    channel_.end();
}

void Client::fail_errno(const char* operation) {
    fail(std::string(operation) + ": " + std::strerror(errno));
}

void Client::give_up() { fail("no whole answer long after the end of the run"); }

bool Client::may_start(std::int64_t now) const {
    return now < group_.deadline_ns && group_.started < group_.request_limit;
}

void Client::send_request() {
    ++group_.started;
    if (group_.kind != Kind::connect) begun_ns_ = now_ns();
    send(group_.head, group_.body);
}

void Client::serve(std::int64_t due_ns) {
    resting_ = false;
    send_request();
    begun_ns_ = due_ns;
}

void Client::send(const std::string& head, Body body) {
    answered_ = false;
    answer_.reset();
    outbox_.put(head, body);
    sending_ = true;
    send_on();
}

void Client::send_on() {
    switch (outbox_.send_to(channel_)) {
        case Outbox::Result::done:
            sending_ = false;
            listen_for(EPOLLIN);
            return;
        case Outbox::Result::blocked:
            listen_for(channel_.shaking_hands() ? EPOLLIN : EPOLLIN | EPOLLOUT);
            return;
        case Outbox::Result::failed: fail_errno("send"); return;
    }
}

// Epoll is told only what changes: a small request never needs EPOLLOUT.
void Client::listen_for(std::uint32_t events) {
    if (events != events_) poller_.change(channel_.fd(), events, this);
    events_ = events;
}

void Client::handle(std::uint32_t events) {
    const bool shook_hands = channel_.shaking_hands();
    // A connect that failed shows as a readable error: the read names it.
    if ((events & (EPOLLIN | EPOLLERR | EPOLLHUP)) != 0) read_on();
    if (channel_.open() && sending_ && ((events & EPOLLOUT) != 0 || shook_hands)) send_on();
}

void Client::read_on() {
    if (resting_) {
        return fail("closed, or bytes that nobody asked for, between two requests");
    }
    if (answered_) return on_close();
    switch (inbox_.read_from(channel_, answer_)) {
        case Inbox::Result::more: return;
        case Inbox::Result::done: on_answer(); return;
        case Inbox::Result::ended: fail("closed before the answer was whole"); return;
        case Inbox::Result::failed: fail_errno("recv"); return;
        case Inbox::Result::wrong: fail(inbox_.what_wrong()); return;
    }
}

std::string Client::what_is_wrong() const {
    if (answer_.status() != (opening_ && group_.tunnel ? 101 : 200)) {
        return "status " + std::to_string(answer_.status());
    }
    if (sending_) return "an answer before the request was sent";
    if (opening_) return {};
    if (group_.sends_body) {
        const std::string_view count = answer_.first_body_bytes();
        if (count == std::to_string(group_.body_bytes)) return {};
        return "the origin did not count the bytes that were sent";
    }
    if (answer_.body_bytes() == group_.body_bytes) return {};
    return "an answer of " + std::to_string(answer_.body_bytes()) + " bytes";
}

void Client::on_answer() {
    const std::string wrong = what_is_wrong();
    if (!wrong.empty()) return fail(wrong);
    answered_ = true;
    if (opening_) {
        opening_ = false;
        resting_ = true;
        return;
    }
    const std::int64_t now = now_ns();
    group_.latency.add(now - begun_ns_);
    group_.last_answer_ns = now;
    ++group_.answered;
    if (group_.kind == Kind::connect) return;  // the proxy was asked to close: see that it does
    next();
}

void Client::on_close() {
    char byte = 0;
    const ssize_t got = channel_.receive({&byte, 1});
    if (got > 0) return fail("bytes after the answer");
    if (got < 0 && errno == EAGAIN) return;
    if (got < 0) return fail_errno("recv at the close");
    next();
}

void Client::next() {
    if (group_.pace != nullptr) {
        resting_ = group_.pace->rests(*this);
        if (!resting_) serve(group_.pace->take_due());
        return;
    }
    if (!may_start(now_ns())) return channel_.end();
    if (group_.kind == Kind::connect) {
        channel_.end();
        open();
    }
    send_request();
}

}  // namespace bench
