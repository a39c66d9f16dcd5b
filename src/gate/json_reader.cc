#include "gate/json_reader.hh"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>
#include <string>

namespace becaused {

namespace {

using Json = nlohmann::json;

// nlohmann's events, with what holds for every JSON text judged here.
class Events {
  public:
    Events(JsonSink& sink, JsonKeys keys) : sink_(sink), any_(keys == JsonKeys::any) {}

    const char* flaw() const { return flaw_; }

    bool null() { return sink_.on_scalar({}); }
    bool boolean(bool value) { return sink_.on_scalar({JsonScalar::Kind::boolean, value, 0, {}}); }
    bool number_integer(Json::number_integer_t value) {
        return sink_.on_scalar({JsonScalar::Kind::integer, false, value, {}});
    }
    bool number_unsigned(Json::number_unsigned_t value) {
        // Go has no place for more than 63 bits where an amount is asked for.
        if (value > INT64_MAX) return number_float(0, {});
        return number_integer(static_cast<int64_t>(value));
    }
    bool number_float(Json::number_float_t, const std::string&) {
        return sink_.on_scalar({JsonScalar::Kind::real, false, 0, {}});
    }
    bool string(const std::string& value) {
        return sink_.on_scalar({JsonScalar::Kind::text, false, 0, value});
    }
    // Of the binary formats only.
    bool binary(const Json::binary_t&) { return stop("bytes in the JSON"); }

    bool start_object(size_t) { return open(false); }
    bool start_array(size_t) { return open(true); }
    bool end_object() { return close(); }
    bool end_array() { return close(); }

    bool key(const std::string& key) {
        const auto ascii = [](char byte) { return static_cast<unsigned char>(byte) < 0x80; };
        if (!any_ && !std::ranges::all_of(key, ascii))
            return stop("a key in the JSON that is not ASCII");
        if (++key_count_ > json_key_limit) return stop("more than 16384 keys in the JSON");
        if (!keys_[depth_ - 1].insert(key).second)
            return stop("a key twice in one object of the JSON");
        return sink_.on_key(key);
    }

    // The parser's own message would name bytes of the body.
    bool parse_error(size_t, const std::string&, const Json::exception&) {
        return stop("JSON that is not valid");
    }

  private:
    bool stop(const char* flaw) {
        if (flaw_ == nullptr) flaw_ = flaw;
        return false;
    }
    bool open(bool list) {
        if (depth_ == json_depth_limit) return stop("more than 32 levels in the JSON");
        keys_[depth_++].clear();
        return sink_.on_open(list);
    }
    bool close() {
        --depth_;
        return sink_.on_close();
    }

    JsonSink& sink_;
    bool any_;
    const char* flaw_ = nullptr;
    size_t depth_ = 0;
    size_t key_count_ = 0;
    // Ordered: a hash could be flooded.
    std::array<std::set<std::string>, json_depth_limit> keys_;
};

}  // namespace

const char* read_json(std::string_view text, JsonSink& sink, JsonKeys keys) {
    // The parser skips a mark and takes NUL for the end; Go does neither.
    if (text.find('\0') != std::string_view::npos) return "a NUL byte in the JSON";
    if (text.starts_with("\xef\xbb\xbf")) return "a byte order mark before the JSON";
    Events events(sink, keys);
    const bool whole = Json::sax_parse(text.begin(), text.end(), &events);
    return whole ? nullptr : events.flaw();
}

}  // namespace becaused
