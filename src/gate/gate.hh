// May this request pass? Pure: a head, who sent it, and the settings give a Verdict, which can refuse
// with a real answer before a byte reaches the upstream. The one profile so far lets everything pass.
#pragma once

#include "gate/route.hh"
#include "http/head.hh"
#include "ledger/entry.hh"

namespace becaused {

struct Verdict {
    bool pass = true;
    // When refused: one of the gate's reasons and the rule in words (static).
    Reason reason = Reason::policy_denied;
    const char* rule = "";
    Route route;
};

class Gate {
  public:
    explicit Gate(std::vector<RoutePattern> routes) : routes_(std::move(routes)) {}

    Verdict judge(const RequestHead& head, const Endpoint& client) const;

  private:
    std::vector<RoutePattern> routes_;
};

}  // namespace becaused
