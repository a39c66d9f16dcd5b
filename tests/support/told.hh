// What a peer was told, from the raw bytes it received, as one line of words: every message with
// whether its body came whole. Written apart from src/http, and naively: what is read here is what
// becaused wrote itself.
#pragma once

#include <string>
#include <string_view>

namespace becaused::test {

// Many bytes are "...".
// "103, 200 whole" · "200 cut" · "200 unframed 'bytes'" · "101 'bytes'" · "502 upstream_closed close".
// Answers of becaused's own carry their reason; `close`: it said Connection: close.
std::string told_by_answers(std::string_view bytes);
// "GET whole" · "POST cut" · "POST whole 'bytes of a tunnel'" · "part of a head".
std::string told_by_requests(std::string_view bytes);

}  // namespace becaused::test
