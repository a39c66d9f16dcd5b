#include "gate/gate.hh"

namespace becaused {

// The profile `any`: every request passes, whoever sends it.
Verdict Gate::judge(const RequestHead& head, const Endpoint&) const {
    Verdict verdict;
    verdict.route = find_route(routes_, head.method, head.path);
    return verdict;
}

}  // namespace becaused
