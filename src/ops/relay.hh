// An operator's question to all workers at once (ops/admin.hh): a list is put together from all of theirs,
// anything else goes to each until one knows of it. Blocking, with bounded patience: for a process of its
// own that ends with the answer.
#pragma once

#include <vector>

namespace becaused {

// `conn`: the operator's connection; `tcp`: it came from a port. `channels`: the workers', who get each
// question over a connection of its own (ops/orders.hh).
void relay_question(int conn, bool tcp, const std::vector<int>& channels);

}  // namespace becaused
