#include "gate/auth.hh"

#include <algorithm>

#include "base/clock.hh"

namespace becaused {

namespace {

// One text for an unknown user and a wrong password: which of them it was is nobody's business.
constexpr const char* wrong_password = "the user or the password is wrong";
constexpr const char* unknown_token = "the token is not known";

Judgement pass(IdentityRef identity) {
    Judgement judgement;
    judgement.kind = Judgement::Kind::pass;
    judgement.identity = std::move(identity);
    return judgement;
}

Judgement refused(Reason reason, const char* detail, uint64_t retry_ms = 0) {
    Judgement judgement;
    judgement.reason = reason;
    judgement.detail = detail;
    judgement.retry_ms = retry_ms;
    return judgement;
}

Judgement of_kind(Judgement::Kind kind, uint64_t ticket = 0) {
    Judgement judgement;
    judgement.kind = kind;
    judgement.ticket = ticket;
    return judgement;
}

Judgement expired() { return refused(Reason::auth_expired, "the credentials have expired"); }

}  // namespace

Judgement for_host(Judgement judgement, std::string_view authority) {
    if (judgement.kind != Judgement::Kind::pass || good_for_host(*judgement.identity, authority))
        return judgement;
    return refused(Reason::auth_invalid, "they are not for this host");
}

Authenticator::Authenticator(AuthSettings settings)
    : settings_(std::move(settings)),
      cache_(settings_.cache_entries),
      throttle_(settings_.throttle),
      passwords_(settings_.password_rules) {}

void Authenticator::replace(AuthSettings settings) {
    settings_ = std::move(settings);
    cache_.start_anew(settings_.cache_entries);
    throttle_.set_rules(settings_.throttle);
    passwords_.set_rules(settings_.password_rules);
    ++generation_;
}

Judgement Authenticator::judge(const RequestHead& head, const Asker& asker, const Moment& now) {
    const CredentialLine line = find_credentials(head, settings_.field);
    if (line.several) return refused(Reason::auth_invalid, "they were sent twice");
    if (line.value.empty()) return for_host(judge_without(asker, now), head.authority);
    // Not worth a hash: one is made of everything else before it is read.
    if (line.value.size() > credentials_limit_bytes)
        return turn_away(asker.address, "they are too long", now);
    const Digest digest = cache_.digest_of(line.value);
    if (const TokenCache::Found* found = cache_.find(digest, now.now_ns, now.wall_ms))
        return found->identity ? for_host(pass(found->identity), head.authority)
                               : refused(found->refusal.reason, found->refusal.detail);
    return for_host(judge_new(digest, line.value, asker, now), head.authority);
}

// No credentials in the head: the certificate speaks, if there is one.
Judgement Authenticator::judge_without(const Asker& asker, const Moment& now) const {
    if (asker.certificate != nullptr && *asker.certificate) {
        const IdentityRef& identity = *asker.certificate;
        return now.wall_ms < identity->expires_ms ? pass(identity) : expired();
    }
    if (settings_.stranger) return pass(settings_.stranger);
    if (asker.certificate != nullptr)
        return refused(Reason::auth_invalid, "no rule knows the client's certificate");
    return refused(Reason::auth_missing, "no credentials were sent");
}

Judgement Authenticator::judge_new(const Digest& digest, std::string_view value, const Asker& asker,
                                   const Moment& now) {
    Credentials credentials;
    if (const char* fault = read_credentials(value, settings_.field, credentials))
        return turn_away(asker.address, fault, now);
    // A static token found by its hash is let in even from an address that is locked out: to find one
    // by trying is hopeless, so refusing would hit its owner only.
    if (const IdentityRef* identity = settings_.static_tokens.find(credentials.secret)) {
        if (now.wall_ms >= (*identity)->expires_ms) return expired();
        return keep(digest, *identity, now);
    }
    if (credentials.secret.starts_with(paseto_prefix) && !settings_.tokens.keys.empty())
        return judge_token(digest, credentials.secret, asker, now);
    if (credentials.basic && !settings_.passwords.empty())
        return judge_password(digest, credentials, asker, now);
    return judge_unknown(asker, unknown_token, now);
}

// Not ours; a service may know more.
Judgement Authenticator::judge_unknown(const Asker& asker, const char* detail, const Moment& now) {
    if (!settings_.ask) return turn_away(asker.address, detail, now);
    if (std::optional<Judgement> locked = locked_out(asker.address, {}, now))
        return std::move(*locked);
    return of_kind(Judgement::Kind::ask);
}

Judgement Authenticator::judge_token(const Digest& digest, std::string_view token,
                                     const Asker& asker, const Moment& now) {
    OpenedToken opened;
    if (const char* fault = open_token(token, settings_.tokens, opened))
        return judge_unknown(asker, fault, now);
    // Who names the key has seen a token. Whoever leaves it out may be anybody, and must not be able
    // to lock out those who name it.
    const Claimed claimed = opened.named ? Claimed{Claimed::Kind::key, opened.key->id} : Claimed{};
    if (std::optional<Judgement> locked = locked_out(asker.address, claimed, now))
        return std::move(*locked);
    Claims claims;
    const std::optional<TokenFlaw> fault =
        prove_token(opened, settings_.tokens, now.wall_ms, claims);
    if (fault && !fault->proven) return failed(asker.address, claimed, fault->detail, now);
    throttle_.proved(asker.address, claimed, now.now_ns);
    if (!fault) {
        Identity identity = becaused::identity_of(std::move(claims), *opened.key, settings_.tokens);
        return keep(digest, IdentityRef(std::move(identity)), now);
    }
    // Nobody guessed anything, so it is no failed attempt; but its bearer may come back with it at
    // once and often. Not for long: a token that is not valid yet soon will be.
    constexpr uint64_t refused_ms = 1000;
    cache_.keep_refusal(digest, *fault, now.now_ns + refused_ms * ns_per_ms);
    return refused(fault->reason, fault->detail);
}

Judgement Authenticator::judge_password(const Digest& digest, const Credentials& credentials,
                                        const Asker& asker, const Moment& now) {
    const Claimed claimed{Claimed::Kind::user, credentials.user};
    if (std::optional<Judgement> locked = locked_out(asker.address, claimed, now))
        return std::move(*locked);
    if (const uint64_t ticket = passwords_.join(digest, asker.address))
        return of_kind(Judgement::Kind::work, ticket);
    if (!passwords_.has_room(asker.address))
        return refused(Reason::concurrency_limited, "too many passwords are being checked", 1000);
    const auto entry = std::ranges::find_if(settings_.passwords, [&](const PasswordEntry& known) {
        return known.identity->name == credentials.user;
    });
    // An unknown user costs the same work: the time must not tell who exists.
    const bool known = entry != settings_.passwords.end();
    const PasswordHash& hash = (known ? *entry : settings_.passwords.front()).hash;
    auto job =
        std::make_unique<PasswordJob>(PasswordCheck(Secret(credentials.secret), hash), digest);
    job->address = asker.address;
    job->user = credentials.user;
    job->generation = generation_;
    if (known) job->identity = entry->identity;
    return of_kind(Judgement::Kind::work, passwords_.add(std::move(job)));
}

FinishedJob Authenticator::finish_job(PasswordJob& running, const Moment& now) {
    const std::unique_ptr<PasswordJob> job = passwords_.finish(running);
    const Claimed claimed{Claimed::Kind::user, job->user};
    FinishedJob finished;
    finished.tickets = std::move(job->tickets);
    switch (job->check.outcome()) {
        case PasswordCheck::Outcome::matched:
            if (!job->identity) break;  // the decoy's password: nobody's
            throttle_.proved(job->address, claimed, now.now_ns);
            if (now.wall_ms >= job->identity->expires_ms) finished.judgement = expired();
            // Settings that came meanwhile may not know this password any more.
            else if (job->generation != generation_) finished.judgement = pass(job->identity);
            else finished.judgement = keep(job->digest, job->identity, now);
            return finished;
        case PasswordCheck::Outcome::failed:
            finished.judgement =
                refused(Reason::memory_shed, "no memory to check a password", 1000);
            return finished;
        case PasswordCheck::Outcome::pending:
        case PasswordCheck::Outcome::differs: break;
    }
    finished.judgement = failed(job->address, claimed, wrong_password, now);
    return finished;
}

IdentityRef Authenticator::certificate(const CertificateFacts& facts) const {
    std::optional<Identity> identity = becaused::identity_of(facts, settings_.certificates);
    return identity ? IdentityRef(std::move(*identity)) : IdentityRef();
}

Judgement Authenticator::admit(const RequestHead& head, Identity identity, uint64_t for_ms,
                               const Moment& now) {
    const IdentityRef proven(std::move(identity));
    const Digest digest = cache_.digest_of(find_credentials(head, settings_.field).value);
    cache_.keep(digest, proven, now.now_ns + for_ms * ns_per_ms);
    return for_host(pass(proven), head.authority);
}

Judgement Authenticator::reject(const Asker& asker, const char* detail, const Moment& now) {
    return failed(asker.address, {}, detail, now);
}

Judgement Authenticator::keep(const Digest& digest, IdentityRef identity, const Moment& now) {
    cache_.keep(digest, identity, now.now_ns + settings_.cache_ms * ns_per_ms);
    return pass(std::move(identity));
}

Judgement Authenticator::failed(const Endpoint& address, const Claimed& claimed, const char* detail,
                                const Moment& now) {
    throttle_.failed(address, claimed, now.now_ns);
    return refused(Reason::auth_invalid, detail);
}

Judgement Authenticator::turn_away(const Endpoint& address, const char* detail, const Moment& now) {
    if (std::optional<Judgement> locked = locked_out(address, {}, now)) return std::move(*locked);
    return failed(address, {}, detail, now);
}

std::optional<Judgement> Authenticator::locked_out(const Endpoint& address, const Claimed& claimed,
                                                   const Moment& now) {
    const uint64_t wait_ms = throttle_.wait_ms(address, claimed, now.now_ns);
    if (wait_ms == 0) return std::nullopt;
    return refused(Reason::auth_locked_out, "try again later", wait_ms);
}

}  // namespace becaused
