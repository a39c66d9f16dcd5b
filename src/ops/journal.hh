// Where records are kept: whole lines into a file or to standard output, off the hot path. Neither
// blocks nor drops silently: what does not fit into its bounded memory is counted, and a line of event
// `journal` says how many as soon as there is room again. Owns the file.
#pragma once

#include <string>

#include "ledger/entry.hh"
#include "net/appender.hh"

namespace becaused {

class Journal final : public RecordSink {
  public:
    Journal(Loop& loop, uint64_t limit_bytes)
        : clock_(loop.clock()), appender_(loop, limit_bytes) {}

    Status open(const std::string& path) { return appender_.open(path); }
    void record(std::string_view line) override;
    void reopen() { appender_.reopen(); }
    // Writes what is left. Call when the loop has ended.
    void close();

    uint64_t dropped() const { return dropped_total_; }

  private:
    bool say_dropped();

    Clock& clock_;
    Appender appender_;
    uint64_t dropped_ = 0;  // since the last line that said so
    uint64_t dropped_total_ = 0;
    std::string line_;
};

}  // namespace becaused
