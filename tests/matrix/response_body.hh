// An answer on its way, in each framing; a client that does not read it; a failed write.
#pragma once

#include "matrix/reach.hh"

namespace becaused::test {

inline Step half_of_ten() { return answered(get_version, ok_ten + "hello"); }
inline Step half_of_chunks() { return answered(get_version, ok_chunked + "5\r\nhello\r\n"); }
inline Step open_ended() { return answered(get_version, ok_to_close + "hello"); }
inline Step old_client() { return answered("GET /version HTTP/1.0\r\n\r\n", ok_ten + "hello"); }
inline Step old_client_chunked() {
    return answered("GET /version HTTP/1.0\r\n\r\n", ok_chunked + "5\r\nhello\r\n");
}
// Every buffer on the way is full and the upstream is paused.
inline Step download_stuck() {
    return in_turn(answered(get_version, ok_gigabyte), upstream_fills_all_buffers);
}

inline std::vector<Cell> response_body_endings() {
    const std::string client_fin =
        "exchange client_closed by=client phase=response_body op=read status=200\n"
        "client client_closed by=client phase=response_body op=read\n"
        "upstream partner(client_closed) by=nobody phase=response_body op=none\n";
    const std::string client_rst =
        "exchange client_reset by=client phase=response_body op=read errno=ECONNRESET "
        "status=200\n"
        "client client_reset by=client phase=response_body op=read errno=ECONNRESET\n"
        "upstream partner(client_reset) by=nobody phase=response_body op=none\n";
    const std::string upstream_fin =
        "exchange upstream_closed by=upstream phase=response_body op=read status=200\n"
        "upstream upstream_closed by=upstream phase=response_body op=read\n"
        "client partner(upstream_closed) by=nobody phase=response_body op=none\n";
    const std::string upstream_rst =
        "exchange upstream_reset by=upstream phase=response_body op=read errno=ECONNRESET "
        "status=200\n"
        "upstream upstream_reset by=upstream phase=response_body op=read errno=ECONNRESET\n"
        "client partner(upstream_reset) by=nobody phase=response_body op=none\n";
    const std::string whole =
        "exchange complete by=nobody phase=done op=none status=200\n"
        "upstream complete by=nobody phase=done op=none\n";
    const std::string client_goes = "client client_closed_idle by=nobody phase=keepalive op=none\n";
    return {
        {"client FIN before a byte", both, answered(get_version, ok_ten), client_finishes,
         client_fin, "200 cut, cut off", "GET whole, cut off"},
        {"client FIN", every, half_of_chunks(), client_finishes, client_fin, "200 cut, cut off",
         "GET whole, cut off"},
        {"client RST", tcp, half_of_ten(), client_resets, client_rst, "left", "GET whole, RST"},
        {"client closes, the answer so far read", both, half_of_chunks(), client_leaves, client_fin,
         "200 cut, left", "GET whole, cut off"},
        {"client closes, the answer so far unread", both, half_of_chunks(), client_resets,
         client_rst, "left", "GET whole, cut off"},
        {"upstream FIN before a byte", both, answered(get_version, ok_ten), upstream_finishes,
         upstream_fin, "200 cut, FIN", "GET whole, cut off"},
        {"upstream FIN in a length", every, half_of_ten(), upstream_finishes, upstream_fin,
         "200 cut, FIN", "GET whole, cut off"},
        {"upstream FIN in chunks", every, half_of_chunks(), upstream_finishes, upstream_fin,
         "200 cut, FIN", "GET whole, cut off"},
        {"upstream RST before a byte", tcp, answered(get_version, ok_ten), upstream_resets,
         upstream_rst, "200 cut, FIN", "GET whole, left"},
        {"upstream RST in a length", tcp, half_of_ten(), upstream_resets, upstream_rst,
         "200 cut, FIN", "GET whole, left"},
        {"upstream RST in chunks", tcp, half_of_chunks(), upstream_resets, upstream_rst,
         "200 cut, FIN", "GET whole, left"},
        // Its FIN is its end, as far as anyone can know.
        {"upstream FIN in an open end", both, open_ended(), upstream_finishes, whole + client_goes,
         "200 whole, open", "GET whole, FIN"},
        {"upstream RST in an open end", tcp, open_ended(), upstream_resets, upstream_rst,
         "200 cut, FIN", "GET whole, left"},
        // HTTP/1.0 knows a body's end by a FIN: what is cut must not end with one.
        {"upstream FIN in chunks, the client's body open-ended", both, old_client_chunked(),
         upstream_finishes,
         "exchange upstream_closed by=upstream phase=response_body op=read status=200\n"
         "client partner(upstream_closed) by=nobody phase=response_body op=none\n"
         "upstream upstream_closed by=upstream phase=response_body op=read\n",
         "200 unframed 'hello' close, cut off", "GET whole, cut off"},
        {"upstream FIN in a length, the client HTTP/1.0", both, old_client(), upstream_finishes,
         upstream_fin, "200 cut close, FIN", "GET whole, cut off"},
        {"a bad chunk", both, half_of_chunks(), upstream_says("zz\r\n"),
         "exchange upstream_malformed by=upstream phase=response_body op=parse "
         "parser=guard@10 status=200\n"
         "upstream upstream_malformed by=upstream phase=response_body op=parse parser=guard@10\n"
         "client partner(upstream_malformed) by=nobody phase=response_body op=none\n",
         "200 cut, FIN", "GET whole, cut off"},
        {"clock response_body before a byte", both, answered(get_version, ok_ten), silence(60'000),
         "exchange upstream_stalled_sending by=upstream phase=response_body op=clock "
         "clock=response_body/60000 status=200\n"
         "upstream upstream_stalled_sending by=upstream phase=response_body op=clock "
         "clock=response_body/60000\n"
         "client partner(upstream_stalled_sending) by=nobody phase=response_body op=none\n",
         "200 cut, FIN", "GET whole, cut off"},
        {"clock response_body", every, half_of_chunks(), silence(60'000),
         "exchange upstream_stalled_sending by=upstream phase=response_body op=clock "
         "clock=response_body/60000 status=200\n"
         "upstream upstream_stalled_sending by=upstream phase=response_body op=clock "
         "clock=response_body/60000\n"
         "client partner(upstream_stalled_sending) by=nobody phase=response_body op=none\n",
         "200 cut, FIN", "GET whole, cut off"},
        {"stop, and the answer ends well", both, in_turn(half_of_ten(), stop),
         upstream_says("world"),
         "exchange complete by=nobody phase=done op=none status=200\n"
         "client shutdown_idle by=operator phase=keepalive op=none\n"
         "upstream shutdown_idle by=operator phase=keepalive op=none\n",
         "200 whole, FIN", "GET whole, FIN"},
        {"stop twice", every, half_of_chunks(), stop_twice,
         "exchange shutdown by=operator phase=response_body op=admin status=200\n"
         "client partner(shutdown) by=nobody phase=response_body op=none\n"
         "upstream partner(shutdown) by=nobody phase=response_body op=none\n",
         "200 cut, FIN", "GET whole, cut off"},
        {"stop twice, the client's body open-ended", both, old_client_chunked(), stop_twice,
         "exchange shutdown by=operator phase=response_body op=admin status=200\n"
         "client partner(shutdown) by=nobody phase=response_body op=none\n"
         "upstream partner(shutdown) by=nobody phase=response_body op=none\n",
         "200 unframed 'hello' close, cut off", "GET whole, cut off"},
        {"clock drain", both, half_of_chunks(), drain_rings(),
         "exchange drain_deadline by=operator phase=response_body op=clock clock=drain/30000 "
         "status=200\n"
         "client partner(drain_deadline) by=nobody phase=response_body op=none\n"
         "upstream partner(drain_deadline) by=nobody phase=response_body op=none\n",
         "200 cut, FIN", "GET whole, cut off"},
        {"max_age", both, half_of_chunks(), silence(10'000),
         "exchange max_age by=operator phase=response_body op=clock clock=max_age/10000 "
         "status=200\n"
         "upstream partner(max_age) by=nobody phase=response_body op=none\n"
         "client partner(max_age) by=nobody phase=response_body op=none\n",
         "200 cut, FIN", "GET whole, cut off",
         [](RigOptions& options) { options.settings.clocks.set_all(ClockName::max_age, 10'000); }},
    };
}

// The upstream's bytes fill every buffer because the client reads nothing. Those that becaused leaves
// unread make its close a reset, on unix sockets too.
inline std::vector<Cell> stuck_downloads() {
    return {
        {"clock response_body", both, download_stuck(), stalled(60'000),
         "exchange client_stalled_reading by=client phase=response_body op=clock "
         "clock=response_body/60000 status=200\n"
         "client client_stalled_reading by=client phase=response_body op=clock "
         "clock=response_body/60000\n"
         "upstream partner(client_stalled_reading) by=nobody phase=response_body op=none\n",
         "200 cut, cut off", "GET whole, RST"},
        // Minutes of a client that reads a little before each ring: no clock's business.
        {"client RST after slow reading", tcp,
         in_turn(download_stuck(), pass(50'000), client_reads, upstream_fills_all_buffers,
                 pass(50'000), client_reads, upstream_fills_all_buffers, pass(50'000)),
         client_resets,
         "exchange client_reset by=client phase=response_body op=read errno=ECONNRESET "
         "status=200\n"
         "client client_reset by=client phase=response_body op=read errno=ECONNRESET\n"
         "upstream partner(client_reset) by=nobody phase=response_body op=none\n",
         "200 cut, left", "GET whole, RST"},
        {"client closes with bytes unread", both, download_stuck(), client_resets,
         "exchange client_reset by=client phase=response_body op=read errno=ECONNRESET "
         "status=200\n"
         "client client_reset by=client phase=response_body op=read errno=ECONNRESET\n"
         "upstream partner(client_reset) by=nobody phase=response_body op=none\n",
         "left", "GET whole, RST"},
        {"client FIN", both, download_stuck(), client_finishes,
         "exchange client_closed by=client phase=response_body op=read status=200\n"
         "client client_closed by=client phase=response_body op=read\n"
         "upstream partner(client_closed) by=nobody phase=response_body op=none\n",
         "200 cut, cut off", "GET whole, RST"},
        // The client owes, and was first: what the upstream did behind its back comes later.
        {"clock response_body, the upstream dead behind it", tcp,
         in_turn(download_stuck(), upstream_resets), stalled(60'000),
         "exchange client_stalled_reading by=client phase=response_body op=clock "
         "clock=response_body/60000 status=200\n"
         "client client_stalled_reading by=client phase=response_body op=clock "
         "clock=response_body/60000\n"
         "upstream partner(client_stalled_reading) by=nobody phase=response_body op=none\n",
         "200 cut, RST", "GET whole, left"},
        // What it sent before it died is delivered before its death is.
        {"upstream RST, and the client reads on", tcp, in_turn(download_stuck(), upstream_resets),
         in_turn(pass(2'000), client_reads),
         "exchange upstream_reset by=upstream phase=response_body op=read errno=ECONNRESET "
         "status=200\n"
         "upstream upstream_reset by=upstream phase=response_body op=read errno=ECONNRESET\n"
         "client partner(upstream_reset) by=nobody phase=response_body op=none\n",
         "200 cut, FIN", "GET whole, left"},
        {"upstream closes, and the client reads on", unix_sockets,
         in_turn(download_stuck(), upstream_leaves), in_turn(pass(2'000), client_reads),
         "exchange upstream_closed by=upstream phase=response_body op=read status=200\n"
         "upstream upstream_closed by=upstream phase=response_body op=read\n"
         "client partner(upstream_closed) by=nobody phase=response_body op=none\n",
         "200 cut, FIN", "GET whole, left"},
        {"stop twice", both, download_stuck(), stop_twice,
         "exchange shutdown by=operator phase=response_body op=admin status=200\n"
         "client partner(shutdown) by=nobody phase=response_body op=none\n"
         "upstream partner(shutdown) by=nobody phase=response_body op=none\n",
         "200 cut, cut off", "GET whole, RST"},
        {"clock drain", both, download_stuck(), drain_rings(),
         "exchange drain_deadline by=operator phase=response_body op=clock clock=drain/30000 "
         "status=200\n"
         "client partner(drain_deadline) by=nobody phase=response_body op=none\n"
         "upstream partner(drain_deadline) by=nobody phase=response_body op=none\n",
         "200 cut, cut off", "GET whole, RST"},
    };
}

// The client is gone, which a write is the first to meet.
inline std::vector<Cell> failed_writes_to_clients() {
    const auto reset_before_a_write = [](Scene& scene) {
        scene.upstream.send("5\r\nworld\r\n");  // its event comes first
        scene.client.reset();
        scene.settle();
    };
    const auto close_before_a_write = [](Scene& scene) {
        scene.client.read();
        scene.upstream.send("5\r\nworld\r\n");
        scene.client.close();
        scene.settle();
    };
    const std::string reset =
        "exchange client_reset by=client phase=response_body op=write errno=ECONNRESET "
        "status=200\n"
        "client client_reset by=client phase=response_body op=write errno=ECONNRESET\n"
        "upstream partner(client_reset) by=nobody phase=response_body op=none\n";
    return {
        {"client RST", tcp, half_of_chunks(), reset_before_a_write, reset, "left",
         "GET whole, RST"},
        {"client closes with bytes unread", unix_sockets, half_of_chunks(), reset_before_a_write,
         reset, "left", "GET whole, FIN"},
        {"client closes", unix_sockets, half_of_chunks(), close_before_a_write,
         "exchange client_closed by=client phase=response_body op=write errno=EPIPE status=200\n"
         "client client_closed by=client phase=response_body op=write errno=EPIPE\n"
         "upstream partner(client_closed) by=nobody phase=response_body op=none\n",
         "200 cut, left", "GET whole, FIN"},
        // Its FIN was there first; the RST only says that our bytes came too late for it.
        {"client closes", tcp, half_of_chunks(), close_before_a_write,
         "exchange client_closed by=client phase=response_body op=read status=200\n"
         "client client_closed by=client phase=response_body op=read\n"
         "upstream partner(client_closed) by=nobody phase=response_body op=none\n",
         "200 cut, left", "GET whole, RST"},
    };
}

}  // namespace becaused::test
