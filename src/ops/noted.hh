// What a process that does not answer had open, from the black boxes where it keeps its state: only read, not
// locked and not changed, so that whatever becomes of the process finds them as they were.
#pragma once

#include <string>
#include <vector>

#include "base/status.hh"
#include "ops/admin_ask.hh"

namespace becaused {

// Lines as for `GET /live`. Failed: there is no box, or it is none of a process of now.
Result<std::string> noted_lines(const std::string& box_path);

// The boxes beside the address that operators ask at, or in the state directory that was given: one, or one
// for each worker. Empty: nobody knows where they would be, or there are none.
std::vector<std::string> boxes_of(const AdminPlace& place, const Address& address);

}  // namespace becaused
