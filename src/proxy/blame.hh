// What a fault of a socket ends, by whose socket it was. Pure.
#pragma once

#include "net/conn.hh"

namespace becaused {

inline Ending ending_of(Side side, const Fault& fault, Phase phase) {
    const bool client = side == Side::client;
    const auto by_io = [&](Reason of_client, Reason of_upstream) {
        return Ending::by_io(client ? of_client : of_upstream, phase, fault.op, fault.error);
    };
    switch (fault.what) {
        case Fault::What::closed: return by_io(Reason::client_closed, Reason::upstream_closed);
        case Fault::What::reset: return by_io(Reason::client_reset, Reason::upstream_reset);
        case Fault::What::unreachable:
            return by_io(Reason::client_unreachable, Reason::upstream_unreachable_live);
        case Fault::What::proxy_malformed:
            return Ending::malformed(Reason::client_proxy_malformed, phase, fault.detail, "guard",
                                     0);
        case Fault::What::tls_truncated:
            return by_io(Reason::client_tls_truncated, Reason::upstream_closed);
        case Fault::What::tls_failed:
            return Ending::refused(client ? Reason::client_tls_failed : Reason::upstream_tls_failed,
                                   phase, fault.op, fault.detail);
        case Fault::What::failed: break;
    }
    return Ending::internal(phase, fault.op, fault.error,
                            *fault.detail != '\0' ? fault.detail : "a socket of its own failed");
}

}  // namespace becaused
