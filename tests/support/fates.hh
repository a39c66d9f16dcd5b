// What is to become of each of many requests, drawn by lot: how it looks, what its client and the
// upstream do with it, and which reasons its record may have then. Pure; tests/support/crowd.hh acts it
// out. A fate is scripted so that it leaves little choice: a client that leaves in the midst of an
// answer has an upstream that never finishes it, so that no record may call it complete.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/vocabulary.hh"

namespace becaused::test {

// splitmix64 (Steele, Lea, Flood 2014): the same numbers from the same seed, everywhere.
class Random {
  public:
    explicit Random(uint64_t seed) : state_(seed) {}
    uint64_t next();
    uint64_t below(uint64_t limit) { return next() % limit; }
    uint64_t between(uint64_t least, uint64_t most) { return least + below(most - least + 1); }
    bool chance(unsigned percent) { return below(100) < percent; }

  private:
    uint64_t state_;
};

enum class Fate : uint8_t {
    plain,            // a small GET
    long_answer,      // chunked or counted, up to megabytes
    upload,           // chunked or counted
    head_request,     // HEAD
    bodyless,         // 204, 304
    until_close,      // an answer that ends with its connection
    old_client,       // HTTP/1.0
    interim,          // 1xx first; Expect: 100-continue
    polite_close,     // Connection: close
    upstream_leaves,  // closes its connection after a whole answer
    client_leaves,    // closes its connection after a whole answer
    upgrade_refused,  // a plain answer to an Upgrade
    early_answer,     // the upstream answers and ends before it has read the request
    tunnel,           // both halves end with a FIN
    tunnel_client_dies,
    tunnel_upstream_dies,
    tunnel_silent,
    client_cut_head,     // leaves in its request's head
    client_cut_body,     // ... body
    client_cut_waiting,  // ... while the upstream has not answered
    client_cut_answer,   // ... in the midst of the answer
    client_mute_head,    // stops sending
    client_mute_body,
    client_deaf,  // stops reading a long answer
    client_malformed,
    client_bad_chunk,
    upstream_cut_silent,  // closes before it answers
    upstream_cut_upload,  // ... while the request's body comes
    upstream_cut_answer,  // ... in the midst of its answer
    upstream_silent,
    upstream_mute,  // stops in its answer
    upstream_deaf,  // stops reading a long request
    upstream_malformed,
    upstream_bad_chunk,
    refused,    // nobody listens
    restarted,  // nobody listened for a moment
    both_cut,   // client and upstream leave at about the same time
};
inline constexpr size_t fate_count = static_cast<size_t>(Fate::both_cut) + 1;

enum class Framing : uint8_t { none, length, chunked, until_close };
// What a side does once it has sent or heard as much as it wants.
enum class Act : uint8_t {
    go_on,
    close,      // FIN (or a reset, where bytes are unread)
    reset,      // RST on TCP
    mute,       // sends no more, goes on reading
    deaf,       // neither reads nor sends
    half_close  // FIN, and reads to the end
};

inline constexpr uint64_t never = UINT64_MAX;
inline constexpr uint64_t at_the_end = UINT64_MAX - 1;

// One side's part in a request: it acts once it has sent so many bytes of its message, or heard so many
// body bytes (in tunnels: bytes) of the other's; `at_the_end`: all of them.
struct Part {
    uint64_t sends = never;
    uint64_t hears = never;
    Act act = Act::go_on;
};

struct Plan {
    uint32_t number = 0;
    Fate fate = Fate::plain;
    std::string method = "GET";
    std::string target;
    std::string more_fields;  // of the request, each with its CRLF
    std::string raw_request;  // not empty: these bytes instead of a request
    bool old_version = false;
    bool last = false;  // nothing follows it on its connection
    bool tunnel = false;
    Framing up = Framing::none;
    uint64_t up_size = 0;
    uint64_t up_chunk = 1000;    // size of chunks
    uint64_t bad_chunk = never;  // after so many body bytes: not a chunk

    unsigned status = 200;
    std::string answer_fields;
    std::string raw_answer;
    unsigned interims = 0;
    Framing down = Framing::length;
    uint64_t down_size = 2;
    uint64_t down_chunk = 1000;
    uint64_t bad_answer_chunk = never;
    bool early = false;  // the upstream answers once it has heard so much as `upstream.hears`
    Part client;
    Part upstream;

    // What happened.
    bool begun = false;           // a byte of it was sent
    bool orphan = false;          // sent behind a request at which the connection ended
    bool whole = false;           // the client has the whole answer
    bool wrong = false;           // ... or bytes that nobody sent
    bool finished = false;        // the client is done with it
    bool upstream_whole = false;  // the upstream has the whole request
    unsigned seen_status = 0;     // by the client
    unsigned records = 0;
    unsigned record_status = 0;
    Reason reason = Reason::lost;
};

// Draws a plan; its fate by lot, too.
Plan draw_plan(uint32_t number, Random& random);
Plan draw_plan(uint32_t number, Random& random, Fate fate);

std::string_view name(Fate fate);
// May the exchange of this plan end so? `unix_socket`: on either side.
bool allowed(const Plan& plan, Reason reason, bool unix_socket);
std::span<const Reason> reasons_of(Fate fate);
// Its head is never read whole: its record has no target.
bool headless(Fate fate);
// A reset may overtake the bytes before it, so that the proxy never sees the request.
bool may_be_unseen(const Plan& plan);
// The client must have the whole answer of the upstream, byte for byte.
bool must_be_whole(Fate fate);

// The whole messages, as they go on the wire.
std::string request_of(const Plan& plan);
std::string answer_of(const Plan& plan);
// How many bytes of request_of are head.
size_t head_size(std::string_view request);

// Byte `at` of body `seed`, and so on for `count` bytes: shifted text shows.
std::string_view body_text(uint64_t seed, uint64_t at, uint64_t count);  // at most 64 KiB

// The number in a text that holds "fate-NUMBER", 0: none (numbers begin at 1).
uint32_t fate_number(std::string_view text);

}  // namespace becaused::test
