#include "http/h2_calls.hh"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <utility>

namespace becaused {

namespace {

bool of_block(const H2Head& head) {
    return head.type == h2::headers || head.type == h2::push_promise ||
           head.type == h2::continuation;
}

// HEADERS without what stands around its fragment (RFC 9113 §6.2). False: the padding is too long.
bool strip(const H2Head& head, std::string_view& payload) {
    size_t padding = 0;
    if (head.has(h2::flag_padded)) {
        if (payload.empty()) return false;
        padding = static_cast<uint8_t>(payload.front());
        payload.remove_prefix(1);
    }
    if (head.has(h2::flag_priority)) {
        constexpr size_t priority_bytes = 5;
        if (payload.size() < priority_bytes) return false;
        payload.remove_prefix(priority_bytes);
    }
    if (padding > payload.size()) return false;
    payload.remove_suffix(padding);
    return true;
}

}  // namespace

void H2Calls::Inflater::operator()(nghttp2_hd_inflater* inflater) const {
    nghttp2_hd_inflate_del(inflater);
}

H2Calls::H2Calls() {
    nghttp2_hd_inflater* inflater = nullptr;
    if (nghttp2_hd_inflate_new(&inflater) == 0) inflater_.reset(inflater);
    else flaw_ = "there is no memory to read the tunnel's fields with";
}

H2Calls::~H2Calls() = default;

H2Calls::Step H2Calls::break_off(const char* flaw) {
    flaw_ = flaw;
    return Step::broken;
}

H2Calls::Step H2Calls::next(std::string_view& rest, std::string_view& piece) {
    piece = {};
    if (held_gone_) {
        // Blocks are rare, and hardly ever in pieces: nothing is kept for the next one.
        std::string().swap(held_);
        held_gone_ = false;
    }
    if (flaw_ != nullptr) return Step::broken;
    if (settings_.overrun()) return break_off("more SETTINGS than anybody acknowledges");
    if (block_ > 0) {  // it was handed out as a call, and may go on
        const size_t size = std::exchange(block_, 0);
        held_gone_ = !held_.empty();
        piece = held_gone_ ? std::string_view(held_) : rest.substr(0, size);
        if (!held_gone_) rest.remove_prefix(size);
        return Step::pass;
    }
    if (!held_.empty()) return held_on(rest, piece);
    if (const size_t passing = run(rest); passing > 0) {
        piece = rest.substr(0, passing);
        rest.remove_prefix(passing);
        return Step::pass;
    }
    if (flaw_ != nullptr) return Step::broken;
    if (rest.empty()) return Step::more;
    measured_ = 0;
    wanted_ = h2_head_bytes;
    if (rest.size() >= h2_head_bytes) {
        const size_t size = measure(rest);
        if (flaw_ != nullptr) return Step::broken;
        if (size > 0) {
            const Step step = read_block(rest.substr(0, size));
            if (step == Step::pass) {
                piece = rest.substr(0, size);
                rest.remove_prefix(size);
            }
            return step;
        }
    }
    held_ = rest;
    rest = {};
    return Step::more;
}

// How many bytes at the front of `bytes` are of no interest: up to a header that is not whole, or of a
// block of fields.
size_t H2Calls::run(std::string_view bytes) {
    size_t at = 0;
    while (at < bytes.size()) {
        if (left_ > 0) {
            const size_t passing = std::min<size_t>(left_, bytes.size() - at);
            left_ -= static_cast<uint32_t>(passing);
            at += passing;
        } else if (preface_ < h2_preface.size()) {
            if (bytes[at] != h2_preface[preface_]) {
                flaw_ = "the caller does not begin as an HTTP/2 client does";
                return at;
            }
            ++preface_;
            ++at;
        } else {
            if (bytes.size() - at < h2_head_bytes) return at;
            const H2Head head = read_h2_head(bytes.substr(at));
            if (of_block(head) || !plain(head)) return at;
            at += h2_head_bytes;
        }
    }
    return at;
}

// A frame without fields begins. False: it should not.
bool H2Calls::plain(const H2Head& head) {
    if (!begun_ && head.type != h2::settings) {
        flaw_ = "the caller's first frame is not SETTINGS";
        return false;
    }
    begun_ = true;
    left_ = head.length;
    if (head.type == h2::settings && head.has(h2::flag_ack)) acknowledge();
    return flaw_ == nullptr;
}

// From here on the caller's fields are compressed as the other side had asked.
void H2Calls::acknowledge() {
    const auto size = settings_.acknowledged();
    if (!size || !size->said) return;
    for (const uint32_t bytes : {size->least, size->last})
        if (nghttp2_hd_inflate_change_table_size(inflater_.get(),
                                                 std::min(bytes, table_limit_bytes)) != 0)
            flaw_ = "the size of the table of fields cannot be changed";
}

// Bytes are held: the beginning of a header, or of a block.
H2Calls::Step H2Calls::held_on(std::string_view& rest, std::string_view& piece) {
    for (;;) {
        const size_t taken = std::min(wanted_ - held_.size(), rest.size());
        held_ += rest.substr(0, taken);
        rest.remove_prefix(taken);
        if (held_.size() < wanted_) return Step::more;
        const H2Head head = read_h2_head(held_);
        if (!of_block(head)) {
            if (!plain(head)) return Step::broken;
            piece = held_;
            held_gone_ = true;
            return Step::pass;
        }
        const size_t size = measure(held_);
        if (flaw_ != nullptr) return Step::broken;
        if (size == 0) continue;
        const Step step = read_block(held_);
        if (step == Step::pass) {
            piece = held_;
            held_gone_ = true;
        }
        return step;
    }
}

// How long the block is that `bytes` begin with; 0: it is not whole, see `wanted_`, or has a flaw.
size_t H2Calls::measure(std::string_view bytes) {
    for (;;) {
        wanted_ = measured_ + h2_head_bytes;
        if (bytes.size() < wanted_) return 0;
        const H2Head head = read_h2_head(bytes.substr(measured_));
        if (const char* flaw = out_of_order(head); flaw != nullptr) {
            flaw_ = flaw;
            return 0;
        }
        wanted_ += head.length;
        if (wanted_ > block_limit_bytes) {
            flaw_ = "fields of over 64 KiB in the tunnel";
            return 0;
        }
        if (bytes.size() < wanted_) return 0;
        block_stream_ = head.stream;
        measured_ = wanted_;
        if (head.has(h2::flag_end_headers)) return measured_;
    }
}

// RFC 9113 §4.3, §5.1.1: what a client may say, and where.
const char* H2Calls::out_of_order(const H2Head& head) const {
    if (!begun_) return "the caller's first frame is not SETTINGS";
    if (head.type == h2::push_promise) return "a push by the side that calls";
    if (measured_ == 0) {
        if (head.type != h2::headers) return "a CONTINUATION of nothing";
        return head.stream % 2 == 1 ? nullptr : "a stream that no caller can open";
    }
    const bool goes_on = head.type == h2::continuation && head.stream == block_stream_;
    return goes_on ? nullptr : "a frame in the midst of another one's fields";
}

// `block`: whole and in order.
H2Calls::Step H2Calls::read_block(std::string_view block) {
    path_.clear();
    paths_ = 0;
    while (!block.empty()) {
        const H2Head head = read_h2_head(block);
        std::string_view payload = block.substr(h2_head_bytes, head.length);
        block.remove_prefix(h2_head_bytes + head.length);
        if (head.type == h2::headers && !strip(head, payload))
            return break_off("a frame's padding is longer than the frame");
        if (!inflate(payload, block.empty()))
            return break_off("fields that cannot be decoded (HPACK)");
    }
    if (block_stream_ <= last_stream_) {  // what follows a request's body
        if (paths_ > 0) return break_off("a second call in a stream that was opened before");
        return Step::pass;
    }
    if (paths_ != 1) return break_off("a call without a path, or with two");
    last_stream_ = block_stream_;
    block_ = measured_;
    return Step::call;
}

bool H2Calls::inflate(std::string_view fragment, bool last) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(fragment.data());
    size_t left = fragment.size();
    for (;;) {
        nghttp2_nv pair;
        int flags = 0;
        const auto used =
            nghttp2_hd_inflate_hd2(inflater_.get(), &pair, &flags, bytes, left, last ? 1 : 0);
        if (used < 0) return false;
        bytes += used;
        left -= static_cast<size_t>(used);
        const bool emitted = (flags & NGHTTP2_HD_INFLATE_EMIT) != 0;
        if (emitted)
            field({reinterpret_cast<const char*>(pair.name), pair.namelen},
                  {reinterpret_cast<const char*>(pair.value), pair.valuelen});
        if ((flags & NGHTTP2_HD_INFLATE_FINAL) != 0)
            return nghttp2_hd_inflate_end_headers(inflater_.get()) == 0;
        if (!emitted && left == 0) return !last;
    }
}

void H2Calls::field(std::string_view name, std::string_view value) {
    if (name != ":path") return;
    if (paths_ < 2) ++paths_;
    path_ = value.substr(0, path_limit_bytes + 1);
}

}  // namespace becaused
