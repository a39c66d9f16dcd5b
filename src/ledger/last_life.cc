#include "ledger/last_life.hh"

#include <algorithm>
#include <cstring>

#include "ledger/black_box_layout.hh"

namespace becaused {

namespace {

template <typename Value>
Value read_at(std::string_view image, uint64_t at) {
    Value value;
    std::memcpy(&value, image.data() + at, sizeof value);
    return value;
}

template <size_t size>
std::string text_of(const std::array<char, size>& text) {
    return {text.begin(), std::find(text.begin(), text.end(), '\0')};
}

template <typename Enum>
Enum word_of(uint64_t value, size_t count, Enum otherwise) {
    return value < count ? static_cast<Enum>(value) : otherwise;
}

// What ids begin with stands in records as it is.
bool hex_digit(char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); }

Phase phase_of(uint64_t value) { return word_of(value, phase_count, Phase::done); }

class Reader {
  public:
    Reader(std::string_view image, const box::Shape& shape, LastLife& last)
        : image_(image), shape_(shape), last_(last) {}

    void read() {
        const auto control = read_at<box::Control>(image_, box::control_at);
        if (const box::Beat* beat = control.beat.read(box::magic)) {
            last_.last_ns = beat->at_ns;
            last_.last_wall_ns = beat->wall_ns;
        } else {
            last_.last_wall_ns = last_.started_wall_ns;
        }
        last_.left_out = control.left_out;
        last_.ended = control.ended == 1;
        if (control.crash.valid(box::magic)) last_.crash = text_of(control.crash.content.line);
        for (uint32_t i = 0; i < shape_.exchanges; ++i) read_exchange(i);
        for (uint32_t i = 0; i < shape_.connections; ++i) read_connection(i);
        read_ring(control.ring >> 32U, control.ring & UINT32_MAX);
        std::ranges::sort(last_.exchanges, {}, &PastExchange::id);
        std::ranges::sort(last_.connections, {}, &PastConnection::id);
        join();
    }

  private:
    static Endpoint endpoint_of(const box::Place& place) {
        Endpoint endpoint;
        endpoint.kind = word_of(place.kind, 4, Endpoint::Kind::none);
        endpoint.port = place.port;
        endpoint.address = place.address;
        return endpoint;
    }

    void read_exchange(uint32_t index) {
        const uint64_t at = box::page_bytes + index * sizeof(box::ExchangeSlot);
        const auto id = read_at<uint64_t>(image_, at);
        if (id == 0) return;
        const auto slot = read_at<box::ExchangeSlot>(image_, at);
        if (!slot.opened.valid(id)) {
            ++last_.damaged_slots;
            return;
        }
        PastExchange& past = last_.exchanges.emplace_back();
        past.id = id;
        past.opened_ns = past.phase_since_ns = slot.opened.content.at_ns;
        if (const box::ExchangeLive* live = slot.live.read(id)) read_live(*live, past);
        if (slot.client.valid(id)) {
            past.facts.client = endpoint_of(slot.client.content.place);
            past.facts.client_id = slot.client.content.id;
        }
        if (slot.upstream.valid(id)) {
            past.facts.upstream = endpoint_of(slot.upstream.content.place);
            past.facts.upstream_id = slot.upstream.content.id;
        }
        if (!slot.request.valid(id)) return;
        read_request(slot.request, past.facts);
        past.identity.assign(slot.request.text.data() + slot.request.lengths.method,
                             slot.request.lengths.identity);
    }

    static void read_live(const box::ExchangeLive& live, PastExchange& past) {
        past.phase = phase_of(live.phase);
        past.phase_since_ns = live.phase_since_ns;
        ExchangeFacts& facts = past.facts;
        facts.routed = live.routed != 0;
        facts.route = word_of(live.route, route_class_count, RouteClass::quick);
        facts.status = live.status;
        facts.upstream_status = live.upstream_status;
        facts.client_in_bytes = live.client_in_bytes;
        facts.client_out_bytes = live.client_out_bytes;
        facts.upstream_in_bytes = live.upstream_in_bytes;
        facts.upstream_out_bytes = live.upstream_out_bytes;
        facts.last_up_ns = live.last_up_ns;
        facts.last_down_ns = live.last_down_ns;
    }

    static void read_request(const box::Request& request, ExchangeFacts& facts) {
        const box::Request::Lengths& lengths = request.lengths;
        const std::string_view text(request.text.data(), lengths.text());
        facts.set_method(text.substr(0, lengths.method));
        // Secrets in it were replaced before it came here.
        const std::string_view target = text.substr(text.size() - lengths.target);
        facts.target_length =
            static_cast<uint16_t>(std::min(target.size(), ExchangeFacts::target_limit));
        std::copy_n(target.begin(), facts.target_length, facts.target.begin());
        facts.target_cut = lengths.target_cut != 0;
        facts.minor_version = lengths.minor_version;
    }

    void read_connection(uint32_t index) {
        const uint64_t at = shape_.connections_at() + index * sizeof(box::ConnectionSlot);
        const auto id = read_at<uint64_t>(image_, at);
        if (id == 0) return;
        const auto slot = read_at<box::ConnectionSlot>(image_, at);
        if (!slot.opened.valid(id)) {
            ++last_.damaged_slots;
            return;
        }
        PastConnection& past = last_.connections.emplace_back();
        past.id = id;
        past.opened_ns = slot.opened.content.at_ns;
        ConnectionFacts& facts = past.facts;
        const auto lives = read_at<box::Pair<box::ConnectionLive>>(
            image_, shape_.lives_at() + index * sizeof(box::Pair<box::ConnectionLive>));
        if (const box::ConnectionLive* live = lives.read(id)) {
            past.phase = phase_of(live->phase);
            facts.exchanges = live->exchanges;
            facts.in_bytes = live->in_bytes;
            facts.out_bytes = live->out_bytes;
            facts.last_in_ns = live->last_in_ns;
            facts.last_out_ns = live->last_out_ns;
            facts.connect_ns = live->connect_ns;
        }
        if (!slot.peers.valid(id)) return;
        const box::Peers& peers = slot.peers.content;
        for (const Side side : {Side::upstream, Side::operator_})
            if (peers.side == static_cast<uint8_t>(side)) facts.side = side;
        facts.peer = endpoint_of(peers.peer);
        past.entrance = {endpoint_of(peers.local), endpoint_of(peers.via)};
    }

    void read_ring(uint64_t begin, uint64_t end) {
        const uint64_t size = shape_.ring_bytes;
        if (begin >= size || end >= size || begin % 8 != 0 || end % 8 != 0) {
            if (begin != 0 || end != 0) lose_rest();
            return;
        }
        uint64_t unread = size;
        while (begin != end) {
            const auto frame = read_at<box::Frame>(image_, shape_.ring_at() + begin);
            const bool jump = frame.length == box::jump_length;
            const uint64_t bytes = jump ? sizeof frame : box::frame_bytes(frame.length);
            const uint64_t next = jump ? frame.sum : begin + bytes;
            if (bytes > unread || next >= size || next % 8 != 0) {
                lose_rest();
                return;
            }
            unread -= bytes;
            if (!jump) read_line(begin, frame);
            begin = next;
        }
    }

    void read_line(uint64_t at, const box::Frame& frame) {
        const std::string_view line =
            image_.substr(shape_.ring_at() + at + sizeof frame, frame.length);
        if (frame.sum == box::frame_sum(line)) last_.lines.emplace_back(line);
        else ++last_.damaged_lines;
    }

    // Where the next line begins nobody knows.
    void lose_rest() {
        ++last_.damaged_lines;
        last_.lines_end_unknown = true;
    }

    PastConnection* connection(EntryId id) {
        const auto found = std::ranges::lower_bound(last_.connections, id, {}, &PastConnection::id);
        return found != last_.connections.end() && found->id == id ? &*found : nullptr;
    }

    // A connection does not know what it serves; the exchange does. And nothing is later than the end.
    void join() {
        for (const PastExchange& past : last_.exchanges) {
            for (const EntryId id : {past.facts.client_id, past.facts.upstream_id}) {
                PastConnection* used = connection(id);
                if (used == nullptr) continue;
                used->phase = past.phase;
                used->facts.exchange_id = past.id;
            }
            later({past.opened_ns, past.phase_since_ns, past.facts.last_up_ns,
                   past.facts.last_down_ns});
        }
        for (const PastConnection& past : last_.connections)
            later({past.opened_ns, past.facts.last_in_ns, past.facts.last_out_ns});
    }

    void later(std::initializer_list<uint64_t> times_ns) {
        const uint64_t latest_ns = std::max(times_ns);
        if (latest_ns <= last_.last_ns) return;
        last_.last_wall_ns += latest_ns - last_.last_ns;
        last_.last_ns = latest_ns;
    }

    std::string_view image_;
    box::Shape shape_;
    LastLife& last_;
};

}  // namespace

Result<LastLife> read_black_box(std::string_view image) {
    if (image.empty()) return Status::failed("is empty");
    if (image.size() < box::page_bytes) return Status::failed("is cut short");
    const auto head = read_at<box::Part<box::Life>>(image, 0);
    const box::Life& life = head.content;
    if (life.magic == 0) return Status::failed("was never begun");
    if (life.magic != box::magic) return Status::failed("is no black box");
    if (life.version != box::version) return Status::failed("is of another version");
    if (!head.valid(box::magic)) return Status::failed("has a damaged head");
    const box::Shape shape{life.exchange_slots, life.connection_slots, life.ring_bytes};
    if (shape.exchanges > box::most_slots || shape.connections > box::most_slots ||
        shape.ring_bytes > box::most_ring_bytes || shape.ring_bytes % 8 != 0 ||
        !std::ranges::all_of(life.life, hex_digit))
        return Status::failed("has a damaged head");
    if (image.size() < shape.file_bytes()) return Status::failed("is cut short");
    LastLife last;
    last.life = life.life;
    last.pid = life.pid;
    last.started_wall_ns = life.started_wall_ns;
    last.oom_kills = life.oom_kills;
    last.cgroup_inode = life.cgroup_inode;
    last.cgroup = text_of(life.cgroup);
    last.boot_id = text_of(life.boot_id);
    last.upstream_path = text_of(life.upstream_path);
    Reader(image, shape, last).read();
    return last;
}

namespace {

std::string key_of(std::string_view event, std::string_view id) {
    std::string key(event);
    key += ' ';
    key += id;
    return key;
}

std::string key_of(std::string_view line) {
    // As Ledger::close begins them. A request_start has the id of a record that comes later.
    constexpr std::string_view start = "{\"v\":1,\"event\":\"";
    constexpr std::string_view middle = "\",\"id\":\"";
    for (const std::string_view event : {"exchange", "connection"}) {
        if (!line.starts_with(start) || !line.substr(start.size()).starts_with(event)) continue;
        const std::string_view rest = line.substr(start.size() + event.size());
        const size_t end = rest.find('"', middle.size());
        if (rest.starts_with(middle) && end != std::string_view::npos)
            return key_of(event, rest.substr(middle.size(), end - middle.size()));
    }
    return std::string(line.substr(0, line.find('\n')));
}

}  // namespace

void KnownRecords::add(std::string_view line) { keys_.push_back(key_of(line)); }

void KnownRecords::sort() { std::ranges::sort(keys_); }

bool KnownRecords::has(std::string_view line) const {
    return std::ranges::binary_search(keys_, key_of(line));
}

bool KnownRecords::has(std::string_view event, std::string_view id) const {
    return std::ranges::binary_search(keys_, key_of(event, id));
}

PastFiled file_last_life(const LastLife& last, const std::string& cause, const KnownRecords& known,
                         RecordSink& sink) {
    Clock clock;
    clock.freeze(last.last_ns, last.last_wall_ns);
    Ledger ledger(clock);
    ledger.set_life(last.life);
    ledger.set_sink(&sink);
    std::string id_text;
    const auto is_known = [&](std::string_view event, EntryId id) {
        id_text.clear();
        ledger.append_id(id_text, id);
        return known.has(event, id_text);
    };
    const auto name_path = [&](Endpoint& endpoint) {
        if (endpoint.kind == Endpoint::Kind::unix && !last.upstream_path.empty())
            endpoint.path = &last.upstream_path;
    };
    PastFiled filed;
    for (const PastExchange& past : last.exchanges) {
        if (is_known("exchange", past.id)) continue;
        ExchangeEntry entry(ledger, past.id, past.opened_ns);
        entry.facts = past.facts;
        entry.facts.identity = past.identity;
        name_path(entry.facts.upstream);
        entry.facts.phase_ns[static_cast<size_t>(past.phase)] = last.last_ns - past.phase_since_ns;
        entry.file(Ending::previous_life(past.phase, cause.c_str()));
        ++filed.exchanges;
    }
    for (const PastConnection& past : last.connections) {
        if (is_known("connection", past.id)) continue;
        ConnectionEntry entry(ledger, past.id, past.opened_ns);
        entry.facts = past.facts;
        entry.facts.entrance = &past.entrance;
        if (entry.facts.side == Side::upstream) name_path(entry.facts.peer);
        entry.file(Ending::previous_life(past.phase, cause.c_str()));
        ++filed.connections;
    }
    return filed;
}

}  // namespace becaused
