// libFuzzer over what follows the frames of tunnels: the pieces in which bytes pass make no difference,
// and at a boundary a frame of ours is read as the next one. The first byte chooses the follower.
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "http/h2_boundary.hh"
#include "http/stdcopy.hh"
#include "support/boundaries.hh"

namespace {

void demand(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "invariant broken: %s\n", what);
    std::abort();
}

// Sizes added up, and nothing else looked at. -1: the bytes end inside a frame.
int count_frames(std::string_view bytes, size_t header, size_t size_at, size_t size_bytes) {
    int count = 0;
    while (!bytes.empty()) {
        if (bytes.size() < header) return -1;
        size_t size = 0;
        for (size_t i = 0; i < size_bytes; ++i)
            size = size << 8U | static_cast<uint8_t>(bytes[size_at + i]);
        if (bytes.size() - header < size) return -1;
        bytes.remove_prefix(header + size);
        ++count;
    }
    return count;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const bool few = size < 512;
    if (data[0] % 3 == 2) {
        const becaused::H2Boundary begun;
        const std::string flaw = becaused::test::cut_flaw(begun, bytes, few);
        demand(flaw.empty(), flaw.c_str());
        becaused::H2Boundary follower;
        follower.passed(bytes);
        const bool preface = !bytes.empty() && bytes.front() == 'P';
        if (follower.at_boundary())
            demand(count_frames(bytes.substr(preface ? 24 : 0), 9, 0, 3) > 0,
                   "a boundary inside a frame of HTTP/2");
        return 0;
    }
    becaused::StdcopyBoundary begun;
    begun.start(data[0] % 3 == 1);
    const std::string flaw = becaused::test::cut_flaw(begun, bytes, few);
    demand(flaw.empty(), flaw.c_str());
    becaused::StdcopyBoundary follower = begun;
    follower.passed(bytes);
    if (follower.at_boundary()) demand(count_frames(bytes, 8, 4, 4) >= 0, "a boundary in a frame");
    return 0;
}
