// The whole story of one record, for `becaused why ID`: the request, both its connections, the tries to
// reach the upstream, what the client was told, and a time line of its phases with the silence at its
// end. Gathers the lines that belong together as they pass; pure, lines in and text out.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <set>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "ops/record_view.hh"
#include "ops/why_list.hh"

namespace becaused {

// "5f3a09c1-42", as records are called (and no other argument of `why` looks like).
bool is_record_id(std::string_view text);

class WhyStory {
  public:
    WhyStory(std::string id, const Screen& screen);
    ~WhyStory();
    WhyStory(const WhyStory&) = delete;
    WhyStory& operator=(const WhyStory&) = delete;

    // A line, and what was read of it.
    void line(std::string_view raw, const RecordView& record);
    // The story so far; empty when nothing belongs to it.
    std::string text() const;

  private:
    // A connection of years carries more requests than a story has room for.
    static constexpr size_t most_records = 64;

    bool belongs(const RecordView& record) const;
    void tell_exchange(std::string& out, const nlohmann::json& record) const;
    void tell_connection(std::string& out, const nlohmann::json& record) const;
    std::string connection_line(const nlohmann::json& record) const;

    std::string id_;
    Screen screen_;
    std::unordered_set<std::string> wanted_;  // connections of the requests that belong to it
    std::vector<nlohmann::json> exchanges_;
    std::vector<nlohmann::json> connections_;
    std::set<std::string> started_;  // requests without an end so far
    size_t left_out_ = 0;
};

// The phases of `ms` (their names, in order) as bars of at most `width` columns beside each other; from
// `silent_from_ms` on they are drawn as silence. A line each, without phases that took no time.
struct PhaseTime {
    std::string name;
    double ms;
};
std::string time_line(const std::vector<PhaseTime>& phases, double silent_from_ms, size_t width);

}  // namespace becaused
