#include "ops/nearest.hh"

#include <algorithm>
#include <numeric>
#include <vector>

#include "ops/phrase.hh"

namespace becaused {

namespace {

size_t edit_distance(std::string_view left, std::string_view right) {
    std::vector<size_t> previous(right.size() + 1);
    std::vector<size_t> current(right.size() + 1);
    std::iota(previous.begin(), previous.end(), size_t{0});
    for (size_t i = 0; i < left.size(); ++i) {
        current[0] = i + 1;
        for (size_t j = 0; j < right.size(); ++j) {
            const size_t replaced = previous[j] + (left[i] == right[j] ? 0 : 1);
            current[j + 1] = std::min({replaced, previous[j + 1] + 1, current[j] + 1});
        }
        std::swap(previous, current);
    }
    return previous[right.size()];
}

}  // namespace

std::string_view nearest(std::string_view typed, std::span<const std::string_view> names) {
    // The distance costs length times length: nobody mistypes a name of this length.
    if (typed.size() > 64) return {};
    std::string_view best;
    size_t best_distance = std::max<size_t>(2, typed.size() / 3) + 1;
    for (const std::string_view name : names) {
        const size_t distance = edit_distance(typed, name);
        // A distance as long as the name itself would suggest anything for anything.
        if (distance < best_distance && distance < name.size()) {
            best = name;
            best_distance = distance;
        }
    }
    return best;
}

std::string suggestion(std::string_view typed, std::span<const std::string_view> names,
                       std::string_view prefix) {
    const std::string_view name = nearest(typed, names);
    return name.empty() ? std::string() : phrase("; did you mean ", prefix, name, '?');
}

}  // namespace becaused
