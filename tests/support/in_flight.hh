// What the kernel still has under way between the TCP sockets of this process. Loopback mostly delivers
// inside the sender's system call, but not always: pacing (BBR), delayed acknowledgements, lost SYNs and
// a busy machine's ksoftirqd all take real time, of which a frozen clock knows nothing. Who moves
// such a clock, or is about to act on what it has not heard, asks here first.
//
// Both ends of each connection must be sockets of this process, or closed. Unix sockets always deliver
// at once and are not looked at. Owns nothing.
#pragma once

#include <string>

namespace becaused::test {

// The first thing under way that will still arrive by itself, in words; empty: there is nothing. What waits
// behind bytes that a reader leaves in its socket is not under way.
std::string in_flight();
// Is anything of this connection, in whichever direction, not yet in its reader's socket?
bool undelivered(int fd);
// Is the other end of this connection still a socket of this process? Yes for unix sockets, which hear of
// their ends at once.
bool other_end_is_open(int fd);

}  // namespace becaused::test
