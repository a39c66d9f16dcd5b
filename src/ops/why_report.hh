// From record lines to what `becaused why` prints. Pure: lines in, text out; why.cc does the
// reading and writing.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <unordered_set>

#include "base/status.hh"
#include "ops/admin_ask.hh"
#include "ops/why_filter.hh"
#include "ops/why_list.hh"
#include "ops/why_story.hh"
#include "ops/why_summary.hh"

namespace becaused {

struct WhyRequest {
    WhyFilter filter;
    bool follow = false;
    bool summary = false;
    bool json = false;
    bool utc = false;
    bool wide = false;
    bool story = false;   // of the record `filter.id`
    bool verify = false;  // the chain of the records instead
    bool live = false;    // what is open now instead, of the process at `place`
    AdminPlace place;
    std::string key_file;  // for verify; empty: not said
    std::string file;      // "-": standard input; empty: not said
};

// `arguments`: what follows `why`; `now_ms`: what --since 10m counts from.
Result<WhyRequest> parse_why(std::span<const std::string> arguments, int64_t now_ms);

class WhyReport {
  public:
    WhyReport(const WhyRequest& request, const Screen& screen)
        : request_(request), list_(screen), story_(request.filter.id, screen) {}

    // Takes a line without its newline and returns what is to be printed for it, often nothing.
    std::string line(std::string_view raw);
    // A line that was too long to read.
    void unreadable_line();
    // What is to be printed at the end.
    std::string end() const;
    // After end(): false when a story was asked for and no record has its id.
    bool found() const { return !request_.story || !story_.text().empty(); }
    // What is worth telling on stderr at the end; empty: nothing.
    std::string remark() const;

  private:
    // More open starts than a proxy could have are not remembered.
    static constexpr size_t most_started = 1'000'000;

    WhyRequest request_;
    WhyList list_;
    WhyStory story_;
    WhySummary summary_;
    std::unordered_set<std::string> started_;  // ids without an end so far
    uint64_t lines_ = 0;
    uint64_t told_ = 0;
    uint64_t foreign_ = 0;
    uint64_t first_foreign_ = 0;
};

}  // namespace becaused
