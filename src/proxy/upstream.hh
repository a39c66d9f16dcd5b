// The upstream as one place: its address and its idle connections. The pool is bounded, hands out the
// most recently used connection first, and ends what idles too long, what the upstream closes, and what
// speaks unasked. Owns the idle Conns' sink role; a connection in use belongs to its exchange.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "net/conn.hh"
#include "net/resolver.hh"
#include "net/tls_store.hh"
#include "proxy/settings.hh"

namespace becaused {

class Upstream final : private ConnSink, private WheelNode {
  public:
    // `tls`: null for a plain upstream.
    Upstream(Loop& loop, const Settings& settings, const TlsStore* tls);
    Upstream(const Upstream&) = delete;
    Upstream& operator=(const Upstream&) = delete;
    ~Upstream() { CHECK(idle_.empty()); }

    // An idle connection, or null. `look`: make sure with a system call that it is still good (for
    // requests that cannot be sent twice).
    Conn* take(bool look);
    // A connection whose answer is complete and which may carry another request.
    void give_back(Conn& conn);
    // Ends the idle ones (shutdown); nothing is kept from here on.
    void close();

    // Null for unix sockets.
    Resolver* resolver() { return resolver_.get(); }
    const Endpoint& unix_endpoint() const { return unix_endpoint_; }
    bool is_unix() const { return resolver_ == nullptr; }
    // Host for requests that have none (HTTP/1.0).
    const std::string& host() const { return host_; }
    TlsContext* tls() const { return tls_ == nullptr ? nullptr : tls_->current(); }
    size_t idle_count() const { return idle_.size(); }

  private:
    struct Idle {
        Conn* conn;
        uint64_t since_ns;
    };
    // An idle connection unused for this long is looked at before it is used again.
    static constexpr uint64_t look_after_ns = 1'000 * ns_per_ms;

    void remove(Conn& conn);
    void spoke_unasked(Conn& conn);
    void on_connected(Conn&) override { CHECK(false && "an idle connection is connected"); }
    void on_bytes(Conn& conn, const Slice& bytes) override;
    void on_finish(Conn& conn) override;
    void on_fault(Conn& conn, const Fault& fault) override;
    void on_room(Conn&) override {}
    void on_gone(Conn&) override {}
    void describe(const Conn& conn, Standing& standing) const override;
    bool end_open(Conn& conn, const Ending& ending) override;
    void on_ring() override;

    Loop& loop_;
    const Settings& settings_;
    const TlsStore* tls_;
    std::unique_ptr<Resolver> resolver_;
    std::string path_;
    std::string host_;
    Endpoint unix_endpoint_;
    bool closed_ = false;
    std::vector<Idle> idle_;  // oldest first
};

}  // namespace becaused
