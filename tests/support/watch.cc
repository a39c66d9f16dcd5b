#include "support/watch.hh"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <cstdio>

namespace becaused::test {

namespace {

// The address of one end of the socket.
std::string address_of(int fd, int (*get)(int, sockaddr*, socklen_t*)) {
    sockaddr_storage storage{};
    socklen_t length = sizeof storage;
    CHECK(get(fd, reinterpret_cast<sockaddr*>(&storage), &length) == 0);
    if (storage.ss_family != AF_INET) return "unix";
    const auto& in = reinterpret_cast<const sockaddr_in&>(storage);
    char text[INET_ADDRSTRLEN];
    CHECK(::inet_ntop(AF_INET, &in.sin_addr, text, sizeof text) != nullptr);
    return std::string(text) + ":" + std::to_string(ntohs(in.sin_port));
}

void note(Moved& moved, uint64_t bytes, uint64_t now_ms) {
    if (bytes == 0) return;
    moved.bytes += bytes;
    moved.last_ms = now_ms;
    moved.any = true;
}

// What the peer got since the last look.
void take(Peer& peer, Moved& out, uint64_t now_ms) {
    const size_t before = peer.received.size();
    if (peer.open()) peer.read();
    // An acknowledgement that the kernel keeps back would show as bytes unsent: no time passes here.
    const int on = 1;
    if (peer.open())
        ignored(::setsockopt(peer.fd(), IPPROTO_TCP, TCP_QUICKACK, &on, sizeof on),
                "unix sockets have none");
    note(out, peer.received.size() - before, now_ms);
}

}  // namespace

Watch::Watch(const RigOptions& options) : scene(options), options_(options) {
    const Address& address = scene.rig.settings().upstream;
    upstream.peer = options_.unix_upstream ? "unix:" + address.path
                                           : address.host + ":" + std::to_string(address.port);
}

void Watch::look() {
    const bool had = scene.accepted;
    scene.settle();
    if (!had && scene.accepted) {
        upstream.opened_ms = now_ms;
        upstream.exchanges = 1;
    }
    if (client_reads) take(scene.client, client.out, now_ms);
    if (upstream_reads) take(scene.upstream, upstream.out, now_ms);
    scene.settle();
}

void Watch::connect() {
    scene.client = scene.rig.connect();
    client.opened_ms = now_ms;
    client.peer = address_of(scene.client.fd(), ::getsockname);
    client.local = options_.unix_client ? "unix:" + scene.rig.directory() + "/listen.sock"
                                        : address_of(scene.client.fd(), ::getpeername);
}

void Watch::begin_exchange() {
    exchange_opened_ms = now_ms;
    client_in_before = client.in.bytes;
    client_out_before = client.out.bytes;
    upstream_in_before = upstream.in.bytes;
    upstream_out_before = upstream.out.bytes;
    ++client.exchanges;
}

void Watch::client_says(std::string_view bytes) {
    note(client.in, scene.client.send(bytes), now_ms);
    look();
}

void Watch::upstream_says(std::string_view bytes) {
    note(upstream.in, scene.upstream.send(bytes), now_ms);
    look();
}

void Watch::fill(Peer& peer, Moved& in, std::string_view bytes) {
    int refused = 0;
    for (int i = 0; i < 4'000 && refused < 20; ++i) {
        const size_t sent = peer.send(bytes);
        note(in, sent, now_ms);
        look();
        refused = sent == bytes.size() ? 0 : refused + 1;
    }
    CHECK(refused > 0);
}

void Watch::client_stops_reading(std::string_view bytes) {
    client_reads = false;
    fill(scene.upstream, upstream.in, bytes);
}

void Watch::upstream_stops_reading(std::string_view bytes) {
    upstream_reads = false;
    fill(scene.client, client.in, bytes);
}

void Watch::client_finishes() {
    scene.client.finish();
    look();
}

void Watch::upstream_finishes() {
    scene.upstream.finish();
    look();
}

void Watch::client_resets() {
    scene.client.reset();
    look();
}

void Watch::upstream_resets() {
    scene.upstream.reset();
    look();
}

void Watch::stop() {
    scene.rig.house().stop();
    look();
}

void Watch::operator_ends_it() {
    Ledger& ledger = scene.rig.ledger();
    Entry* chosen = ledger.live_entries().front();
    for (Entry* entry = chosen; entry != nullptr; entry = ledger.live_entries().next(*entry))
        if (entry->kind() == Entry::Kind::exchange) chosen = entry;
    CHECK(
        chosen->holder()->end_open(Ending::decided(Reason::admin_kill, Phase::done, Op::admin, 0)));
    look();
}

void Watch::wait(uint64_t ms) {
    scene.rig.advance(ms);
    now_ms += ms;
    look();
}

void Watch::everyone_leaves() {
    look();
    scene.client.close();
    scene.settle();
    scene.upstream.close();
    scene.settle();
    wait(3'000);
}

uint64_t ms_of(const std::string& time) {
    unsigned hours = 0, minutes = 0, seconds = 0, thousandths = 0;
    CHECK(std::sscanf(time.c_str(), "2023-11-14T%u:%u:%u.%uZ", &hours, &minutes, &seconds,
                      &thousandths) == 4);
    return ((hours * 60 + minutes) * 60 + seconds) * 1000ULL + thousandths -
           ((22 * 60 + 13) * 60 + 20) * 1000ULL;
}

}  // namespace becaused::test
