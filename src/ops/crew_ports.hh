// Where all workers of a crew listen: bound once, by their parent. Of each TCP address every worker has a
// socket of its own (SO_REUSEPORT, socket(7)), among which the kernel spreads the connections; a unix
// socket they share. The parent keeps them too, so that what waits to be accepted outlives a worker.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/status.hh"
#include "net/bind.hh"
#include "proxy/settings.hh"

namespace becaused {

class CrewPorts {
  public:
    CrewPorts() = default;
    CrewPorts(const CrewPorts&) = delete;
    CrewPorts& operator=(const CrewPorts&) = delete;
    ~CrewPorts() { close(); }

    // Failed: nothing is open.
    Status open(const Settings& settings, uint32_t workers);
    // Of one worker, from 0 on, in the order of the settings.
    std::vector<int> of(uint32_t worker) const;
    // In another process: keeps only that worker's own, which are its business from here on; -1: nothing.
    void leave(int worker = -1);
    // Nobody who comes now is heard. Removes the unix sockets' files.
    void close();
    // As they were bound, in the order of the settings.
    const std::vector<Endpoint>& endpoints() const { return endpoints_; }

  private:
    struct Port {
        std::vector<int> fds;  // one for each worker, or one for all of them
        std::string path;      // unix
        uint64_t inode = 0;
    };
    Status open_tcp(Port& port, const ListenAddress& address, const Settings& settings,
                    uint32_t workers);

    std::vector<Port> ports_;
    std::vector<Endpoint> endpoints_;
    std::vector<std::string> paths_;  // of endpoints_
};

}  // namespace becaused
