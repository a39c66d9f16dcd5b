// Connections between requests: the client's, and the upstream's in the pool.
#pragma once

#include "matrix/reach.hh"

namespace becaused::test {

inline std::vector<Cell> between_requests() {
    return {
        {"client FIN", both, one_exchange_done(), client_finishes,
         "client client_closed_idle by=nobody phase=keepalive op=none\n"
         "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, FIN", "GET whole, open"},
        {"client RST", tcp, one_exchange_done(), client_resets,
         "client client_reset by=client phase=keepalive op=read errno=ECONNRESET\n"
         "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, left", "GET whole, open"},
        // It never read its answer, and that is what is on record.
        {"client closes with the answer unread", both,
         in_turn(answered(get_version, ok_ten + "0123456789"), forget), client_resets,
         "client client_reset by=client phase=keepalive op=read errno=ECONNRESET\n"
         "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n",
         "left", "GET whole, open"},
        {"upstream FIN", every, one_exchange_done(), upstream_finishes,
         "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, open", "GET whole, FIN"},
        {"upstream RST", tcp, one_exchange_done(), upstream_resets,
         "upstream upstream_reset by=upstream phase=keepalive op=read errno=ECONNRESET\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, open", "GET whole, left"},
        {"clock upstream_idle", both, one_exchange_done(), silence(60'000),
         "upstream keepalive_idle by=nobody phase=keepalive op=clock clock=upstream_idle/60000\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, open", "GET whole, FIN"},
        {"clock keepalive", both, one_exchange_done(), in_turn(pass(60'100), silence(59'900)),
         "upstream keepalive_idle by=nobody phase=keepalive op=clock clock=upstream_idle/60000\n"
         "client keepalive_idle by=nobody phase=keepalive op=clock clock=keepalive/120000\n",
         "200 whole, FIN", "GET whole, FIN"},
        {"the upstream speaks unasked", both, one_exchange_done(), upstream_says(ok_ten),
         "upstream upstream_malformed by=upstream phase=keepalive op=parse parser=guard@0\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, open", "GET whole, cut off"},
        {"the upstream says more than its answer", both, asked(get_version),
         upstream_says(ok_ten + "0123456789" + ok_ten),
         "exchange complete by=nobody phase=done op=none status=200\n"
         "upstream upstream_malformed by=upstream phase=done op=parse parser=guard@0\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, open", "GET whole, cut off"},
        {"the upstream's answer says close", both, asked(get_version),
         upstream_says("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"),
         "exchange complete by=nobody phase=done op=none status=200\n"
         "upstream complete by=nobody phase=done op=none\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, open", "GET whole, FIN"},
        {"the client says close", both,
         asked("GET /version HTTP/1.1\r\nHost: docker\r\nConnection: close\r\n\r\n"),
         upstream_says(ok_ten + "0123456789"),
         "exchange complete by=nobody phase=done op=none status=200\n"
         "client complete by=nobody phase=done op=none\n"
         "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole close, FIN", "GET whole, open"},
        {"the last allowed request", both, asked(get_version), upstream_says(ok_ten + "0123456789"),
         "exchange complete by=nobody phase=done op=none status=200\n"
         "client max_requests by=nobody phase=done op=none\n"
         "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole close, FIN", "GET whole, open",
         [](RigOptions& options) { options.settings.max_requests = 1; }},
        {"no pool", both, asked(get_version), upstream_says(ok_ten + "0123456789"),
         "exchange complete by=nobody phase=done op=none status=200\n"
         "upstream complete by=nobody phase=done op=none\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, open", "GET whole, FIN",
         [](RigOptions& options) { options.settings.pool_size = 0; }},
        {"stop", both, one_exchange_done(), stop,
         "client shutdown_idle by=operator phase=keepalive op=none\n"
         "upstream shutdown_idle by=operator phase=keepalive op=none\n",
         "200 whole, FIN", "GET whole, FIN"},
        {"stop twice", both, one_exchange_done(), stop_twice,
         "client shutdown_idle by=operator phase=keepalive op=none\n"
         "upstream shutdown_idle by=operator phase=keepalive op=none\n",
         "200 whole, FIN", "GET whole, FIN"},
    };
}

}  // namespace becaused::test
