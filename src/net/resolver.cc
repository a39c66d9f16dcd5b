#include "net/resolver.hh"

#include <netdb.h>

#include "base/status.hh"
#include "net/address.hh"

namespace becaused {

Resolver::Resolver(Loop& loop, std::string host, uint16_t port)
    : loop_(loop), host_(std::move(host)), port_(port) {
    const Endpoint literal = parse_literal(host_, port_);
    literal_ = literal.kind != Endpoint::Kind::none;
    if (literal_) addresses_.push_back(literal);
    request_.data = this;
}

bool Resolver::resolve(ResolverWaiter& waiter) {
    if (literal_) return true;
    if (!addresses_.empty() && loop_.now_ns() - answered_ns_ < fresh_ns) return true;
    waiters_.push_back(waiter);
    if (busy_) return false;
    addrinfo hints{};
    hints.ai_socktype = SOCK_STREAM;
    hints.ai_flags = AI_ADDRCONFIG;
    const int error =
        ::uv_getaddrinfo(loop_.uv(), &request_, resolved_cb, host_.c_str(), nullptr, &hints);
    // Only for want of memory. The waiter's own clock (connect) rings for it.
    if (error != 0) return false;
    busy_ = true;
    return false;
}

void Resolver::cancel() {
    if (busy_)
        ignored(::uv_cancel(reinterpret_cast<uv_req_t*>(&request_)), "it ends by itself then");
}

void Resolver::resolved_cb(uv_getaddrinfo_t* request, int status, addrinfo* found) noexcept {
    static_cast<Resolver*>(request->data)->finish(status, found);
    ::uv_freeaddrinfo(found);
}

void Resolver::finish(int status, const addrinfo* found) {
    busy_ = false;
    addresses_.clear();
    for (const addrinfo* info = found; status == 0 && info != nullptr; info = info->ai_next) {
        Endpoint endpoint = endpoint_of(info->ai_addr);
        endpoint.port = port_;
        if (endpoint.kind != Endpoint::Kind::none) addresses_.push_back(endpoint);
    }
    if (status == 0 && addresses_.empty()) status = UV_EAI_NONAME;
    // It needs neither a file nor a server (RFC 6761 §6.3), and in an empty root there is none.
    if (status != 0 && (host_ == "localhost" || host_ == "localhost.")) {
        addresses_ = {parse_literal("127.0.0.1", port_), parse_literal("::1", port_)};
        status = 0;
    }
    answered_ns_ = loop_.now_ns();
    List<ResolverWaiter> waiters;
    waiters.splice(waiters_);
    while (ResolverWaiter* waiter = waiters.front()) {
        waiter->unlink();
        waiter->on_resolved(status);
    }
}

}  // namespace becaused
