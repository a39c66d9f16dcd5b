// A request head that has begun and is not whole.
#pragma once

#include "matrix/reach.hh"

namespace becaused::test {

// A byte every ten seconds, for a minute.
inline void client_drips(Scene& scene) {
    for (int i = 0; i < 6; ++i) {
        pass(10'000)(scene);
        client_says("x")(scene);
    }
}

inline Step partial_head() { return in_turn(client_connects, client_says("GET /ver")); }

inline std::vector<Cell> request_head_endings() {
    return {
        {"client FIN", every, partial_head(), client_finishes,
         "exchange client_closed by=client phase=request_head op=read status=499\n"
         "client client_closed by=client phase=request_head op=read\n",
         "cut off", "none"},
        {"client closes", every, partial_head(), client_leaves,
         "exchange client_closed by=client phase=request_head op=read status=499\n"
         "client client_closed by=client phase=request_head op=read\n",
         "left", "none"},
        {"client RST", tcp, partial_head(), client_resets,
         "exchange client_reset by=client phase=request_head op=read errno=ECONNRESET status=499\n"
         "client client_reset by=client phase=request_head op=read errno=ECONNRESET\n",
         "left", "none"},
        {"clock request_head", both, partial_head(), silence(15'000),
         "exchange client_head_timeout by=client phase=request_head op=clock "
         "clock=request_head/15000 status=408\n"
         "client client_head_timeout by=client phase=request_head op=clock "
         "clock=request_head/15000\n",
         "408 client_head_timeout close, FIN", "none"},
        {"clock request_head_total", both, partial_head(), client_drips,
         "exchange client_head_timeout by=client phase=request_head op=clock "
         "clock=request_head_total/60000 status=408\n"
         "client client_head_timeout by=client phase=request_head op=clock "
         "clock=request_head_total/60000\n",
         "408 client_head_timeout close, FIN", "none"},
        {"client RST while it is told 408", tcp, in_turn(partial_head(), pass(15'100)),
         client_resets,
         "exchange client_head_timeout by=client phase=request_head op=clock "
         "clock=request_head/15000 status=408\n"
         "client client_head_timeout by=client phase=request_head op=clock "
         "clock=request_head/15000\n",
         "left", "none"},
        {"stop, and the client completes its head", both, in_turn(partial_head(), stop),
         client_says("sion HTTP/1.1\r\nHost: docker\r\n\r\n"),
         "exchange draining by=operator phase=gate op=admin status=503\n"
         "client partner(draining) by=nobody phase=gate op=none\n",
         "503 draining close, FIN", "none"},
        {"stop twice", both, partial_head(), stop_twice,
         "exchange shutdown by=operator phase=request_head op=admin status=503\n"
         "client partner(shutdown) by=nobody phase=request_head op=none\n",
         "503 shutdown close, FIN", "none"},
        // The head's own clock is shorter than the drain clock: here it is off.
        {"clock drain", both, partial_head(), drain_rings(),
         "exchange drain_deadline by=operator phase=request_head op=clock clock=drain/30000 "
         "status=503\n"
         "client partner(drain_deadline) by=nobody phase=request_head op=none\n",
         "503 drain_deadline close, FIN", "none",
         [](RigOptions& options) { options.settings.clocks.set_all(ClockName::request_head, 0); }},
    };
}

// Heads that are refused as they are.
inline std::vector<Cell> refused_heads() {
    return {
        {"a TLS hello on a plain port", both, client_connects,
         client_says(std::string("\x16\x03\x01\x02\x00\x01", 6)),
         "exchange client_malformed by=client phase=request_head op=parse "
         "parser=guard@0 status=400\n"
         "client client_malformed by=client phase=request_head op=parse parser=guard@0\n",
         "400 client_malformed close, FIN", "none"},
        {"a field without a colon", both, client_connects,
         client_says("GET / HTTP/1.1\r\nHost docker\r\n\r\n"),
         "exchange client_malformed by=client phase=request_head op=parse "
         "parser=HPE_INVALID_HEADER_TOKEN@20 status=400\n"
         "client client_malformed by=client phase=request_head op=parse "
         "parser=HPE_INVALID_HEADER_TOKEN@20\n",
         "400 client_malformed close, FIN", "none"},
        {"two ways to say where the body ends", both, client_connects,
         client_says("POST /build HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n"),
         "exchange client_ambiguous_framing by=client phase=request_head op=parse "
         "parser=guard@0 status=400\n"
         "client client_ambiguous_framing by=client phase=request_head op=parse "
         "parser=guard@0\n",
         "400 client_ambiguous_framing close, FIN", "none"},
        {"a head over 64 KiB", both, client_connects,
         client_says("GET / HTTP/1.1\r\nHost: docker\r\nX: " + std::string(70'000, 'x')),
         "exchange client_head_too_large by=client phase=request_head op=parse "
         "parser=guard@65536 status=431\n"
         "client client_head_too_large by=client phase=request_head op=parse "
         "parser=guard@65536\n",
         "431 client_head_too_large close, FIN", "none"},
        {"CONNECT", both, client_connects,
         client_says("CONNECT docker:80 HTTP/1.1\r\nHost: docker\r\n\r\n"),
         "exchange request_unsupported by=client phase=request_head op=parse "
         "parser=guard@0 status=501\n"
         "client request_unsupported by=client phase=request_head op=parse parser=guard@0\n",
         "501 request_unsupported close, FIN", "none"},
        // The request was understood and ends here: the connection carries on.
        {"TRACE that ends here", both, client_connects,
         client_says("TRACE / HTTP/1.1\r\nHost: docker\r\nMax-Forwards: 0\r\n\r\n"),
         "exchange request_unsupported by=client phase=gate op=judge status=501\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "501 request_unsupported, open", "none"},
        {"the second request of a connection is malformed", both, one_exchange_done(),
         client_says("GET / HTTP/1.1\r\n\r\n"),
         "exchange client_malformed by=client phase=request_head op=parse "
         "parser=guard@18 status=400\n"
         "client client_malformed by=client phase=request_head op=parse parser=guard@18\n"
         "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, 400 client_malformed close, FIN", "GET whole, open"},
    };
}

}  // namespace becaused::test
