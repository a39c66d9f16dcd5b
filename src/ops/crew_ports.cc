#include "ops/crew_ports.hh"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "net/address.hh"
#include "ops/announce.hh"
#include "ops/phrase.hh"
#include "proxy/house.hh"

namespace becaused {

namespace {

Status listen_on(int fd, const Settings& settings, const ListenAddress& address) {
    if (::listen(fd, static_cast<int>(settings.backlog)) == 0) return Status::fine();
    const char* what = errno == EADDRINUSE ? "another process listens there" : "listen";
    return Status::failed(phrase("listen: ", address.text, ": ", what, ": ", std::strerror(errno)));
}

Endpoint local_of(int fd) {
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    if (::getsockname(fd, reinterpret_cast<sockaddr*>(&bound), &length) != 0) return {};
    return endpoint_of(reinterpret_cast<sockaddr*>(&bound));
}

}  // namespace

Status CrewPorts::open(const Settings& settings, uint32_t workers) {
    paths_.reserve(settings.listen.size());
    for (const ListenAddress& address : settings.listen) {
        Port& port = ports_.emplace_back();
        Status status = Status::fine();
        if (address.kind == Address::Kind::unix) {
            Result<UnixPlace> place =
                bind_unix(address.path, address.mode, address.group, address.text);
            status = place.status();
            if (place.ok()) {
                port = {{place.value().fd}, address.path, place.value().inode};
                status = listen_on(place.value().fd, settings, address);
            }
        } else {
            status = open_tcp(port, address, settings, workers);
        }
        if (!status.ok()) {
            close();
            return status;
        }
        endpoints_.push_back(local_of(port.fds.front()));
        if (address.kind != Address::Kind::unix) continue;
        paths_.push_back(address.path);
        endpoints_.back().path = &paths_.back();
    }
    return Status::fine();
}

// The first one listens before it says that others may: whoever else has the port, or wants it, of
// whatever mind, hears that it is taken. The others join it.
Status CrewPorts::open_tcp(Port& port, const ListenAddress& address, const Settings& settings,
                           uint32_t workers) {
    Result<Endpoint> at = place_of(address);
    if (!at.ok()) return at.status();
    const SocketOptions options{settings.tcp_keepalive_s, settings.tcp_user_timeout_s};
    for (uint32_t worker = 0; worker < workers; ++worker) {
        const bool first = worker == 0;
        Result<int> fd = bind_tcp(at.value(), options, !first, address.text);
        if (!fd.ok()) return fd.status();
        port.fds.push_back(fd.value());
        if (Status status = listen_on(fd.value(), settings, address); !status.ok()) return status;
        if (!first) continue;
        at.value().port = local_of(fd.value()).port;
        const int on = 1;
        if (::setsockopt(fd.value(), SOL_SOCKET, SO_REUSEPORT, &on, sizeof on) != 0)
            return Status::failed(phrase("listen: ", address.text,
                                         ": cannot be shared by workers: ", std::strerror(errno)));
    }
    return Status::fine();
}

std::vector<int> CrewPorts::of(uint32_t worker) const {
    std::vector<int> fds;
    for (const Port& port : ports_)
        fds.push_back(port.fds.size() == 1 ? port.fds[0] : port.fds.at(worker));
    return fds;
}

void CrewPorts::leave(int worker) {
    const std::vector<int> own =
        worker < 0 ? std::vector<int>() : of(static_cast<uint32_t>(worker));
    for (const Port& port : ports_)
        for (const int fd : port.fds)
            if (std::ranges::find(own, fd) == own.end()) ignored(::close(fd), "the others have it");
    ports_.clear();
}

void CrewPorts::close() {
    for (const Port& port : ports_) {
        for (const int fd : port.fds) {
            // For all who have it, at once: the workers are yet to hear that they stop.
            ignored(::shutdown(fd, SHUT_RDWR), "one that does not listen yet");
            ignored(::close(fd), "nobody comes any more");
        }
        if (port.path.empty()) continue;
        if (const int error = unlink_unix(port.path, port.inode); error != 0)
            say_left(port.path, error);
    }
    ports_.clear();
}

}  // namespace becaused
