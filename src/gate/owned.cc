#include "gate/owned.hh"

#include "gate/owner.hh"

namespace becaused {

bool Owned::knows(std::string_view id, std::string_view identity) {
    if (!is_full_id(id)) return false;
    scratch_.assign(id).append(identity);  // the id's length is fixed: no two pairs look the same
    const auto found = entries_.find(scratch_);
    if (found == entries_.end()) return false;
    found->second.unlink();
    by_use_.push_back(found->second);
    return true;
}

void Owned::keep(std::string_view id, std::string_view identity) {
    if (!is_full_id(id) || knows(id, identity)) return;
    if (entries_.size() >= limit_) {
        const std::string oldest = by_use_.front()->key;
        entries_.erase(oldest);
    }
    Entry& entry = entries_[scratch_];
    entry.key = scratch_;
    by_use_.push_back(entry);
}

}  // namespace becaused
