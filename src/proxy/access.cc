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

Access::Access(Loop& loop, Ledger& ledger, const Settings& settings, AuthSettings rules)
    : loop_(loop), field_(rules.field), authenticator_(std::move(rules)) {
    if (!settings.auth_service.text.empty())
        service_ =
            std::make_unique<Service>(loop, ledger, settings, static_cast<ServiceSink&>(*this));
}

void Access::replace(AuthSettings rules) {
    rules.ask = service_ != nullptr;
    field_ = rules.field;
    authenticator_.replace(std::move(rules));
}

Judgement Access::judge(const RequestHead& head, const Asker& asker, AccessSink& sink) {
    Judgement judgement = authenticator_.judge(head, asker, now());
    if (judgement.kind == Judgement::Kind::ask) return ask_service(head, asker, sink);
    if (judgement.kind == Judgement::Kind::work) {
        waiting_.emplace(judgement.ticket, Waiting{&sink, asker.address});
        begin_checks();
    }
    return judgement;
}

Judgement Access::ask_service(const RequestHead& head, const Asker& asker, AccessSink& sink) {
    const std::string_view credentials = find_credentials(head, field_).value;
    Judgement judgement;
    judgement.identity = service_->remembered(head, credentials, now().wall_ms);
    judgement.kind = judgement.identity ? Judgement::Kind::pass : Judgement::Kind::work;
    if (judgement.identity) return judgement;
    judgement.ticket = service_->ask(sink.asker(), head, field_, credentials) | service_bit;
    waiting_.emplace(judgement.ticket, Waiting{&sink, asker.address});
    return judgement;
}

void Access::on_answer(uint64_t ticket, const ServiceAnswer& answer) {
    const auto found = waiting_.find(ticket | service_bit);
    CHECK(found != waiting_.end());
    const Waiting waiting = found->second;
    waiting_.erase(found);
    Judgement judgement;
    if (answer.identity) {
        judgement.kind = Judgement::Kind::pass;
        judgement.identity = answer.identity;
    } else if (answer.reason == Reason::auth_invalid) {
        judgement = authenticator_.reject({waiting.address}, answer.detail, now());
    } else {
        judgement.reason = answer.reason;
        judgement.detail = answer.detail;
        judgement.retry_ms = answer.retry_ms;
    }
    waiting.sink->on_identified(judgement);
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

void Access::abandon(uint64_t ticket, const Ending& why) {
    waiting_.erase(ticket);
    if ((ticket & service_bit) != 0) {
        service_->give_up(ticket & ~service_bit, why);
        return;
    }
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
        AccessSink& sink = *found->second.sink;
        waiting_.erase(found);
        sink.on_identified(finished.judgement);
    }
    begin_checks();
}

}  // namespace becaused
