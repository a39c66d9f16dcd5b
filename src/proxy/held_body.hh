// A request's body that is kept until it has been judged as a whole: as it came, so that exactly that goes
// on, and without its chunk framing for the judge. Bounded; owned by its exchange.
#pragma once

#include <string>
#include <string_view>

#include "http/chunked.hh"
#include "http/framing.hh"

namespace becaused {

class HeldBody {
  public:
    enum class What : uint8_t { more, complete, too_large, malformed };
    struct Outcome {
        What what;
        size_t taken;
    };

    HeldBody(const BodyFraming& framing, size_t limit_bytes);

    // Takes the front of `bytes`, up to the body's end.
    Outcome push(std::string_view bytes);
    bool complete() const { return complete_; }
    // Ends its use: all of it as it came.
    std::string release() { return std::move(raw_); }
    size_t bytes() const { return raw_.size() + plain_.size(); }
    std::string_view plain() const { return chunked_ ? plain_ : raw_; }
    // Another body in its place, framed as `framing` says, whose length follows; without trailers.
    static std::string framed(std::string body, BodyFraming& framing);
    const ParseFault& fault() const { return decoder_.fault(); }

  private:
    Outcome push_chunked(std::string_view bytes);

    size_t limit_;
    bool chunked_;
    bool complete_;
    uint64_t left_;  // of a Content-Length
    ChunkedDecoder decoder_;
    std::string raw_;
    std::string plain_;
};

}  // namespace becaused
