// Asynchronous name resolution for upstreams: getaddrinfo(3) on libuv's thread pool. One query at a time
// per Resolver, shared by all who ask meanwhile; answers are used until they are `fresh_ns` old.
#pragma once

#include <uv.h>

#include <string>
#include <vector>

#include "base/list.hh"
#include "ledger/entry.hh"
#include "net/loop.hh"

namespace becaused {

class ResolverWaiter : public ListNode {
  public:
    // `error`: 0, or libuv's code (EAI_*) and there are no addresses. Never called inside resolve().
    virtual void on_resolved(int error) = 0;

  protected:
    ~ResolverWaiter() = default;
};

class Resolver {
  public:
    static constexpr uint64_t fresh_ns = 5'000 * ns_per_ms;

    Resolver(Loop& loop, std::string host, uint16_t port);
    Resolver(const Resolver&) = delete;
    Resolver& operator=(const Resolver&) = delete;
    ~Resolver() { CHECK(!busy_); }

    // True when addresses() can be used now (a literal, or a fresh answer); else `waiter` is called
    // later, unless it unlinks itself.
    bool resolve(ResolverWaiter& waiter);
    const std::vector<Endpoint>& addresses() const { return addresses_; }
    // Lets a query that runs go; the loop must still turn until it is over.
    void cancel();

  private:
    static void resolved_cb(uv_getaddrinfo_t* request, int status, addrinfo* found) noexcept;
    void finish(int status, const addrinfo* found);

    Loop& loop_;
    std::string host_;
    uint16_t port_;
    bool literal_ = false;
    bool busy_ = false;
    uint64_t answered_ns_ = 0;
    uv_getaddrinfo_t request_{};
    std::vector<Endpoint> addresses_;
    List<ResolverWaiter> waiters_;
};

}  // namespace becaused
