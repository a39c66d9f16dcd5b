// Bytes that nobody here looks at: large bodies of a known length, and busy tunnels, go from socket to socket
// through the kernel (net/splice.hh). They are counted, timed and held back as those that are read.
#include <algorithm>

#include "proxy/exchange.hh"
#include "proxy/house.hh"
#include "proxy/session.hh"

namespace becaused {

namespace {

// Where nobody knows how much will come, what came in one piece tells: from so much on a pipe is worth its
// two descriptors, and below this it is not any more.
constexpr uint64_t busy_bytes = 64 * 1024;
constexpr uint64_t quiet_bytes = busy_bytes / 4;

}  // namespace

// UINT64_MAX: until the FIN.
uint64_t Exchange::unseen_bytes(Side from) const {
    const bool up = from == Side::client;
    if (up && (up_ == Up::cut || replayable_ || session_->has_stash())) return 0;
    const bool tunnelled = tunnel_ && (!up || up_complete_);
    if (!tunnelled && up) return up_flow_.unseen_bytes();
    if (!tunnelled) return down_ == Down::body ? down_flow_.unseen_bytes() : 0;
    const bool followed = up ? teller_.follows_up() : teller_.follows_down();
    return followed || calls_ != nullptr ? 0 : UINT64_MAX;
}

// `came` bytes went on just now: what follows them may go unseen, where that is worth it.
void Exchange::splice(Side from, size_t came) {
    const uint64_t least_bytes = house_.settings().splice_bytes;
    if (least_bytes == 0 || upstream_ == nullptr) return;
    const uint64_t rest_bytes = unseen_bytes(from);
    if (rest_bytes == UINT64_MAX ? came < std::min(busy_bytes, least_bytes)
                                 : rest_bytes < least_bytes)
        return;
    const bool up = from == Side::client;
    Conn& source = up ? client() : *upstream_;
    Conn& sink = up ? *upstream_ : client();
    ignored(source.splice_to(sink, rest_bytes), "then they are read and written as ever");
}

void Exchange::take_spliced(size_t count) {
    entry_->serve();
    up_stamp_ns_ = house_.loop().now_ns();
    entry_->facts.last_up_ns = up_stamp_ns_;
    entry_->facts.client_in_bytes += count;
    write_spliced(Side::client, count);
    if (!finished_) client_moved(count);
}

void Exchange::on_spliced(Conn&, size_t count) {
    entry_->serve();
    down_stamp_ns_ = house_.loop().now_ns();
    entry_->facts.last_down_ns = down_stamp_ns_;
    entry_->facts.upstream_in_bytes += count;
    write_spliced(Side::upstream, count);
    if (!finished_) upstream_moved(count);
}

void Exchange::write_spliced(Side from, size_t count) {
    const bool up = from == Side::client;
    const uint64_t rest_bytes = unseen_bytes(from);
    const bool quiet = count < std::min(quiet_bytes, house_.settings().splice_bytes);
    if (rest_bytes == UINT64_MAX && quiet) (up ? client() : *upstream_).splice_off();
    if (!tunnel_ || (up && !up_complete_)) {
        if (up) body_written(up_flow_.push_spliced(count, *upstream_));
        else answer_written(down_flow_.push_spliced(count, client()));
        return;
    }
    const int error = (up ? *upstream_ : client()).write_spliced(count);
    if (error != 0) up ? upstream_write_failed(error) : client_write_failed(error);
}

}  // namespace becaused
