// Password checks that wait for a worker thread. Loop thread only, and never blocks: what does not fit is
// refused. Requests that bring the same credentials share one check; one address cannot take all the
// room. Owns every job from `join` until `finish`, also while a worker runs it.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "gate/identity.hh"
#include "gate/password.hh"
#include "gate/token_cache.hh"
#include "ledger/entry.hh"

namespace becaused {

struct PasswordRules {
    uint32_t running = 1;      // checks at once: each takes a core and its memory
    uint32_t waiting = 16;     // checks, the running ones included
    uint32_t per_address = 4;  // of those
    uint32_t sharing = 256;    // requests that wait for one check
};

struct PasswordJob {
    PasswordJob(PasswordCheck work, const Digest& credentials) noexcept
        : check(std::move(work)), digest(credentials) {}

    PasswordCheck check;  // all that a worker may touch: job.check.run()

    // What the loop must know again when it is over.
    Digest digest;         // of the credentials
    Endpoint address;      // who asked first
    std::string user;      // as claimed
    IdentityRef identity;  // whose password it would be; empty: nobody's, whatever the outcome
    uint64_t generation = 0;
    std::vector<uint64_t> tickets;  // who waits for it
    bool running = false;
};

class PasswordQueue {
  public:
    explicit PasswordQueue(const PasswordRules& rules) : rules_(rules) {}
    PasswordQueue(const PasswordQueue&) = delete;
    PasswordQueue& operator=(const PasswordQueue&) = delete;
    ~PasswordQueue();

    // A ticket for the check of the same credentials from the same address that is already there;
    // 0: there is none, or too many wait for it.
    uint64_t join(const Digest& digest, const Endpoint& address);
    // May `add` be called for this address?
    bool has_room(const Endpoint& address) const;
    uint64_t add(std::unique_ptr<PasswordJob> job);

    // The next job for a worker; null when none waits or enough run. It stays here until `finish`.
    PasswordJob* next();
    std::unique_ptr<PasswordJob> finish(PasswordJob& job);
    // Nobody waits for this ticket any more. A running check goes on, so that its failure counts.
    void abandon(uint64_t ticket);

    void set_rules(const PasswordRules& rules) { rules_ = rules; }
    size_t size() const { return jobs_.size(); }
    size_t running() const { return running_; }

  private:
    PasswordRules rules_;
    std::vector<std::unique_ptr<PasswordJob>> jobs_;  // in order of arrival
    size_t running_ = 0;
    uint64_t last_ticket_ = 0;
};

}  // namespace becaused
