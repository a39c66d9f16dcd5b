#include "ops/why_filter.hh"

#include <algorithm>

#include "gate/path.hh"
#include "gate/route.hh"

namespace becaused {

namespace {

bool among(const std::vector<std::string>& wanted, const std::string& word) {
    return std::ranges::find(wanted, word) != wanted.end();
}

}  // namespace

bool path_matches(std::string_view pattern, std::string_view target) {
    const std::string_view path = target.substr(0, target.find('?'));
    if (pattern.find('*') == std::string_view::npos)
        return path.find(pattern) != std::string_view::npos;
    return matches(pattern, path) || matches(pattern, without_version(path));
}

bool WhyFilter::selects(const RecordView& record) const {
    if (since_ms && record.time_ms < *since_ms) return false;
    if (!reasons.empty() && !among(reasons, record.reason)) return false;
    if (!sides.empty() && !among(sides, record.by)) return false;
    if (!path.empty() &&
        (record.event != RecordView::Event::exchange || !path_matches(path, record.target)))
        return false;
    const auto has_id = [&](const std::string& field) { return field == id; };
    return id.empty() || has_id(record.id) || has_id(record.first_id) ||
           has_id(record.exchange_id) || has_id(record.client_id) || has_id(record.upstream_id) ||
           has_id(record.request_id) || has_id(record.trace_id);
}

bool WhyFilter::tells(const RecordView& record) const {
    if (!selects(record)) return false;
    if (all || !id.empty()) return true;
    // A request's record tells of its connections too, those that never came about included.
    if (record.event == RecordView::Event::connection &&
        (!record.exchange_id.empty() || (record.side == "upstream" && record.phase == "connect")))
        return false;
    const bool dull = record.end_class == "clean" || record.reason == "partner";
    return !dull || !reasons.empty() || among(sides, "nobody");
}

}  // namespace becaused
