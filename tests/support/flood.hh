// Floods: bodies of known bytes from a source that never tires, towards a side that may not read. Include
// before support/cmocka.hh.
#pragma once

#include <algorithm>

#include "support/answers.hh"

namespace becaused::test {

inline constexpr size_t mib = 1U << 20;
inline constexpr size_t slabs_of_1_mib = 4;
// More than all the kernel's buffers on the way and ours together.
inline constexpr size_t much = 48 * mib;

// A stream of known bytes without end: byte i of it can be told from byte i alone.
class Known {
  public:
    // The next `count` bytes from `at`.
    std::string_view part(uint64_t at, size_t count) const {
        const size_t from = at % period;
        return std::string_view(text_).substr(from, std::min(count, text_.size() - from));
    }
    bool holds(uint64_t at, std::string_view bytes) const {
        while (!bytes.empty()) {
            const std::string_view expected = part(at, bytes.size());
            if (bytes.substr(0, expected.size()) != expected) return false;
            at += expected.size();
            bytes.remove_prefix(expected.size());
        }
        return true;
    }

  private:
    static constexpr size_t period = 65'521;  // a prime: no slab or read is a multiple of it
    std::string text_ = pattern(period) + pattern(period);
};

enum class Framing : uint8_t { length, chunked, until_close, tunnel };

struct Stall {
    std::string_view name;
    bool up;  // the upstream stalls; else the client does
    Framing framing;
    size_t chunk = 16 * 1024;  // data per chunk, for chunked
    bool unix_sockets = false;
};
// What the source still has to send: its body, in its framing.
class Source {
  public:
    Source(const Stall& row, uint64_t size) : row_(row), size_(size) {}
    // Sends until the socket takes no more; how many raw bytes that was.
    size_t send(Peer& peer, const Known& known) {
        size_t total = 0;
        for (;;) {
            if (pending_.empty() && !fill(known)) return total;
            const size_t count = peer.send(pending_);
            total += count;
            pending_.erase(0, count);
            if (!pending_.empty()) return total;
        }
    }
    uint64_t made() const { return at_; }
    bool over() const { return pending_.empty() && at_ == size_ && ended_; }
    void stop() { size_ = at_; }
    size_t held_bytes() const { return pending_.capacity(); }

  private:
    bool fill(const Known& known) {
        if (at_ == size_) {
            if (ended_) return false;
            ended_ = true;
            if (row_.framing == Framing::chunked) pending_ = "0\r\n\r\n";
            return !pending_.empty();
        }
        const bool chunked = row_.framing == Framing::chunked;
        const size_t most = chunked ? row_.chunk : 64 * 1024;
        // Small chunks by the thousand, or the test would spend its time in system calls.
        while (at_ < size_ && pending_.size() < 64 * 1024) {
            const size_t count = static_cast<size_t>(std::min<uint64_t>(most, size_ - at_));
            char line[24];
            if (chunked) {
                std::snprintf(line, sizeof line, "%zx\r\n", count);
                pending_ += line;
            }
            for (size_t done = 0; done < count;) {
                const std::string_view part = known.part(at_, count - done);
                pending_ += part;
                at_ += part.size();
                done += part.size();
            }
            if (chunked) pending_ += "\r\n";
        }
        return true;
    }

    Stall row_;
    uint64_t size_;
    uint64_t at_ = 0;
    bool ended_ = false;
    std::string pending_;
};

// Brings the exchange to where its body begins.
inline void begin(Stage& stage, const Stall& row, uint64_t size) {
    stage.options.unix_client = stage.options.unix_upstream = row.unix_sockets;
    const std::string length = "Content-Length: " + std::to_string(size) + "\r\n\r\n";
    const std::string chunks = "Transfer-Encoding: chunked\r\n\r\n";
    if (row.framing == Framing::tunnel) {
        stage.send("POST /a HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n");
        assert_true(stage.accept());
        stage.upstream_bytes();
        stage.answer("HTTP/1.1 101 X\r\nConnection: upgrade\r\nUpgrade: tcp\r\n\r\n");
        stage.client_bytes();
    } else if (row.up) {
        stage.send("POST /a HTTP/1.1\r\nHost: a\r\n" +
                   (row.framing == Framing::length ? length : chunks));
        assert_true(stage.accept());
        stage.upstream_bytes();
    } else {
        stage.send(BECAUSED_GET);
        assert_true(stage.accept());
        stage.upstream_bytes();
        stage.answer("HTTP/1.1 200 OK\r\n" + (row.framing == Framing::length ? length
                                              : row.framing == Framing::chunked
                                                  ? chunks
                                                  : std::string("\r\n")));
        stage.client_bytes();
    }
    stage.client.received.clear();
    stage.upstream.received.clear();
}

// Sends until nothing is taken any more.
inline uint64_t press(Stage& stage, Peer& from, Source& source, const Known& known) {
    uint64_t sent = 0;
    for (int idle = 0; idle < 4 && !source.over();) {
        const size_t count = source.send(from, known);
        stage.rig().settle();
        sent += count;
        idle = count == 0 ? idle + 1 : 0;
    }
    return sent;
}

}  // namespace becaused::test
