// The JSON that dockerd reads, key by key, with what a profile's rules think of each: tables that
// gate/body.cc walks along. A key that is not here is one that becaused does not know.
// Constant data and the small tests that it names.
#pragma once

#include <span>
#include <string_view>

#include "gate/limit.hh"
#include "gate/route_table.hh"
#include "gate/rule.hh"

namespace becaused {

// Which rule a text breaks.
using TextTest = Rule (*)(std::string_view text);

enum class Check : uint8_t {
    free,     // anything
    zero,     // asks for nothing: null, false, 0, "", [] or {}; else it breaks `rule`
    absent,   // null, because even an empty list says something; else it breaks `rule`
    text,     // a text for `text_test`
    texts,    // a list of such
    amount,   // a whole number for `amount_test`
    object,   // `inner`
    objects,  // a list of such
    map,      // keys for `text_test`, values `inner`
    keys,     // keys for `text_test`, values free
    labels,   // what the profile may demand
};

struct Schema;

struct Key {
    std::string_view name;
    Check check = Check::free;
    Rule rule = Rule::kept;
    TextTest text_test = nullptr;
    AmountTest amount_test = nullptr;
    const Schema* inner = nullptr;
};

struct Schema {
    std::span<const Key> keys;  // sorted without regard to case

    struct Found {
        const Key* key = nullptr;
        bool exact = false;  // false: in another case, which Go takes for the same
    };
    Found find(std::string_view name) const;
};

// What the whole body must be. `payload`: one that is judged.
const Key& body_key(Payload payload);
// The value of /build's key `outputs`.
const Key& build_outputs_key();

}  // namespace becaused
