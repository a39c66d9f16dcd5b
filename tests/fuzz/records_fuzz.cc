// libFuzzer over what `becaused why` reads: any lines whatever. The first byte chooses how they are told.
// Nothing that a terminal obeys gets through, and no line is wider than the screen.
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>

#include "ops/why_report.hh"

namespace {

using namespace becaused;

constexpr size_t screen_width = 80;

void demand(bool holds, const char* what, const std::string& text) {
    if (holds) return;
    std::fprintf(stderr, "invariant broken: %s\n%s\n", what, text.c_str());
    std::abort();
}

// One column per character: the bytes inside a character of UTF-8 do not count.
void check_shown(const std::string& text, bool bounded) {
    size_t columns = 0;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        demand(c == '\n' || (byte >= 0x20 && byte != 0x7f), "no control bytes", text);
        if (c == '\n') columns = 0;
        else if ((byte & 0xC0U) != 0x80U) ++columns;
        demand(!bounded || columns <= screen_width, "no line is wider than the screen", text);
    }
    demand(text.empty() || text.back() == '\n', "whole lines", text);
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    if (size == 0) return 0;
    std::string_view rest(reinterpret_cast<const char*>(data) + 1, size - 1);
    WhyRequest request;
    request.filter.all = (data[0] & 1U) != 0;
    request.summary = (data[0] & 2U) != 0;
    const bool bounded = (data[0] & 4U) == 0;
    WhyReport report(request, Screen{bounded ? screen_width : 0, false, true});
    while (!rest.empty()) {
        const size_t end = std::min(rest.find('\n'), rest.size());
        check_shown(report.line(rest.substr(0, end)), bounded);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    check_shown(report.end(), bounded && !request.summary);
    check_shown(report.remark(), false);
    return 0;
}
