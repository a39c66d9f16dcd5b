#include "ops/admin.hh"

#include <unistd.h>

#include <algorithm>

#include "net/address.hh"
#include "ops/admin_visit.hh"

namespace becaused {

namespace {

// Where it came to is known even of one that has gone.
Arrival arrival_of(int fd, Entrance& entrance) {
    sockaddr_storage address{};
    auto* const at = reinterpret_cast<sockaddr*>(&address);
    socklen_t length = sizeof address;
    address.ss_family = AF_UNIX;
    // One that was never passed (no descriptor was left) is libuv's to complain of.
    ignored(::getsockname(fd, at, &length), "then it is none");
    entrance.local = endpoint_of(at);
    Arrival arrival{fd, entrance.local, &entrance};
    length = sizeof address;
    if (::getpeername(fd, at, &length) == 0) arrival.peer = endpoint_of(at);
    return arrival;
}

}  // namespace

Admin::~Admin() { CHECK(visits_.empty()); }

Status Admin::open(const ListenAddress& address) {
    constexpr uint32_t backlog = 16;
    if (address.kind == Address::Kind::unix)
        return listener_.open_unix(address.path, address.mode, address.group, backlog,
                                   address.text);
    const std::string& host = address.host == "localhost" ? "127.0.0.1" : address.host;
    return listener_.open_tcp(parse_literal(host, address.port), backlog, SocketOptions(),
                              address.text);
}

void Admin::close() {
    closed_ = true;
    listener_.close();
    for (const auto& visit : visits_)
        visit->cut(Ending::clean(Reason::shutdown_idle, Phase::keepalive));
}

void Admin::on_accept(Listener& listener, int fd, const Endpoint& peer, int error) {
    admit({fd, peer, &listener.entrance()}, error, true);
}

void Admin::take(int fd, bool room) {
    if (closed_) {
        ignored(::close(fd), "nobody answers any more");
        return;
    }
    admit(arrival_of(fd, handed_over_), 0, room);
}

void Admin::admit(Arrival arrival, int error, bool room) {
    arrival.side = Side::operator_;
    const Ending full =
        Ending::decided(Reason::accept_limit, Phase::accept, Op::accept, 0).with_limit(most_visits);
    if (error != 0)
        return drop(arrival,
                    Ending::decided(Reason::fd_exhausted, Phase::accept, Op::accept, error));
    if (visits_.size() >= most_visits + most_told) return drop(arrival, full);
    room = room && visits_.size() < most_visits;
    visits_.push_back(std::make_unique<AdminVisit>(*this));
    AdminVisit& visit = *visits_.back();
    int open_error = 0;
    Conn* conn = Conn::accepted(loop_, ledger_, arrival, SocketOptions(), visit.sink(), open_error);
    visit.begin(conn);
    if (conn != nullptr && !room) visit.turn_away(full);
}

void Admin::drop(const Arrival& arrival, const Ending& ending) {
    int error = 0;
    Conn* conn = Conn::accepted(loop_, ledger_, arrival, SocketOptions(), nullptr, error);
    if (conn != nullptr) conn->end(ending, Conn::Close::reset);
}

void Admin::visit_gone(AdminVisit& visit) {
    std::erase_if(visits_, [&](const auto& each) { return each.get() == &visit; });
}

}  // namespace becaused
