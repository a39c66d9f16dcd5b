// histogram: latencies in buckets that are 1/64 of a power of two wide (an error below 1.6 %).
//
// Fixed memory, so that counting costs the same for the first and the millionth request.
#pragma once

#include <array>
#include <bit>
#include <cstdint>

namespace bench {

class Histogram {
  public:
    void add(std::int64_t ns) {
        const std::uint64_t value = ns < 0 ? 0 : static_cast<std::uint64_t>(ns);
        ++buckets_[index_of(value)];
        ++count_;
        if (value > max_ns_) max_ns_ = value;
    }

    // The least value that `part` (0..1) of all values do not exceed, in microseconds.
    [[nodiscard]] double quantile_us(double part) const {
        const double wanted = part * static_cast<double>(count_);
        std::uint64_t seen = 0;
        for (std::size_t i = 0; i < buckets_.size(); ++i) {
            seen += buckets_[i];
            if (seen > 0 && static_cast<double>(seen) >= wanted) {
                return static_cast<double>(value_of(i)) / 1000.0;
            }
        }
        return 0;
    }

    [[nodiscard]] double max_us() const { return static_cast<double>(max_ns_) / 1000.0; }

  private:
    static constexpr unsigned part_bits = 6;
    static constexpr std::uint64_t parts = 1U << part_bits;
    static constexpr unsigned octaves =
        40 - part_bits;  // 2^40 ns: 18 minutes, above every time limit

    static std::size_t index_of(std::uint64_t value) {
        if (value < parts) return static_cast<std::size_t>(value);
        const unsigned octave = static_cast<unsigned>(std::bit_width(value)) - part_bits;
        if (octave >= octaves) return parts * octaves - 1;
        return static_cast<std::size_t>(octave * parts + ((value >> (octave - 1)) & (parts - 1)));
    }

    static std::uint64_t value_of(std::size_t index) {
        const std::uint64_t octave = index / parts;
        const std::uint64_t part = index % parts;
        return octave == 0 ? part : (parts + part) << (octave - 1);
    }

    std::array<std::uint64_t, parts * octaves> buckets_{};
    std::uint64_t count_ = 0;
    std::uint64_t max_ns_ = 0;
};

}  // namespace bench
