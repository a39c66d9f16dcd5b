// An operator's question to all workers at once (ops/admin.hh): a list is put together from all of theirs,
// anything else goes to each until one knows of it. Of a worker that does not answer its black box is read. Blocking, with bounded patience: for a process of its
// own that ends with the answer.
#pragma once

#include <string>
#include <vector>

namespace becaused {

// A worker: it gets each question over a connection of its own (ops/orders.hh).
struct Colleague {
    int channel;
    bool serves;      // it is ready, and has not been found hanging
    std::string box;  // where it notes what is open; empty: nowhere
};

// `conn`: the operator's connection; `tcp`: it came from a port.
void relay_question(int conn, bool tcp, const std::vector<Colleague>& workers);

}  // namespace becaused
