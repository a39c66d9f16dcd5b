// Tunnels: their bytes both ways, and in those of BuildKit the calls that profiles judge. What one side
// calls is held back from the other until it was judged; a call that may not be made ends the tunnel,
// at the boundary of the frame before it.
#include "proxy/exchange.hh"
#include "proxy/house.hh"
#include "proxy/session.hh"

namespace becaused {

namespace {

constexpr const char* no_profile = "the identity's profile is none of becaused's";
constexpr const char* no_method = "a call to a path that names no gRPC method";

}  // namespace

// Before the tunnel's first byte.
void Exchange::follow_calls(const ResponseHead& head) {
    if (call_list_ == CallList::none || head.status != 101 || !same_name(upgrade_, "h2c")) return;
    calls_ = std::make_unique<CallWatch>(call_list_);
    entry_->facts.calls = &calls_->facts;
}

// `from`: whose bytes they are.
void Exchange::pass_tunnel(Side from, const Slice& bytes) {
    if (calls_ == nullptr || calls_->lost) {
        ignored(write_tunnel(from, bytes.view(), &bytes), "it has failed then");
    } else if (calls_->facts.caller != from) {
        calls_->reader.heard(bytes.view());
        ignored(write_tunnel(from, bytes.view(), &bytes), "it has failed then");
    } else {
        pass_calls(from, bytes);
    }
}

// False: it cannot go on.
bool Exchange::write_tunnel(Side from, std::string_view bytes, const Slice* owner) {
    if (bytes.empty()) return true;
    if (from == Side::client) {
        teller_.passed_up(bytes);
        const int error = upstream_->write(Conn::Part{bytes, owner});
        if (error != 0) upstream_write_failed(error);
        return error == 0 && !finished_;
    }
    teller_.passed_down(bytes);
    const int error = client().write(Conn::Part{bytes, owner});
    if (error != 0) client_write_failed(error);
    return error == 0 && !finished_;
}

void Exchange::pass_calls(Side from, const Slice& bytes) {
    H2Calls& reader = calls_->reader;
    std::string_view rest = bytes.view();
    for (;;) {
        std::string_view piece;
        switch (reader.next(rest, piece)) {
            case H2Calls::Step::more: return;
            case H2Calls::Step::pass:
                if (!write_tunnel(from, piece, reader.from_held() ? nullptr : &bytes)) return;
                break;
            case H2Calls::Step::call:
                calls_->denied = reader.stream();
                if (!may_call()) return;
                calls_->denied = 0;
                calls_->facts.count(reader.path());
                break;
            case H2Calls::Step::broken:
                if (!may_go_unread()) return;
                calls_->lost = true;
                if (write_tunnel(from, reader.held(), nullptr))
                    ignored(write_tunnel(from, rest, &bytes), "it has failed then");
                return;
        }
    }
}

// By the rules in force now, which may have been replaced since the tunnel began. False: it has ended.
bool Exchange::may_call() {
    const Profile* profile = house_.gate().profile(identity_ ? identity_->profile : "");
    if (profile == nullptr) return forgiven({no_profile, Reason::policy_denied, 0});
    const CallRules& rules = profile->calls(calls_->list);
    if (rules.all()) return true;
    const std::string_view method = method_of(calls_->reader.path());
    if (method.empty()) return forgiven(Refusal::uninspectable(no_method));
    if (rules.allows(method)) return true;
    if (entry_->facts.would_refuse != nullptr) return true;  // the first is on record
    std::string text = "the gRPC call ";
    text.append(method).append(" in /").append(name(calls_->list));
    text.append(" is not allowed by profile ").append(profile->name());
    text.append(" (list ").append(name(calls_->list)).append(")");
    calls_->refusal = std::move(text);
    return forgiven({calls_->refusal.c_str(), Reason::policy_denied, 0});
}

// Nobody knows any more what is called. False: that mattered, and it has ended.
bool Exchange::may_go_unread() {
    const Profile* profile = house_.gate().profile(identity_ ? identity_->profile : "");
    if (profile != nullptr && profile->calls(calls_->list).all()) return true;
    return forgiven(Refusal::uninspectable(calls_->reader.flaw()));
}

// Before GOAWAY, the call that was refused is answered where its caller waits for it: gRPC's clients show
// that, and seldom the other.
void Exchange::deny_call(Side side, std::string_view text, std::string& out) const {
    if (calls_ != nullptr && calls_->facts.caller == side && calls_->denied != 0)
        append_denied_call(out, calls_->denied, text);
}

// What is refused in a tunnel ends it, unless the policy only reports.
bool Exchange::forgiven(const Refusal& refusal) {
    if (entry_->facts.would_refuse != nullptr || overlooked(refusal)) return true;
    fail(Ending::refused(refusal.reason, phase_, Op::judge, refusal.text));
    return false;
}

// The caller says no more. What was held of it is no whole frame: nobody could judge that, or needs it.
void Exchange::finish_tunnel(Side from) {
    if (calls_ != nullptr && calls_->facts.caller == from && !calls_->reader.held().empty()) {
        const Profile* profile = house_.gate().profile(identity_ ? identity_->profile : "");
        const bool all = profile != nullptr && profile->calls(calls_->list).all();
        if (all && !calls_->lost && !write_tunnel(from, calls_->reader.held(), nullptr)) return;
    }
    if (from == Side::client) upstream_->finish();
    else client().finish();
}

}  // namespace becaused
