// What stands where in the black box's file, version 2. Fixed slots, each of parts with sums of their own:
// what was half written when the process died, or was changed since, does not carry its sum and is not
// believed. Nothing in it is a pointer; numbers are in the machine's order, and the file never leaves it.
//
//     0        Head       who wrote it; never changed after
//     1 KiB    Control    the last sign of life, the ring's ends, the crash line
//     4 KiB    exchange slots, connection slots, what changes of these, the ring of records to come
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>
#include <type_traits>
#include <utility>

namespace becaused::box {

inline constexpr uint64_t magic = 0x0A786F6265636562U;  // "becebox\n"
inline constexpr uint32_t version = 2;
inline constexpr uint64_t page_bytes = 4096;
inline constexpr uint64_t control_at = 1024;
inline constexpr uint32_t most_slots = 1U << 20;
inline constexpr uint64_t most_ring_bytes = 2ULL << 30;

// These sums find what was changed or half written; they are no proof against a person who means it. They
// are made at every event, so each step of them is one or two instructions.

// Spreads each bit over all of the word; different words stay different.
inline uint64_t spread(uint64_t word) { return (word ^ word >> 32U) * 0x9E3779B97F4A7C15U; }

// Sums of the words and sums of these sums (as Fletcher's), so that a word counts by its place, too: two
// words at a step. `seed` tells equal bytes in different places apart.
inline uint64_t sum_of(uint64_t seed, const void* bytes, size_t size) {
    using Words = uint64_t __attribute__((vector_size(16)));
    constexpr size_t step = sizeof(Words);
    const auto* from = static_cast<const char*>(bytes);
    Words sums = {seed, size};
    Words sums_of_sums = {magic, 0};
    const auto add = [&](const char* at, size_t count) {
        Words words = {};
        std::memcpy(&words, at, count);
        sums += words;
        sums_of_sums += sums;
    };
    size_t left = size;
    for (; left >= 4 * step; left -= 4 * step, from += 4 * step) {
        add(from, step);
        add(from + step, step);
        add(from + 2 * step, step);
        add(from + 3 * step, step);
    }
    for (; left >= step; left -= step, from += step) add(from, step);
    if (size < step) add(from, left);
    else if (left > 0) add(from + left - step, step);  // some of them again
    uint64_t sum = 0;
    for (const uint64_t part : {sums[0], sums[1], sums_of_sums[0], sums_of_sums[1]})
        sum = spread(sum + part);
    return sum | 1U;
}
// The same for what is small and written often, word by word. Below 64 words each of them is turned by a
// number of bits of its own.
class QuickSum {
  public:
    explicit QuickSum(uint64_t seed) : sum_(spread(seed + magic)) {}
    void add(uint64_t word) { sum_ = std::rotl(sum_, 29) ^ word; }
    uint64_t end() const { return spread(sum_) | 1U; }

  private:
    uint64_t sum_;
};

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
    static_assert(std::is_trivially_copyable_v<Content> && sizeof(Content) % sizeof(uint64_t) == 0);
    static constexpr size_t words = sizeof(Content) / sizeof(uint64_t);
    static constexpr bool quick = words <= 16;
    Content content;
    uint64_t sum;  // never 0

    // The words go by registers: what they are made of was stored just before this, in members of their
    // size, and a wider load would have to wait until it is in the cache.
    [[gnu::always_inline]] void write(uint64_t owner, const Content& value) {
        store(sum, 0);
        fence();
        uint64_t right = 0;
        if constexpr (quick) {
            QuickSum quick_sum(owner);
            for_each_word([&](size_t at) {
                const uint64_t word = word_of(value, at);
                store_word(at, word);
                quick_sum.add(word);
            });
            right = quick_sum.end();
        } else {
            content = value;
            right = right_sum(owner);
        }
        fence();
        store(sum, right);
    }
    bool valid(uint64_t owner) const { return sum == right_sum(owner); }

  private:
    template <typename Call>
    [[gnu::always_inline]] static void for_each_word(Call call) {
        [&]<size_t... each>(std::index_sequence<each...>) { (call(each), ...); }
        (std::make_index_sequence<words>());
    }
    static uint64_t word_of(const Content& from, size_t at) {
        uint64_t word;
        std::memcpy(&word, reinterpret_cast<const char*>(&from) + at * sizeof word, sizeof word);
        return word;
    }
    void store_word(size_t at, uint64_t word) {
        using AnyWord [[gnu::may_alias]] = uint64_t;
        __atomic_store_n(reinterpret_cast<AnyWord*>(&content) + at, word, __ATOMIC_RELAXED);
    }
    uint64_t right_sum(uint64_t owner) const {
        if constexpr (!quick) return sum_of(owner, &content, sizeof content);
        QuickSum quick_sum(owner);
        for (size_t at = 0; at < words; ++at) quick_sum.add(word_of(content, at));
        return quick_sum.end();
    }
};

// A part that changes all the time, written in two places in turn: one of them is always whole.
template <typename Content>
struct Pair {
    struct Turn {
        uint64_t number;
        Content content;
    };
    Part<Turn> turns[2];

    // `number`: more than any before it. `second`: not where the last one went. (To read here which is
    // older would touch cache lines that nobody has in hand.)
    void write(uint64_t owner, uint64_t number, bool second, const Content& value) {
        turns[second ? 1 : 0].write(owner, {number, value});
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

// Small members share a word, as one that is stored whole: its sum would wait for single bytes on their
// way to the cache.
struct ExchangeLive {
    uint64_t phase : 8;
    uint64_t routed : 8;
    uint64_t route : 16;
    uint64_t status : 16;
    uint64_t upstream_status : 16;
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
};

struct ConnectionLive {
    uint64_t phase : 32;
    uint64_t exchanges : 32;
    uint64_t in_bytes;
    uint64_t out_bytes;
    uint64_t last_in_ns;
    uint64_t last_out_ns;
    uint64_t connect_ns;
};

// The slot's Pair<ConnectionLive> stands elsewhere: there each of its turns is a line of the cache, and
// ten thousand slots have no gaps for that.
struct ConnectionSlot {
    uint64_t id;
    Part<Opened> opened;
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
static_assert(sizeof(ExchangeSlot) == 640 && sizeof(ConnectionSlot) == 96);
static_assert(sizeof(Pair<ConnectionLive>) == 128);

struct Shape {
    uint32_t exchanges;
    uint32_t connections;
    uint64_t ring_bytes;  // a multiple of eight

    uint64_t connections_at() const { return page_bytes + exchanges * sizeof(ExchangeSlot); }
    uint64_t lives_at() const {
        return (connections_at() + connections * sizeof(ConnectionSlot) + 63) / 64 * 64;
    }
    uint64_t ring_at() const { return lives_at() + connections * sizeof(Pair<ConnectionLive>); }
    uint64_t file_bytes() const { return ring_at() + ring_bytes; }
};

}  // namespace becaused::box
