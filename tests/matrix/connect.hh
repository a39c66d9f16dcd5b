// While a connection to the upstream is being made: refused, not accepted in time, between two tries,
// and everyone else losing patience meanwhile.
#pragma once

#include "matrix/reach.hh"

namespace becaused::test {

inline void nobody_there(RigOptions& options) {
    options.with_upstream = false;
    options.settings.connect_tries = 1;
}
inline void nobody_there_for_long(RigOptions& options) {
    options.with_upstream = false;
    options.settings.retry_backoff_ms = 60'000;
}
inline void busy(RigOptions& options) {
    options.upstream_backlog = 0;
    options.settings.connect_tries = 1;
}

// A try is under way (TCP only: connect(2) to a unix socket never waits).
inline Step dialing() {
    return in_turn(upstream_is_busy, client_connects, client_says(get_version));
}
// The first try failed; the next is 30 to 60 s away.
inline Step between_two_tries() {
    return in_turn(client_connects, client_says(get_version), forget);
}
// Behind the request's head more waits than becaused reads ahead.
inline Step upload_held() {
    return in_turn(client_connects, client_says(post_gigabyte + std::string(300'000, 'x')), forget);
}

inline std::vector<Cell> refused_connects() {
    const std::string refused =
        "upstream upstream_refused by=upstream phase=connect op=connect errno=ECONNREFUSED\n";
    const std::string client_goes = "client client_closed_idle by=nobody phase=keepalive op=none\n";
    return {
        {"nobody listens", tcp, client_connects, client_says(get_version),
         "exchange upstream_refused by=upstream phase=connect op=connect errno=ECONNREFUSED "
         "status=502\n" +
             refused + client_goes,
         "502 upstream_refused, open", "none", nobody_there},
        {"the socket is not there", unix_sockets, client_connects, client_says(get_version),
         "exchange upstream_refused by=upstream phase=connect op=connect errno=ENOENT status=502\n"
         "upstream upstream_refused by=upstream phase=connect op=connect errno=ENOENT\n" +
             client_goes,
         "502 upstream_refused, open", "none",
         [](RigOptions& options) {
             options.settings.connect_tries = 1;
             options.upstream_path = "/nonexistent/docker.sock";
         }},
        {"the socket is there and nobody listens", unix_sockets,
         in_turn(client_connects, upstream_goes_down), client_says(get_version),
         "exchange upstream_refused by=upstream phase=connect op=connect errno=ECONNREFUSED "
         "status=502\n" +
             refused + client_goes,
         "502 upstream_refused, open", "none",
         [](RigOptions& options) { options.settings.connect_tries = 1; }},
        {"the path is not a socket's", unix_sockets, client_connects, client_says(get_version),
         "exchange upstream_unreachable by=upstream phase=connect op=connect errno=ENOTDIR "
         "status=502\n"
         "upstream upstream_unreachable by=upstream phase=connect op=connect errno=ENOTDIR\n" +
             client_goes,
         "502 upstream_unreachable, open", "none",
         [](RigOptions& options) {
             options.settings.connect_tries = 1;
             options.upstream_path = "/dev/null/docker.sock";
         }},
        // A multicast address: no route for TCP, and connect(2) says so at once.
        {"no route", tcp, client_connects, in_turn(client_says(get_version), pass(200)),
         "upstream upstream_unreachable by=upstream phase=connect op=connect errno=ENETUNREACH\n"
         "exchange upstream_unreachable by=upstream phase=connect op=connect errno=ENETUNREACH "
         "status=502\n" +
             client_goes,
         "502 upstream_unreachable, open", "none",
         [](RigOptions& options) {
             options.settings.connect_tries = 1;
             options.upstream_host = "224.0.0.1";
         }},
        // A label of 64 bytes is no name: nobody has to be asked.
        {"the name cannot be resolved", tcp, client_connects,
         in_turn(client_says(get_version), await_a_record),
         "exchange upstream_unreachable by=upstream phase=connect op=resolve errno=EAI_NONAME "
         "status=502\n" +
             client_goes,
         "502 upstream_unreachable, open", "none",
         [](RigOptions& options) {
             options.settings.connect_tries = 1;
             options.upstream_host = std::string(64, 'x') + ".test";
         }},
        {"three tries within 0.3 s", tcp, client_connects,
         in_turn(client_says(get_version), pass(400)),
         times(2, refused) +
             "exchange upstream_refused by=upstream phase=connect op=connect errno=ECONNREFUSED "
             "status=502\n" +
             refused + client_goes,
         "502 upstream_refused, open", "none",
         [](RigOptions& options) { options.with_upstream = false; }},
        {"the upstream is up at the second try", tcp, client_connects,
         in_turn(client_says(get_version), upstream_comes_up, pass(200), upstream_reads,
                 upstream_says(ok_ten + "0123456789")),
         refused + "exchange complete by=nobody phase=done op=none status=200\n" + client_goes +
             "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, open", "GET whole, open",
         [](RigOptions& options) { options.with_upstream = false; }},
        {"an upload is refused with its body unread", tcp, client_connects,
         client_says(post_gigabyte + std::string(300'000, 'x')),
         "exchange upstream_refused by=upstream phase=connect op=connect errno=ECONNREFUSED "
         "status=502\n" +
             refused + "client partner(upstream_refused) by=nobody phase=connect op=none\n",
         "502 upstream_refused close, FIN", "none", nobody_there},
    };
}

inline std::vector<Cell> connects_under_way() {
    const std::string client_goes = "client client_closed_idle by=nobody phase=keepalive op=none\n";
    return {
        {"clock connect", tcp, dialing(), silence(5'000),
         "exchange upstream_connect_timeout by=upstream phase=connect op=clock clock=connect/5000 "
         "status=504\n"
         "upstream upstream_connect_timeout by=upstream phase=connect op=clock "
         "clock=connect/5000\n" +
             client_goes,
         "504 upstream_connect_timeout, open", "none", busy},
        // A unix socket's connect(2) does not wait: a full backlog shows at once.
        {"the backlog is full", unix_sockets, upstream_is_busy,
         in_turn(client_connects, client_says(get_version)),
         "exchange upstream_unreachable by=upstream phase=connect op=connect errno=EAGAIN "
         "status=502\n"
         "upstream upstream_unreachable by=upstream phase=connect op=connect errno=EAGAIN\n" +
             client_goes,
         "502 upstream_unreachable, open", "none", busy},
        {"client FIN", tcp, dialing(), client_finishes,
         "exchange client_closed by=client phase=connect op=read status=0\n"
         "client client_closed by=client phase=connect op=read\n"
         "upstream partner(client_closed) by=nobody phase=connect op=none\n",
         "cut off", "none", busy},
        {"client RST", tcp, dialing(), client_resets,
         "exchange client_reset by=client phase=connect op=read errno=ECONNRESET status=0\n"
         "client client_reset by=client phase=connect op=read errno=ECONNRESET\n"
         "upstream partner(client_reset) by=nobody phase=connect op=none\n",
         "left", "none", busy},
        {"stop twice", tcp, dialing(), stop_twice,
         "exchange shutdown by=operator phase=connect op=admin status=503\n"
         "client partner(shutdown) by=nobody phase=connect op=none\n"
         "upstream partner(shutdown) by=nobody phase=connect op=none\n",
         "503 shutdown close, FIN", "none", busy},
        {"max_age", tcp, dialing(), silence(3'000),
         "exchange max_age by=operator phase=connect op=clock clock=max_age/3000 status=504\n"
         "upstream partner(max_age) by=nobody phase=connect op=none\n" +
             client_goes,
         "504 max_age, open", "none",
         [](RigOptions& options) {
             busy(options);
             options.settings.clocks.set_all(ClockName::max_age, 3'000);
         }},
    };
}

inline std::vector<Cell> pauses_between_connects() {
    return {
        {"client FIN", both, between_two_tries(), client_finishes,
         "exchange client_closed by=client phase=connect op=read status=0\n"
         "client client_closed by=client phase=connect op=read\n",
         "cut off", "none", nobody_there_for_long},
        {"client RST", tcp, between_two_tries(), client_resets,
         "exchange client_reset by=client phase=connect op=read errno=ECONNRESET status=0\n"
         "client client_reset by=client phase=connect op=read errno=ECONNRESET\n",
         "left", "none", nobody_there_for_long},
        // Reading is halted: the reset is found by looking.
        {"client RST behind an upload that is held back", tcp, upload_held(),
         in_turn(client_resets, pass(1'100)),
         "exchange client_reset by=client phase=connect op=probe errno=ECONNRESET status=0\n"
         "client client_reset by=client phase=connect op=probe errno=ECONNRESET\n",
         "left", "none", nobody_there_for_long},
        {"client closes behind an upload that is held back", unix_sockets, upload_held(),
         in_turn(client_leaves, pass(1'100)),
         "exchange client_closed by=client phase=connect op=probe status=0\n"
         "client client_closed by=client phase=connect op=probe\n",
         "left", "none", nobody_there_for_long},
        {"stop twice", both, between_two_tries(), stop_twice,
         "exchange shutdown by=operator phase=connect op=admin status=503\n"
         "client partner(shutdown) by=nobody phase=connect op=none\n",
         "503 shutdown close, FIN", "none", nobody_there_for_long},
        {"clock drain", both, between_two_tries(), drain_rings(),
         "exchange drain_deadline by=operator phase=connect op=clock clock=drain/30000 "
         "status=503\n"
         "client partner(drain_deadline) by=nobody phase=connect op=none\n",
         "503 drain_deadline close, FIN", "none",
         [](RigOptions& options) {
             nobody_there_for_long(options);
             options.settings.retry_backoff_ms = 120'000;
         }},
        {"max_age", both, between_two_tries(), silence(10'000),
         "exchange max_age by=operator phase=connect op=clock clock=max_age/10000 status=504\n"
         "client client_closed_idle by=nobody phase=keepalive op=none\n",
         "504 max_age, open", "none",
         [](RigOptions& options) {
             nobody_there_for_long(options);
             options.settings.clocks.set_all(ClockName::max_age, 10'000);
         }},
    };
}

}  // namespace becaused::test
