#include "ops/journal.hh"

#include <cstdio>
#include <cstring>

#include "base/json_line.hh"
#include "ledger/record.hh"
#include "ops/phrase.hh"

namespace becaused {

namespace {

void say(const std::string& text) {
    ignored(std::fputs(phrase("becaused: records: ", text, '\n').c_str(), stderr),
            "nobody is left to hear it");
}

// Lines of our own that say how many were dropped are no records.
uint64_t count_records(std::string_view lines) {
    uint64_t count = 0;
    for (size_t end = 0; (end = lines.find('\n')) != std::string_view::npos;) {
        const bool record =
            lines.substr(0, end).find("\"event\":\"journal\"") == std::string_view::npos;
        count += record ? 1 : 0;
        lines.remove_prefix(end + 1);
    }
    return count;
}

}  // namespace

Status Journal::open(const std::string& path) {
    path_ = path;
    return appender_.open(path);
}

void Journal::keep_in(BlackBox& box, const std::vector<std::string>& left) {
    box_ = &box;
    for (const std::string& line : left) appender_.take_over(line);
}

// Into the box first: what the file may hold already, the box must be able to say.
bool Journal::put(std::string_view line) {
    if (chain_ == nullptr) return put_as_it_is(line);
    const Chain::Link before = chain_->last();
    chained_ = line;
    chain_->extend(chained_);
    const bool taken = put_as_it_is(chained_);
    if (!taken) chain_->go_back_to(before);
    return taken;
}

bool Journal::put_as_it_is(std::string_view line) {
    if (!appender_.fits(line.size()) || (box_ != nullptr && !box_->keep(line))) return false;
    return appender_.append(line);
}

void Journal::on_written(size_t lines) {
    if (box_ != nullptr) box_->forget(lines);
    if (!rotation_ || !rotation_->due()) return;
    const Status status = rotation_->rotate();
    appender_.reopen();
    if (status.ok()) return;
    say(phrase(status.message(), "; it goes on growing"));
    rotation_.reset();
}

void Journal::rotate_at(const Rotation::Limits& limits) {
    auto rotation = std::make_unique<Rotation>(path_, limits);
    if (baton_ != nullptr) rotation->share(*baton_);
    if (path_ != "-" && rotation->wanted()) rotation_ = std::move(rotation);
}

void Journal::record(std::string_view line) {
    const bool going_on = dropped_ == 0 || (appender_.has_room() && say_dropped());
    if (going_on && put(line)) return;
    ++dropped_;
    ++dropped_total_;
    warn_of_drops();
}

void Journal::warn_of_drops() {
    constexpr uint64_t pause_ns = 10'000 * ns_per_ms;  // a sink that keeps stumbling is one story
    const uint64_t now_ns = clock_.now_ns();
    if (warned_ns_ != 0 && now_ns - warned_ns_ < pause_ns) return;
    warned_ns_ = now_ns;
    say(phrase(path_, ": not taken fast enough, and the memory for them is full: dropping (",
               dropped_total_, " so far)"));
}

void Journal::on_trouble(std::string_view path, std::string_view what, int error) {
    say(phrase(path, ": ", what, ": ", std::strerror(-error),
               "; they wait in memory and are tried again"));
}

bool Journal::say_dropped() {
    JsonLine line;
    line.begin();
    line.number<"v">(record_version);
    line.word<"event">("journal");
    line.time<"time">(clock_.wall_ns(clock_.now_ns()));
    line.number<"dropped">(dropped_);
    line.word<"because">("Records were dropped: the journal could not be written fast enough.");
    if (!put(line.end())) return false;
    dropped_ = 0;
    return true;
}

void Journal::close() {
    rotation_.reset();
    const uint64_t lost = count_records(appender_.write_rest());
    (box_ != nullptr ? left_ : dropped_total_) += lost;
    // Whoever reads the records should not have to read standard error too.
    if (lost == 0 && dropped_ > 0 && say_dropped())
        ignored(static_cast<long>(appender_.write_rest().size()), "the total is said at the end");
    appender_.close();
}

}  // namespace becaused
