#include "proxy/head_part.hh"

#include "base/status.hh"
#include "proxy/house.hh"

namespace becaused {

bool HeadPart::add(std::string_view more) {
    bytes_ += more;
    return house_.hold_heads(static_cast<int64_t>(more.size()));
}

void HeadPart::give_back() {
    if (bytes_.empty()) return;
    ignored(house_.hold_heads(-static_cast<int64_t>(bytes_.size())) ? 0 : 1, "it is less now");
}

}  // namespace becaused
