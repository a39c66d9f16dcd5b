// Black boxes in memory for tests: small ones, with entries opened through a ledger as the proxy does.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "ledger/black_box.hh"
#include "ledger/last_life.hh"

namespace becaused::test {

inline constexpr box::Shape small_shape{2, 3, 4096};
inline constexpr uint64_t box_start_ns = 1'000'000'000;
inline constexpr uint64_t box_start_wall_ns = 1'700'000'000'000'000'000;

class Lines final : public RecordSink {
  public:
    void record(std::string_view line) override { lines.emplace_back(line); }
    std::vector<std::string> lines;
};

// Memory as a new file's, and a box in it.
class BoxInMemory {
  public:
    explicit BoxInMemory(const box::Shape& shape = small_shape)
        : size_(shape.file_bytes()),
          memory_(static_cast<char*>(std::aligned_alloc(box::page_bytes, rounded(size_)))) {
        std::fill_n(memory_, size_, '\0');
        box::Life life{};
        life.pid = 4711;
        life.life = {'0', 'a', '0', 'b', '0', 'c', '0', 'd'};
        life.started_wall_ns = box_start_wall_ns;
        constexpr std::string_view path = "/run/docker.sock";
        std::copy(path.begin(), path.end(), life.upstream_path.begin());
        box_ = std::make_unique<BlackBox>(std::span<char>(memory_, size_), shape, life);
        box_->beat(box_start_ns, box_start_wall_ns);
    }
    BoxInMemory(const BoxInMemory&) = delete;
    BoxInMemory& operator=(const BoxInMemory&) = delete;
    ~BoxInMemory() { std::free(memory_); }

    BlackBox& box() { return *box_; }
    std::string image() const { return {memory_, size_}; }
    char* memory() { return memory_; }

  private:
    static uint64_t rounded(uint64_t size) {
        return (size + box::page_bytes - 1) / box::page_bytes * box::page_bytes;
    }
    uint64_t size_;
    char* memory_;
    std::unique_ptr<BlackBox> box_;
};

// Where the byte of a slot stands that says when it was opened, in a file of this process's kind.
inline size_t opened_at(std::string_view image, Entry::Kind kind, uint32_t slot) {
    box::Part<box::Life> head;
    std::memcpy(&head, image.data(), sizeof head);
    const box::Shape shape{head.content.exchange_slots, head.content.connection_slots,
                           head.content.ring_bytes};
    return kind == Entry::Kind::exchange
               ? box::page_bytes + slot * sizeof(box::ExchangeSlot) +
                     offsetof(box::ExchangeSlot, opened)
               : shape.connections_at() + slot * sizeof(box::ConnectionSlot) +
                     offsetof(box::ConnectionSlot, opened);
}

// A life whose ledger writes into a box: one push in the middle of its upload, over two connections.
class OpenPush {
  public:
    explicit OpenPush(BlackBox* box) : ledger_(frozen(clock_)) {
        ledger_.set_life({'0', 'a', '0', 'b', '0', 'c', '0', 'd'});
        ledger_.set_box(box);
        client = std::make_unique<ConnectionEntry>(ledger_);
        client->facts.peer.kind = Endpoint::Kind::ip4;
        client->facts.peer.address = {127, 0, 0, 1};
        client->facts.peer.port = 4242;
        client->facts.entrance = &entrance_;
        client->note_peers();
        exchange = std::make_unique<ExchangeEntry>(ledger_);
        exchange->facts.client = client->facts.peer;
        exchange->facts.client_id = client->id();
        exchange->note_client();
        exchange->facts.set_method("POST");
        exchange->facts.set_target("/v1.41/images/app/push?tag=1");
        exchange->note_request();
        upstream = std::make_unique<ConnectionEntry>(ledger_);
        upstream->facts.side = Side::upstream;
        upstream->facts.peer.kind = Endpoint::Kind::unix;
        upstream->facts.connect_ns = 7 * ns_per_ms;
        upstream->note_peers();
        exchange->facts.upstream = upstream->facts.peer;
        exchange->facts.upstream_id = upstream->id();
        exchange->note_upstream();
        clock_.advance(250 * ns_per_ms);
        progress(1000);
    }
    OpenPush(const OpenPush&) = delete;
    OpenPush& operator=(const OpenPush&) = delete;
    ~OpenPush() {
        ledger_.set_sink(nullptr);
        for (Entry* entry : {static_cast<Entry*>(exchange.get()), static_cast<Entry*>(client.get()),
                             static_cast<Entry*>(upstream.get())})
            if (entry->open()) entry->file(Ending::clean(Reason::complete, Phase::done));
    }

    // So many bytes of the body have come and gone.
    void progress(uint64_t bytes) {
        const uint64_t now_ns = clock_.now_ns();
        client->facts.exchanges = upstream->facts.exchanges = 1;
        client->facts.in_bytes = exchange->facts.client_in_bytes = bytes;
        client->facts.last_in_ns = exchange->facts.last_up_ns = now_ns;
        client->note(Phase::keepalive);
        upstream->facts.out_bytes = bytes;
        upstream->facts.last_out_ns = now_ns;
        upstream->note(Phase::keepalive);
        if (exchange->in_box()) exchange->note({Phase::request_body, box_start_ns, 0, bytes});
    }
    Ledger& ledger() { return ledger_; }
    Clock& clock() { return clock_; }

    std::unique_ptr<ConnectionEntry> client;
    std::unique_ptr<ExchangeEntry> exchange;
    std::unique_ptr<ConnectionEntry> upstream;

  private:
    static Clock& frozen(Clock& clock) {
        clock.freeze(box_start_ns, box_start_wall_ns);
        return clock;
    }
    const Entrance entrance_{
        {Endpoint::Kind::ip6, 2376, {0x20, 0x01, 0x0D, 0xB8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}},
        {Endpoint::Kind::ip4, 999, {10, 0, 0, 9}}};
    Clock clock_;
    Ledger ledger_;
};

// What the next start would write: the lines that are left, and previous_life records.
inline std::vector<std::string> told_by(const LastLife& last, const std::string& cause) {
    KnownRecords known;
    for (const std::string& line : last.lines) known.add(line);
    known.sort();
    Lines lines;
    lines.lines = last.lines;
    file_last_life(last, cause, known, lines);
    return lines.lines;
}

}  // namespace becaused::test
