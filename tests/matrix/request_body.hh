// A request's body on its way: half an upload; an upstream that does not read it; a failed write.
#pragma once

#include "matrix/reach.hh"

namespace becaused::test {

inline Step upload_half() { return asked(post_ten + "hello"); }
inline Step chunked_upload_half() { return asked(post_chunked + "5\r\nhello\r\n"); }
// Every buffer on the way is full and the client is paused.
inline Step upload_stuck() {
    return in_turn(client_connects, client_says(post_gigabyte), client_fills_all_buffers);
}

inline std::vector<Cell> request_body_endings() {
    return {
        {"client FIN", both, upload_half(), client_finishes,
         "exchange client_closed by=client phase=request_body op=read status=499\n"
         "client client_closed by=client phase=request_body op=read\n"
         "upstream partner(client_closed) by=nobody phase=request_body op=none\n",
         "cut off", "POST cut, cut off"},
        {"client RST", tcp, upload_half(), client_resets,
         "exchange client_reset by=client phase=request_body op=read errno=ECONNRESET status=499\n"
         "client client_reset by=client phase=request_body op=read errno=ECONNRESET\n"
         "upstream partner(client_reset) by=nobody phase=request_body op=none\n",
         "left", "POST cut, RST"},
        // No last chunk: a cut upload must not look whole.
        {"client FIN in a chunked upload", every, chunked_upload_half(), client_finishes,
         "exchange client_closed by=client phase=request_body op=read status=499\n"
         "client client_closed by=client phase=request_body op=read\n"
         "upstream partner(client_closed) by=nobody phase=request_body op=none\n",
         "cut off", "POST cut, cut off"},
        {"client sends a bad chunk", both, chunked_upload_half(), client_says("zz\r\n"),
         "exchange client_malformed by=client phase=request_body op=parse parser=guard@10 "
         "status=400\n"
         "upstream partner(client_malformed) by=nobody phase=request_body op=none\n"
         "client client_malformed by=client phase=request_body op=parse parser=guard@10\n",
         "400 client_malformed close, FIN", "POST cut, cut off"},
        {"upstream FIN", both, upload_half(), upstream_finishes,
         "exchange upstream_closed by=upstream phase=request_body op=read status=502\n"
         "upstream upstream_closed by=upstream phase=request_body op=read\n"
         "client partner(upstream_closed) by=nobody phase=request_body op=none\n",
         "502 upstream_closed close, FIN", "POST cut, cut off"},
        {"upstream closes", both, upload_half(), upstream_leaves,
         "exchange upstream_closed by=upstream phase=request_body op=read status=502\n"
         "upstream upstream_closed by=upstream phase=request_body op=read\n"
         "client partner(upstream_closed) by=nobody phase=request_body op=none\n",
         "502 upstream_closed close, FIN", "POST cut, left"},
        {"upstream RST", tcp, upload_half(), upstream_resets,
         "exchange upstream_reset by=upstream phase=request_body op=read errno=ECONNRESET "
         "status=502\n"
         "upstream upstream_reset by=upstream phase=request_body op=read errno=ECONNRESET\n"
         "client partner(upstream_reset) by=nobody phase=request_body op=none\n",
         "502 upstream_reset close, FIN", "POST cut, left"},
        // It never read the request: that is as much of a reset as unix sockets have.
        {"upstream closes with the request unread", both,
         in_turn(client_connects, client_says(post_ten + "hello")), upstream_resets,
         "exchange upstream_reset by=upstream phase=request_body op=read errno=ECONNRESET "
         "status=502\n"
         "upstream upstream_reset by=upstream phase=request_body op=read errno=ECONNRESET\n"
         "client partner(upstream_reset) by=nobody phase=request_body op=none\n",
         "502 upstream_reset close, FIN", "left"},
        {"the upstream answers nonsense", both, upload_half(), upstream_says(bad_answer),
         "exchange upstream_malformed by=upstream phase=request_body op=parse "
         "parser=guard@9 status=502\n"
         "upstream upstream_malformed by=upstream phase=request_body op=parse parser=guard@9\n"
         "client partner(upstream_malformed) by=nobody phase=request_body op=none\n",
         "502 upstream_malformed close, FIN", "POST cut, cut off"},
        {"clock request_body", both, upload_half(), silence(120'000),
         "exchange client_stalled_sending by=client phase=request_body op=clock "
         "clock=request_body/120000 status=408\n"
         "upstream partner(client_stalled_sending) by=nobody phase=request_body op=none\n"
         "client client_stalled_sending by=client phase=request_body op=clock "
         "clock=request_body/120000\n",
         "408 client_stalled_sending close, FIN", "POST cut, cut off"},
        {"stop, and the upload ends well", both, in_turn(upload_half(), stop),
         in_turn(client_says("world"), upstream_says(ok_ten + "0123456789")),
         "exchange complete by=nobody phase=done op=none status=200\n"
         "client shutdown_idle by=operator phase=keepalive op=none\n"
         "upstream shutdown_idle by=operator phase=keepalive op=none\n",
         "200 whole close, FIN", "POST whole, FIN"},
        {"stop twice", both, upload_half(), stop_twice,
         "exchange shutdown by=operator phase=request_body op=admin status=503\n"
         "upstream partner(shutdown) by=nobody phase=request_body op=none\n"
         "client partner(shutdown) by=nobody phase=request_body op=none\n",
         "503 shutdown close, FIN", "POST cut, cut off"},
        {"clock drain", both, upload_half(), drain_rings(),
         "exchange drain_deadline by=operator phase=request_body op=clock clock=drain/30000 "
         "status=503\n"
         "upstream partner(drain_deadline) by=nobody phase=request_body op=none\n"
         "client partner(drain_deadline) by=nobody phase=request_body op=none\n",
         "503 drain_deadline close, FIN", "POST cut, cut off"},
        {"max_age", both, upload_half(), silence(10'000),
         "exchange max_age by=operator phase=request_body op=clock clock=max_age/10000 "
         "status=504\n"
         "upstream partner(max_age) by=nobody phase=request_body op=none\n"
         "client partner(max_age) by=nobody phase=request_body op=none\n",
         "504 max_age close, FIN", "POST cut, cut off",
         [](RigOptions& options) { options.settings.clocks.set_all(ClockName::max_age, 10'000); }},
    };
}

// The client's bytes fill every buffer because the upstream reads nothing.
inline std::vector<Cell> stuck_uploads() {
    return {
        {"clock request_body", both, upload_stuck(), stalled(120'000),
         "exchange upstream_stalled_reading by=upstream phase=request_body op=clock "
         "clock=request_body/120000 status=504\n"
         "upstream upstream_stalled_reading by=upstream phase=request_body op=clock "
         "clock=request_body/120000\n"
         "client partner(upstream_stalled_reading) by=nobody phase=request_body op=none\n",
         "504 upstream_stalled_reading close, FIN", "POST cut, cut off"},
        // Five minutes of an upstream that reads a little before each ring: no clock's business.
        {"upstream RST after slow reading", tcp,
         in_turn(upload_stuck(), pass(100'000), upstream_reads, client_fills_all_buffers,
                 pass(100'000), upstream_reads, client_fills_all_buffers, pass(100'000)),
         upstream_resets,
         "exchange upstream_reset by=upstream phase=request_body op=read errno=ECONNRESET "
         "status=502\n"
         "upstream upstream_reset by=upstream phase=request_body op=read errno=ECONNRESET\n"
         "client partner(upstream_reset) by=nobody phase=request_body op=none\n",
         "502 upstream_reset close, FIN", "POST cut, left"},
        {"client RST", tcp, upload_stuck(), in_turn(client_resets, pass(1'100)),
         "exchange client_reset by=client phase=request_body op=probe errno=ECONNRESET status=499\n"
         "client client_reset by=client phase=request_body op=probe errno=ECONNRESET\n"
         "upstream partner(client_reset) by=nobody phase=request_body op=none\n",
         "left", "POST cut, RST"},
        // TCP cannot know while bytes before the FIN are unread; unix sockets can.
        {"client closes", unix_sockets, upload_stuck(), in_turn(client_leaves, pass(1'100)),
         "exchange client_closed by=client phase=request_body op=probe status=499\n"
         "client client_closed by=client phase=request_body op=probe\n"
         "upstream partner(client_closed) by=nobody phase=request_body op=none\n",
         "left", "POST cut, FIN"},
        {"upstream closes with bytes unread", both, upload_stuck(), upstream_resets,
         "exchange upstream_reset by=upstream phase=request_body op=read errno=ECONNRESET "
         "status=502\n"
         "upstream upstream_reset by=upstream phase=request_body op=read errno=ECONNRESET\n"
         "client partner(upstream_reset) by=nobody phase=request_body op=none\n",
         "502 upstream_reset close, FIN", "left"},
        // The answer is delivered; the upload that it does not want is cut after the linger clock.
        {"the upstream answers and reads no more", both,
         in_turn(upload_stuck(), upstream_says(too_large)), stalled(2'000),
         "exchange complete by=nobody phase=done op=none status=413\n"
         "upstream complete by=nobody phase=done op=none\n"
         "client complete by=nobody phase=done op=none\n",
         "413 whole, FIN", "POST cut, FIN"},
        {"stop twice", tcp, upload_stuck(), stop_twice,
         "exchange shutdown by=operator phase=request_body op=admin status=503\n"
         "upstream partner(shutdown) by=nobody phase=request_body op=none\n"
         "client partner(shutdown) by=nobody phase=request_body op=none\n",
         "503 shutdown close, FIN", "POST cut, RST"},
        // What comes while the answer is delivered is read, so that its end is a FIN here too.
        {"stop twice", unix_sockets, upload_stuck(), stop_twice,
         "exchange shutdown by=operator phase=request_body op=admin status=503\n"
         "upstream partner(shutdown) by=nobody phase=request_body op=none\n"
         "client partner(shutdown) by=nobody phase=request_body op=none\n",
         "503 shutdown close, FIN", "POST cut, FIN"},
    };
}

// The upstream takes no more of the request, which only a write shows.
inline std::vector<Cell> failed_writes_upstream() {
    const auto reset_behind_a_write = [](Scene& scene) {
        scene.client.send("world");  // its event comes first
        scene.upstream.reset();
        scene.settle();
    };
    return {
        {"and it says nothing: clock linger", unix_sockets,
         in_turn(upload_half(), upstream_stops_reading, client_says("wor")), silence(2'000),
         "exchange upstream_closed by=upstream phase=request_body op=write errno=EPIPE "
         "status=502\n"
         "upstream upstream_closed by=upstream phase=request_body op=write errno=EPIPE\n"
         "client partner(upstream_closed) by=nobody phase=request_body op=none\n",
         "502 upstream_closed close, FIN", "POST cut, FIN"},
        {"and it answers early", unix_sockets,
         in_turn(upload_half(), upstream_stops_reading, client_says("wor")),
         upstream_says(too_large),
         "exchange complete by=nobody phase=done op=none status=413\n"
         "upstream upstream_closed by=upstream phase=request_body op=write errno=EPIPE\n"
         "client complete by=nobody phase=done op=none\n",
         "413 whole close, FIN", "POST cut, FIN"},
        {"and it had answered before", unix_sockets, upload_half(),
         [](Scene& scene) {
             scene.client.send("wor");
             scene.upstream.send(too_large);
             upstream_stops_reading(scene);
         },
         "exchange complete by=nobody phase=done op=none status=413\n"
         "upstream upstream_closed by=upstream phase=request_body op=write errno=EPIPE\n"
         "client complete by=nobody phase=done op=none\n",
         "413 whole close, FIN", "POST cut, FIN"},
        {"and it closes then", unix_sockets,
         in_turn(upload_half(), upstream_stops_reading, client_says("wor")), upstream_leaves,
         "exchange upstream_closed by=upstream phase=request_body op=write errno=EPIPE "
         "status=502\n"
         "upstream upstream_closed by=upstream phase=request_body op=write errno=EPIPE\n"
         "client partner(upstream_closed) by=nobody phase=request_body op=none\n",
         "502 upstream_closed close, FIN", "POST cut, left"},
        {"client FIN then", unix_sockets,
         in_turn(upload_half(), upstream_stops_reading, client_says("wor")), client_finishes,
         "exchange client_closed by=client phase=first_byte op=read status=499\n"
         "client client_closed by=client phase=first_byte op=read\n"
         "upstream partner(client_closed) by=nobody phase=first_byte op=none\n",
         "cut off", "POST cut, FIN"},
        {"its reset is met by a write", tcp, upload_half(), reset_behind_a_write,
         "exchange upstream_reset by=upstream phase=request_body op=write errno=ECONNRESET "
         "status=502\n"
         "upstream upstream_reset by=upstream phase=request_body op=write errno=ECONNRESET\n"
         "client partner(upstream_reset) by=nobody phase=request_body op=none\n",
         "502 upstream_reset close, FIN", "POST cut, left"},
        {"unread bytes turn its close into a reset", unix_sockets,
         in_turn(client_connects, client_says(post_ten + "hello")),
         [](Scene& scene) {
             scene.client.send("world");
             scene.upstream.close();
             scene.settle();
         },
         "exchange upstream_reset by=upstream phase=request_body op=write errno=ECONNRESET "
         "status=502\n"
         "upstream upstream_reset by=upstream phase=request_body op=write errno=ECONNRESET\n"
         "client partner(upstream_reset) by=nobody phase=request_body op=none\n",
         "502 upstream_reset close, FIN", "left"},
    };
}

}  // namespace becaused::test
