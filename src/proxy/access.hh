// Who asks: the gate's Authenticator on the loop. Runs its password checks on worker threads and tells
// those who wait. Owns every check from its start to its end; the house owns this.
#pragma once

#include <memory>
#include <unordered_map>

#include "gate/auth.hh"
#include "net/loop.hh"
#include "net/tls_peer.hh"

namespace becaused {

class AccessSink {
  public:
    // The answer to a judge() that said `work`: pass or refused.
    virtual void on_identified(const Judgement& judgement) = 0;

  protected:
    ~AccessSink() = default;
};

class Access {
  public:
    Access(Loop& loop, AuthSettings settings) : loop_(loop), authenticator_(std::move(settings)) {}
    Access(const Access&) = delete;
    Access& operator=(const Access&) = delete;
    ~Access() { CHECK(waiting_.empty()); }

    void replace(AuthSettings settings) { authenticator_.replace(std::move(settings)); }

    // `work`: `sink` is told later, never from inside, unless the ticket is abandoned.
    Judgement judge(const RequestHead& head, const Asker& asker, AccessSink& sink);
    void abandon(uint64_t ticket);
    IdentityRef certificate(PeerCertificate shown) const;

  private:
    class Check;

    Moment now();
    void begin_checks();
    void finish(PasswordJob& job);

    Loop& loop_;
    Authenticator authenticator_;
    std::unordered_map<uint64_t, AccessSink*> waiting_;
};

}  // namespace becaused
