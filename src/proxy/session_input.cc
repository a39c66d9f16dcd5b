// What a client sends, cut into requests: heads are looked for here, bodies are the exchange's, and what
// comes too early waits.
#include <algorithm>

#include "proxy/house.hh"
#include "proxy/session.hh"

namespace becaused {

Session::Aside& Session::aside() {
    if (!aside_) aside_ = std::make_unique<Aside>(house_);
    return *aside_;
}

uint64_t Session::stashed_of(const BodyFraming& body) {
    if (body.kind != BodyKind::chunked) return std::min(stashed_bytes(), body.length);
    ChunkedDecoder decoder;
    decoder.start(Side::client);
    uint64_t bytes = 0;
    for (size_t i = 0; has_stash() && i < aside_->stash.count(); ++i) {
        const size_t came = aside_->stash.at(i).size();
        std::string_view rest = aside_->stash.at(i).view();
        ChunkedDecoder::Step step;
        do {
            std::string_view data;
            step = decoder.next(rest, data);
        } while (step == ChunkedDecoder::Step::data);
        bytes += came - rest.size();
        if (step != ChunkedDecoder::Step::need_more) break;
    }
    return bytes;
}

void Session::drop_stash() {
    if (aside_) aside_->stash.clear();
}

void Session::drop_empty_aside() {
    if (state_ == State::idle && !has_stash()) aside_.reset();
}

void Session::on_bytes(Conn&, const Slice& bytes) {
    if (state_ == State::ended) return;
    size_t used = 0;
    if (!has_stash()) {
        while (used < bytes.size()) {
            const size_t taken = used == 0 ? consume(bytes) : consume(bytes.part(used));
            if (taken == 0) break;
            used += taken;
        }
    }
    if (exchange_ != nullptr && !in_head_) exchange_->flush_head();
    if (state_ == State::ended) return;
    if (used < bytes.size()) {
        aside().stash.push(house_.loop().slabs().keep(bytes, bytes.view().substr(used)));
        if (stashed_bytes() >= stash_limit_bytes) conn_->pause(Conn::Pause::held);
        if (exchange_ != nullptr && !in_head_) exchange_->body_waits();
        // What was stashed may be takeable now (an answer came while it was being cut).
        if (exchange_ == nullptr && state_ == State::idle) house_.loop().defer(*this);
    }
    rearm();
}

void Session::on_spliced(Conn&, size_t count) {
    CHECK(state_ == State::exchange && !in_head_);
    exchange_->take_spliced(count);
    rearm();
}

// Takes bytes from the front; 0 when nothing wants them now.
size_t Session::consume(const Slice& bytes) {
    switch (state_) {
        case State::ended: return bytes.size();
        case State::parting:
        case State::linger:
            aside().lingered_bytes += bytes.size();
            if (aside().lingered_bytes > linger_limit_bytes) end(*aside().last, Conn::Close::fin);
            return bytes.size();
        case State::idle: return consume_head(bytes);
        case State::preparing:
        case State::exchange: break;
    }
    if (in_head_) return consume_head(bytes);
    return exchange_->takes_bytes() ? exchange_->take(bytes) : 0;
}

void Session::feed() {
    if (feeding_) return;
    feeding_ = true;
    while (has_stash() && state_ != State::ended) {
        const Slice front = aside().stash.front();
        const size_t taken = consume(front);
        if (taken == 0 || !has_stash()) break;  // an end that they brought about clears the stash
        aside().stash.drop_front(taken);
    }
    feeding_ = false;
    drop_empty_aside();
    if (state_ == State::ended || conn_ == nullptr) return;
    if (exchange_ != nullptr && !in_head_) exchange_->flush_head();
    if (state_ != State::ended && stashed_bytes() < stash_limit_bytes)
        conn_->resume(Conn::Pause::held);
}

void Session::begin_exchange() {
    exchange_ = &house_.take_exchange();
    ++conn_->entry().facts.exchanges;
    exchange_->open(*this);
    state_ = State::exchange;
    in_head_ = true;
    since_ns_ = house_.loop().now_ns();
}

// How many bytes of the one empty line that may stand before a request are at the front; it may come
// in two pieces, and is no request by itself.
size_t Session::skip_empty_line(std::string_view bytes) {
    if (empty_line_) return 0;
    const bool half = half_line_;
    if (half && bytes[0] != '\n') return 0;
    half_line_ = !half && bytes == "\r";
    if (half_line_) return 1;
    const size_t size = half ? 1 : leading_empty_line(bytes);
    empty_line_ = size > 0;
    return size;
}

size_t Session::consume_head(const Slice& bytes) {
    std::string_view view = bytes.view();
    size_t skipped = 0;
    if (state_ == State::idle) {
        skipped = skip_empty_line(view);
        view.remove_prefix(skipped);
        if (view.empty()) return skipped;
        begin_exchange();
        if (std::exchange(half_line_, false))  // not of an empty line
            ignored(aside().head_part.add("\r") ? 0 : 1, "what follows hears of it");
    }
    size_t before = 0;
    if (!aside_ || aside_->head_part.empty()) {
        if (const auto end = find_head_end(view, 0)) {
            parse_head(view.substr(0, *end));
            return skipped + *end;
        }
    } else {
        before = aside_->head_part.bytes().size();
    }
    HeadPart& part = aside().head_part;
    const bool room =
        part.add(view.substr(0, head_limit_bytes + 1 - std::min(before, head_limit_bytes)));
    if (before > 0) {
        if (const auto end = find_head_end(part.bytes(), before)) {
            const std::string head = part.take();
            parse_head(std::string_view(head).substr(0, *end));
            return skipped + *end - before;
        }
    }
    if (const auto fault = refuse_incomplete_request(part.bytes())) {
        const std::string head = part.take();
        in_head_ = false;
        exchange_->refuse_head(*fault, head, head.size());
    } else {
        exchange_->begin_head(view.size());
        if (!room)
            fail_head(Ending::decided(Reason::memory_shed, Phase::request_head, Op::allocate, 0));
    }
    return bytes.size();
}

// It will not be whole.
void Session::fail_head(const Ending& ending) {
    in_head_ = false;
    if (aside_) aside_->head_part.drop();
    exchange_->fail(ending);
}

void Session::parse_head(std::string_view bytes) {
    in_head_ = false;
    empty_line_ = false;
    RequestHead& head = house_.request_head();
    if (const auto fault = house_.parser().parse_request(bytes, head))
        exchange_->refuse_head(*fault, bytes, bytes.size());
    else exchange_->begin(head, bytes);
}

}  // namespace becaused
