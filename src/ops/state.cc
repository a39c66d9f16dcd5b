#include "ops/state.hh"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "base/text.hh"
#include "ops/crash.hh"
#include "ops/phrase.hh"
#include "ops/share.hh"
#include "ops/why_list.hh"
#include "ops/written_records.hh"

namespace becaused {

namespace {

constexpr uint32_t most_clients = 1U << 15;
constexpr uint32_t spare_slots = 256;  // turned away, closing, dialled twice
constexpr int most_neighbours = 16;
constexpr std::string_view worker_mark = ".w";  // behind the name of all, before its number

void say(const std::string& text) {
    ignored(std::fputs(phrase("becaused: ", text, '\n').c_str(), stderr),
            "nobody is left to hear it");
}

// The same service finds the same file again, and another one another file.
std::string usual_name(const Settings& settings) {
    uint64_t sum = box::magic;
    const auto add = [&sum](const std::string& text) {
        sum = box::sum_of(sum, text.data(), text.size());
    };
    for (const ListenAddress& listen : settings.listen) add(listen.text);
    add(settings.upstream.text);
    add(settings.records);
    std::string name = "becaused-";
    for (int digit = 0; digit < 8; ++digit, sum >>= 4U) name += "0123456789abcdef"[sum & 15U];
    return name;
}

// The last life's records, behind the lines that it left.
class PastRecords final : public RecordSink {
  public:
    PastRecords(std::vector<std::string>& lines, Chain* chain) : lines_(lines), chain_(chain) {
        for (const std::string& line : lines_)
            if (chain_ != nullptr) chain_->resume(line);
    }
    void record(std::string_view line) override {
        lines_.emplace_back(line);
        if (chain_ != nullptr) chain_->extend(lines_.back());
    }

  private:
    std::vector<std::string>& lines_;
    Chain* chain_;
};

template <size_t size>
void put(std::array<char, size>& field, std::string_view text) {
    std::copy_n(text.begin(), std::min(text.size(), size - 1), field.begin());
}

std::string counted(size_t count, std::string_view what) {
    return phrase(count, ' ', what, count == 1 ? "" : "s");
}

// What of its black box did not carry its sum, and so was not believed.
std::string left_out(const LastLife& last) {
    std::string text;
    if (last.damaged_slots > 0)
        text = phrase(counted(last.damaged_slots, "slot"), " of the black box ",
                      last.damaged_slots == 1 ? "is" : "are",
                      " damaged: what was open there is not known");
    if (last.damaged_lines > 0)
        text += phrase(text.empty() ? "" : "; ", counted(last.damaged_lines, "line"),
                       " in the black box ", last.damaged_lines == 1 ? "is" : "are", " damaged",
                       last.lines_end_unknown ? ", and what came after it is not known" : "");
    return text;
}

void say_found(const LastLife& last, const std::string& cause, size_t filed, size_t rest,
               const std::string& records) {
    std::string text = phrase("the previous life (pid ", last.pid, ", since ");
    char since[24];
    text.append(since, write_time(since, last.started_wall_ns));
    if (last.ended) text += ") ended well";
    else text += phrase(") ended: ", cause);
    const std::string where =
        records.empty() ? "lost, as there are no --records" : "on the records now";
    if (filed > 0)
        text += phrase("; ", counted(last.exchanges.size(), "request"), " and ",
                       counted(last.connections.size(), "connection"), " were open: ", where,
                       records.empty() ? "" : " as previous_life");
    if (rest > 0) text += phrase("; ", counted(rest, "line"), " had not been written: ", where);
    if (last.damaged() > 0) text += "; " + left_out(last);
    if (last.left_out > 0)
        text +=
            phrase("; ", last.left_out, last.left_out == 1 ? " entry" : " entries", " had no slot");
    say(harmless(text));
}

}  // namespace

std::string usual_state_directory() {
    if (const char* given = std::getenv("RUNTIME_DIRECTORY"); given != nullptr && *given == '/')
        return std::string(given).substr(0, std::string_view(given).find(':'));
    if (const char* given = std::getenv("XDG_RUNTIME_DIR"); given != nullptr && *given == '/')
        return phrase(given, "/becaused");
    return "/run/becaused";
}

std::string admin_path_beside(std::string_view box_path) {
    return phrase(box_path.substr(0, box_path.rfind(box_suffix)), admin_suffix);
}

std::string worker_box(std::string_view stem, uint32_t number) {
    return phrase(stem, worker_mark, number, box_suffix);
}

std::string State::admin_path() const { return box_ ? admin_path_beside(file_.path()) : ""; }

Status take_state_place(const Settings& settings, StateFile& file) {
    bool busy = false;
    // Operators are told where to ask, and may stand elsewhere.
    if (settings.state != "auto") {
        std::error_code error;
        const std::filesystem::path place = std::filesystem::absolute(settings.state, error);
        if (error)
            return Status::failed(phrase("state: ", settings.state, ": ", error.message(),
                                         "; give an absolute path"));
        return file.lock(place, "becaused", busy);
    }
    const std::string directory = usual_state_directory();
    const std::string name = usual_name(settings);
    Status status = file.lock(directory, name, busy);
    for (int number = 2; busy && number <= most_neighbours; ++number) {
        status = file.lock(directory, phrase(name, '-', number), busy);
        if (status.ok())
            say(phrase("state: another becaused with these settings runs; this one keeps ",
                       file.path()));
    }
    return status;
}

Status State::find_place(const Settings& settings) {
    if (station_ == nullptr) return take_state_place(settings, file_);
    bool busy = false;
    return file_.lock(station_->state_directory,
                      phrase(station_->state_name, worker_mark, station_->number), busy);
}

// What was left where there were more workers than now, or none, or some where there are none now.
void State::find_strays() {
    const std::string place = station_ == nullptr ? file_.path()
                                                  : phrase(station_->state_directory, '/',
                                                           station_->state_name, box_suffix);
    const std::string stem = place.substr(0, place.size() - box_suffix.size());
    const std::string directory = stem.substr(0, stem.rfind('/'));
    const std::string name = stem.substr(directory.size() + 1);
    const auto take = [&](const std::string& one, bool locked) {
        auto file = std::make_unique<StateFile>();
        bool busy = false;
        if (locked) file->place(directory, one);
        else if (!file->lock(directory, one, busy).ok()) return;
        if (file->exists()) strays_.push_back(std::move(file));
    };
    // The parent holds that place for all.
    if (station_ != nullptr) take(name, true);
    for (uint32_t number = station_ == nullptr ? 1 : station_->count + 1; number <= most_workers;
         ++number) {
        const std::string one = phrase(name, worker_mark, number);
        if (::access(phrase(directory, '/', one, box_suffix).c_str(), F_OK) == 0) take(one, false);
    }
}

void State::read_last_life(const StateFile& file, const Settings& settings, const Surroundings& now,
                           Chain* chain) {
    if (!file.exists()) return;
    Result<std::string> image = file.read();
    Result<LastLife> read = image.ok() ? read_black_box(image.value()) : image.status();
    if (!read.ok()) {
        const std::string why = image.ok()
                                    ? phrase("state: ", file.path(), ": ", read.status().message())
                                    : read.status().message();
        say(phrase(why, "; set aside as ", file.set_aside()));
        return;
    }
    LastLife& last = read.value();
    const KnownRecords written = written_records(settings.records, last.lines, station_ != nullptr);
    std::erase_if(last.lines, [&](const std::string& line) { return written.has(line); });
    KnownRecords known = written;
    for (const std::string& line : last.lines) known.add(line);
    known.sort();
    const bool own = &file == &file_;
    const std::string seen = own && station_ != nullptr ? station_->last_end : std::string();
    const std::string cause = cause_of(last, now, seen);
    std::vector<std::string> left = last.lines;
    PastRecords records(left, chain);
    // Whoever misses a record finds why beside those that are there.
    const std::string told = last.damaged() == 0 ? cause : phrase(cause, "; ", left_out(last));
    const PastFiled filed = file_last_life(last, told, known, records);
    // A worker of this crew left them: the crew's last line counts them.
    if (!seen.empty()) cut_ = filed;
    if (!last.ended || !left.empty() || last.damaged() > 0)
        say_found(last, cause, filed.all(), last.lines.size(), settings.records);
    left_.insert(left_.end(), left.begin(), left.end());
}

Status State::begin_life(const Settings& settings, const Ledger& ledger, uint32_t clients,
                         const Surroundings& now) {
    const uint32_t sessions = std::min(clients, most_clients) + spare_slots;
    box::Shape shape{sessions, 2 * sessions + settings.pool_size, 0};
    if (!settings.records.empty()) {
        shape.ring_bytes = 64 * 1024 + settings.journal_bytes + settings.journal_bytes / 8;
        for (const std::string& line : left_) shape.ring_bytes += box::frame_bytes(line.size());
        shape.ring_bytes = std::min(shape.ring_bytes / 8 * 8, box::most_ring_bytes);
    }
    Result<std::span<char>> memory = file_.create(shape.file_bytes());
    if (!memory.ok()) return memory.status();
    box::Life life{};
    Clock clock;
    life.pid = static_cast<uint32_t>(::getpid());
    life.started_wall_ns = clock.wall_ns(clock.now_ns());
    life.life = ledger.life();
    life.oom_kills = now.oom_kills;
    life.cgroup_inode = now.cgroup_inode;
    put(life.boot_id, now.boot_id);
    put(life.build_id, build_id());
    put(life.cgroup, now.cgroup);
    put(life.upstream_path, settings.upstream.path);
    box_ = std::make_unique<BlackBox>(memory.value(), shape, life);
    box_->beat(clock.now_ns(), life.started_wall_ns);
    for (const std::string& line : left_) CHECK(box_->keep(line));
    Status status = file_.commit();
    for (const auto& stray : strays_)
        if (status.ok()) stray->remove();
    strays_.clear();
    return status;
}

Status State::open(const Settings& settings, const Ledger& ledger, uint32_t clients, Chain* chain) {
    if (chain != nullptr) chain->resume(last_record(settings.records));
    if (settings.state == "off" || (station_ != nullptr && station_->state_name.empty()))
        return Status::fine();
    Status status = find_place(settings);
    if (status.ok()) {
        const Surroundings now = look_around();
        read_last_life(file_, settings, now, chain);
        if (station_ == nullptr || (station_->number == 1 && station_->last_end.empty()))
            find_strays();
        for (const auto& stray : strays_) read_last_life(*stray, settings, now, chain);
        found_ = left_;
        if (settings.records.empty()) left_.clear();
        status = begin_life(settings, ledger, clients, now);
    }
    if (status.ok()) return status;
    box_.reset();
    strays_.clear();
    left_.clear();
    found_.clear();
    if (settings.state != "auto") return status;
    say(phrase(status.message(), "; ", no_black_box));
    return Status::fine();
}

void State::close() {
    if (!box_) return;
    if (box_->holds_lines()) box_->end();
    else file_.remove();
    box_.reset();
}

}  // namespace becaused
