// A connection's TLS: what mbedTLS reads and writes goes through the loop's TlsRoom, and is bytes of the
// socket on one side and bytes of the sink on the other.
#include <algorithm>
#include <array>

#include "base/status.hh"
#include "net/conn.hh"
#include "net/tls.hh"

namespace becaused {

namespace {

// What goes out at once on a new path, in 10 segments (RFC 6928 §2), need not be cut: it arrives together.
constexpr uint64_t first_flight_bytes = 10 * Tls::small_record_bytes;
// After so much silence TCP begins anew too (RFC 5681 §4.1: after one timeout, which is less).
constexpr uint64_t new_path_ns = 1'000 * ns_per_ms;

}  // namespace

bool Conn::securing() const { return tls_ && !tls_->secured(); }

bool Conn::begin_tls(TlsContext* context) {
    if (context == nullptr) return true;
    tls_ = Tls::open(*context, loop().tls_room());
    return tls_ != nullptr;
}

// Ciphertext is read into the room, as much as surely has a place once it is plaintext.
std::span<char> Conn::tls_room(size_t plain_room) const {
    const size_t size =
        std::min({plain_room - Tls::record_bytes - 1, TlsRoom::read_bytes, size_t{budget_}});
    return {loop().tls_room().in.get(), size};
}

// Dialled: the client's first message.
void Conn::greet_tls() {
    started_ = true;
    update_reading();
    std::string_view nothing;
    const bool going = shake_hands(nothing);
    const int error = flush_tls();
    if (!going) report(tls_fault(Op::tls_handshake));
    else if (error != 0) report(judge(Op::write, error));
}

// True unless the handshake failed; it may be done.
bool Conn::shake_hands(std::string_view& in) {
    const Tls::Step step = tls_->handshake(in);
    return step == Tls::Step::secured || step == Tls::Step::more;
}

// The sink hears of nothing before everything that was read is in its place, and what TLS has to say is
// on its way.
void Conn::read_tls(size_t count) {
    if (notified_) return;  // after a close_notify nothing counts (RFC 8446 §6.1)
    std::string_view in(loop().tls_room().in.get(), count);
    const bool was_securing = securing();
    if (was_securing) {
        const bool going = shake_hands(in);
        entry_.facts.tls = &tls_->facts();
        const int error = securing() || !going ? flush_tls() : 0;
        if (!going) report(tls_fault(Op::tls_handshake));
        else if (error != 0) report(judge(Op::write, error));
        if (!going || securing()) return;
    }
    size_t plain = 0;
    SlabPool& slabs = loop().slabs();
    std::span<char> room = slabs.room();
    const bool spare = room.empty();  // who may use it was asked before this was read
    if (spare) room = loop().spare_room();
    const Tls::Step step = tls_->read(in, room, plain);
    tls_->rest();
    {
        Slice bytes;
        if (plain > 0) bytes = spare ? slabs.copy({room.data(), plain}) : slabs.claim(plain);
        entry_.facts.in_bytes += plain;
        const int error = flush_tls();
        if (error != 0) report(judge(Op::write, error));
        if (was_securing && !ending_) sink_->on_connected(*this);
        if (plain > 0 && !ending_) sink_->on_bytes(*this, bytes);
        note();
    }
    slabs.settle();
    if (ending_) return;
    if (step == Tls::Step::failed) {
        report(tls_fault(Op::tls_read));
    } else if (step == Tls::Step::finished) {
        notified_ = true;
        loop().watch(*this);
        sink_->on_finish(*this);
    }
}

Fault Conn::tls_fault(Op op) const {
    const bool ours = tls_->own_fault();
    return {ours ? Fault::What::failed : Fault::What::tls_failed, op, 0, tls_->detail()};
}

// What a FIN means where it is more than the end of a half.
Fault Conn::early_farewell() const {
    if (awaits_proxy_header()) return {Fault::What::closed, Op::read, 0};
    // After a close_notify, which ended only its half: nobody is there any more (Docker's clients
    // half-close so, and send the FIN when they leave).
    if (notified_) return {Fault::What::closed, Op::read, 0};
    if (securing()) return {Fault::What::closed, Op::tls_handshake, 0};
    return {Fault::What::tls_truncated, Op::tls_read, 0};
}

int Conn::write_tls(std::span<const Part> parts) {
    uint64_t total = 0;
    for (const Part& part : parts) total += part.bytes.size();
    const bool small = total > first_flight_bytes;  // small records while the path is new
    if (loop().now_ns() - entry_.facts.last_out_ns >= new_path_ns) tls_->begin_small();
    std::array<char, Tls::record_bytes> record;
    size_t held = 0;
    bool sealed = true;
    for (const Part& part : parts) {
        std::string_view rest = part.bytes;
        while (!rest.empty() && sealed) {
            // The same until it is written, and never less than what is held.
            const size_t size = small ? tls_->next_record() : record.size();
            const size_t taken = std::min(rest.size(), size - held);
            if (taken == size) {
                sealed = tls_->write(rest.substr(0, size));
            } else {
                std::copy_n(rest.data(), taken, record.data() + held);
                held += taken;
                if (held == size) {
                    sealed = tls_->write({record.data(), held});
                    held = 0;
                }
            }
            rest.remove_prefix(taken);
        }
    }
    if (held > 0 && sealed) sealed = tls_->write({record.data(), held});
    tls_->rest();
    const int error = flush_tls();
    if (!sealed) return UV_EPROTO;
    if (error == 0) entry_.facts.out_bytes += total;
    return error;
}

int Conn::flush_tls() {
    Ciphertext& out = loop().tls_room().out;
    if (out.empty()) return 0;
    tls_->count_sealed(out.size());
    const Part part{out.view(), nullptr};
    const int error = write_raw(std::span<const Part>(&part, 1));
    out.clear();
    return error;
}

void Conn::finish_tls() {
    tls_->finish();
    tls_->rest();
    if (const int error = flush_tls(); error != 0)
        entry_.add_trail(facts().side, Op::tls_write, error);
}

}  // namespace becaused
