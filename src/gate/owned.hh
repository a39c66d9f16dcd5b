// Whose containers and execs are: what dockerd said once of their full ids, for which it never changes.
// Names and short ids move, and are never kept. Bounded: the one unused for longest makes room. Only
// ids that dockerd knows get in, so strangers cannot fill it with what they make up.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/list.hh"

namespace becaused {

class Owned {
  public:
    // `limit`: at least 1.
    explicit Owned(size_t limit) : limit_(limit) {}

    bool knows(std::string_view id, std::string_view identity);
    void keep(std::string_view id, std::string_view identity);
    size_t size() const { return entries_.size(); }

  private:
    struct Entry : ListNode {
        std::string key;
    };

    size_t limit_;
    std::string scratch_;
    std::unordered_map<std::string, Entry> entries_;
    List<Entry> by_use_;  // the one unused for longest first
};

}  // namespace becaused
