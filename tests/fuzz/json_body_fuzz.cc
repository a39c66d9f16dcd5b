// libFuzzer over the bodies that the gate judges. The first byte chooses the route; the invariants are
// those of the mutants (tests/unit/json_mutants_test.cc): nothing crashes, and what another reader of
// Go's kind would find privileged never passes.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "support/json_invariants.hh"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using becaused::Payload;
    constexpr Payload payloads[] = {Payload::container_create,  Payload::container_update,
                                    Payload::exec_create,       Payload::volume_create,
                                    Payload::network_create,    Payload::network_connect,
                                    Payload::network_disconnect};
    static const becaused::Policy policy;
    static const becaused::Profile& profile = *policy.find("run_sandboxed");
    if (size == 0) return 0;
    const std::string_view body(reinterpret_cast<const char*>(data) + 1, size - 1);
    bool passed = false;
    std::string flaw =
        test_support::body_flaw(payloads[data[0] % std::size(payloads)], body, profile, passed);
    if (flaw.empty() && passed && data[0] % std::size(payloads) == 0)
        flaw = test_support::owner_flaw(body);
    if (flaw.empty()) return 0;
    std::fprintf(stderr, "invariant broken: %s\n", flaw.c_str());
    std::abort();
}
