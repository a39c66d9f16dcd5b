#include "base/json_line.hh"

#include <algorithm>

namespace becaused {

void JsonLine::key(std::string_view name) {
    comma();
    need(name.size() + 3);
    put_word(name);
    put(":");
}

void JsonLine::grow(size_t bytes) {
    const auto used = static_cast<size_t>(at_ - room_.get());
    const size_t size = std::max(2 * used, used + bytes + margin);
    std::unique_ptr<char[]> larger(new char[size]);
    if (used > 0) std::memcpy(larger.get(), room_.get(), used);
    room_ = std::move(larger);
    at_ = room_.get() + used;
    limit_ = room_.get() + size - margin;
}

}  // namespace becaused
