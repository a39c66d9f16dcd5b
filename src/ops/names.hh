// Where libc looks names up: hosts, users and groups. For the whole process; called once, before any is.
#pragma once

namespace becaused {

// In a static binary: in files and by DNS only, whatever /etc/nsswitch.conf says. Any other way is a shared
// library, made for the system's libc and not for the one inside. With shared libraries it changes nothing.
void settle_names();

}  // namespace becaused
