#include "gate/rate.hh"

#include <sodium.h>

#include <algorithm>
#include <bit>
#include <charconv>
#include <string>

namespace becaused {

namespace {

using Secret = std::array<unsigned char, crypto_shorthash_KEYBYTES>;

const Secret& secret() {
    static const Secret key = [] {
        Secret random;
        randombytes_buf(random.data(), random.size());
        return random;
    }();
    return key;
}

RateKey hash(const void* bytes, size_t size) {
    static_assert(crypto_shorthash_BYTES == sizeof(RateKey));
    RateKey key = 0;
    crypto_shorthash(reinterpret_cast<unsigned char*>(&key),
                     static_cast<const unsigned char*>(bytes), size, secret().data());
    return key == 0 ? 1 : key;  // 0 marks a free place
}

// A number at the front of `text`, which it is taken off.
std::optional<uint32_t> take_number(std::string_view& text) {
    uint32_t number = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
    if (error != std::errc() || number == 0 || number > 1'000'000'000) return std::nullopt;
    text.remove_prefix(static_cast<size_t>(end - text.data()));
    return number;
}

bool take_word(std::string_view& text, std::string_view word) {
    if (!text.starts_with(word)) return false;
    text.remove_prefix(word.size());
    return true;
}

Status bad_rate(std::string_view text) {
    return Status::failed("\"" + std::string(text) +
                          "\" is no rate: write it like 100/s, 600/m, 10/30s, 100/s burst 500, or "
                          "off");
}

}  // namespace

Result<Rate> parse_rate(std::string_view text) {
    if (text == "off") return Rate();
    std::string_view rest = text;
    Rate rate;
    const auto count = take_number(rest);
    if (!count || !take_word(rest, "/")) return bad_rate(text);
    rate.count = *count;
    const bool number = !rest.empty() && rest.front() >= '0' && rest.front() <= '9';
    const auto periods = number ? take_number(rest) : std::optional<uint32_t>(1);
    const uint32_t unit = take_word(rest, "s")   ? 1
                          : take_word(rest, "m") ? 60
                          : take_word(rest, "h") ? 3600
                                                 : 0;
    if (!periods || unit == 0 || *periods > 86'400 / unit) return bad_rate(text);
    rate.period_s = *periods * unit;
    if (take_word(rest, " burst ")) {
        const auto burst = take_number(rest);
        if (!burst) return bad_rate(text);
        rate.burst = *burst;
    }
    if (!rest.empty() || rate.interval_ns() == 0) return bad_rate(text);
    return rate;
}

std::string rate_text(const Rate& rate) {
    if (!rate.on()) return "off";
    std::string text = std::to_string(rate.count) + "/";
    if (rate.period_s != 1) text += std::to_string(rate.period_s);
    text += "s";
    if (rate.burst != 0) text += " burst " + std::to_string(rate.burst);
    return text;
}

RateKey rate_key(std::string_view name) { return hash(name.data(), name.size()); }

RateKey rate_key(const Endpoint& peer) {
    std::array<uint8_t, 9> bytes{};
    bytes[0] = static_cast<uint8_t>(peer.kind);
    const size_t size = peer.kind == Endpoint::Kind::ip4   ? 4
                        : peer.kind == Endpoint::Kind::ip6 ? 8
                                                           : 0;
    std::copy_n(peer.address.begin(), size, bytes.begin() + 1);
    return hash(bytes.data(), bytes.size());
}

RateTable::RateTable(size_t places)
    : mask_(std::bit_ceil(std::max(places, ways)) - 1),
      places_(std::make_unique<Place[]>(mask_ + 1)) {}

// The key's place, or the one among its few that has the least to remember: a bucket that is full again
// says nothing, and of those that are not, the fullest is missed least.
RateTable::Place& RateTable::find(RateKey key) {
    Place* set = &places_[key & mask_ & ~(ways - 1)];
    Place* least = set;
    for (size_t i = 0; i < ways; ++i) {
        if (set[i].key == key) return set[i];
        if (set[i].empty_ns < least->empty_ns) least = &set[i];
    }
    *least = {key, 0};
    return *least;
}

RateTable::Answer RateTable::ask(RateKey key, const Rate& rate, uint64_t now_ns, uint64_t cost) {
    if (!rate.on()) return {0, UINT64_MAX, 0};
    const uint64_t interval_ns = rate.interval_ns();
    const uint64_t depth_ns = interval_ns * rate.most();
    Place& place = find(key);
    const uint64_t since_ns = std::max(place.empty_ns, now_ns);
    const uint64_t after_ns = since_ns - now_ns + interval_ns * cost;
    Answer answer;
    if (after_ns <= depth_ns) place.empty_ns = now_ns + after_ns;
    else answer.wait_ns = after_ns - depth_ns;
    const uint64_t owed_ns = place.empty_ns > now_ns ? place.empty_ns - now_ns : 0;
    answer.remaining = (depth_ns - std::min(owed_ns, depth_ns)) / interval_ns;
    answer.reset_ns = owed_ns;
    return answer;
}

uint64_t RateTable::charge(RateKey key, uint64_t cost_ns, uint64_t depth_ns, uint64_t now_ns) {
    Place& place = find(key);
    place.empty_ns = std::max(place.empty_ns, now_ns) + cost_ns;
    const uint64_t owed_ns = place.empty_ns - now_ns;
    return owed_ns > depth_ns ? owed_ns - depth_ns : 0;
}

bool CountTable::take(RateKey key, uint32_t most) {
    auto found = counts_.find(key);
    if (found == counts_.end() && spare_.empty()) {
        found = counts_.emplace(key, 0).first;
    } else if (found == counts_.end()) {
        Node node = std::move(spare_.back());
        spare_.pop_back();
        node.key() = key;
        found = counts_.insert(std::move(node)).position;
    }
    if (most > 0 && found->second >= most) return false;
    ++found->second;
    return true;
}

void CountTable::give_back(RateKey key) {
    const auto found = counts_.find(key);
    CHECK(found != counts_.end() && found->second > 0);
    if (--found->second > 0) return;
    Node node = counts_.extract(found);
    if (spare_.size() < spare_limit) spare_.push_back(std::move(node));
}

uint32_t CountTable::count(RateKey key) const {
    const auto found = counts_.find(key);
    return found == counts_.end() ? 0 : found->second;
}

}  // namespace becaused
