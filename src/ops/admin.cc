#include "ops/admin.hh"

#include <unistd.h>

#include <algorithm>

#include "net/address.hh"
#include "ops/admin_visit.hh"

namespace becaused {

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
    admit({fd, peer, &listener.entrance()}, error);
}

void Admin::take(int fd) {
    if (closed_) {
        ignored(::close(fd), "nobody answers any more");
        return;
    }
    static constexpr Entrance handed_over{{Endpoint::Kind::unix}, {}};
    admit({fd, handed_over.local, &handed_over}, 0);
}

void Admin::admit(Arrival arrival, int error) {
    arrival.side = Side::operator_;
    int open_error = 0;
    if (error != 0 || visits_.size() == most_visits) {
        Conn* conn = Conn::accepted(loop_, ledger_, arrival, SocketOptions(), nullptr, open_error);
        if (conn == nullptr) return;
        conn->end(error != 0
                      ? Ending::decided(Reason::fd_exhausted, Phase::accept, Op::accept, error)
                      : Ending::decided(Reason::accept_limit, Phase::accept, Op::accept, 0)
                            .with_limit(most_visits),
                  Conn::Close::reset);
        return;
    }
    visits_.push_back(std::make_unique<AdminVisit>(*this));
    AdminVisit& visit = *visits_.back();
    visit.begin(Conn::accepted(loop_, ledger_, arrival, SocketOptions(), visit.sink(), open_error));
}

void Admin::visit_gone(AdminVisit& visit) {
    std::erase_if(visits_, [&](const auto& each) { return each.get() == &visit; });
}

}  // namespace becaused
