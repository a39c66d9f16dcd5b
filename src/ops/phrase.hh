// Sentences put together from parts: phrase("listen: ", address, " is taken twice"). Only for texts
// that people read at start-up or at a terminal; it allocates.
#pragma once

#include <concepts>
#include <string>
#include <string_view>

namespace becaused {

inline void add_part(std::string& text, std::string_view part) { text += part; }
inline void add_part(std::string& text, char part) { text += part; }
template <std::integral Number>
void add_part(std::string& text, Number part) {
    text += std::to_string(part);
}

template <typename... Parts>
std::string phrase(const Parts&... parts) {
    std::string text;
    (add_part(text, parts), ...);
    return text;
}

}  // namespace becaused
