#include "ledger/black_box.hh"

#include <algorithm>

#include "base/check.hh"

namespace becaused {

namespace {

box::Place place_of(const Endpoint& endpoint) {
    return {static_cast<uint8_t>(endpoint.kind), 0, endpoint.port, endpoint.address};
}

// The lowest slots first: few pages are touched as long as few entries are open.
void fill_free(std::vector<uint32_t>& free, uint32_t count) {
    free.reserve(count);
    for (uint32_t slot = count; slot-- > 0;) free.push_back(slot);
}

}  // namespace

BlackBox::BlackBox(std::span<char> memory, const box::Shape& shape, box::Life life)
    : control_(reinterpret_cast<box::Control*>(memory.data() + box::control_at)),
      exchanges_(reinterpret_cast<box::ExchangeSlot*>(memory.data() + box::page_bytes)),
      connections_(reinterpret_cast<box::ConnectionSlot*>(memory.data() + shape.connections_at())),
      lives_(reinterpret_cast<box::Pair<box::ConnectionLive>*>(memory.data() + shape.lives_at())),
      ring_(memory.data() + shape.ring_at(), shape.ring_bytes, control_->ring) {
    CHECK(memory.size() == shape.file_bytes() && shape.ring_bytes % 8 == 0);
    CHECK(shape.exchanges <= box::most_slots && shape.connections <= box::most_slots);
    CHECK(shape.ring_bytes <= box::most_ring_bytes);
    life.magic = box::magic;
    life.version = box::version;
    life.exchange_slots = shape.exchanges;
    life.connection_slots = shape.connections;
    life.ring_bytes = shape.ring_bytes;
    fill_free(free_slots(Entry::Kind::exchange), shape.exchanges);
    fill_free(free_slots(Entry::Kind::connection), shape.connections);
    reinterpret_cast<box::Part<box::Life>*>(memory.data())->write(box::magic, life);
}

uint32_t BlackBox::claim(Entry::Kind kind, EntryId id, uint64_t opened_ns) {
    std::vector<uint32_t>& free = free_slots(kind);
    if (free.empty()) {
        ++control_->left_out;
        return Entry::no_slot;
    }
    const uint32_t slot = free.back();
    free.pop_back();
    const bool is_exchange = kind == Entry::Kind::exchange;
    (is_exchange ? exchange(slot).opened : connection(slot).opened).write(id, {opened_ns});
    box::store(is_exchange ? exchange(slot).id : connection(slot).id, id);
    return slot;
}

void BlackBox::release(Entry::Kind kind, uint32_t slot) {
    box::store(kind == Entry::Kind::exchange ? exchange(slot).id : connection(slot).id, 0);
    free_slots(kind).push_back(slot);
}

void BlackBox::note_request(uint32_t slot, const ExchangeFacts& facts) {
    const std::string_view method = facts.method_text();
    const std::string_view target = facts.target_text().substr(0, box::Request::target_limit);
    box::Request::Lengths lengths{};
    lengths.method = static_cast<uint8_t>(method.size());
    lengths.target = static_cast<uint16_t>(target.size());
    lengths.target_cut = facts.target_cut || target.size() < facts.target_length ? 1 : 0;
    lengths.minor_version = facts.minor_version;
    const std::string_view identity = facts.identity.substr(0, box::Request::identity_limit);
    lengths.identity = static_cast<uint8_t>(identity.size());
    exchange(slot).request.write(exchange(slot).id, lengths, method, identity, target);
}

void BlackBox::note_client(uint32_t slot, const Endpoint& client, EntryId id) {
    exchange(slot).client.write(exchange(slot).id, {place_of(client), 0, id});
}

void BlackBox::note_upstream(uint32_t slot, const Endpoint& upstream, EntryId id) {
    exchange(slot).upstream.write(exchange(slot).id, {place_of(upstream), 0, id});
}

void BlackBox::note_peers(uint32_t slot, const ConnectionFacts& facts) {
    const Entrance entrance = facts.entrance == nullptr ? Entrance() : *facts.entrance;
    connection(slot).peers.write(connection(slot).id, {place_of(facts.peer),
                                                       place_of(entrance.local),
                                                       place_of(entrance.via),
                                                       static_cast<uint8_t>(facts.side),
                                                       {}});
}

}  // namespace becaused
