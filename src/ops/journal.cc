#include "ops/journal.hh"

#include "base/text.hh"
#include "ledger/record.hh"

namespace becaused {

void Journal::record(std::string_view line) {
    if ((dropped_ == 0 || say_dropped()) && appender_.append(line)) return;
    ++dropped_;
    ++dropped_total_;
}

bool Journal::say_dropped() {
    line_.clear();
    JsonLine line(line_);
    line.number("v", record_version);
    line.text("event", "journal");
    line.time("time", clock_.wall_ns(clock_.now_ns()));
    line.number("dropped", dropped_);
    line.text("because", "Records were dropped: the journal could not be written fast enough.");
    line.end();
    if (!appender_.append(line_)) return false;
    dropped_ = 0;
    return true;
}

void Journal::close() {
    if (dropped_ > 0 && !say_dropped())
        ignored(0, "the memory is full to the end; the count stays in dropped()");
    appender_.close();
}

}  // namespace becaused
