// Where records are kept: whole lines into a file or to standard output, off the hot path. Neither
// blocks nor drops silently: what does not fit into its bounded memory is counted, and a line of event
// `journal` says how many as soon as there is room again. Standard error hears of it at once, and when
// the file cannot be written. Owns the file.
//
// With a black box each line is in its ring from record() until the kernel has it, so that a kill loses
// none: the next start writes what is left there (ops/state.hh).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include <vector>

#include "ledger/black_box.hh"
#include "ledger/entry.hh"
#include "net/appender.hh"
#include "ops/chain.hh"
#include "ops/rotation.hh"

namespace becaused {

class Journal final : public RecordSink, private AppenderSink {
  public:
    Journal(Loop& loop, uint64_t limit_bytes)
        : clock_(loop.clock()), appender_(loop, *this, limit_bytes) {}

    Status open(const std::string& path);
    // `left`: lines in the box's ring, all of them, that an earlier life did not write. Before any record.
    void keep_in(BlackBox& box, const std::vector<std::string>& left);
    // From here on each line is chained to the one before it; outlives the journal.
    void chain_by(Chain& chain) { chain_ = &chain; }
    // Other processes write there too. Before open(); outlives the journal.
    void share(Baton& baton) {
        baton_ = &baton;
        appender_.share(baton);
    }
    // The file is put aside at these limits. After open().
    void rotate_at(const Rotation::Limits& limits);
    void record(std::string_view line) override;
    // After the file was moved away: the next line goes to a new one.
    void reopen() { appender_.reopen(); }
    // Writes what is left. Call when the loop has ended.
    void close();

    uint64_t dropped() const { return dropped_total_; }
    // After close(): lines that the next start will write.
    uint64_t left() const { return left_; }

  private:
    void on_trouble(std::string_view path, std::string_view what, int error) override;
    void on_written(size_t lines) override;
    bool put(std::string_view line);
    bool put_as_it_is(std::string_view line);
    void warn_of_drops();
    bool say_dropped();

    Clock& clock_;
    Appender appender_;
    std::string path_;
    BlackBox* box_ = nullptr;
    Chain* chain_ = nullptr;
    Baton* baton_ = nullptr;
    std::unique_ptr<Rotation> rotation_;  // null: somebody else rotates, or nobody
    std::string chained_;
    uint64_t left_ = 0;
    uint64_t dropped_ = 0;  // since the last line that said so
    uint64_t dropped_total_ = 0;
    uint64_t warned_ns_ = 0;  // of drops; 0: never
};

}  // namespace becaused
