// Requests on kept-alive upstream connections that turn out to be dead: sent again where that is safe.
#pragma once

#include "matrix/reach.hh"

namespace becaused::test {

// The client's request is handled before the upstream's close is: the connection seems good.
inline Step meanwhile(const std::string& request, void (Peer::*end)()) {
    return [=](Scene& scene) {
        scene.client.send(request);
        (scene.upstream.*end)();
        scene.settle();
    };
}

inline Step then_answered() {
    return in_turn(upstream_reads, upstream_says(ok_ten + "0123456789"));
}

inline std::vector<Cell> reused_connections() {
    const std::string complete = "exchange complete by=nobody phase=done op=none status=200\n";
    const std::string idle_ends =
        "client client_closed_idle by=nobody phase=keepalive op=none\n"
        "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n";
    const std::string closed = "upstream upstream_closed by=upstream phase=first_byte op=read\n";
    const std::string put_five =
        "PUT /containers/x/archive HTTP/1.1\r\nHost: docker\r\nContent-Length: 5\r\n\r\nhello";
    return {
        {"a GET on one that is closed meanwhile", both, one_exchange_done(),
         in_turn(meanwhile(get_version, &Peer::close), then_answered()),
         closed + complete + idle_ends, "200 whole, 200 whole, open",
         "GET whole, left; GET whole, open"},
        {"a GET on one that is reset meanwhile", tcp, one_exchange_done(),
         in_turn(meanwhile(get_version, &Peer::reset), then_answered()),
         "upstream upstream_reset by=upstream phase=first_byte op=read errno=ECONNRESET\n" +
             complete + idle_ends,
         "200 whole, 200 whole, open", "GET whole, left; GET whole, open"},
        {"a GET on one that is closed once it is read", both, one_exchange_done(),
         in_turn(client_says(get_version), upstream_leaves, then_answered()),
         closed + complete + idle_ends, "200 whole, 200 whole, open",
         "GET whole, GET whole, left; GET whole, open"},
        {"a PUT with its body", both, one_exchange_done(),
         in_turn(client_says(put_five), upstream_leaves, then_answered()),
         closed + complete + idle_ends, "200 whole, 200 whole, open",
         "GET whole, PUT whole, left; PUT whole, open"},
        // A POST is sent once: its connection is looked at first.
        {"a POST on one that is closed meanwhile", both, one_exchange_done(),
         in_turn(meanwhile(post_empty, &Peer::close), then_answered()),
         "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n" + complete + idle_ends,
         "200 whole, 200 whole, open", "GET whole, left; POST whole, open"},
        {"a POST on one that is reset meanwhile", tcp, one_exchange_done(),
         in_turn(meanwhile(post_empty, &Peer::reset), then_answered()),
         "upstream upstream_reset by=upstream phase=keepalive op=probe errno=ECONNRESET\n" +
             complete + idle_ends,
         "200 whole, 200 whole, open", "GET whole, left; POST whole, open"},
        {"a POST on one that speaks unasked meanwhile", both, one_exchange_done(),
         in_turn(
             [](Scene& scene) {
                 scene.client.send(post_empty);
                 scene.upstream.send(ok_ten);
                 scene.settle();
             },
             then_answered()),
         "upstream upstream_malformed by=upstream phase=keepalive op=parse parser=guard@0\n" +
             complete + idle_ends,
         "200 whole, 200 whole, open", "GET whole, RST; POST whole, open"},
        {"a POST on one that is closed once it is read", both, one_exchange_done(),
         in_turn(client_says(post_empty), upstream_leaves),
         "exchange retry_impossible by=upstream phase=first_byte op=read status=502\n"
         "upstream retry_impossible by=upstream phase=first_byte op=read\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, 502 retry_impossible, open", "GET whole, POST whole, left"},
        {"a POST on one that is closed with it unread", both, one_exchange_done(),
         in_turn(client_says(post_empty), upstream_resets),
         "exchange retry_impossible by=upstream phase=first_byte op=read errno=ECONNRESET "
         "status=502\n"
         "upstream retry_impossible by=upstream phase=first_byte op=read errno=ECONNRESET\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, 502 retry_impossible, open", "GET whole, left"},
        {"a GET that every connection is closed on", both, one_exchange_done(),
         in_turn(client_says(get_version), upstream_leaves, upstream_leaves, upstream_leaves),
         closed + closed +
             "exchange retry_exhausted by=upstream phase=first_byte op=read status=502\n"
             "upstream retry_exhausted by=upstream phase=first_byte op=read\n"
             "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, 502 retry_exhausted, open",
         "GET whole, GET whole, left; GET whole, left; GET whole, left"},
        {"a GET, and nobody listens any more", tcp, one_exchange_done(),
         in_turn(client_says(get_version), upstream_goes_down, upstream_leaves),
         closed +
             "exchange upstream_refused by=upstream phase=connect op=connect errno=ECONNREFUSED "
             "status=502\n"
             "upstream upstream_refused by=upstream phase=connect op=connect "
             "errno=ECONNREFUSED\n"
             "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, 502 upstream_refused, open", "GET whole, GET whole, left",
         [](RigOptions& options) { options.settings.connect_tries = 1; }},
        // One byte of an answer, and it is not sent again.
        {"a GET whose answer had begun", both, one_exchange_done(),
         in_turn(client_says(get_version), upstream_says("H"), upstream_leaves),
         "exchange upstream_closed by=upstream phase=first_byte op=read status=502\n" + closed +
             "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, 502 upstream_closed, open", "GET whole, GET whole, left"},
        {"a GET: clock first_byte", both, one_exchange_done(),
         in_turn(client_says(get_version), silence(30'000)),
         "exchange upstream_silent by=upstream phase=first_byte op=clock clock=first_byte/30000 "
         "status=504\n"
         "upstream upstream_silent by=upstream phase=first_byte op=clock "
         "clock=first_byte/30000\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, 504 upstream_silent, open", "GET whole, GET whole, cut off"},
    };
}

}  // namespace becaused::test
