// The upstream's side of the crowd.
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/status.hh"
#include "support/crowd.hh"
#include "support/in_flight.hh"

namespace becaused::test {

namespace {

constexpr short gone = POLLHUP | POLLERR | POLLRDHUP;
constexpr uint64_t one_in = 400;  // idle connections that the upstream closes, per step

}  // namespace

bool Crowd::step(Server& server) {
    bool moved = server.seen != 0 && hear(server);
    if (server.peer.open() && server.answering && !server.muted) moved = answer(server) || moved;
    const bool idle =
        server.plan == nullptr && server.peer.open() && !server.reader.begun() && server.seen == 0;
    // Not while a request is on its way to it, or its last answer from it: those would be other fates.
    if (idle && random_.below(one_in) == 0 && !undelivered(server.peer.fd())) {
        if (random_.chance(50)) server.peer.reset();
        else server.peer.close();
        moved = true;
    }
    return moved;
}

// Its connection has ended: true when the server goes too.
bool Crowd::ends(Server& server) {
    if (server.peer.error != 0) return true;
    if (server.plan == nullptr || !server.plan->tunnel) return true;
    // A tunnel's other half goes on; a mute one waits for the connection's death.
    if (server.muted) return (server.seen & (POLLHUP | POLLERR)) != 0;
    return server.half_closed;
}

bool Crowd::hear(Server& server) {
    if (server.deaf) {
        if ((server.seen & gone) == 0) return false;
        server.peer.close();
        return true;
    }
    const size_t before = server.peer.received.size();
    const bool ended = server.peer.eof || server.peer.error != 0;
    server.peer.read();
    bool moved = server.peer.received.size() > before;
    while (!server.peer.received.empty() && server.peer.open() && !server.deaf)
        if (!read_request(server)) break;
    if (!server.peer.open()) return true;
    if (server.peer.eof || server.peer.error != 0) {
        moved = moved || !ended;
        if (ends(server)) {
            server.peer.close();
            moved = true;
        }
    }
    return moved;
}

// Takes from what came; false when it wants no more of it now.
bool Crowd::read_request(Server& server) {
    std::string& received = server.peer.received;
    MessageReader& reader = server.reader;
    if (reader.done()) {  // the next one waits until this one is answered
        if (!server.half_closed) return false;
        received.clear();
        return true;
    }
    if (!reader.begun()) reader.start(MessageReader::Kind::request);
    const bool headless_yet = !reader.head_done();
    received.erase(0, reader.take(received));
    if (headless_yet && reader.head_done()) {
        const uint32_t number = fate_number(reader.head().substr(0, reader.head().find("\r\n")));
        if (number == 0 || number >= plans_.size()) {
            odd("the upstream got an unknown request: " + reader.head());
            server.peer.close();
            return false;
        }
        server.plan = &plans_[number];
        reader.expect_body(number);
        if (server.plan->tunnel) reader.open_tunnel();
    }
    if (server.plan == nullptr) return !received.empty();
    Plan& plan = *server.plan;
    plan.wrong = plan.wrong || reader.wrong();
    plan.upstream_whole = plan.upstream_whole || reader.done();
    const bool heard = reader.head_done() && reader.body_bytes() >= plan.upstream.hears;
    const bool whole = reader.done() || reader.tunnel();
    if (heard && !plan.early && !server.acted) {
        act(server);
    } else if ((whole || (heard && plan.early)) && !server.answering) {
        server.answering = true;
        server.out = answer_of(plan);
        if (plan.tunnel) server.out += body_text(plan.number + 1U, 0, plan.down_size);
        server.out_at = 0;
    }
    if (reader.wrong()) received.clear();
    return !received.empty();
}

bool Crowd::answer(Server& server) {
    Plan& plan = *server.plan;
    const uint64_t size = server.out.size();
    const uint64_t limit = std::min(plan.upstream.sends, size);
    const uint64_t count = std::min<uint64_t>(limit - server.out_at, server.piece);
    const size_t sent = server.peer.send(std::string_view(server.out).substr(server.out_at, count));
    server.out_at += sent;
    if (server.out_at < limit) return sent > 0;
    if (plan.upstream.sends != never) {
        if (server.acted) return sent > 0;
        act(server);
        return true;
    }
    if (plan.tunnel) return sent > 0;
    if (plan.down == Framing::until_close) {
        server.peer.close();
        return true;
    }
    // Ready for another request.
    server.answering = server.acted = false;
    server.plan = nullptr;
    server.reader.start(MessageReader::Kind::request);
    while (!server.peer.received.empty() && server.peer.open() && !server.deaf)
        if (!read_request(server)) break;
    return true;
}

void Crowd::act(Server& server) {
    server.acted = true;
    switch (server.plan->upstream.act) {
        case Act::go_on: return;
        case Act::mute: server.muted = true; return;
        case Act::deaf:
            server.deaf = true;
            server.peer.shrink_receive_buffer(deaf_buffer);
            return;
        case Act::half_close:
            server.half_closed = true;
            ignored(::shutdown(server.peer.fd(), SHUT_WR), "it may be gone already");
            return;
        case Act::close: server.peer.close(); return;
        case Act::reset: server.peer.reset(); return;
    }
}

}  // namespace becaused::test
