// Requests and connections that becaused turns away: stopping, full, out of descriptors or memory.
#pragma once

#include "matrix/reach.hh"

namespace becaused::test {

inline void another_client(Scene& scene) { scene.bystanders.push_back(scene.rig.connect()); }

inline void sixty_five_others(Scene& scene) {
    for (int i = 0; i < 65; ++i) another_client(scene);
}

inline void one_connection_only(RigOptions& options) { options.settings.max_connections = 1; }

inline std::vector<Cell> refusals() {
    const std::string probe = "client probe by=nobody phase=keepalive op=none\n";
    return {
        {"one connection too many is answered", both, in_turn(another_client, client_connects),
         client_says(get_version),
         "exchange accept_limit by=proxy phase=gate op=accept status=503\n"
         "client partner(accept_limit) by=nobody phase=gate op=none\n" +
             probe,
         "503 accept_limit close, FIN", "none", one_connection_only},
        {"far too many are turned away at the door", both, sixty_five_others, client_connects,
         "client accept_limit by=proxy phase=accept op=accept\n" + times(65, probe), "cut off",
         "none", one_connection_only},
        {"no descriptor for a client", both, nothing,
         in_turn(with_descriptors(1, client_connects), pass(1'200)),
         "client fd_exhausted by=proxy phase=accept op=accept errno=EMFILE\n", "cut off", "none"},
        {"no descriptor for an upstream connection", tcp, client_connects,
         with_descriptors(0, in_turn(client_says(get_version), pass(200))),
         "upstream fd_exhausted by=proxy phase=connect op=connect errno=EMFILE\n"
         "exchange fd_exhausted by=proxy phase=connect op=connect errno=EMFILE status=503\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "503 fd_exhausted, open", "none",
         [](RigOptions& options) { options.settings.connect_tries = 1; }},
        {"no descriptor for an upstream connection", unix_sockets, client_connects,
         with_descriptors(0, client_says(get_version)),
         "exchange fd_exhausted by=proxy phase=connect op=connect errno=EMFILE status=503\n"
         "upstream fd_exhausted by=proxy phase=connect op=connect errno=EMFILE\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "503 fd_exhausted, open", "none",
         [](RigOptions& options) { options.settings.connect_tries = 1; }},
        {"descriptors come back while it dials", both, client_connects,
         in_turn(with_descriptors(0, client_says(get_version)), pass(200), upstream_reads,
                 upstream_says(ok_ten + "0123456789")),
         "upstream fd_exhausted by=proxy phase=connect op=connect errno=EMFILE\n"
         "exchange complete by=nobody phase=done op=none status=200\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n"
         "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, open", "GET whole, open"},
        {"memory is scarce", both, client_connects, with_scarce_memory(client_says(get_version)),
         "exchange memory_shed by=proxy phase=gate op=allocate status=503\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "503 memory_shed, open", "none", [](RigOptions& options) { options.slabs = 4; }},
        // Reading halts, and goes on when there is memory: nothing is lost.
        {"no memory for an answer", both, asked(get_version),
         with_no_memory(in_turn(upstream_says(ok_ten + "0123456789"), pass(1'100))),
         "exchange complete by=nobody phase=done op=none status=200\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n"
         "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, open", "GET whole, open", [](RigOptions& options) { options.slabs = 4; }},
    };
}

}  // namespace becaused::test
