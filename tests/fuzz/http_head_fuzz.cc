// libFuzzer over everything in src/http that reads a peer's bytes. The first byte chooses the reader;
// the invariants are those of the mutants (tests/unit/mutants_test.cc).
#include <cstdio>
#include <cstdlib>

#include "base/status.hh"
#include "support/http_invariants.hh"

namespace {

void demand(const char* flaw) {
    if (flaw == nullptr) return;
    std::fprintf(stderr, "invariant broken: %s\n", flaw);
    std::abort();
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static becaused::HeadParser parser;
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    bool accepted = false;
    switch (data[0] % 3) {
        case 0: demand(test_support::request_flaw(parser, bytes, accepted)); break;
        case 1: demand(test_support::response_flaw(parser, bytes, accepted)); break;
        default: demand(test_support::chunked_flaw(bytes, accepted)); break;
    }
    if (bytes.empty()) return 0;
    // These judge bytes that are no whole head, too.
    becaused::ignored(static_cast<long>(becaused::find_head_end(bytes, 0).value_or(0)),
                      "any answer will do");
    const bool refused = becaused::refuse_incomplete_request(bytes).has_value() ||
                         becaused::refuse_incomplete_response(bytes).has_value();
    becaused::ignored(refused, "any answer will do");
    return 0;
}
