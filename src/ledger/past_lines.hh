// What a process that does not answer had open by its black box, as lines like those that it would have
// given itself (ledger/open_line.hh). Pure: values in, text out.
#pragma once

#include <cstdint>
#include <string>

#include "ledger/last_life.hh"

namespace becaused {

// `now_ns`: of the monotonic clock of that process's boot.
void append_past_lines(std::string& out, const LastLife& last, uint64_t now_ns, uint64_t wall_ns);

}  // namespace becaused
