// What stands where in the black box's file, version 1. Fixed slots, each of parts with sums of their own:
// what was half written when the process died, or was changed since, does not carry its sum and is not
// believed. Nothing in it is a pointer; numbers are in the machine's order, and the file never leaves it.
//
//     0        Head       who wrote it; never changed after
//     1 KiB    Control    the last sign of life, the ring's ends, the crash line
//     4 KiB    exchange slots, connection slots, the ring of records that wait to be written
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>

namespace becaused::box {

inline constexpr uint64_t magic = 0x0A786F6265636562U;  // "becebox\n"
inline constexpr uint32_t version = 1;
inline constexpr uint64_t page_bytes = 4096;
inline constexpr uint64_t control_at = 1024;
inline constexpr uint32_t most_slots = 1U << 20;
inline constexpr uint64_t most_ring_bytes = 2ULL << 30;

// Steps of 64 bit; `seed` tells equal bytes in different places apart.
inline uint64_t mix(uint64_t sum, uint64_t word) {
    return (std::rotl(sum, 29) ^ word) * 0x9E3779B97F4A7C15U;
}
inline uint64_t sum_of(uint64_t seed, const void* bytes, size_t size) {
    // Four lanes, so that a step need not wait for the one before it.
    const auto* from = static_cast<const char*>(bytes);
    uint64_t lanes[4] = {mix(seed, 1), mix(seed, 2), mix(seed, 3), mix(seed, size)};
    uint64_t words[4];
    for (; size >= sizeof words; size -= sizeof words, from += sizeof words) {
        std::memcpy(words, from, sizeof words);
        lanes[0] = mix(lanes[0], words[0]);
        lanes[1] = mix(lanes[1], words[1]);
        lanes[2] = mix(lanes[2], words[2]);
        lanes[3] = mix(lanes[3], words[3]);
    }
    std::memset(words, 0, sizeof words);
    std::memcpy(words, from, size);
    uint64_t sum = seed;
    for (size_t i = 0; i < 4; ++i) sum = mix(sum, mix(lanes[i], words[i]));
    return (sum ^ sum >> 31U) | 1U;
}
// The same for what is small and written often: no word waits for another.
template <typename Content>
uint64_t quick_sum_of(uint64_t seed, const Content& content) {
    constexpr size_t count = sizeof(Content) / sizeof(uint64_t);
    std::array<uint64_t, count> words;
    std::memcpy(words.data(), &content, sizeof content);
    uint64_t sum = mix(magic, seed);
    for (size_t i = 0; i < count; ++i) sum += (words[i] + i) * (0x9E3779B97F4A7C15U * (2 * i + 1));
    return mix(sum, sum >> 32U) | 1U;
}

// Written while its sum is wrong: a kill between any two stores leaves what no reader believes.
inline void store(uint64_t& word, uint64_t value) {
    std::atomic_ref<uint64_t>(word).store(value, std::memory_order_release);
}
// The compiler must not move plain stores over this.
inline void fence() { std::atomic_signal_fence(std::memory_order_seq_cst); }

// A part that is written as a whole: its owner's id is in the sum, so that what an earlier owner of the
// slot left is nobody's.
template <typename Content>
struct Part {
    static_assert(std::is_trivially_copyable_v<Content> && sizeof(Content) % 8 == 0);
    Content content;
    uint64_t sum;  // never 0

    static uint64_t right_sum(uint64_t owner, const Content& of) {
        if constexpr (sizeof(Content) <= 128) return quick_sum_of(owner, of);
        else return sum_of(owner, &of, sizeof of);
    }
    void write(uint64_t owner, const Content& value) {
        store(sum, 0);
        fence();
        content = value;
        fence();
        store(sum, right_sum(owner, value));
    }
    bool valid(uint64_t owner) const { return sum == right_sum(owner, content); }
};

// A part that changes all the time, written in two places in turn: one of them is always whole.
template <typename Content>
struct Pair {
    struct Turn {
        uint64_t number;
        Content content;
    };
    Part<Turn> turns[2];

    void write(uint64_t owner, const Content& value) {
        const uint64_t number =
            1 + (turns[0].content.number > turns[1].content.number ? turns[0].content.number
                                                                   : turns[1].content.number);
        turns[number % 2].write(owner, {number, value});
    }
    // Null when neither is whole.
    const Content* read(uint64_t owner) const {
        const Content* found = nullptr;
        uint64_t newest = 0;
        for (const Part<Turn>& turn : turns) {
            if (!turn.valid(owner) || turn.content.number < newest) continue;
            newest = turn.content.number;
            found = &turn.content.content;
        }
        return found;
    }
};

// An Endpoint without its path.
struct Place {
    uint8_t kind;
    uint8_t unused;
    uint16_t port;
    std::array<uint8_t, 16> address;
};

struct Opened {
    uint64_t at_ns;
};

struct Link {
    Place place;
    uint32_t unused;
    uint64_t id;
};

// Method, identity (who asked, as the gate knows them) and target, one behind the other. Only what is used
// of it is written and in the sum.
struct Request {
    static constexpr size_t target_limit = 256;
    static constexpr size_t identity_limit = 64;
    struct Lengths {
        uint8_t method;
        uint8_t identity;
        uint16_t target;
        uint8_t target_cut;
        uint8_t minor_version;
        uint16_t unused;
        size_t text() const { return size_t{method} + identity + target; }
    };
    uint64_t sum;
    Lengths lengths;
    std::array<char, 24 + identity_limit + target_limit> text;

    uint64_t right_sum(uint64_t owner) const {
        return sum_of(owner, &lengths, sizeof lengths + lengths.text());
    }
    void write(uint64_t owner, const Lengths& of, std::string_view method,
               std::string_view identity, std::string_view target) {
        store(sum, 0);
        fence();
        lengths = of;
        char* to = text.data();
        for (const std::string_view part : {method, identity, target}) {
            to = std::copy_n(part.data(), part.size(), to);
        }
        fence();
        store(sum, right_sum(owner));
    }
    bool valid(uint64_t owner) const {
        return lengths.text() <= text.size() && sum == right_sum(owner);
    }
};

struct ExchangeLive {
    uint8_t phase;
    uint8_t routed;
    uint8_t route;
    uint8_t unused;
    uint16_t status;
    uint16_t upstream_status;
    uint64_t phase_since_ns;
    uint64_t client_in_bytes;
    uint64_t client_out_bytes;
    uint64_t upstream_in_bytes;
    uint64_t upstream_out_bytes;
    uint64_t last_up_ns;
    uint64_t last_down_ns;
};

struct alignas(64) ExchangeSlot {
    uint64_t id;  // 0: free. The last thing stored when it is taken, and the first when it is left
    Part<Opened> opened;
    Pair<ExchangeLive> live;
    Part<Link> client;
    Part<Link> upstream;
    Request request;
};

struct Peers {
    Place peer;
    Place local;
    Place via;
    uint8_t side;
    std::array<uint8_t, 3> unused;
    uint64_t connect_ns;
};

struct ConnectionLive {
    uint32_t phase;
    uint32_t exchanges;
    uint64_t in_bytes;
    uint64_t out_bytes;
    uint64_t last_in_ns;
    uint64_t last_out_ns;
};

// Not aligned to more: ten thousand of them may be in use.
struct ConnectionSlot {
    uint64_t id;
    Part<Opened> opened;
    Pair<ConnectionLive> live;
    Part<Peers> peers;
};

// All that is known when a life begins. Texts end with a zero.
struct Life {
    uint64_t magic;
    uint32_t version;
    uint32_t exchange_slots;
    uint32_t connection_slots;
    uint32_t pid;
    uint64_t ring_bytes;
    uint64_t started_wall_ns;
    std::array<char, 8> life;
    uint64_t oom_kills;     // memory.events of its cgroup, when it started
    uint64_t cgroup_inode;  // 0: unknown
    std::array<char, 40> boot_id;
    std::array<char, 64> build_id;
    std::array<char, 256> cgroup;
    std::array<char, 112> upstream_path;  // where upstreams are unix sockets
};

struct Beat {
    uint64_t at_ns;
    uint64_t wall_ns;
};

struct Crash {
    std::array<char, 512> line;
};

struct Control {
    Pair<Beat> beat;
    uint64_t ring;      // its first frame's place, and behind its last one's: 32 bits each
    uint64_t left_out;  // entries for which there was no slot
    uint64_t ended;     // 1: nothing was open when it ended, but lines in the ring are not written
    Part<Crash> crash;
};

// In the ring, each at a multiple of eight: a length, a sum, the line.
struct Frame {
    uint32_t length;
    uint32_t sum;
};
inline constexpr uint32_t jump_length = UINT32_MAX;  // the next frame is at `sum`
inline uint64_t frame_bytes(uint64_t length) { return sizeof(Frame) + (length + 7) / 8 * 8; }
inline uint32_t frame_sum(std::string_view line) {
    const uint64_t sum = sum_of(magic, line.data(), line.size());
    return static_cast<uint32_t>(sum ^ sum >> 32U);
}

static_assert(control_at >= sizeof(Part<Life>) && control_at + sizeof(Control) <= page_bytes);
static_assert(sizeof(ExchangeSlot) == 640 && sizeof(ConnectionSlot) == 216);

struct Shape {
    uint32_t exchanges;
    uint32_t connections;
    uint64_t ring_bytes;  // a multiple of eight

    uint64_t connections_at() const { return page_bytes + exchanges * sizeof(ExchangeSlot); }
    uint64_t ring_at() const { return connections_at() + connections * sizeof(ConnectionSlot); }
    uint64_t file_bytes() const { return ring_at() + ring_bytes; }
};

}  // namespace becaused::box
