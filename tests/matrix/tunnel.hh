// Tunnels: after a 101 or a hijack, opaque bytes both ways, each half ended by its own FIN.
#pragma once

#include "matrix/reach.hh"

namespace becaused::test {

inline Step tunnel() { return answered(attach, switching); }
inline Step busy_tunnel() {
    return in_turn(tunnel(), client_says("in"), upstream_says("out"), client_reads, upstream_reads);
}
inline Step after_client_fin() { return in_turn(busy_tunnel(), client_finishes, upstream_reads); }
inline Step after_upstream_fin() { return in_turn(busy_tunnel(), upstream_finishes, client_reads); }
// The one route class whose tunnels have a clock.
inline Step session_tunnel() { return answered(open_session, switching_h2c); }

inline std::string tunnel_records(const std::string& exchange_end, const std::string& client_end,
                                  const std::string& upstream_end) {
    return "exchange " + exchange_end + " status=101\nclient " + client_end + "\nupstream " +
           upstream_end + "\n";
}
inline const std::string tunnel_complete = "tunnel_complete by=nobody phase=done op=none";
inline std::string partner_of(const std::string& reason) {
    return "partner(" + reason + ") by=nobody phase=tunnel op=none";
}
// The client caused it: its connection says the same as the exchange.
inline std::string by_the_client(const std::string& end) {
    return tunnel_records(end, end, partner_of(end.substr(0, end.find(' '))));
}
inline std::string by_the_upstream(const std::string& end) {
    return tunnel_records(end, partner_of(end.substr(0, end.find(' '))), end);
}
inline std::string by_the_operator(const std::string& end) {
    const std::string partner = partner_of(end.substr(0, end.find(' ')));
    return tunnel_records(end, partner, partner);
}

inline std::vector<Cell> tunnel_endings() {
    const std::string both_fins = tunnel_records(tunnel_complete, tunnel_complete, tunnel_complete);
    const std::string client_rst =
        by_the_client("client_reset by=client phase=tunnel op=read errno=ECONNRESET");
    const std::string upstream_rst =
        by_the_upstream("upstream_reset by=upstream phase=tunnel op=read errno=ECONNRESET");
    const std::string shutdown = by_the_operator("shutdown by=operator phase=tunnel op=admin");
    const std::string drained =
        by_the_operator("drain_deadline by=operator phase=tunnel op=clock clock=drain/30000");
    const std::string aged =
        by_the_operator("max_age by=operator phase=tunnel op=clock clock=max_age/10000");
    const auto ten_seconds = [](RigOptions& options) {
        options.settings.clocks.set_all(ClockName::max_age, 10'000);
    };
    return {
        {"client FIN, upstream FIN", every, tunnel(), in_turn(client_finishes, upstream_finishes),
         both_fins, "101, FIN", "POST whole, FIN"},
        {"client FIN, upstream FIN, after bytes", every, busy_tunnel(),
         in_turn(client_finishes, upstream_finishes), both_fins, "101 'out', FIN",
         "POST whole 'in', FIN"},
        {"upstream FIN, client FIN, after bytes", every, busy_tunnel(),
         in_turn(upstream_finishes, client_finishes), both_fins, "101 'out', FIN",
         "POST whole 'in', FIN"},
        // A half-close is passed on as one: output goes on for hours.
        {"client FIN, and more output", every, busy_tunnel(),
         in_turn(client_finishes, pass(3'600'000), upstream_says("put")), both_fins,
         "101 'output', open", "POST whole 'in', FIN"},
        {"upstream FIN, and more input", every, busy_tunnel(),
         in_turn(upstream_finishes, client_says("put")), both_fins, "101 'out', FIN",
         "POST whole 'input', open"},
        {"client RST", tcp, tunnel(), client_resets, client_rst, "left", "POST whole, RST"},
        {"client RST after bytes", tcp, busy_tunnel(), client_resets, client_rst, "101 'out', left",
         "POST whole 'in', RST"},
        {"client closes with bytes unread", both, in_turn(busy_tunnel(), upstream_says("more")),
         client_resets, client_rst, "101 'out', left", "POST whole 'in', cut off"},
        {"upstream RST", tcp, tunnel(), upstream_resets, upstream_rst, "101, RST",
         "POST whole, left"},
        {"upstream RST after bytes", tcp, busy_tunnel(), upstream_resets, upstream_rst,
         "101 'out', RST", "POST whole 'in', left"},
        {"upstream closes with bytes unread", both, in_turn(busy_tunnel(), client_says("more")),
         upstream_resets, upstream_rst, "101 'out', cut off", "POST whole 'in', left"},
        {"stop twice", both, tunnel(), stop_twice, shutdown, "101, cut off", "POST whole, cut off"},
        {"stop twice after bytes", both, busy_tunnel(), stop_twice, shutdown, "101 'out', cut off",
         "POST whole 'in', cut off"},
        {"clock drain", both, busy_tunnel(), drain_rings(), drained, "101 'out', cut off",
         "POST whole 'in', cut off"},
        {"stop, and the tunnel ends well", both, in_turn(busy_tunnel(), stop),
         in_turn(client_finishes, upstream_finishes), both_fins, "101 'out', FIN",
         "POST whole 'in', FIN"},
        {"max_age", both, tunnel(), silence(10'000), aged, "101, cut off", "POST whole, cut off",
         ten_seconds},
        {"no clock rings in an hour of silence", both, busy_tunnel(),
         in_turn(pass(3'600'000), client_finishes, upstream_finishes), both_fins, "101 'out', FIN",
         "POST whole 'in', FIN"},
    };
}

inline std::vector<Cell> half_closed_tunnels() {
    const auto upstream_says_into_nothing = in_turn(client_leaves, upstream_says("more"));
    return {
        {"after client FIN: upstream RST", tcp, after_client_fin(), upstream_resets,
         by_the_upstream("upstream_reset by=upstream phase=tunnel op=read errno=ECONNRESET"),
         "101 'out', RST", "POST whole 'in', left"},
        // libuv tells nothing after an EOF: it is found by looking. The kernel calls a reset after a
        // FIN EPIPE.
        {"after client FIN: client RST", tcp, after_client_fin(),
         in_turn(client_resets, pass(1'100)),
         by_the_client("client_closed by=client phase=tunnel op=probe errno=EPIPE"),
         "101 'out', left", "POST whole 'in', FIN"},
        {"after client FIN: client closes", unix_sockets, after_client_fin(),
         in_turn(client_leaves, pass(1'100)),
         by_the_client("client_closed by=client phase=tunnel op=probe"), "101 'out', left",
         "POST whole 'in', FIN"},
        // TCP shows that a half-closed client is gone when there is something for it.
        {"after client FIN: client closes, found by looking", tcp, after_client_fin(),
         in_turn(upstream_says_into_nothing, pass(1'100)),
         by_the_client("client_closed by=client phase=tunnel op=probe errno=EPIPE"),
         "101 'out', left", "POST whole 'in', FIN"},
        {"after client FIN: client closes, found by a write", tcp, after_client_fin(),
         in_turn(upstream_says_into_nothing, upstream_says("and more")),
         by_the_client("client_closed by=client phase=tunnel op=write errno=EPIPE"),
         "101 'out', left", "POST whole 'in', FIN"},
        {"after client FIN: client closes, found by a write", unix_sockets, after_client_fin(),
         upstream_says_into_nothing,
         by_the_client("client_closed by=client phase=tunnel op=write errno=EPIPE"),
         "101 'out', left", "POST whole 'in', FIN"},
        {"after client FIN: stop twice", both, after_client_fin(), stop_twice,
         by_the_operator("shutdown by=operator phase=tunnel op=admin"), "101 'out', cut off",
         "POST whole 'in', FIN"},
        {"after client FIN: max_age", both, after_client_fin(), silence(10'000),
         by_the_operator("max_age by=operator phase=tunnel op=clock clock=max_age/10000"),
         "101 'out', cut off", "POST whole 'in', FIN",
         [](RigOptions& options) { options.settings.clocks.set_all(ClockName::max_age, 10'000); }},
        {"after upstream FIN: clock half_open", both, after_upstream_fin(), silence(60'000),
         by_the_client("client_stalled_sending by=client phase=tunnel op=clock "
                       "clock=half_open/60000"),
         "101 'out', FIN", "POST whole 'in', cut off"},
        {"after upstream FIN: client RST", tcp, after_upstream_fin(), client_resets,
         by_the_client("client_reset by=client phase=tunnel op=read errno=ECONNRESET"),
         "101 'out', left", "POST whole 'in', RST"},
        {"after upstream FIN: stop twice", both, after_upstream_fin(), stop_twice,
         by_the_operator("shutdown by=operator phase=tunnel op=admin"), "101 'out', FIN",
         "POST whole 'in', cut off"},
        {"after upstream FIN: clock drain", both, after_upstream_fin(), drain_rings(),
         by_the_operator("drain_deadline by=operator phase=tunnel op=clock clock=drain/30000"),
         "101 'out', FIN", "POST whole 'in', cut off"},
        // Its half was over and all of it is delivered: no broken tunnel.
        {"after upstream FIN: it takes no more input", both,
         in_turn(busy_tunnel(), upstream_leaves),
         in_turn(client_says("a"), client_says("b"), pass(1'100), client_finishes),
         "upstream tunnel_complete by=nobody phase=tunnel op=none\n"
         "exchange tunnel_complete by=nobody phase=done op=none status=101\n"
         "client tunnel_complete by=nobody phase=done op=none\n",
         "101 'out', FIN", "POST whole 'in', left"},
        // Our bytes meet its close: on TCP a reset follows its FIN, on unix sockets a write fails.
        {"the upstream's last output and close cross some input", both, busy_tunnel(),
         in_turn(
             [](Scene& scene) {
                 scene.client.send("late");  // its event comes first
                 scene.upstream.send("put");
                 scene.upstream.close();
                 scene.settle();
             },
             client_finishes),
         "upstream tunnel_complete by=nobody phase=tunnel op=none\n"
         "exchange tunnel_complete by=nobody phase=done op=none status=101\n"
         "client tunnel_complete by=nobody phase=done op=none\n",
         "101 'output', FIN", "POST whole 'in', left"},
        {"the upstream takes no more input, and says no more", unix_sockets,
         in_turn(busy_tunnel(), upstream_stops_reading, client_says("more")),
         in_turn(upstream_says("put"), silence(2'000)),
         by_the_upstream("upstream_closed by=upstream phase=tunnel op=write errno=EPIPE"),
         "101 'output', FIN", "POST whole 'in', FIN"},
        {"after upstream FIN: upstream RST", tcp, after_upstream_fin(),
         in_turn(upstream_resets, pass(1'100), client_finishes),
         "upstream tunnel_complete by=nobody phase=tunnel op=none\n"
         "exchange tunnel_complete by=nobody phase=done op=none status=101\n"
         "client tunnel_complete by=nobody phase=done op=none\n",
         "101 'out', FIN", "POST whole 'in', left"},
    };
}

inline std::vector<Cell> tunnel_clocks() {
    return {
        {"nobody speaks after the 101, whose answer the client owes", both, session_tunnel(),
         silence(60'000),
         by_the_client("client_stalled_sending by=client phase=tunnel op=clock "
                       "clock=tunnel/60000"),
         "101, cut off", "POST whole, cut off"},
        {"the client spoke last", both, in_turn(session_tunnel(), pass(1'000), client_says("in")),
         silence(60'000),
         by_the_upstream("upstream_stalled_sending by=upstream phase=tunnel op=clock "
                         "clock=tunnel/60000"),
         "101, cut off", "POST whole 'in', cut off"},
        {"the upstream spoke last", both,
         in_turn(session_tunnel(), client_says("in"), pass(1'000), upstream_says("out")),
         silence(60'000),
         by_the_client("client_stalled_sending by=client phase=tunnel op=clock "
                       "clock=tunnel/60000"),
         "101 'out', cut off", "POST whole 'in', cut off"},
        {"the client does not read", tcp, in_turn(session_tunnel(), upstream_fills_all_buffers),
         stalled(60'000),
         by_the_client("client_stalled_reading by=client phase=tunnel op=clock "
                       "clock=tunnel/60000"),
         "101 ..., RST", "POST whole, RST"},
        {"the upstream does not read", tcp,
         in_turn(client_connects, client_says(open_session), upstream_says(switching_h2c),
                 client_fills_all_buffers),
         stalled(60'000),
         by_the_upstream("upstream_stalled_reading by=upstream phase=tunnel op=clock "
                         "clock=tunnel/60000"),
         "101, RST", "POST whole ..., RST"},
    };
}

// Before the 101, and instead of it.
inline std::vector<Cell> refused_upgrades() {
    const std::string not_found = "HTTP/1.1 404 Not Found\r\nContent-Length: 2\r\n\r\nno";
    const std::string raw_stream =
        "HTTP/1.1 200 OK\r\nContent-Type: application/vnd.docker.raw-stream\r\n\r\n";
    const std::string client_goes = "client client_closed_idle by=nobody phase=keepalive op=none\n";
    const std::string both_fins = tunnel_records(tunnel_complete, tunnel_complete, tunnel_complete);
    return {
        {"client FIN before the 101", every, in_turn(asked(attach), client_finishes),
         in_turn(upstream_says(switching), upstream_says("out"), upstream_finishes), both_fins,
         "101 'out', FIN", "POST whole, FIN"},
        {"client RST before the 101", tcp, asked(attach), client_resets,
         "exchange client_reset by=client phase=first_byte op=read errno=ECONNRESET status=499\n"
         "client client_reset by=client phase=first_byte op=read errno=ECONNRESET\n"
         "upstream partner(client_reset) by=nobody phase=first_byte op=none\n",
         "left", "POST whole, RST"},
        {"client closes before the 101", unix_sockets, in_turn(asked(attach), client_finishes),
         in_turn(client_leaves, pass(1'100)),
         "exchange client_closed by=client phase=first_byte op=probe status=499\n"
         "client client_closed by=client phase=first_byte op=probe\n"
         "upstream partner(client_closed) by=nobody phase=first_byte op=none\n",
         "left", "POST whole, FIN"},
        {"no 101: clock first_byte", both, asked(attach), silence(30'000),
         "exchange upstream_silent by=upstream phase=first_byte op=clock clock=first_byte/30000 "
         "status=504\n"
         "upstream upstream_silent by=upstream phase=first_byte op=clock "
         "clock=first_byte/30000\n"
         "client partner(upstream_silent) by=nobody phase=first_byte op=none\n",
         "504 upstream_silent, FIN", "POST whole, cut off"},
        {"a 101 to another protocol", both, asked(attach), upstream_says(switching_h2c),
         "exchange upgrade_mismatch by=upstream phase=first_byte op=parse parser=guard@0 "
         "status=502\n"
         "upstream upgrade_mismatch by=upstream phase=first_byte op=parse parser=guard@0\n"
         "client partner(upgrade_mismatch) by=nobody phase=first_byte op=none\n",
         "502 upgrade_mismatch, FIN", "POST whole, cut off"},
        // Docker's CLI 20.10 takes `Connection: close` there for a broken answer.
        {"404", both, asked(attach), upstream_says(not_found),
         "exchange complete by=nobody phase=done op=none status=404\n" + client_goes +
             "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n",
         "404 whole, open", "POST whole, open"},
        {"404 after the client's FIN", both, in_turn(asked(attach), client_finishes),
         upstream_says(not_found),
         "exchange complete by=nobody phase=done op=none status=404\n"
         "client complete by=nobody phase=done op=none\n"
         "upstream upstream_closed_idle by=nobody phase=keepalive op=none\n",
         "404 whole, FIN", "POST whole, open"},
        {"nobody listens", tcp, client_connects, client_says(attach),
         "exchange upstream_refused by=upstream phase=connect op=connect errno=ECONNREFUSED "
         "status=502\n"
         "upstream upstream_refused by=upstream phase=connect op=connect errno=ECONNREFUSED\n"
         "client partner(upstream_refused) by=nobody phase=connect op=none\n",
         "502 upstream_refused, FIN", "none",
         [](RigOptions& options) {
             options.with_upstream = false;
             options.settings.connect_tries = 1;
         }},
        // attach may hijack though no upgrade was asked for.
        {"a raw stream without an upgrade", both,
         answered("POST /containers/x/attach?stream=1 HTTP/1.1\r\nHost: docker\r\n"
                  "Content-Length: 0\r\n\r\n",
                  raw_stream + "out"),
         in_turn(client_says("in"), client_finishes, upstream_finishes),
         "exchange tunnel_complete by=nobody phase=done op=none status=200\n"
         "client tunnel_complete by=nobody phase=done op=none\n"
         "upstream tunnel_complete by=nobody phase=done op=none\n",
         "200 unframed 'out', FIN", "POST whole, part of a head, FIN"},
        {"a raw stream without an upgrade: upstream RST", tcp,
         answered("POST /containers/x/attach?stream=1 HTTP/1.1\r\nHost: docker\r\n"
                  "Content-Length: 0\r\n\r\n",
                  raw_stream + "out"),
         upstream_resets,
         "exchange upstream_reset by=upstream phase=tunnel op=read errno=ECONNRESET status=200\n"
         "client partner(upstream_reset) by=nobody phase=tunnel op=none\n"
         "upstream upstream_reset by=upstream phase=tunnel op=read errno=ECONNRESET\n",
         "200 unframed 'out', RST", "POST whole, left"},
    };
}

}  // namespace becaused::test
