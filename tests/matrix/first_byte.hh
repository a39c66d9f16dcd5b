// The request is sent; the answer's head is awaited. Also after a 1xx, which is no answer yet.
#pragma once

#include "matrix/reach.hh"

namespace becaused::test {

inline Step asked_get() { return asked(get_version); }
inline Step interim() { return answered(get_version, early_hints); }

inline std::vector<Cell> first_byte_endings() {
    const std::string client_goes = "client client_closed_idle by=nobody phase=keepalive op=none\n";
    return {
        {"client FIN", both, asked_get(), client_finishes,
         "exchange client_closed by=client phase=first_byte op=read status=499\n"
         "client client_closed by=client phase=first_byte op=read\n"
         "upstream partner(client_closed) by=nobody phase=first_byte op=none\n",
         "cut off", "GET whole, cut off"},
        {"client RST", tcp, asked_get(), client_resets,
         "exchange client_reset by=client phase=first_byte op=read errno=ECONNRESET status=499\n"
         "client client_reset by=client phase=first_byte op=read errno=ECONNRESET\n"
         "upstream partner(client_reset) by=nobody phase=first_byte op=none\n",
         "left", "GET whole, RST"},
        // More is pipelined than becaused reads ahead: the end behind it is found by looking.
        {"client RST behind what it pipelined", tcp, asked(get_version + std::string(300'000, 'x')),
         in_turn(client_resets, pass(1'100)),
         "exchange client_reset by=client phase=first_byte op=probe errno=ECONNRESET status=499\n"
         "client client_reset by=client phase=first_byte op=probe errno=ECONNRESET\n"
         "upstream partner(client_reset) by=nobody phase=first_byte op=none\n",
         "left", "GET whole, RST"},
        {"client closes behind what it pipelined", unix_sockets,
         asked(get_version + std::string(300'000, 'x')), in_turn(client_leaves, pass(1'100)),
         "exchange client_closed by=client phase=first_byte op=probe status=499\n"
         "client client_closed by=client phase=first_byte op=probe\n"
         "upstream partner(client_closed) by=nobody phase=first_byte op=none\n",
         "left", "GET whole, FIN"},
        // Asked to, we take a FIN for a half-close: the answer is still wanted, and the last.
        {"client FIN where half-closes are allowed", both, in_turn(asked_get(), client_finishes),
         upstream_says(ok_ten + "0123456789"),
         "exchange complete by=nobody phase=done op=none status=200\n"
         "client complete by=nobody phase=done op=none\n"
         "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole close, FIN", "GET whole, open",
         [](RigOptions& options) { options.settings.allow_half_close = true; }},
        {"upstream FIN", both, asked_get(), upstream_finishes,
         "exchange upstream_closed by=upstream phase=first_byte op=read status=502\n"
         "upstream upstream_closed by=upstream phase=first_byte op=read\n" +
             client_goes,
         "502 upstream_closed, open", "GET whole, cut off"},
        {"upstream RST", tcp, asked_get(), upstream_resets,
         "exchange upstream_reset by=upstream phase=first_byte op=read errno=ECONNRESET "
         "status=502\n"
         "upstream upstream_reset by=upstream phase=first_byte op=read errno=ECONNRESET\n" +
             client_goes,
         "502 upstream_reset, open", "GET whole, left"},
        {"upstream closes with the request unread", both,
         in_turn(client_connects, client_says(get_version)), upstream_resets,
         "exchange upstream_reset by=upstream phase=first_byte op=read errno=ECONNRESET "
         "status=502\n"
         "upstream upstream_reset by=upstream phase=first_byte op=read errno=ECONNRESET\n" +
             client_goes,
         "502 upstream_reset, open", "left"},
        {"upstream FIN within its head", both, answered(get_version, "HTTP/1.1 20"),
         upstream_finishes,
         "exchange upstream_closed by=upstream phase=first_byte op=read status=502\n"
         "upstream upstream_closed by=upstream phase=first_byte op=read\n" +
             client_goes,
         "502 upstream_closed, open", "GET whole, cut off"},
        {"clock first_byte", every, asked_get(), silence(30'000),
         "exchange upstream_silent by=upstream phase=first_byte op=clock clock=first_byte/30000 "
         "status=504\n"
         "upstream upstream_silent by=upstream phase=first_byte op=clock "
         "clock=first_byte/30000\n" +
             client_goes,
         "504 upstream_silent, open", "GET whole, cut off"},
        {"clock first_byte within its head", both, answered(get_version, "HTTP/1.1 20"),
         silence(30'000),
         "exchange upstream_silent by=upstream phase=first_byte op=clock clock=first_byte/30000 "
         "status=504\n"
         "upstream upstream_silent by=upstream phase=first_byte op=clock "
         "clock=first_byte/30000\n" +
             client_goes,
         "504 upstream_silent, open", "GET whole, cut off"},
        // A push may be silent for as long as its registry is.
        {"no clock rings in an hour of a push", both, asked(post_empty),
         in_turn(pass(3'600'000), upstream_says(ok_ten + "0123456789")),
         "exchange complete by=nobody phase=done op=none status=200\n" + client_goes +
             "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n",
         "200 whole, open", "POST whole, open"},
        {"nonsense for an answer", both, asked_get(), upstream_says(bad_answer),
         "exchange upstream_malformed by=upstream phase=first_byte op=parse parser=guard@9 "
         "status=502\n"
         "upstream upstream_malformed by=upstream phase=first_byte op=parse parser=guard@9\n" +
             client_goes,
         "502 upstream_malformed, open", "GET whole, cut off"},
        {"an answer's head over 64 KiB", both, asked_get(),
         upstream_says("HTTP/1.1 200 OK\r\nX: " + std::string(70'000, 'x')),
         "exchange upstream_head_too_large by=upstream phase=first_byte op=parse "
         "parser=guard@65536 status=502\n"
         "upstream upstream_head_too_large by=upstream phase=first_byte op=parse "
         "parser=guard@65536\n" +
             client_goes,
         "502 upstream_head_too_large, open", "GET whole, cut off"},
        {"101 that nobody asked for", both, asked_get(), upstream_says(switching),
         "exchange upgrade_mismatch by=upstream phase=first_byte op=parse parser=guard@0 "
         "status=502\n"
         "upstream upgrade_mismatch by=upstream phase=first_byte op=parse parser=guard@0\n" +
             client_goes,
         "502 upgrade_mismatch, open", "GET whole, cut off"},
        {"stop, and the answer comes", both, in_turn(asked_get(), stop),
         upstream_says(ok_ten + "0123456789"),
         "exchange complete by=nobody phase=done op=none status=200\n"
         "client shutdown_idle by=operator phase=keepalive op=none\n"
         "upstream shutdown_idle by=operator phase=keepalive op=none\n",
         "200 whole close, FIN", "GET whole, FIN"},
        {"stop twice", both, asked_get(), stop_twice,
         "exchange shutdown by=operator phase=first_byte op=admin status=503\n"
         "upstream partner(shutdown) by=nobody phase=first_byte op=none\n"
         "client partner(shutdown) by=nobody phase=first_byte op=none\n",
         "503 shutdown close, FIN", "GET whole, cut off"},
        {"clock drain", both, asked(post_empty), drain_rings(),
         "exchange drain_deadline by=operator phase=first_byte op=clock clock=drain/30000 "
         "status=503\n"
         "upstream partner(drain_deadline) by=nobody phase=first_byte op=none\n"
         "client partner(drain_deadline) by=nobody phase=first_byte op=none\n",
         "503 drain_deadline close, FIN", "POST whole, cut off"},
        {"max_age", both, asked_get(), silence(10'000),
         "exchange max_age by=operator phase=first_byte op=clock clock=max_age/10000 status=504\n"
         "upstream partner(max_age) by=nobody phase=first_byte op=none\n" +
             client_goes,
         "504 max_age, open", "GET whole, cut off",
         [](RigOptions& options) { options.settings.clocks.set_all(ClockName::max_age, 10'000); }},
    };
}

inline std::vector<Cell> interim_endings() {
    const std::string client_goes = "client client_closed_idle by=nobody phase=keepalive op=none\n";
    return {
        {"client FIN", both, interim(), client_finishes,
         "exchange client_closed by=client phase=first_byte op=read status=499\n"
         "client client_closed by=client phase=first_byte op=read\n"
         "upstream partner(client_closed) by=nobody phase=first_byte op=none\n",
         "103, cut off", "GET whole, cut off"},
        {"client RST", tcp, interim(), client_resets,
         "exchange client_reset by=client phase=first_byte op=read errno=ECONNRESET status=499\n"
         "client client_reset by=client phase=first_byte op=read errno=ECONNRESET\n"
         "upstream partner(client_reset) by=nobody phase=first_byte op=none\n",
         "left", "GET whole, RST"},
        {"upstream FIN", both, interim(), upstream_finishes,
         "exchange upstream_closed by=upstream phase=first_byte op=read status=502\n"
         "upstream upstream_closed by=upstream phase=first_byte op=read\n" +
             client_goes,
         "103, 502 upstream_closed, open", "GET whole, cut off"},
        {"upstream RST", tcp, interim(), upstream_resets,
         "exchange upstream_reset by=upstream phase=first_byte op=read errno=ECONNRESET "
         "status=502\n"
         "upstream upstream_reset by=upstream phase=first_byte op=read errno=ECONNRESET\n" +
             client_goes,
         "103, 502 upstream_reset, open", "GET whole, left"},
        // A 1xx is not the byte that the clock waits for, but it is a sign of life.
        {"clock first_byte", both, in_turn(asked_get(), pass(20'000), upstream_says(early_hints)),
         silence(30'000),
         "exchange upstream_silent by=upstream phase=first_byte op=clock clock=first_byte/30000 "
         "status=504\n"
         "upstream upstream_silent by=upstream phase=first_byte op=clock "
         "clock=first_byte/30000\n" +
             client_goes,
         "103, 504 upstream_silent, open", "GET whole, cut off"},
        {"nonsense after it", both, interim(), upstream_says(bad_answer),
         "exchange upstream_malformed by=upstream phase=first_byte op=parse parser=guard@9 "
         "status=502\n"
         "upstream upstream_malformed by=upstream phase=first_byte op=parse parser=guard@9\n" +
             client_goes,
         "103, 502 upstream_malformed, open", "GET whole, cut off"},
        {"stop twice", both, interim(), stop_twice,
         "exchange shutdown by=operator phase=first_byte op=admin status=503\n"
         "upstream partner(shutdown) by=nobody phase=first_byte op=none\n"
         "client partner(shutdown) by=nobody phase=first_byte op=none\n",
         "103, 503 shutdown close, FIN", "GET whole, cut off"},
        {"clock drain", both, answered(post_empty, early_hints), drain_rings(),
         "exchange drain_deadline by=operator phase=first_byte op=clock clock=drain/30000 "
         "status=503\n"
         "upstream partner(drain_deadline) by=nobody phase=first_byte op=none\n"
         "client partner(drain_deadline) by=nobody phase=first_byte op=none\n",
         "103, 503 drain_deadline close, FIN", "POST whole, cut off"},
        {"max_age", both, interim(), silence(10'000),
         "exchange max_age by=operator phase=first_byte op=clock clock=max_age/10000 status=504\n"
         "upstream partner(max_age) by=nobody phase=first_byte op=none\n" +
             client_goes,
         "103, 504 max_age, open", "GET whole, cut off",
         [](RigOptions& options) { options.settings.clocks.set_all(ClockName::max_age, 10'000); }},
        // 100 Continue, and the body does not come.
        {"clock request_body after 100", both,
         answered("POST /build HTTP/1.1\r\nHost: docker\r\nExpect: 100-continue\r\n"
                  "Content-Length: 10\r\n\r\n",
                  "HTTP/1.1 100 Continue\r\n\r\n"),
         silence(120'000),
         "exchange client_stalled_sending by=client phase=request_body op=clock "
         "clock=request_body/120000 status=408\n"
         "upstream partner(client_stalled_sending) by=nobody phase=request_body op=none\n"
         "client client_stalled_sending by=client phase=request_body op=clock "
         "clock=request_body/120000\n",
         "100, 408 client_stalled_sending close, FIN", "POST cut, cut off"},
        // The client waits for the 100 (RFC 9110 section 10.1.1): the upstream owes it.
        {"clock request_body before 100", both,
         asked("POST /build HTTP/1.1\r\nHost: docker\r\nExpect: 100-continue\r\n"
               "Content-Length: 10\r\n\r\n"),
         silence(120'000),
         "exchange upstream_silent by=upstream phase=request_body op=clock "
         "clock=request_body/120000 status=504\n"
         "upstream upstream_silent by=upstream phase=request_body op=clock "
         "clock=request_body/120000\n"
         "client partner(upstream_silent) by=nobody phase=request_body op=none\n",
         "504 upstream_silent close, FIN", "POST cut, cut off"},
    };
}

}  // namespace becaused::test
