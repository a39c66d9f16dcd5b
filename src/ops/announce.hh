// What `becaused run` says on standard error of itself: once, whether it is one process or several. Whoever
// started it as a service hears of its beginning and its end, too (ops/notify.hh).
#pragma once

#include <vector>

#include "ops/totals.hh"
#include "proxy/settings.hh"

namespace becaused {

// "becaused: " before it and a newline after it.
void say(std::string_view text);

// Each address with its endpoint, as it was bound.
void say_ready(const std::vector<Endpoint>& ports, const Settings& settings);
// Of ports of the network's where nobody has to show who they are.
void warn_of_open_ports(const std::vector<Endpoint>& ports, const Settings& settings);
// Where operators ask, if that is a port.
void say_admin(const Endpoint& port);
// That a unix socket's path stays, for this negative errno.
void say_left(const std::string& path, int error);
void say_stopping(int signal, bool again);
// `why`: also how many requests ended for which reason.
void say_bye(const Totals& totals, bool why);
void say_exported(const Totals& totals);

}  // namespace becaused
