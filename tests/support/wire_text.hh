// Bytes from the wire as text that a table's row can hold. Written naively and apart from src/, so that
// both are not wrong in the same way. Nothing is forgiven: what is not as expected stays as it came.
#pragma once

#include <string>
#include <string_view>

namespace becaused::test {

// Messages one after another:
// - the lines that the proxy adds to a request of Host "a" from 127.0.0.1, all of them valid, become {+};
// - a chunked body becomes [body], its trailers after it; one without its last chunk "[body (cut)";
//   bytes that are no chunks "[body (broken)".
std::string readable(std::string_view bytes);

// An answer that becaused gives itself, whole.
struct OwnAnswer {
    int status = 400;
    std::string_view reason;       // client_malformed, ...
    std::string_view message;      // what stands for {detail}, or the sentence where it has none
    bool close = true;             // says Connection: close
    std::string_view record = {};  // the exchange's id
    bool head = false;             // the answer to HEAD
    std::string_view extra = {};   // more lines, with their CRLF, before Connection
    // What of the request had reached the upstream: "nothing" (or empty), or all or some of one that
    // "reads" only or "acts".
    std::string_view reached = {};
};
std::string own_answer(const OwnAnswer& answer);

// `count` bytes that repeat nowhere near: a lost, doubled or swapped piece shows.
std::string pattern(size_t count);
// "a of 3": `count` times `text`.
std::string times(size_t count, std::string_view text);
// In chunks of at most `size` bytes, the last chunk included.
std::string chunked(std::string_view body, size_t size);

}  // namespace becaused::test
