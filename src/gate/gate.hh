// May this request pass? Pure: a head, a profile and the settings give a Verdict, which can refuse with
// a real answer before a byte reaches the upstream. A verdict may ask for the whole body first; what was
// judged is what must go on, byte for byte. Owns its policy; knows no socket and no loop.
#pragma once

#include "gate/profile.hh"
#include "gate/route.hh"
#include "http/head.hh"
#include "ledger/entry.hh"

namespace becaused {

// Bodies that are judged are JSON for people: the largest real one is some KiB.
inline constexpr size_t judged_body_limit_bytes = 1024 * 1024;

struct Verdict {
    enum class Decision : uint8_t {
        pass,
        refuse,
        needs_body,  // read at most judged_body_limit_bytes, then ask judge_body
    };
    Decision decision = Decision::refuse;
    // refuse: why; needs_body: what to say when the body turns out longer than the limit.
    Refusal refusal;
    Route route;
    // needs_body only.
    Payload payload = Payload::none;
    const Profile* profile = nullptr;

    bool passes() const { return decision == Decision::pass; }
};

class Gate {
  public:
    // `routes`: patterns with their own patience. `by_default`: the profile of those who have no other;
    // it must be one of the policy's.
    explicit Gate(std::vector<RoutePattern> routes, Policy policy = Policy(),
                  std::string_view by_default = "any");

    Gate(const Gate&) = delete;
    Gate& operator=(const Gate&) = delete;

    const Policy& policy() const { return policy_; }

    // By the default profile.
    Verdict judge(const RequestHead& head, const Endpoint& client) const;
    // `profile`: the policy's own; the head is looked at during the call only.
    Verdict judge(const RequestHead& head, const Profile& profile) const;

  private:
    std::vector<RoutePattern> routes_;
    Policy policy_;
    const Profile* by_default_;
};

// `body`: whole, without its chunk framing. Nothing: it may pass.
Refusal judge_body(const Verdict& verdict, std::string_view body);

}  // namespace becaused
