#include "support/stage.hh"

#include <algorithm>
#include <cerrno>
#include <sstream>

namespace becaused::test {

namespace {

std::string state_of(Peer& peer) {
    peer.read();
    if (peer.error != 0) return peer.error == ECONNRESET ? "reset" : "error";
    return peer.eof ? "fin" : "open";
}

std::string since(Peer& peer, size_t& shown) {
    peer.read();
    const size_t from = std::exchange(shown, peer.received.size());
    return peer.received.substr(from);
}

}  // namespace

Stage::~Stage() {
    // The rig's upstream and clients first: what is left open then is the proxy's own.
    for (Peer* peer : {&client, &upstream, &second}) peer->close();
    more.clear();
    if (busy_) busy_->release();
}

Rig& Stage::rig() {
    if (!rig_) rig_ = std::make_unique<Rig>(options);
    return *rig_;
}

void Stage::send(std::string_view bytes) {
    if (!client.open()) {
        client = rig().connect();
        client_shown_ = 0;
    }
    CHECK(client.send(bytes) == bytes.size());
    rig().settle();
}

bool Stage::accept() {
    upstream = rig().accept();
    upstream_shown_ = 0;
    return upstream.open();
}

void Stage::answer(std::string_view bytes) {
    CHECK(upstream.send(bytes) == bytes.size());
    rig().settle();
}

void Stage::client_fin() {
    client.finish();
    rig().settle();
}

void Stage::upstream_fin() {
    upstream.finish();
    rig().settle();
}

void Stage::hold_workers() { busy_ = std::make_unique<BusyThreads>(rig().loop()); }

void Stage::work_on() {
    busy_->release();
    rig().wait_for_workers();
    busy_.reset();
}

std::string Stage::client_bytes() {
    rig().settle();
    return since(client, client_shown_);
}

std::string Stage::upstream_bytes() {
    rig().settle();
    return since(upstream, upstream_shown_);
}

std::string Stage::client_state() { return state_of(client); }
std::string Stage::upstream_state() { return state_of(upstream); }

// Close callbacks of one turn come in no promised order (DESIGN §5): connections that ended one after
// another are sorted.
std::string Stage::records() {
    std::istringstream lines(rig().summary());
    std::string text;
    std::vector<std::string> connections;
    const auto flush = [&] {
        std::sort(connections.begin(), connections.end());
        for (const std::string& line : connections) text += line + '\n';
        connections.clear();
    };
    for (std::string line; std::getline(lines, line);) {
        if (const size_t parser = line.find(" parser="); parser != std::string::npos)
            line.erase(parser, std::min(line.find(' ', parser + 1), line.size()) - parser);
        if (!line.starts_with("exchange ")) {
            connections.push_back(line);
            continue;
        }
        flush();
        text += line + '\n';
    }
    flush();
    return text;
}

std::string Stage::exchange() {
    std::string last;
    for (const std::string& line : rig().records())
        if (field_of(line, "event") == "exchange") last = line;
    return last;
}

std::string Stage::leave() {
    client.close();
    rig().settle();
    return records();
}

}  // namespace becaused::test
