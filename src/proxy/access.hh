// Who asks: the gate's Authenticator on the loop. Runs its password checks on worker threads, asks the
// authorisation service, and tells those who wait. Owns every check from its start to its end; the
// house owns this.
#pragma once

#include <memory>
#include <unordered_map>

#include "gate/auth.hh"
#include "net/loop.hh"
#include "net/tls_peer.hh"
#include "proxy/service.hh"

namespace becaused {

class AccessSink {
  public:
    // The answer to a judge() that said `work`: pass or refused.
    virtual void on_identified(const Judgement& judgement) = 0;
    // The exchange that waits for it.
    virtual EntryId asker() const = 0;

  protected:
    ~AccessSink() = default;
};

class Access final : private ServiceSink {
  public:
    Access(Loop& loop, Ledger& ledger, const Settings& settings, AuthSettings rules);
    Access(const Access&) = delete;
    Access& operator=(const Access&) = delete;
    ~Access() { CHECK(waiting_.empty()); }

    void replace(AuthSettings rules);
    // Null: nobody else is asked.
    Service* service() { return service_.get(); }

    // `work`: `sink` is told later, never from inside, unless the ticket is abandoned.
    Judgement judge(const RequestHead& head, const Asker& asker, AccessSink& sink);
    // `why`: for the record of a connection that was asking.
    void abandon(uint64_t ticket, const Ending& why);
    IdentityRef certificate(PeerCertificate shown) const;

  private:
    class Check;

    Moment now();
    Judgement ask_service(const RequestHead& head, const Asker& asker, AccessSink& sink);
    void on_answer(uint64_t ticket, const ServiceAnswer& answer) override;
    void begin_checks();
    void finish(PasswordJob& job);

    // Tickets of questions to the service, among those of passwords.
    static constexpr uint64_t service_bit = uint64_t{1} << 63U;
    struct Waiting {
        AccessSink* sink;
        Endpoint address;
    };

    Loop& loop_;
    std::string field_;  // of credentials
    Authenticator authenticator_;
    std::unique_ptr<Service> service_;
    std::unordered_map<uint64_t, Waiting> waiting_;
};

}  // namespace becaused
