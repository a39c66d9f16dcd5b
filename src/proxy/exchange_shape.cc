// Bytes per second: a side whose identity has had its share is not read for a while. Nobody is to blame
// for that silence, so no clock runs over it.
#include <algorithm>

#include "proxy/exchange.hh"
#include "proxy/house.hh"
#include "proxy/session.hh"

namespace becaused {

// `bytes` of the client's (`up`) or the upstream's went on.
void Exchange::shape(bool up, uint64_t bytes) {
    const uint64_t now_ns = house_.loop().now_ns();
    const uint64_t wait_ns = house_.limits().charge(holding_, up, bytes, now_ns);
    Conn* source = up ? &client() : upstream_;
    if (wait_ns == 0 || source == nullptr) return;
    source->pause(Conn::Pause::shaped);
    (up ? up_shaped_ns_ : down_shaped_ns_) = now_ns + wait_ns;
    session_->rearm();
}

uint64_t Exchange::shape_due() const {
    const uint64_t up = up_shaped_ns_ == 0 ? UINT64_MAX : up_shaped_ns_;
    return std::min(up, down_shaped_ns_ == 0 ? UINT64_MAX : down_shaped_ns_);
}

// Reads on where the time has come (`now_ns` UINT64_MAX: everywhere).
void Exchange::shape_on(uint64_t now_ns) {
    const auto over = [now_ns](uint64_t& until_ns) {
        if (until_ns == 0 || now_ns < until_ns) return false;
        until_ns = 0;
        return true;
    };
    const uint64_t stamp_ns = house_.loop().now_ns();
    if (over(up_shaped_ns_)) {
        up_stamp_ns_ = stamp_ns;
        client().resume(Conn::Pause::shaped);
    }
    if (over(down_shaped_ns_) && upstream_ != nullptr) {
        down_stamp_ns_ = stamp_ns;
        upstream_->resume(Conn::Pause::shaped);
    }
}

}  // namespace becaused
