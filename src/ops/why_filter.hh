// Which records `becaused why` tells about.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ops/record_view.hh"

namespace becaused {

struct WhyFilter {
    bool all = false;
    std::vector<std::string> reasons;  // empty: any
    std::vector<std::string> sides;
    std::string path;  // pattern; empty: any
    std::string id;
    std::optional<int64_t> since_ms;

    // Something but the time was asked for.
    bool narrow() const {
        return !reasons.empty() || !sides.empty() || !path.empty() || !id.empty();
    }
    // The record has all that was asked for.
    bool selects(const RecordView& record) const;
    // It is also worth a line: clean ends, followers of a first cause, and connections whose end
    // their exchange's record tells are not, unless asked for.
    bool tells(const RecordView& record) const;
};

// `*` stands for anything within a segment, `**` for anything; a pattern without them matches any
// part. The target's query is left out, its /vN.N prefix may be.
bool path_matches(std::string_view pattern, std::string_view target);

}  // namespace becaused
