// May this query go to its route? Reads it as Go's net/url does, where two readings are possible it
// refuses. Pure; allocates nothing, except for `outputs`, which is JSON.
#pragma once

#include <string_view>

#include "gate/profile.hh"

namespace becaused {

// `row`: null for a path that a profile allows and the table does not name; then its keys are free, as
// they are for profiles that judge no content.
Refusal judge_query(const RouteRow* row, std::string_view query, const Profile& profile);

}  // namespace becaused
