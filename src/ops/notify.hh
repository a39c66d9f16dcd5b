// What whoever started us as a service wants to hear (sd_notify(3), Type=notify of systemd.service(5)): that we
// are ready, that we stop, and that we still turn. A datagram each; without NOTIFY_SOCKET nothing is said.
#pragma once

#include <cstdint>
#include <string_view>

namespace becaused {

// "READY=1". False: nobody listens, or it was not taken; nobody waits for it.
bool notify(std::string_view state);
// How often it wants to hear "WATCHDOG=1" from this process at the latest, in ms; 0: not at all.
uint64_t notify_watchdog_ms();

}  // namespace becaused
