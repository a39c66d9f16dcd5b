// Fields of record lines read back as JSON. The lines come from files that others may have touched: what
// is missing or of another kind is empty or zero, never an error.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace becaused {

inline std::string text_of(const nlohmann::json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_string()) return {};
    return found->get_ref<const std::string&>();
}

// Counts are never negative and stay far below 2^53, so that a double holds them.
inline double number_of(const nlohmann::json& object, const char* key) {
    const auto found = object.find(key);
    if (found == object.end() || !found->is_number()) return 0;
    const auto number = found->get<double>();
    return number > 0 && number < 9e15 ? number : 0;
}

inline uint64_t count_of(const nlohmann::json& object, const char* key) {
    return static_cast<uint64_t>(number_of(object, key));
}

// A nested object or array; an empty one where there is none.
inline const nlohmann::json& part_of(const nlohmann::json& object, const char* key, bool array) {
    static const nlohmann::json nothing = nlohmann::json::object();
    static const nlohmann::json none = nlohmann::json::array();
    const auto found = object.find(key);
    const bool there = found != object.end() && (array ? found->is_array() : found->is_object());
    if (there) return *found;
    return array ? none : nothing;
}

}  // namespace becaused
