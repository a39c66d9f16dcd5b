// JSON as the gate will have it: what two readers could take differently is refused before anybody asks
// what it means. Behind it is nlohmann's SAX parser, kept to json_reader.cc; no exception comes out.
// A JsonSink is told of the parts in order and may stop the reading. Pure; allocates for texts and keys.
#pragma once

#include <cstdint>
#include <string_view>

namespace becaused {

struct JsonScalar {
    enum class Kind : uint8_t { null, boolean, integer, real, text };
    Kind kind = Kind::null;
    bool truth = false;
    int64_t integer = 0;
    std::string_view text;  // decoded; valid during the call
};

class JsonSink {
  public:
    // Each says whether to go on.
    virtual bool on_key(std::string_view key) = 0;  // decoded; valid during the call
    virtual bool on_scalar(const JsonScalar& scalar) = 0;
    virtual bool on_open(bool list) = 0;  // an object, or a list
    virtual bool on_close() = 0;

  protected:
    ~JsonSink() = default;
};

inline constexpr size_t json_depth_limit = 32;
inline constexpr size_t json_key_limit = 16'384;  // in the whole text

// What object keys may be: Go folds U+017F and U+212A to s and k where it fills a struct, not in maps.
enum class JsonKeys : uint8_t { ascii, any };

// What is wrong with the text, static; null if nothing is, or the sink stopped. Refused are: no JSON, a
// byte order mark, NUL, anything after the first value, more than 32 levels, keys that are not ASCII
// (unless any are welcome), and a key twice in one object (Go merges them).
const char* read_json(std::string_view text, JsonSink& sink, JsonKeys keys = JsonKeys::ascii);

}  // namespace becaused
