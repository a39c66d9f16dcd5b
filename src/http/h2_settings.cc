#include "http/h2_settings.hh"

#include <algorithm>

namespace becaused {

void H2Settings::passed(std::string_view bytes) {
    while (!bytes.empty()) {
        if (left_ > 0 && !settings_) {
            const size_t skipped = std::min<size_t>(left_, bytes.size());
            left_ -= static_cast<uint32_t>(skipped);
            bytes.remove_prefix(skipped);
            continue;
        }
        const bool setting = left_ > 0;
        part_[have_++] = bytes.front();
        bytes.remove_prefix(1);
        if (setting) {
            if (have_ == setting_bytes) setting_done();
            if (--left_ == 0) have_ = 0;
        } else if (have_ == h2_head_bytes) {
            head_done();
        }
    }
}

void H2Settings::head_done() {
    const H2Head head = read_h2_head({part_.data(), part_.size()});
    have_ = 0;
    left_ = head.length;
    settings_ = head.type == h2::settings && !head.has(h2::flag_ack);
    if (!settings_) return;
    overrun_ = overrun_ || count_ == kept;
    if (!overrun_) waiting_[count_++] = {};
}

void H2Settings::setting_done() {
    have_ = 0;
    const auto octet = [&](size_t i) {
        return static_cast<uint32_t>(static_cast<uint8_t>(part_[i]));
    };
    if (overrun_ || (octet(0) << 8U | octet(1)) != h2::header_table_size) return;
    const uint32_t size = octet(2) << 24U | octet(3) << 16U | octet(4) << 8U | octet(5);
    TableSize& table = waiting_[count_ - 1U];
    table.least = table.said ? std::min(table.least, size) : size;
    table.last = size;
    table.said = true;
}

std::optional<H2Settings::TableSize> H2Settings::acknowledged() {
    if (count_ == 0) return std::nullopt;
    const TableSize oldest = waiting_[0];
    std::move(waiting_.begin() + 1, waiting_.begin() + count_, waiting_.begin());
    --count_;
    return oldest;
}

}  // namespace becaused
