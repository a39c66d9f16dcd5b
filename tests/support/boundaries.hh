// What the followers of streams (http/json_boundary.hh, stdcopy.hh, h2_boundary.hh) say of bytes: the
// bytes again with a mark wherever a message of becaused's own could stand, and that it makes no
// difference in which pieces they pass. Used by unit tests and fuzzers.
#pragma once

#include <string>
#include <string_view>

namespace becaused::test {

// `follower` has passed() and at_boundary(), and has just begun. A `^` stands where it is at a boundary.
template <typename Follower>
std::string marked(Follower follower, std::string_view bytes) {
    std::string text = follower.at_boundary() ? "^" : "";
    for (size_t i = 0; i < bytes.size(); ++i) {
        follower.passed(bytes.substr(i, 1));
        text += bytes[i];
        if (follower.at_boundary()) text += '^';
    }
    return text;
}

// Empty, or where the pieces made a difference: `bytes` in two pieces at every place (`all_cuts`), and in
// pieces of each size up to 9.
template <typename Follower>
std::string cut_flaw(const Follower& begun, std::string_view bytes, bool all_cuts = true) {
    Follower whole = begun;
    whole.passed(bytes);
    for (size_t cut = 0; all_cuts && cut <= bytes.size(); ++cut) {
        Follower follower = begun;
        follower.passed(bytes.substr(0, cut));
        follower.passed(bytes.substr(cut));
        if (follower.at_boundary() != whole.at_boundary())
            return "cut at " + std::to_string(cut) + " of " + std::string(bytes);
    }
    for (size_t size = 1; size < 10; ++size) {
        Follower follower = begun;
        for (size_t at = 0; at < bytes.size(); at += size) follower.passed(bytes.substr(at, size));
        if (follower.at_boundary() != whole.at_boundary())
            return "in pieces of " + std::to_string(size) + ": " + std::string(bytes);
    }
    return {};
}

}  // namespace becaused::test
