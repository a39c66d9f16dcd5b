// May this request pass? Pure: a head, a profile and the settings give a Verdict, which can refuse with
// a real answer before a byte reaches the upstream. A verdict may ask for the whole body first; what was
// judged is what must go on, byte for byte. Owns its policy; knows no socket and no loop.
#pragma once

#include "gate/owner.hh"
#include "gate/path.hh"
#include "gate/profile.hh"
#include "gate/route.hh"
#include "http/head.hh"

namespace becaused {

// Bodies that are judged are JSON for people: the largest real one is some KiB.
inline constexpr size_t judged_body_limit_bytes = 1024 * 1024;

// What a request asks for, found once: its route is known before anybody asks who sent it.
struct Asked {
    Asked(const RequestHead& head, const RouteSettings& own);

    Path path;
    RouteMatch match;
    Route route;
};

struct Verdict {
    enum class Decision : uint8_t {
        pass,
        refuse,
        needs_body,  // read at most judged_body_limit_bytes, then ask judge_body
    };
    Decision decision = Decision::refuse;
    // refuse: why; needs_body: what to say when the body turns out longer than the limit.
    Refusal refusal;
    // needs_body only.
    Payload payload = Payload::none;
    const Profile* profile = nullptr;
    // Whose containers it concerns, where the profile cares for that.
    Reach reach = Reach::none;

    bool passes() const { return decision == Decision::pass; }
};

class Gate {
  public:
    // `routes`: the settings' patterns. `by_default`: the profile of those who have no other;
    // it must be one of the policy's.
    explicit Gate(RouteSettings routes, Policy policy = Policy(),
                  std::string_view by_default = "any");

    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    const Policy& policy() const { return policy_; }

    // The head must outlive what is returned.
    Asked look(const RequestHead& head) const { return Asked(head, routes_); }
    // The profile of that name, or the default one for an empty name; null: no such profile.
    const Profile* profile(std::string_view name) const {
        return name.empty() ? by_default_ : policy_.find(name);
    }
    // `asked`: what look() made of `head`; `profile`: one of this gate.
    Verdict judge(const RequestHead& head, const Asked& asked, const Profile& profile) const;
    Verdict judge(const RequestHead& head, const Profile& profile) const {
        return judge(head, look(head), profile);
    }

  private:
    RouteSettings routes_;
    Policy policy_;
    const Profile* by_default_;
};

// `body`: whole, without its chunk framing. Nothing: it may pass.
Refusal judge_body(const Verdict& verdict, std::string_view body);

}  // namespace becaused
