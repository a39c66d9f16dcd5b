#include "ledger/entry.hh"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <random>

#include "base/text.hh"
#include "ledger/black_box.hh"
#include "ledger/record.hh"

namespace becaused {

namespace {

// Query keys whose values are worth reading in a record and hold no secret. Others may: buildargs,
// remote (a URL with a token in it), and whatever comes next.
constexpr std::string_view plain_query_keys[] = {"all",        "author",
                                                 "condition",  "decode",
                                                 "detachKeys", "digests",
                                                 "dockerfile", "filters",
                                                 "follow",     "force",
                                                 "forcerm",    "fromImage",
                                                 "h",          "limit",
                                                 "link",       "logs",
                                                 "message",    "name",
                                                 "names",      "networkmode",
                                                 "nocache",    "noOverwriteDirNonDir",
                                                 "noprune",    "one-shot",
                                                 "path",       "platform",
                                                 "ps_args",    "pull",
                                                 "quiet",      "repo",
                                                 "rm",         "shmsize",
                                                 "signal",     "since",
                                                 "size",       "stderr",
                                                 "stdin",      "stdout",
                                                 "stream",     "t",
                                                 "tag",        "tail",
                                                 "target",     "timestamps",
                                                 "until",      "v",
                                                 "version",    "w"};

bool plain_query_key(std::string_view key) {
    return std::find(std::begin(plain_query_keys), std::end(plain_query_keys), key) !=
           std::end(plain_query_keys);
}

}  // namespace

void ExchangeFacts::set_method(std::string_view text) {
    method_length = static_cast<uint8_t>(std::min(text.size(), method.size()));
    std::memcpy(method.data(), text.data(), method_length);
}

void CallFacts::count(std::string_view path) {
    ++streams;
    for (Path& known : paths) {
        if (known.text != path) continue;
        ++known.count;
        return;
    }
    if (paths.size() == path_limit) ++more;
    else paths.push_back({std::string(path), 1});
}

void ExchangeFacts::set_target(std::string_view text) {
    const auto append = [this](std::string_view part) {
        const size_t count = std::min(part.size(), target_limit - target_length);
        std::memcpy(target.data() + target_length, part.data(), count);
        target_length = static_cast<uint16_t>(target_length + count);
        if (count < part.size()) target_cut = true;
    };
    target_length = 0;
    target_cut = false;
    const size_t question = text.find('?');
    append(text.substr(0, question));
    if (question == std::string_view::npos) return;
    std::string_view query = text.substr(question + 1);
    append("?");
    while (!query.empty()) {
        const size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        const size_t equals = pair.find('=');
        if (equals == std::string_view::npos || equals + 1 == pair.size() ||
            plain_query_key(pair.substr(0, equals))) {
            append(pair);
        } else {
            append(pair.substr(0, equals + 1));
            append("...");
        }
        if (end < query.size()) append("&");
        query.remove_prefix(std::min(end + 1, query.size()));
    }
}

Entry::Entry(Ledger& ledger, Kind kind)
    : ledger_(ledger), id_(++ledger.last_id_), opened_ns_(ledger.clock().now_ns()), kind_(kind) {
    if (ledger_.box_ != nullptr) slot_ = ledger_.box_->claim(kind_, id_, opened_ns_);
    ledger_.open(*this);
}

Entry::Entry(Ledger& past, Kind kind, EntryId id, uint64_t opened_ns)
    : ledger_(past), id_(id), opened_ns_(opened_ns), kind_(kind) {
    ledger_.open(*this);
}

Entry::~Entry() {
    if (!open_) return;
    file(Ending(Reason::lost, Phase::done, Op::none, 0));
    DCHECK(false && "an entry was destroyed without having been filed");
}

void Entry::add_trail(Side side, Op op, int error) {
    if (trail_count_ == trail_limit || !open_) return;
    if (!trail_) trail_ = std::make_unique<TrailItem[]>(trail_limit);
    trail_[trail_count_++] = {side, op, error, ledger_.clock().now_ns()};
}

void Entry::file(const Ending& ending) {
    CHECK(open_);
    open_ = false;
    ledger_.close(*this, ending);
    // Only now: at every instant the box holds the entry, its record, or both.
    if (slot_ != no_slot) ledger_.box_->release(kind_, slot_);
    slot_ = no_slot;
    if (ledger_.served_ == this) ledger_.served_ = nullptr;
}

void ConnectionEntry::put(Phase phase) {
    ledger().box_->note(slot(), id(), turn(),
                        box::ConnectionLive{static_cast<uint32_t>(phase), facts.exchanges,
                                            facts.in_bytes, facts.out_bytes, facts.last_in_ns,
                                            facts.last_out_ns, facts.connect_ns});
}

void ConnectionEntry::note_peers() {
    if (slot() != no_slot) ledger().box_->note_peers(slot(), facts);
}

void ExchangeEntry::note(const Now& now) {
    ledger().box_->note(
        slot(), id(), turn(),
        box::ExchangeLive{
            static_cast<uint8_t>(now.phase), static_cast<uint8_t>(facts.routed ? 1 : 0),
            static_cast<uint8_t>(facts.route), facts.status, facts.upstream_status,
            now.phase_since_ns, facts.client_in_bytes, now.client_out_bytes,
            facts.upstream_in_bytes, now.upstream_out_bytes, facts.last_up_ns, facts.last_down_ns});
}

void ExchangeEntry::note_client() {
    if (in_box()) ledger().box_->note_client(slot(), facts.client, facts.client_id);
}

void ExchangeEntry::note_request() {
    if (in_box()) ledger().box_->note_request(slot(), facts);
}

void ExchangeEntry::note_upstream() {
    if (in_box()) ledger().box_->note_upstream(slot(), facts.upstream, facts.upstream_id);
}

Ledger::Ledger(Clock& clock) : clock_(clock) {
    std::random_device device;
    set_life(device());
}

Ledger::~Ledger() { DCHECK(live_count_ == 0); }

void Ledger::set_life(uint32_t life) {
    for (size_t i = life_.size(); i-- > 0; life >>= 4U) life_[i] = "0123456789abcdef"[life & 15U];
}

char* Ledger::write_id(char* to, EntryId id) const {
    to = std::copy(life_.begin(), life_.end(), to);
    *to++ = '-';
    return write_number(to, id);
}

void Ledger::append_id(std::string& out, EntryId id) const {
    char text[id_limit];
    out.append(text, write_id(text, id));
}

Entry* Ledger::find_open(std::string_view id) {
    EntryId number = 0;
    const std::string_view digits = id.substr(std::min(life_.size() + 1, id.size()));
    const auto [stop, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (error != std::errc()) return nullptr;
    std::string whole;
    append_id(whole, number);
    if (id != whole) return nullptr;  // of another life, or in another spelling
    for (Entry* entry = live_.front(); entry != nullptr; entry = live_.next(*entry))
        if (entry->id() == number) return entry;
    return nullptr;
}

void Ledger::open(Entry& entry) {
    ++opened_;
    ++live_count_;
    live_.push_back(entry);
}

void Ledger::close(Entry& entry, const Ending& ending) {
    entry.unlink();
    --live_count_;
    ++filed_;
    const auto kind = static_cast<size_t>(entry.kind());
    ++filed_by_kind_[kind];
    ++counts_[kind][static_cast<size_t>(ending.reason())];
    if (sink_ == nullptr) return;

    const uint64_t now_ns = clock_.now_ns();
    line_.begin();
    line_.number<"v">(record_version);
    line_.word<"event">(entry.kind() == Entry::Kind::connection ? "connection" : "exchange");
    line_.key<"id">();
    put_id(line_, *this, entry.id());
    line_.time<"time">(clock_.wall_ns(now_ns));
    write_ending(line_, *this, ending);
    if (entry.kind() == Entry::Kind::connection)
        write_connection(line_, *this, clock_, entry, static_cast<ConnectionEntry&>(entry).facts,
                         now_ns);
    else
        write_exchange(line_, *this, clock_, entry, static_cast<ExchangeEntry&>(entry).facts,
                       now_ns);
    write_trail(entry);
    sentence_.clear();
    append_because(sentence_, ending);
    line_.text<"because">(sentence_);
    sink_->record(line_.end());
}

void Ledger::write_trail(const Entry& entry) {
    if (entry.trail_count_ == 0) return;
    line_.open<"trail">('[');
    for (size_t i = 0; i < entry.trail_count_; ++i) {
        const TrailItem& item = entry.trail_[i];
        line_.open_element();
        line_.word<"side">(name(item.side));
        line_.word<"op">(name(item.op));
        if (item.error != 0) line_.word<"errno">(error_name(item.error));
        line_.ms<"after_ms">(item.at_ns - entry.opened_ns_);
        line_.close('}');
    }
    line_.close(']');
}

void Ledger::announce(const ExchangeEntry& entry) {
    if (sink_ == nullptr) return;
    line_.begin();
    line_.number<"v">(record_version);
    line_.word<"event">("request_start");
    line_.key<"id">();
    put_id(line_, *this, entry.id());
    line_.time<"time">(clock_.wall_ns(entry.opened_ns()));
    line_.text<"method">(entry.facts.method_text());
    line_.text<"target">(entry.facts.target_text());
    line_.key<"client">();
    put_endpoint(line_, entry.facts.client);
    line_.key<"client_id">();
    put_id(line_, *this, entry.facts.client_id);
    sink_->record(line_.end());
}

}  // namespace becaused
