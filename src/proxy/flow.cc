#include "proxy/flow.hh"

#include <algorithm>
#include <array>
#include <string>

namespace becaused {

void Flow::start(Side from, const BodyFraming& source, bool chunk, bool trailers, Teller* teller,
                 uint64_t limit_bytes) {
    source_ = source;
    teller_ = teller;
    chunk_ = chunk;
    trailers_ = trailers;
    left_ = source.kind == BodyKind::length ? source.length : limit_bytes;
    complete_ = source.kind == BodyKind::none;
    if (source.kind == BodyKind::chunked) decoder_.start(from);
}

Flow::Outcome Flow::push(const Slice& bytes, Conn& sink, std::string_view head) {
    CHECK(!complete_);
    return source_.kind == BodyKind::chunked ? push_chunked(bytes, sink, head)
                                             : push_plain(bytes, sink, head);
}

Flow::Outcome Flow::push_plain(const Slice& bytes, Conn& sink, std::string_view head) {
    const auto taken = static_cast<size_t>(std::min<uint64_t>(bytes.size(), left_));
    const std::string_view data = bytes.view().substr(0, taken);
    const bool last = source_.kind == BodyKind::length && taken == left_;
    return passed(taken, emit(sink, head, bytes, std::span(&data, 1), last));
}

// `count` bytes of a body without chunks were written, unless there was an `error`.
Flow::Outcome Flow::passed(size_t count, int error) {
    if (error != 0) return {What::sink_failed, count, error};
    if (source_.kind == BodyKind::length) left_ -= count;
    complete_ = source_.kind == BodyKind::length && left_ == 0;
    return {complete_ ? What::complete : What::more, count, 0};
}

uint64_t Flow::unseen_bytes() const {
    const bool as_it_comes = source_.kind == BodyKind::length || until_close();
    const bool followed = teller_ != nullptr && teller_->follows_down();
    if (complete_ || chunk_ || !as_it_comes || followed) return 0;
    return until_close() ? UINT64_MAX : left_ - 1;
}

Flow::Outcome Flow::push_spliced(size_t count, Conn& sink) {
    CHECK(!complete_ && count <= unseen_bytes());
    return passed(count, sink.write_spliced(count));
}

Flow::Outcome Flow::push_chunked(const Slice& bytes, Conn& sink, std::string_view head) {
    std::array<std::string_view, spans> data;
    size_t count = 0;
    std::string_view rest = bytes.view();
    bool head_due = !head.empty();
    const auto flush = [&](bool last) {
        if (count == 0 && !last && !head_due) return 0;
        const int error = emit(sink, head, bytes, std::span(data.data(), count), last);
        count = 0;
        head = {};
        head_due = false;
        return error;
    };
    for (;;) {
        std::string_view piece;
        const ChunkedDecoder::Step step = decoder_.next(rest, piece);
        const size_t taken = bytes.size() - rest.size();
        if (step == ChunkedDecoder::Step::data) {
            if (piece.size() > left_) return {What::too_large, taken, 0};
            left_ -= piece.size();
            data[count++] = piece;
            if (count < spans) continue;
            if (const int error = flush(false); error != 0)
                return {What::sink_failed, taken, error};
            continue;
        }
        complete_ = step == ChunkedDecoder::Step::complete;
        // What came before the fault was good and may say why: it is passed on.
        if (const int error = flush(complete_); error != 0)
            return {What::sink_failed, taken, error};
        if (step == ChunkedDecoder::Step::fault) return {What::malformed, taken, 0};
        return {complete_ ? What::complete : What::more, taken, 0};
    }
}

// Writes head, then `data` (views into `owner`) as one chunk or as they are, then the end of the body.
int Flow::emit(Conn& sink, std::string_view head, const Slice& owner,
               std::span<const std::string_view> data, bool last) {
    std::array<Conn::Part, spans + 4> parts;
    size_t count = 0;
    char line[24];
    uint64_t total = 0;
    for (const std::string_view piece : data) {
        total += piece.size();
        if (teller_ != nullptr) teller_->passed_down(piece);
    }
    if (!head.empty()) parts[count++] = {head, nullptr};
    const bool chunk = chunk_ && total > 0;
    if (chunk) parts[count++] = {chunk_line(total, line), nullptr};
    for (const std::string_view piece : data) parts[count++] = {piece, &owner};
    if (chunk && !last) parts[count++] = {chunk_end, nullptr};
    std::string tail;  // longer than its inside only with trailers
    if (last && chunk_) {
        if (chunk) tail = chunk_end;
        const bool pass = trailers_ && source_.kind == BodyKind::chunked;
        if (pass && !decoder_.trailers().empty()) {
            tail += "0\r\n";
            tail += decoder_.trailers();
            tail += "\r\n";
        } else {
            tail += last_chunk;
        }
        parts[count++] = {tail, nullptr};
    }
    return sink.write(std::span<const Conn::Part>(parts.data(), count));
}

Flow::Outcome Flow::finish(Conn& sink) {
    CHECK(until_close() && !complete_);
    complete_ = true;
    const int error = chunk_ ? sink.write(last_chunk) : 0;
    return {error == 0 ? What::complete : What::sink_failed, 0, error};
}

}  // namespace becaused
