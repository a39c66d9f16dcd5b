// From a request's head to the decision that it may go to the upstream: overload, limits, who asks, what
// that one may do, and the body where only that can tell. Whatever has to wait is taken up again from
// the head's bytes, so that nothing but those is kept.
#include <algorithm>

#include "http/reply.hh"
#include "proxy/blame.hh"
#include "proxy/exchange.hh"
#include "proxy/house.hh"
#include "proxy/session.hh"

namespace becaused {

namespace {

constexpr std::string_view go_on = "HTTP/1.1 100 Continue\r\n\r\n";

Ending refused_by_gate(Reason reason, const char* detail) {
    return Ending::refused(reason, Phase::gate, Op::judge, detail);
}

}  // namespace

void Exchange::begin(const RequestHead& head, std::string_view raw) {
    entry_->serve();
    take_head(raw.size());
    head_read_ = true;
    remember(head);
    if (house_.settings().record_request_start) house_.ledger().announce(*entry_);
    const Asked asked = house_.gate().look(head);
    if (!admit(head, asked.route)) return;
    if (identify(head, asked.route, raw)) allow(head, asked, raw);
    note();
}

// What is true of it whoever asks. False: it has been answered and has ended; here and below.
bool Exchange::admit(const RequestHead& head, const Route& route) {
    ExchangeFacts& facts = entry_->facts;
    facts.route = route.route_class;
    facts.routed = true;
    hijackable_ = route.hijackable;
    ping_ = route.ping;
    answer_ = route.answer;
    call_list_ = route.calls;
    body_limit_bytes_ = route.body_limit_bytes;
    if (const auto fault = decide_request_body(head, request_framing_)) {
        refused_status_ = fault->status;
        fail(Ending::malformed(fault->reason, Phase::request_head, fault->detail,
                               fault->parser_error, fault->offset));
    } else if (house_.stopping()) {
        fail(Ending::decided(Reason::draining, Phase::gate, Op::admin, 0));
    } else if (session_->overflow()) {
        fail(Ending::decided(Reason::accept_limit, Phase::gate, Op::accept, 0)
                 .with_limit(house_.connection_limit()));
    } else if (house_.loop().slabs().scarce()) {
        fail(Ending::decided(Reason::memory_shed, Phase::gate, Op::allocate, 0));
    } else if (ping_) {
        return true;  // a CLI that hears no good answer to its ping asks for an API of years ago
    } else if (auto overrun = house_.limits().request(facts.client, house_.loop().now_ns())) {
        overdrawn(*overrun);
    } else {
        return true;
    }
    return false;
}

// Who asks? True: known, or nobody needs to be.
bool Exchange::identify(const RequestHead& head, const Route& route, std::string_view raw) {
    const IdentityRef* certificate = session_->certificate();
    if (!house_.guarded()) {
        if (certificate != nullptr) became(*certificate);
        return true;
    }
    if (ping_ && house_.settings().open_ping) return true;
    const Judgement judgement =
        house_.access().judge(head, {entry_->facts.client, certificate}, *this);
    if (judgement.kind == Judgement::Kind::pass) {
        became(judgement.identity);
        return true;
    }
    if (judgement.kind == Judgement::Kind::work) {
        ticket_ = judgement.ticket;
        held_head_ = raw;
        set(Up::gate, Down::waiting);
        return false;
    }
    turned_away(judgement, route);
    return false;
}

void Exchange::became(const IdentityRef& identity) {
    identity_ = identity;
    if (!identity_) return;
    ExchangeFacts& facts = entry_->facts;
    facts.identity = identity_->name;
    facts.proof = name(identity_->proof);
    facts.token_id = identity_->token_id;
    entry_->note_request();
}

void Exchange::turned_away(const Judgement& judgement, const Route& route) {
    if (row(judgement.reason).status == 401 && route.registry) refused_status_ = 403;
    retry_after_ms_ = judgement.retry_ms;
    fail(refused_by_gate(judgement.reason, judgement.detail));
}

void Exchange::overdrawn(const Overrun& overrun) {
    retry_after_ms_ = (overrun.answer.wait_ns + ns_per_ms - 1) / ns_per_ms;
    overrun_ = overrun;
    fail(refused_by_gate(overrun.reason, overrun.detail));
    overrun_.reset();
}

// A password has been checked, or the service has answered.
void Exchange::on_identified(const Judgement& judgement) {
    ticket_ = 0;
    std::string raw;
    raw.swap(held_head_);
    const RequestHead& head = parse_again(raw);
    const Asked asked = house_.gate().look(head);
    const Judgement here = for_host(judgement, head.authority);
    if (here.kind != Judgement::Kind::pass) {
        turned_away(here, asked.route);
        return;
    }
    became(here.identity);
    allow(head, asked, raw);
    leave_wait();
}

// What came meanwhile, after what was waited for.
void Exchange::leave_wait() {
    if (finished_) return;
    session_->feed();
    if (!finished_) flush_head();
    if (finished_) return;
    // Its FIN came while nobody counted its bytes.
    const bool short_body = up_ == Up::judged || (up_ == Up::body && !up_complete_);
    if (client_fin_ && short_body) fail(Ending::by_io(Reason::client_closed, phase_, Op::read, 0));
    else session_->rearm();
}

const RequestHead& Exchange::parse_again(std::string_view raw) {
    RequestHead& head = house_.request_head();
    const auto fault = house_.parser().parse_request(raw, head);
    CHECK(!fault && "it was parsed once already");
    return head;
}

// Of whoever asks, by the rules in force. Null: becaused has none of that name, and it has ended.
const Profile* Exchange::own_profile() {
    const Profile* profile = house_.gate().profile(identity_ ? identity_->profile : "");
    if (profile == nullptr)
        fail(
            refused_by_gate(Reason::policy_denied, "the identity's profile is none of becaused's"));
    return profile;
}

// May the one who asks do that?
void Exchange::allow(const RequestHead& head, const Asked& asked, std::string_view raw) {
    if (auto overrun = house_.limits().take(identity_, entry_->facts.client, asked.route, ping_,
                                            house_.loop().now_ns(), holding_)) {
        overdrawn(*overrun);
        return;
    }
    if (head.has_content_length && head.content_length > body_limit_bytes_) {
        body_too_large();
        return;
    }
    const Profile* profile = own_profile();
    if (profile == nullptr) return;
    Verdict verdict = house_.gate().judge(head, asked, *profile);
    if (verdict.decision == Verdict::Decision::refuse && !overlooked(verdict.refusal)) {
        refused_status_ = verdict.refusal.status;
        fail(refused_by_gate(verdict.refusal.reason, verdict.refusal.text));
        return;
    }
    if (house_.learner() != nullptr) learn(head, asked, *profile, verdict);
    if (answer_locally(head)) {
        return;
    } else if (verdict.decision == Verdict::Decision::needs_body) {
        collect_body(verdict, raw);
    } else {
        verdict_ = verdict;
        pass_on(head, raw);
    }
}

// What would have to be allowed for this? The body tells more, also where the profile in force does not
// look at it.
void Exchange::learn(const RequestHead& head, const Asked& asked, const Profile& profile,
                     Verdict& verdict) {
    const Verdict lesson = house_.learner()->see(head, asked, profile.name());
    const auto needs_body = Verdict::Decision::needs_body;
    if (lesson.decision != needs_body || verdict.decision == needs_body) return;
    verdict.decision = needs_body;
    verdict.refusal = lesson.refusal;
    verdict.payload = lesson.payload;
    verdict.profile = &profile;
}

// A policy that only reports refuses nothing.
bool Exchange::overlooked(const Refusal& refusal) {
    if (!house_.settings().only_reports()) return false;
    const char*& first = entry_->facts.would_refuse;
    if (first == nullptr) first = refusal.text;
    return true;
}

void Exchange::body_too_large() {
    fail(Ending::refused(Reason::body_too_large, Phase::gate, Op::judge, "")
             .with_limit(body_limit_bytes_)
             .in(phase_ == Phase::request_head ? Phase::gate : phase_));
}

void Exchange::collect_body(const Verdict& verdict, std::string_view raw) {
    verdict_ = verdict;
    held_head_ = raw;
    held_body_.emplace(request_framing_,
                       std::min<uint64_t>(judged_body_limit_bytes, body_limit_bytes_));
    up_stamp_ns_ = house_.loop().now_ns();
    set(Up::judged, Down::waiting);
    if (!awaits_100_) return;
    // dockerd will not hear of the request before its body is here: we are the one who asks for it.
    awaits_100_ = false;
    said_100_ = true;
    if (const int error = client().write(go_on); error != 0) client_write_failed(error);
}

size_t Exchange::take_for_judgement(std::string_view bytes) {
    const HeldBody::Outcome outcome = held_body_->push(bytes);
    // What cannot be read belongs to nobody else.
    entry_->facts.client_in_bytes +=
        outcome.what == HeldBody::What::malformed ? bytes.size() : outcome.taken;
    if (!count_held(held_body_->bytes())) {
        fail(Ending::decided(Reason::memory_shed, Phase::gate, Op::allocate, 0));
        return outcome.taken;
    }
    switch (outcome.what) {
        case HeldBody::What::more: break;
        case HeldBody::What::complete: judge_held(); break;
        case HeldBody::What::too_large:
            if (body_limit_bytes_ < judged_body_limit_bytes) body_too_large();
            else if (overlooked(verdict_.refusal)) pass_untold();
            else fail(refused_by_gate(verdict_.refusal.reason, verdict_.refusal.text));
            break;
        case HeldBody::What::malformed: {
            const ParseFault& fault = held_body_->fault();
            fail(Ending::malformed(fault.reason, phase_, fault.detail, fault.parser_error,
                                   fault.offset));
            break;
        }
    }
    return outcome.taken;
}

// It is too long to be judged, and passes all the same.
void Exchange::pass_untold() {
    if (Learner* learner = house_.learner())
        learner->miss_body(verdict_.refusal, verdict_.profile->name());
    send_held();
}

bool Exchange::count_held(size_t bytes) {
    const auto held = static_cast<int64_t>(bytes);
    return house_.hold(held - std::exchange(held_bytes_, held));
}

// The whole body is here: exactly what was judged goes on.
void Exchange::judge_held() {
    // Rules may have been replaced since its head was judged.
    verdict_.profile = own_profile();
    if (verdict_.profile == nullptr) return;
    const std::string_view body = held_body_->plain();
    if (Learner* learner = house_.learner())
        learner->see_body(verdict_.payload, body, verdict_.profile->name());
    // Without rules it was collected to be learnt from only.
    const bool judges = verdict_.profile->judges_content();
    const Refusal refusal = judges ? judge_body(verdict_, body) : Refusal();
    if (refusal && !overlooked(refusal)) {
        refused_status_ = refusal.status;
        fail(refused_by_gate(refusal.reason, refusal.text));
        return;
    }
    send_held();
}

// What of the body is here goes before the rest of it, if there is one.
void Exchange::send_held() {
    std::string raw;
    raw.swap(held_head_);
    pass_on(parse_again(raw), raw);
}

void Exchange::drop_held() {
    std::string().swap(replay_body_);
    ignored(count_held(0), "they shrink");
}

// Max-Forwards: 0 makes us the last recipient of OPTIONS and TRACE (RFC 9110 §7.6.2).
bool Exchange::answer_locally(const RequestHead& head) {
    if (!head.has_max_forwards || head.max_forwards > 0) return false;
    const bool options = head.method == "OPTIONS";
    if (!options && head.method != "TRACE") return false;
    if (!options || request_framing_.kind != BodyKind::none) {
        fail(refused_by_gate(Reason::request_unsupported, "TRACE that ends here is not reflected"));
        return true;
    }
    entry_->facts.status = 200;
    keep_alive_ = keep_alive_ && !session_->last_request();
    std::string& out = house_.scratch();
    out =
        "HTTP/1.1 200 OK\r\nAllow: GET, HEAD, POST, PUT, DELETE, PATCH, OPTIONS\r\n"
        "Content-Length: 0\r\n";
    append_proxy_name(out, house_.settings().via_name);
    out += "; details=\"Max-Forwards ended here\"\r\n";
    if (!keep_alive_) out += "Connection: close\r\n";
    else if (minor_version_ == 0) out += "Connection: keep-alive\r\n";
    out += "\r\n";
    up_ = Up::done;
    if (const int error = client().write(out); error != 0) {
        client_write_failed(error);
        return true;
    }
    down_complete_ = true;
    set(Up::done, Down::body);
    settle();
    return true;
}

// Whatever was held while it was judged.
void Exchange::leave_gate(const Ending& ending) {
    if (holding_.shaped) shape_on(UINT64_MAX);
    if (ticket_ != 0)
        house_.access().abandon(std::exchange(ticket_, 0),
                                Ending::partner(ending.phase(), id(), ending.reason()));
    if (inquiry_) inquiry_->give_up(Ending::partner(ending.phase(), id(), ending.reason()));
    inquiry_.reset();
    house_.limits().give_back(holding_);
    held_body_.reset();
    if (held_bytes_ > 0) drop_held();
    held_head_.clear();
    entry_->facts.identity = entry_->facts.proof = entry_->facts.token_id = {};
    identity_ = {};
    entry_->facts.calls = nullptr;
    calls_.reset();
}

}  // namespace becaused
