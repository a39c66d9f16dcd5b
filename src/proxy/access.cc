#include "proxy/access.hh"

#include "net/worker.hh"

namespace becaused {

class Access::Check final : public Work {
  public:
    Check(Access& access, PasswordJob& job) : access_(access), job_(job) {}

  private:
    void run() noexcept override { job_.check.run(); }
    void done() override {
        access_.finish(job_);
        delete this;
    }

    Access& access_;
    PasswordJob& job_;
};

Moment Access::now() {
    const uint64_t now_ns = loop_.now_ns();
    return {now_ns, static_cast<int64_t>(loop_.clock().wall_ns(now_ns) / ns_per_ms)};
}

Judgement Access::judge(const RequestHead& head, const Asker& asker, AccessSink& sink) {
    Judgement judgement = authenticator_.judge(head, asker, now());
    if (judgement.kind == Judgement::Kind::work) {
        waiting_.emplace(judgement.ticket, &sink);
        begin_checks();
    }
    return judgement;
}

IdentityRef Access::certificate(PeerCertificate shown) const {
    CertificateFacts facts;
    for (auto& [type, value] : shown.subject)
        facts.subject.push_back({std::move(type), std::move(value)});
    facts.names = std::move(shown.names);
    facts.fingerprint = std::move(shown.fingerprint);
    facts.expires_ms = shown.expires_ms;
    return authenticator_.certificate(facts);
}

void Access::abandon(uint64_t ticket) {
    waiting_.erase(ticket);
    authenticator_.abandon(ticket);
    begin_checks();
}

void Access::begin_checks() {
    while (PasswordJob* job = authenticator_.next_job()) (new Check(*this, *job))->begin(loop_);
}

void Access::finish(PasswordJob& job) {
    const FinishedJob finished = authenticator_.finish_job(job, now());
    for (const uint64_t ticket : finished.tickets) {
        const auto found = waiting_.find(ticket);
        if (found == waiting_.end()) continue;
        AccessSink& sink = *found->second;
        waiting_.erase(found);
        sink.on_identified(finished.judgement);
    }
    begin_checks();
}

}  // namespace becaused
