// One direction of a message's bytes: takes the source's framing off, puts our own on, and hands the
// pieces to the sink without copying them. Knows where the body ends; knows nothing of clocks or ends.
// A Flow lives in its exchange; `start` begins a new body.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/bytes.hh"
#include "http/chunked.hh"
#include "http/framing.hh"
#include "net/conn.hh"
#include "proxy/teller.hh"

namespace becaused {

class Flow {
  public:
    enum class What : uint8_t {
        more,         // all bytes taken, the body goes on
        complete,     // the body is over; bytes may be left (`taken` < size)
        malformed,    // see fault()
        sink_failed,  // see `error`: the sink's write failed
        too_large,    // a chunked body beyond its limit: what came with that is not passed on
    };
    struct Outcome {
        What what = What::more;
        size_t taken = 0;
        int error = 0;
    };

    // `chunk`: towards the sink the body is chunked; else it goes as it is. `trailers`: may be passed on.
    // `teller`: hears of what was written; null: nobody does. `limit_bytes`: the most that a chunked
    // body may hold, without its framing.
    void start(Side from, const BodyFraming& source, bool chunk, bool trailers,
               Teller* teller = nullptr, uint64_t limit_bytes = UINT64_MAX);

    // Takes bytes from the source and writes them to `sink`, after `head` (which may be empty and is
    // written exactly once, whatever the outcome but sink_failed and too_large).
    Outcome push(const Slice& bytes, Conn& sink, std::string_view head);
    // How much of the body may go from socket to socket unseen, where it goes on as it comes and nobody
    // follows it: all that is left but for the last byte, so that whatever stands behind it is read with
    // it. UINT64_MAX: until the source's FIN.
    uint64_t unseen_bytes() const;
    // So many of these lie in the pipe to `sink` (Conn::splice_to).
    Outcome push_spliced(size_t count, Conn& sink);
    // The source's FIN, which ends a body of BodyKind::until_close.
    Outcome finish(Conn& sink);

    bool complete() const { return complete_; }
    bool until_close() const { return source_.kind == BodyKind::until_close; }
    const ParseFault& fault() const { return decoder_.fault(); }

  private:
    static constexpr size_t spans = 12;  // pieces of one read that go out as one chunk

    Outcome push_plain(const Slice& bytes, Conn& sink, std::string_view head);
    Outcome push_chunked(const Slice& bytes, Conn& sink, std::string_view head);
    Outcome passed(size_t count, int error);
    int emit(Conn& sink, std::string_view head, const Slice& owner,
             std::span<const std::string_view> data, bool last);

    BodyFraming source_;
    ChunkedDecoder decoder_;
    Teller* teller_ = nullptr;
    uint64_t left_ = 0;  // until the Content-Length, or the limit of a chunked body
    bool chunk_ = false;
    bool trailers_ = false;
    bool complete_ = true;
};

}  // namespace becaused
