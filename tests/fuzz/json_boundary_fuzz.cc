// libFuzzer over what follows progress streams: the pieces in which bytes pass make no difference, and at
// a boundary of messages that are JSON a message of ours is read as the next one.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <nlohmann/json.hpp>
#include <string>

#include "http/json_boundary.hh"
#include "support/boundaries.hh"

namespace {

using Json = nlohmann::json;

// The last of the objects that `text` consists of, read one by one as a client does; null when it is
// something else. The reader says how far it came: an object ends where one more byte is an error.
bool ends_with_error(std::string_view text, size_t messages_before) {
    size_t count = 0;
    size_t begin = 0;
    for (size_t end = 1; end <= text.size(); ++end) {
        if (text[end - 1] != '}') continue;
        const Json message = Json::parse(text.substr(begin, end - begin), nullptr, false);
        if (!message.is_object()) continue;
        ++count;
        begin = end;
        const size_t rest = text.find_first_not_of(" \t\r\n", begin);
        if (rest == std::string_view::npos)
            return count == messages_before + 1 && message.contains("errorDetail");
    }
    return false;
}

// How many objects `text` consists of; nothing else but white space. -1: something else.
int count_messages(std::string_view text) {
    int count = 0;
    size_t begin = 0;
    for (size_t end = 1; end <= text.size(); ++end) {
        if (text[end - 1] != '}') continue;
        if (!Json::parse(text.substr(begin, end - begin), nullptr, false).is_object()) continue;
        ++count;
        begin = end;
    }
    return text.find_first_not_of(" \t\r\n", begin) == std::string_view::npos ? count : -1;
}

void demand(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "invariant broken: %s\n", what);
    std::abort();
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    using becaused::JsonBoundary;
    const std::string_view bytes(reinterpret_cast<const char*>(data), size);
    const std::string flaw = becaused::test::cut_flaw(JsonBoundary(), bytes, size < 512);
    demand(flaw.empty(), flaw.c_str());
    if (size > 512) return 0;
    JsonBoundary follower;
    follower.passed(bytes);
    const int messages = count_messages(bytes);
    if (messages < 0) return 0;
    demand(follower.at_boundary(), "whole messages, and no boundary after them");
    std::string text(bytes);
    becaused::append_error_message(text, "why");
    demand(ends_with_error(text, static_cast<size_t>(messages)), "our message is not the next one");
    return 0;
}
