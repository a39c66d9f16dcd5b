// libFuzzer over what reads the calls in tunnels: pieces make no difference, no byte is lost or changed,
// and no frame that opens a stream has passed without its call, nor half of one. The first byte says how
// many of the bytes after it come from the side that is called.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>

#include "support/h2_text.hh"

namespace {

using becaused::test::Walk;

void demand(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "invariant broken: %s\n", what);
    std::abort();
}

// "33\n": where the frames that open streams begin in what passed. Whatever follows the last one may be
// cut, but not in a block of fields.
std::string openings(std::string_view passed) {
    std::string text;
    size_t at = becaused::test::preface.size();
    uint32_t last = 0;
    bool whole = true;
    while (at + 9 <= passed.size()) {
        const auto octet = [&](size_t i) {
            return static_cast<uint32_t>(static_cast<uint8_t>(passed[at + i]));
        };
        const size_t size = octet(0) << 16U | octet(1) << 8U | octet(2);
        const uint32_t stream =
            (octet(5) & 0x7fU) << 24U | octet(6) << 16U | octet(7) << 8U | octet(8);
        const bool fields = octet(3) == 1 || octet(3) == 9;
        if (octet(3) == 1 && stream > last) {
            text += std::to_string(at) + '\n';
            last = stream;
        }
        if (fields) {
            whole = (octet(4) & 4U) != 0;
            demand(at + 9 + size <= passed.size(), "half a frame of fields passed");
        }
        at += 9 + size;
    }
    demand(whole, "fields without their end passed");
    return text;
}

std::string places(std::string_view calls) {
    std::string text;
    while (!calls.empty()) {
        const size_t end = calls.find('\n');
        const std::string_view line = calls.substr(0, end);
        text += line.substr(line.rfind(' ') + 1);
        text += '\n';
        calls.remove_prefix(end + 1);
    }
    return text;
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    const std::string_view heard = bytes.substr(0, std::min<size_t>(data[0], bytes.size()));
    bytes.remove_prefix(heard.size());
    const std::string flaw = becaused::test::cut_flaw(bytes, heard, size < 256);
    demand(flaw.empty(), flaw.c_str());
    const Walk seen = becaused::test::walk(bytes, heard);
    demand(seen.passed + seen.kept == bytes, "bytes were lost or changed");
    // Paths may hold line ends of their own.
    const auto lines = std::count(seen.calls.begin(), seen.calls.end(), '\n');
    const std::string opened = openings(seen.passed);
    if (lines == std::count(opened.begin(), opened.end(), '\n'))
        demand(places(seen.calls) == opened, "a stream was opened elsewhere than announced");
    else demand(lines > std::count(opened.begin(), opened.end(), '\n'), "a call went unannounced");
    return 0;
}
