// What all sessions share, wired together: loop, ledger, settings, gate, upstream, the scratch of heads;
// the listeners; the limits; and the way everything stops. One per process.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "gate/gate.hh"
#include "gate/learner.hh"
#include "gate/owned.hh"
#include "http/parser.hh"
#include "net/address.hh"
#include "net/listener.hh"
#include "net/loop.hh"
#include "net/tls_store.hh"
#include "proxy/access.hh"
#include "proxy/exchange.hh"
#include "proxy/limits.hh"
#include "proxy/session.hh"
#include "proxy/settings.hh"
#include "proxy/upstream.hh"

namespace becaused {

// Failed: it is a name.
Result<Endpoint> place_of(const ListenAddress& address);

class House final : public ListenerSink, private WheelNode {
  public:
    House(Loop& loop, Ledger& ledger, const Settings& settings);
    House(const House&) = delete;
    House& operator=(const House&) = delete;
    ~House();

    // Opens every listener of the settings. Names of listen addresses must be literals. `bound`: sockets
    // that another process has bound to them, in the order of the settings; empty: there are none.
    Status open(const std::vector<int>& bound = {});
    // From here on everybody must show who they are; also new rules in place of old ones. Failed: the
    // policy lacks the settings' profile, and nothing has changed.
    Status guard(AuthSettings access, Policy policy);
    // Where it listens, in the order of the settings, with chosen ports.
    std::vector<Endpoint> listening() const;

    // The unix sockets of which the paths stay, and the negative errno; known once it has stopped.
    struct LeftSocket {
        const ListenAddress* address;
        int error;
    };
    std::vector<LeftSocket> left_sockets() const;

    // Stops accepting; idle connections close, exchanges finish within the drain clock and are cut
    // then. A second call cuts at once. The loop ends by itself once everything is closed.
    void stop();
    // Reads the TLS files again. Failed: says which, and the old ones stay in use.
    Status reload();
    bool has_tls() const {
        return tls_ != nullptr || upstream_tls_ != nullptr || settings_.auth_service.tls;
    }
    // Told of files that were read again because they had changed.
    void on_tls_files(void (*report)(const Status& status)) { tls_report_ = report; }
    // Told once it has stopped and everything of it is closed, or closing.
    void on_closed(void (*callback)(void*), void* context) {
        closed_callback_ = callback;
        closed_context_ = context;
    }
    bool stopping() const { return stops_ > 0; }
    // Something was cut at the stop.
    bool cut_at_stop() const { return cut_; }

    // For sessions and exchanges.
    Loop& loop() { return loop_; }
    Ledger& ledger() { return ledger_; }
    const Settings& settings() const { return settings_; }
    // Until the next guard(): verdicts that are kept look for their profile again.
    const Gate& gate() const { return *gate_; }
    const Tellings& tellings() const { return tellings_; }
    Access& access() { return access_; }
    bool guarded() const { return guarded_; }
    // Changes with each guard(); never 0.
    uint32_t access_generation() const { return access_generation_; }
    Limits& limits() { return limits_; }
    Owned& owned() { return owned_; }
    // Null: nothing is to be learnt.
    Learner* learner() { return learner_.get(); }
    // What this address does too often by one more connection (in words); null: it may.
    const char* too_often(const Endpoint& peer, bool tls);
    // Fields of requests that the upstream does not get, in lower case.
    const std::vector<std::string>& withheld() const { return withheld_; }
    // Bodies that are held to be judged grew (or shrank) by so many bytes. False: no room for them.
    bool hold(int64_t change_bytes);
    // The same of heads that came in pieces.
    bool hold_heads(int64_t change_bytes);
    Upstream& upstream() { return upstream_; }
    HeadParser& parser() { return parser_; }
    RequestHead& request_head() { return request_head_; }
    ResponseHead& response_head() { return response_head_; }
    std::string& scratch() { return scratch_; }
    std::string& id_scratch() { return id_scratch_; }
    std::string& trace_scratch() { return trace_scratch_; }
    std::string& api_version() { return api_version_; }
    Exchange& take_exchange();
    void give_back(Exchange& exchange);
    void session_gone(Session& session);
    // A traceparent for a request that has none, into `out` (replaced).
    void make_traceparent(std::string& out);

    // A TLS handshake begins (1) or is over (-1).
    void count_handshake(int change) { handshakes_ += change; }
    bool many_handshakes() const {
        return handshakes_ >= static_cast<int>(settings_.max_handshakes);
    }

    size_t session_count() const { return session_count_; }
    uint32_t connection_limit() const { return connection_limit_; }

  private:
    void on_accept(Listener& listener, int fd, const Endpoint& peer, int error) override;
    void on_ring() override;
    template <typename Visit>
    void each_session(Visit visit);
    Status open(Listener& listener, const ListenAddress& address);
    const ListenAddress& settings_of(const Listener& listener) const;
    TlsContext* fresh_tls();
    bool may_send_proxy_header(const Endpoint& peer) const;
    void turn_away(const Arrival& arrival, const Ending& ending);
    void cut_all(const Ending& ending);
    void close_when_empty();

    Loop& loop_;
    Ledger& ledger_;
    const Settings& settings_;
    std::unique_ptr<const Gate> gate_;
    Access access_;
    Limits limits_;
    Owned owned_{4096};
    std::unique_ptr<Learner> learner_;
    std::vector<std::string> withheld_;
    int64_t held_bytes_ = 0;
    int64_t head_bytes_ = 0;
    uint32_t access_generation_ = 1;
    bool guarded_ = false;
    Tellings tellings_;
    std::unique_ptr<TlsStore> tls_;           // null: every listener is plain
    std::unique_ptr<TlsStore> upstream_tls_;  // null: a plain upstream
    Upstream upstream_;
    HeadParser parser_;
    RequestHead request_head_;
    ResponseHead response_head_;
    // Reused from message to message, each for one call: heads, ids and sentences, trace parents.
    std::string scratch_;
    std::string id_scratch_;
    std::string trace_scratch_;
    std::string api_version_;
    std::vector<std::unique_ptr<Listener>> listeners_;  // in the order of the settings
    List<SessionNode> sessions_;                        // all of them Sessions
    std::vector<Network> proxy_from_;
    size_t session_count_ = 0;
    int handshakes_ = 0;
    uint32_t connection_limit_ = 0;
    std::vector<std::unique_ptr<Exchange>> spare_exchanges_;
    uint64_t random_ = 0;
    void (*tls_report_)(const Status&) = nullptr;
    void (*closed_callback_)(void*) = nullptr;
    void* closed_context_ = nullptr;
    int stops_ = 0;
    bool cut_ = false;
    bool closed_ = false;
};

}  // namespace becaused
