// JSON as Go's encoding/json would read it into dockerd's structs, written slowly and without a look at the
// gate: the other reader that the gate's judgements are held against. Lenient where Go is: the first value
// counts and the rest is ignored, broken UTF-8 and lone surrogates become U+FFFD, keys fold case.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace test_support {

struct GoValue {
    enum class Kind { null, boolean, number, text, list, object };
    Kind kind = Kind::null;
    bool truth = false;
    std::string text;               // a text, decoded; or a number, as written
    std::vector<GoValue> items;     // of a list, or of an object
    std::vector<std::string> keys;  // of an object: one for each item, in order, repeats too

    bool is_text(std::string_view wanted) const { return kind == Kind::text && text == wanted; }
    bool holds_something() const { return !items.empty(); }
};

// What json.Decoder.Decode would read; nothing where it would fail (or is nested over 400 levels).
std::optional<GoValue> read_as_go(std::string_view bytes);

// As encoding/json compares keys with the names of fields: ASCII letters in capitals, U+017F as S, U+212A
// as K.
std::string fold_as_go(std::string_view key);

// What dockerd would make of a body of POST /containers/create that sandboxes must never have: "Privileged",
// "Binds", ...; empty if it is harmless. Duplicates count each.
std::string danger_to_go(const GoValue& body);
// The same for HostConfig's members alone (an update), exec, and volumes.
std::string danger_of_host_config(const GoValue& host_config);
std::string danger_of_exec(const GoValue& body);
std::string danger_of_volume(const GoValue& body);

}  // namespace test_support
