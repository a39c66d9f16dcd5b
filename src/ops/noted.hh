// What a process that does not answer had open, from the black boxes where it keeps its state: only read, not
// locked and not changed, so that whatever becomes of the process finds them as they were.
#pragma once

#include <string>
#include <vector>

#include "base/status.hh"
#include "ops/admin_ask.hh"

namespace becaused {

struct NotedLines {
    std::string lines;   // as for `GET /live`
    size_t damaged = 0;  // slots that cannot be believed, or were just being written
};

// Failed: there is no box, or it is none of a process of now.
Result<NotedLines> noted_lines(const std::string& box_path);
// "; 2 of its slots cannot be read"; empty where all can.
std::string unread_slots(size_t damaged);

// The boxes beside the address that operators ask at, or in the state directory that was given: one, or one
// for each worker. Empty: nobody knows where they would be, or there are none.
std::vector<std::string> boxes_of(const AdminPlace& place, const Address& address);

}  // namespace becaused
