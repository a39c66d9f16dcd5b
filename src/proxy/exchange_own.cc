// Whose container is it? Where the profile cares, what a request makes is labelled, what it lists is
// filtered, and what it names is asked of the upstream before the request may go there. What was found
// goes on under its full id: a name could be another's by then.
#include "proxy/exchange.hh"
#include "proxy/house.hh"
#include "proxy/session.hh"

namespace becaused {

namespace {

// `path_and_query` with the name in its path replaced.
std::string with_name(std::string_view path_and_query, std::string_view name, std::string_view id) {
    constexpr std::string_view before = "/containers/";
    const size_t at = path_and_query.find(before) + before.size();
    CHECK(path_and_query.substr(at, name.size()) == name);
    std::string out(path_and_query.substr(0, at));
    return out.append(id).append(path_and_query.substr(at + name.size()));
}

}  // namespace

// By its verdict it may pass; its body, if that was judged, is held.
void Exchange::pass_on(const RequestHead& head, std::string_view raw) {
    if (verdict_.reach == Reach::none) {
        release(head);
        return;
    }
    const Profile* profile = own_profile();
    if (profile == nullptr) return;
    if (!identity_ || !can_own(identity_->name)) {
        deny(head, profile->refuse_nobody());
        return;
    }
    const std::string_view owner = identity_->name;
    const bool hides = !house_.settings().only_reports();
    if (held_body_ && !held_body_->complete()) {
        release(head);  // too long to be judged, and only reported: half of it is not to be changed
        return;
    }
    Changed changed;
    switch (verdict_.reach) {
        case Reach::none:
        case Reach::all: break;
        case Reach::create:
            changed = with_owner(held_body_->plain(), owner);
            changed_body_ = changed.text;
            break;
        case Reach::list:
            changed = with_owner_filter(head.path_and_query, owner);
            if (hides) target_ = changed.text;
            break;
        case Reach::path:
        case Reach::exec:
        case Reach::in_query:
        case Reach::in_body: inquire(head, raw); return;
    }
    if (changed.flaw != nullptr) deny(head, Refusal::uninspectable(changed.flaw));
    else release(head);
}

void Exchange::inquire(const RequestHead& head, std::string_view raw) {
    const bool exec = verdict_.reach == Reach::exec;
    Changed named;
    if (verdict_.reach == Reach::in_query) named = container_in_query(head.query);
    else if (verdict_.reach == Reach::in_body) named = container_in_body(held_body_->plain());
    else named.text = house_.gate().look(head).match.name;
    if (named.flaw != nullptr || !is_container_name(named.text)) {
        deny(head,
             Refusal::uninspectable(named.flaw != nullptr ? named.flaw : "no name of a container"));
        return;
    }
    if (house_.owned().knows(named.text, identity_->name)) {
        release(head);
        return;
    }
    named_ = std::move(named.text);
    held_head_ = raw;
    set(Up::gate, Down::waiting);
    InquirySink& sink = *this;  // a private base, which make_unique may not see
    inquiry_ = std::make_unique<Inquiry>(house_, id(), entry_->facts, sink);
    inquiry_->start(exec, named_, identity_->name);
}

void Exchange::on_found(const Finding& finding) {
    const std::unique_ptr<Inquiry> over = std::move(inquiry_);
    std::string raw;
    raw.swap(held_head_);
    const RequestHead& head = parse_again(raw);
    switch (finding.what) {
        case Finding::What::own:
            if (!house_.settings().only_reports()) put_in(head, finding.id);
            release(head);
            break;
        case Finding::What::foreign:
            missing_ =
                verdict_.reach == Reach::exec ? "No such exec instance: " : "No such container: ";
            missing_ += named_;
            if (const Profile* profile = own_profile()) deny(head, profile->refuse_foreign());
            break;
        case Finding::What::unclear: deny(head, Refusal::uninspectable(finding.flaw)); break;
        case Finding::What::failed:
            if (house_.settings().only_reports()) release(head);
            else fail(*finding.ending);
            break;
    }
    leave_wait();
}

void Exchange::put_in(const RequestHead& head, const std::string& id) {
    if (id == named_) return;
    if (verdict_.reach == Reach::path) target_ = with_name(head.path_and_query, named_, id);
    if (verdict_.reach == Reach::in_query)
        target_ = with_container_in_query(head.path_and_query, id);
    if (verdict_.reach == Reach::in_body)
        changed_body_ = with_container_in_body(held_body_->plain(), id);
}

// A policy that only reports lets it pass as it is.
void Exchange::deny(const RequestHead& head, const Refusal& refusal) {
    if (overlooked(refusal)) {
        missing_.clear();
        release(head);
        return;
    }
    refused_status_ = refusal.status;
    fail(Ending::refused(refusal.reason, Phase::gate, Op::judge, refusal.text));
}

// Exactly what was judged goes on, the label and the id apart.
void Exchange::release(const RequestHead& head) {
    if (held_body_) {
        if (changed_body_.empty()) {
            replay_body_ = held_body_->release();
        } else {
            const size_t before = held_body_->plain().size();
            if (changed_body_.size() > before && body_limit_bytes_ != UINT64_MAX)
                body_limit_bytes_ += changed_body_.size() - before;
            replay_body_ = HeldBody::framed(std::move(changed_body_), request_framing_);
            changed_body_.clear();
        }
        held_body_.reset();
        ignored(count_held(replay_body_.size()), "they shrink, or grow by a label");
    }
    send(head);
}

}  // namespace becaused
