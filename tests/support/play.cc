// Plays the cells of the teardown matrix and compares what came of them.
#include <cstdlib>
#include <sstream>

#include "support/scene.hh"
#include "support/told.hh"

#include "support/cmocka.hh"

namespace becaused::test {

namespace {

struct Played {
    std::string records;
    std::string client;
    std::string upstream;
    std::string left_behind;  // empty: nothing
};

std::string end_of(const Peer& peer) {
    if (!peer.open()) return "left";
    if (peer.error == ECONNRESET) return "RST";
    if (peer.error != 0) return "error " + std::to_string(peer.error);
    return peer.eof ? "FIN" : "open";
}

// `cut off` in the words of the transport.
std::string on(bool unix_peer, std::string expected) {
    const std::string mark = "cut off";
    for (size_t at = 0; (at = expected.find(mark, at)) != std::string::npos;)
        expected.replace(at, mark.size(), unix_peer ? "FIN" : "RST");
    return expected;
}

std::string with_end(std::string told, const std::string& end) {
    return told.empty() ? end : told + ", " + end;
}

// The peers take whatever is still on its way, which makes room for more.
void read_all(Scene& scene) {
    scene.settle();
    for (int round = 0; round < 200; ++round) {
        const size_t before = scene.client.received.size() + scene.upstream.received.size();
        scene.client.read();
        scene.upstream.read();
        for (Peer& earlier : scene.upstreams) earlier.read();
        scene.settle();
        if (scene.client.received.size() + scene.upstream.received.size() == before) return;
    }
}

void everyone_leaves(Scene& scene) {
    scene.client.close();
    scene.settle();
    scene.bystanders.clear();
    scene.settle();
    scene.upstream.close();
    for (Peer& earlier : scene.upstreams) earlier.close();
    scene.settle();
    scene.rig.advance(3'000);
}

Played play(const Cell& cell, Wiring wiring) {
    RigOptions options;
    options.unix_client = wiring == unix_sockets || wiring == unix_to_tcp;
    options.unix_upstream = wiring == unix_sockets || wiring == tcp_to_unix;
    if (cell.options) cell.options(options);
    Played played;
    const int descriptors = count_descriptors();
    {
        Scene scene(options);
        cell.reach(scene);
        cell.event(scene);
        read_all(scene);
        played.client = with_end(told_by_answers(scene.client.received), end_of(scene.client));
        for (const Peer& earlier : scene.upstreams)
            played.upstream += with_end(told_by_requests(earlier.received), end_of(earlier)) + "; ";
        played.upstream += !scene.accepted ? "none"
                                           : with_end(told_by_requests(scene.upstream.received),
                                                      end_of(scene.upstream));
        everyone_leaves(scene);
        played.records = scene.rig.summary();
        const uint64_t live = scene.rig.ledger().live();
        played.left_behind += scene.complaint;
        if (live > 0) played.left_behind += std::to_string(live) + " live records ";
        scene.rig.finish();
        if (live == 0 && scene.rig.summary() != played.records)
            played.left_behind += "records after the end";
    }
    const int more = count_descriptors() - descriptors;
    if (more != 0) played.left_behind += std::to_string(more) + " descriptors";
    return played;
}

const char* name_of(Wiring wiring) {
    switch (wiring) {
        case tcp: return "tcp";
        case unix_sockets: return "unix";
        case tcp_to_unix: return "tcp to unix";
        case unix_to_tcp: return "unix to tcp";
        case both:
        case every: break;
    }
    return "?";
}

bool same(const Cell& cell, Wiring wiring, const char* what, const std::string& actual,
          const std::string& expected) {
    if (actual == expected) return true;
    print_error("cell: %s (%s)\n  %s was\n%s\n  expected\n%s\n", cell.name, name_of(wiring), what,
                actual.c_str(), expected.c_str());
    return false;
}

}  // namespace

void check_cells(const std::vector<Cell>& cells) {
    // A cell that breaks a CHECK ends the program: BECAUSED_CELLS=1 says which it was.
    const bool verbose = std::getenv("BECAUSED_CELLS") != nullptr;
    { const Rig first; }  // libuv opens descriptors of its own once per process
    size_t failed = 0;
    for (const Cell& cell : cells) {
        for (const Wiring wiring : {tcp, unix_sockets, tcp_to_unix, unix_to_tcp}) {
            if ((cell.wiring & wiring) == 0) continue;
            if (verbose) print_message("  %s (%s)\n", cell.name, name_of(wiring));
            const Played played = play(cell, wiring);
            const bool unix_client = wiring == unix_sockets || wiring == unix_to_tcp;
            const bool unix_upstream = wiring == unix_sockets || wiring == tcp_to_unix;
            bool good = same(cell, wiring, "the record", played.records, cell.records);
            good = same(cell, wiring, "the client's end", played.client,
                        on(unix_client, cell.client)) &&
                   good;
            good = same(cell, wiring, "the upstream's end", played.upstream,
                        on(unix_upstream, cell.upstream)) &&
                   good;
            good = same(cell, wiring, "what was left behind", played.left_behind, "") && good;
            failed += good ? 0 : 1;
        }
    }
    if (failed > 0) fail_test(std::to_string(failed) + " cells differ");
}

std::vector<Pair> pairs_of(const std::vector<Cell>& cells) {
    std::vector<Pair> pairs;
    for (const Cell& cell : cells) {
        std::istringstream lines(cell.records);
        for (std::string line; std::getline(lines, line);) {
            std::istringstream words(line);
            Pair pair;
            words >> pair.kind >> pair.reason;
            pair.reason = pair.reason.substr(0, pair.reason.find('('));
            for (std::string word; words >> word;)
                if (word.starts_with("phase=")) pair.phase = word.substr(6);
            pairs.push_back(std::move(pair));
        }
    }
    return pairs;
}

}  // namespace becaused::test
