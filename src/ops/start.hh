// What must be true of the machine before `run` begins: said in one clear line now, instead of by
// the first client later. Whether a port is free is seen when it is bound.
#pragma once

#include "base/status.hh"
#include "proxy/settings.hh"

namespace becaused {

// Looks at the upstream's socket, the records file (which it creates) and the sockets' groups.
Status check_start(const Settings& settings);

// Lets this process have as many files open as its clients may need, as far as it may itself: shells and
// service managers give 1024 to programs that do not ask for more.
void raise_descriptor_limit(const Settings& settings);

// Becomes the setting's user, if there is one. What that user could not make itself is made for it before:
// the state's directory, the records' file. Fails if it could not serve: who it is must reach the upstream.
Status become_user(const Settings& settings);

}  // namespace becaused
