// Answers that are there before the request is: the upstream's early answer while the body still comes,
// and becaused's own refusal of a request whose body is unread.
#pragma once

#include "matrix/reach.hh"

namespace becaused::test {

inline Step early_answer() {
    return in_turn(answered(post_ten + "hello", too_large), client_reads);
}
// Refused before the body: the client is told, and what it still sends is read and dropped.
inline Step refused_upload() {
    return in_turn(client_connects, client_says(post_gigabyte + "hello"), client_reads, forget);
}
inline void nobody_to_upload_to(RigOptions& options) {
    options.with_upstream = false;
    options.settings.connect_tries = 1;
}

inline std::vector<Cell> early_answers() {
    const std::string complete = "exchange complete by=nobody phase=done op=none status=413\n";
    const std::string all_complete = complete +
                                     "upstream complete by=nobody phase=done op=none\n"
                                     "client complete by=nobody phase=done op=none\n";
    const auto reset_behind_a_write = [](Scene& scene) {
        scene.client.send("wor");  // its event comes first
        scene.upstream.reset();
        scene.settle();
    };
    return {
        {"the upload comes to its end", both, early_answer(), client_says("world"),
         complete + "client client_closed_idle by=nobody phase=keepalive op=none\n"
                    "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n",
         "413 whole, open", "POST whole, open"},
        {"clock linger", both, early_answer(), silence(2'000), all_complete, "413 whole, FIN",
         "POST cut, FIN"},
        {"client FIN", both, early_answer(), client_finishes,
         complete + "client complete by=nobody phase=done op=none\n"
                    "upstream complete by=nobody phase=done op=none\n",
         "413 whole, FIN", "POST cut, FIN"},
        // The answer was delivered; how the connection ended is the connection's business.
        {"client RST", tcp, early_answer(), client_resets,
         complete + "client client_reset by=client phase=linger op=read errno=ECONNRESET\n"
                    "upstream complete by=nobody phase=done op=none\n",
         "413 whole, left", "POST cut, FIN"},
        {"upstream FIN", both, early_answer(), upstream_finishes, all_complete, "413 whole, FIN",
         "POST cut, FIN"},
        {"upstream RST", tcp, early_answer(), upstream_resets,
         complete + "upstream upstream_reset by=upstream phase=linger op=read errno=ECONNRESET\n"
                    "client complete by=nobody phase=done op=none\n",
         "413 whole, FIN", "POST cut, left"},
        {"upstream RST met by a write", tcp, early_answer(), reset_behind_a_write,
         complete + "upstream upstream_reset by=upstream phase=linger op=write errno=ECONNRESET\n"
                    "client complete by=nobody phase=done op=none\n",
         "413 whole, FIN", "POST cut, left"},
        {"the upstream closed with the upload unread", unix_sockets,
         in_turn(client_connects, client_says(post_ten + "hello"), upstream_says(too_large)),
         upstream_resets,
         complete + "upstream upstream_reset by=upstream phase=linger op=read errno=ECONNRESET\n"
                    "client complete by=nobody phase=done op=none\n",
         "413 whole, FIN", "left"},
        {"a bad chunk after the answer", both,
         in_turn(answered(post_chunked + "5\r\nhello\r\n", too_large), client_reads),
         client_says("zz\r\n"),
         "exchange client_malformed by=client phase=linger op=parse parser=guard@10 status=413\n"
         "client client_malformed by=client phase=linger op=parse parser=guard@10\n"
         "upstream partner(client_malformed) by=nobody phase=linger op=none\n",
         "413 whole, cut off", "POST cut, cut off"},
        {"stop twice", both, early_answer(), stop_twice,
         "exchange shutdown by=operator phase=linger op=admin status=413\n"
         "client partner(shutdown) by=nobody phase=linger op=none\n"
         "upstream partner(shutdown) by=nobody phase=linger op=none\n",
         "413 whole, FIN", "POST cut, cut off"},
        {"clock drain", both, early_answer(), drain_rings(),
         "exchange drain_deadline by=operator phase=linger op=clock clock=drain/30000 status=413\n"
         "client partner(drain_deadline) by=nobody phase=linger op=none\n"
         "upstream partner(drain_deadline) by=nobody phase=linger op=none\n",
         "413 whole, FIN", "POST cut, cut off",
         [](RigOptions& options) { options.settings.clocks.set_all(ClockName::linger, 0); }},
        {"max_age", both, early_answer(), silence(1'000),
         "exchange max_age by=operator phase=linger op=clock clock=max_age/1000 status=413\n"
         "upstream partner(max_age) by=nobody phase=linger op=none\n"
         "client partner(max_age) by=nobody phase=linger op=none\n",
         "413 whole, FIN", "POST cut, cut off",
         [](RigOptions& options) { options.settings.clocks.set_all(ClockName::max_age, 1'000); }},
    };
}

inline std::vector<Cell> refused_uploads() {
    const std::string partner =
        "client partner(upstream_refused) by=nobody phase=connect op=none\n";
    const std::string told = "502 upstream_refused close, FIN";
    return {
        {"client FIN", tcp, refused_upload(), client_finishes, partner, told, "none",
         nobody_to_upload_to},
        {"client RST", tcp, refused_upload(), client_resets, partner,
         "502 upstream_refused close, left", "none", nobody_to_upload_to},
        {"clock linger", tcp, refused_upload(), silence(2'000), partner, told, "none",
         nobody_to_upload_to},
        {"the client sends on and on", tcp, refused_upload(), client_fills_all_buffers, partner,
         told, "none", nobody_to_upload_to},
        {"stop", tcp, refused_upload(), stop, partner, told, "none", nobody_to_upload_to},
        {"stop twice", tcp, refused_upload(), stop_twice, partner, told, "none",
         nobody_to_upload_to},
    };
}

}  // namespace becaused::test
