// Which reason a fault of a socket is, by whose socket it was. Pure.
#pragma once

#include "net/conn.hh"

namespace becaused {

inline Reason client_reason(Fault::What what) {
    switch (what) {
        case Fault::What::closed: return Reason::client_closed;
        case Fault::What::reset: return Reason::client_reset;
        case Fault::What::unreachable: return Reason::client_unreachable;
        case Fault::What::failed: break;
    }
    return Reason::internal;
}

inline Reason upstream_reason(Fault::What what) {
    switch (what) {
        case Fault::What::closed: return Reason::upstream_closed;
        case Fault::What::reset: return Reason::upstream_reset;
        case Fault::What::unreachable: return Reason::upstream_unreachable_live;
        case Fault::What::failed: break;
    }
    return Reason::internal;
}

}  // namespace becaused
