#include "proxy/held_body.hh"

#include <algorithm>

namespace becaused {

namespace {

// Chunk framing may add this much to a body before it counts as too large itself.
constexpr size_t framing_factor = 4;

}  // namespace

HeldBody::HeldBody(const BodyFraming& framing, size_t limit_bytes)
    : limit_(limit_bytes),
      chunked_(framing.kind == BodyKind::chunked),
      complete_(framing.kind == BodyKind::none),
      left_(framing.kind == BodyKind::length ? framing.length : 0) {
    if (chunked_) decoder_.start(Side::client);
}

HeldBody::Outcome HeldBody::push(std::string_view bytes) {
    if (chunked_) return push_chunked(bytes);
    const auto taken = static_cast<size_t>(std::min<uint64_t>(bytes.size(), left_));
    raw_ += bytes.substr(0, taken);
    left_ -= taken;
    complete_ = left_ == 0;
    if (raw_.size() > limit_) return {What::too_large, taken};
    return {complete_ ? What::complete : What::more, taken};
}

std::string HeldBody::framed(std::string body, BodyFraming& framing) {
    if (framing.kind == BodyKind::length) {
        framing.length = body.size();
        return body;
    }
    char line[24];
    std::string raw(chunk_line(body.size(), line));
    return raw.append(body).append(chunk_end).append("0\r\n\r\n");
}

HeldBody::Outcome HeldBody::push_chunked(std::string_view bytes) {
    std::string_view rest = bytes;
    for (;;) {
        std::string_view piece;
        const ChunkedDecoder::Step step = decoder_.next(rest, piece);
        if (step == ChunkedDecoder::Step::data) {
            plain_ += piece;
            continue;
        }
        const size_t taken = bytes.size() - rest.size();
        raw_ += bytes.substr(0, taken);
        complete_ = step == ChunkedDecoder::Step::complete;
        if (plain_.size() > limit_ || raw_.size() > framing_factor * limit_)
            return {What::too_large, taken};
        if (step == ChunkedDecoder::Step::fault) return {What::malformed, taken};
        return {complete_ ? What::complete : What::more, taken};
    }
}

}  // namespace becaused
