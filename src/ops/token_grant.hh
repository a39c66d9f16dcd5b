// What somebody is granted, as flags of `becaused token` and as lines of an access file.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/status.hh"
#include "gate/identity.hh"
#include "ops/flags.hh"

namespace becaused {

// Reads --profile, --rate and --host, and the name from `name_flag`, which is needed.
Result<Identity> grant_from_flags(const Flags& flags, std::string_view command,
                                  std::string_view name_flag);

// A time of a flag ("2026-11-21T12:00:00Z"); `preset` where it is not given.
Result<int64_t> time_from_flag(const Flags& flags, std::string_view command, std::string_view flag,
                               int64_t preset);

// The lines name, hash, profile, rate, hosts and expires under [[table]].
std::string access_entry(std::string_view table, const Identity& identity, std::string_view hash);

}  // namespace becaused
