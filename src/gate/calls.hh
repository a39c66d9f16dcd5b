// Which gRPC methods may be called in BuildKit's tunnels: names and patterns, told apart by which side
// calls. Patterns as settings give them, and what profiles make of them. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.hh"

namespace becaused {

// Whose list it is, by the tunnel's route: in `/grpc` the client calls dockerd's BuildKit, in `/session`
// dockerd calls what the client offers for its build.
enum class CallList : uint8_t { none, grpc, session };
inline constexpr size_t call_list_count = 3;
std::string_view name(CallList list);

// "moby.buildkit.v1.Control/Solve" of "/moby.buildkit.v1.Control/Solve"; empty for what is no gRPC
// method's path (gRPC over HTTP/2, "Path"): such a path is read by some as another one.
std::string_view method_of(std::string_view path);

class CallRules {
  public:
    // Takes a list of patterns, in which `*` stands for anything within a part and `**` for any rest.
    // Those that begin with `!` take away. A list of only these takes away from what is allowed already;
    // any other one begins anew.
    Status adopt(const std::vector<std::string>& patterns);
    // Nothing is forbidden.
    bool all() const;
    bool allows(std::string_view method) const;
    const std::vector<std::string>& allowed() const& { return allow_; }

    static CallRules everything();
    // What stock `docker build` and buildx call, without what disturbs others' builds.
    static CallRules of_builds(CallList list);

  private:
    std::vector<std::string> allow_;
    std::vector<std::string> deny_;
};

}  // namespace becaused
