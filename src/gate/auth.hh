// Who is asking? From a request's head, the asker's address and certificate, and now: an identity, a
// refusal with its reason, or work that must not be done on the loop. Owns the cache, the throttle and the
// waiting password checks. Loop thread only; no call blocks, and none keeps or repeats token text.
//
//     judge ──> pass      the identity
//           ──> refused   reason, static detail, when to come back
//           ──> work      a ticket: some next_job() is run by a worker, then finish_job() answers it
//           ──> ask       only an authorisation service can tell; then admit() or reject()
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "gate/certificate.hh"
#include "gate/credentials.hh"
#include "gate/password_queue.hh"
#include "gate/static_tokens.hh"
#include "gate/throttle.hh"
#include "gate/token.hh"
#include "gate/token_cache.hh"

namespace becaused {

// What a 401 must say (RFC 9110 §11.6.1).
inline constexpr std::string_view auth_challenge =
    "Bearer realm=\"becaused\", Basic realm=\"becaused\"";

struct PasswordEntry {
    PasswordHash hash;
    IdentityRef identity;  // its name is the user
};

struct AuthSettings {
    std::string field = "authorization";  // where credentials stand; in lower case
    TokenRules tokens;
    StaticTokens static_tokens;
    std::vector<PasswordEntry> passwords;
    std::vector<CertificateRule> certificates;
    IdentityRef stranger;        // what somebody without any credentials may do; empty: nothing
    bool ask = false;            // an authorisation service knows tokens that we do not
    uint32_t cache_ms = 60'000;  // what was proven is believed for so long
    uint32_t cache_entries = 1024;
    ThrottleRules throttle;
    PasswordRules password_rules;
};

struct Asker {
    const Endpoint& address;
    // Null: no certificate was shown. Else what `Authenticator::certificate` made of it.
    const IdentityRef* certificate = nullptr;
};

struct Moment {
    uint64_t now_ns = 0;  // monotonic
    int64_t wall_ms = 0;  // since 1970
};

struct Judgement {
    enum class Kind : uint8_t { pass, refused, work, ask };
    Kind kind = Kind::refused;
    IdentityRef identity;                  // pass
    Reason reason = Reason::auth_missing;  // refused
    const char* detail = "";               // refused: static
    uint64_t retry_ms = 0;                 // refused: when another try makes sense; 0: not said
    uint64_t ticket = 0;                   // work
};

struct FinishedJob {
    std::vector<uint64_t> tickets;  // of those who still wait
    Judgement judgement;  // pass or refused; to be put through `for_host` for each of them
};

// A passed judgement holds for this Host (as RequestHead::authority) only if its identity is good for it.
Judgement for_host(Judgement judgement, std::string_view authority);

class Authenticator {
  public:
    explicit Authenticator(AuthSettings settings);

    // New keys, tokens and rules. What was cached is forgotten; failures are not.
    void replace(AuthSettings settings);

    Judgement judge(const RequestHead& head, const Asker& asker, const Moment& now);

    // Whose certificate it is, once per connection; empty: nobody's.
    IdentityRef certificate(const CertificateFacts& facts) const;

    // Password checks: run next_job()->check.run() on any thread, then finish it here. Call next_job
    // after each `work`, finish_job and abandon, until it is null.
    PasswordJob* next_job() { return passwords_.next(); }
    FinishedJob finish_job(PasswordJob& running, const Moment& now);
    void abandon(uint64_t ticket) { passwords_.abandon(ticket); }

    // What the authorisation service said of the credentials in `head`: believed for `for_ms`, or a
    // failed attempt.
    Judgement admit(const RequestHead& head, Identity identity, uint64_t for_ms, const Moment& now);
    Judgement reject(const Asker& asker, const char* detail, const Moment& now);

    size_t jobs() const { return passwords_.size(); }

  private:
    Judgement judge_new(const Digest& digest, std::string_view value, const Asker& asker,
                        const Moment& now);
    Judgement judge_unknown(const Asker& asker, const char* detail, const Moment& now);
    Judgement judge_without(const Asker& asker, const Moment& now) const;
    Judgement judge_token(const Digest& digest, std::string_view token, const Asker& asker,
                          const Moment& now);
    Judgement judge_password(const Digest& digest, const Credentials& credentials,
                             const Asker& asker, const Moment& now);
    Judgement keep(const Digest& digest, IdentityRef identity, const Moment& now);
    // A failed attempt: counted, and told. `turn_away`: unless the address is locked out already.
    Judgement failed(const Endpoint& address, const Claimed& claimed, const char* detail,
                     const Moment& now);
    Judgement turn_away(const Endpoint& address, const char* detail, const Moment& now);
    std::optional<Judgement> locked_out(const Endpoint& address, const Claimed& claimed,
                                        const Moment& now);

    AuthSettings settings_;
    TokenCache cache_;
    Throttle throttle_;
    PasswordQueue passwords_;
    uint64_t generation_ = 0;
};

}  // namespace becaused
