// Queries: the filters of lists, and the container that one names.
#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/text.hh"
#include "gate/json_reader.hh"
#include "gate/owner.hh"
#include "gate/owner_text.hh"
#include "gate/path.hh"
#include "http/octets.hh"

namespace becaused {

namespace {

struct Span {
    size_t begin = 0;
    size_t end = 0;
};

std::string json_text(std::string_view text) {
    std::string out = "\"";
    append_json_text(out, text);
    return out + '"';
}

// ---- filters ---------------------------------------------------------------------------------------

// {"label":["a=b"]}, as old clients write it, or {"label":{"a=b":true}}.
class FilterReader final : public JsonSink {
  public:
    using Filter = std::pair<std::string, std::vector<std::string>>;
    std::vector<Filter> filters;
    bool wrong = false;

    bool on_key(std::string_view key) override {
        if (depth_ == 1) filters.emplace_back(key, std::vector<std::string>());
        else filters.back().second.emplace_back(key);
        return true;
    }
    bool on_scalar(const JsonScalar& scalar) override {
        using Kind = JsonScalar::Kind;
        if (depth_ != 2 || scalar.kind != (list_ ? Kind::text : Kind::boolean)) return refuse();
        if (list_) filters.back().second.emplace_back(scalar.text);
        // Readers differ in what a false one means.
        else if (!scalar.truth) return refuse();
        return true;
    }
    bool on_open(bool list) override {
        if (depth_ > 1 || (depth_ == 0 && list)) return refuse();
        // dockerd reads all of one kind or all of the other.
        if (depth_ == 1 && filters.size() > 1 && list != list_) return refuse();
        list_ = list;
        ++depth_;
        return true;
    }
    bool on_close() override {
        --depth_;
        return true;
    }

  private:
    bool refuse() {
        wrong = true;
        return false;
    }
    size_t depth_ = 0;
    bool list_ = false;
};

Changed owned_filters(std::string_view json, std::string_view identity) {
    FilterReader reader;
    // An outer `{}` opens as no list; its inner ones say which kind they are.
    if (!json.empty() && (read_json(json, reader, JsonKeys::any) != nullptr || reader.wrong))
        return {{}, "filters that cannot be read, where ownership is enforced"};
    const std::string label = std::string(owner_label) + '=' + std::string(identity);
    auto place = std::ranges::find(reader.filters, "label", &FilterReader::Filter::first);
    if (place == reader.filters.end())
        place = reader.filters.insert(place, {"label", std::vector<std::string>()});
    if (std::ranges::find(place->second, label) == place->second.end())
        place->second.push_back(label);
    std::string out = "{";
    for (const auto& [name, values] : reader.filters) {
        if (name == "before" || name == "since")
            return {{}, "a filter by another container, where ownership is enforced"};
        out += (out.size() > 1 ? "," : "") + json_text(name) + ":{";
        for (const std::string& value : values)
            out += (out.back() == '{' ? "" : ",") + json_text(value) + ":true";
        out += '}';
    }
    return {out + '}', nullptr};
}

// ---- queries ---------------------------------------------------------------------------------------

std::string decoded(std::string_view text) {
    std::string out;
    for (size_t at = 0; at < text.size(); ++at) {
        if (text[at] == '%' && at + 2 < text.size()) {
            out += unescaped(&text[at + 1]);
            at += 2;
        } else {
            out += text[at] == '+' ? ' ' : text[at];
        }
    }
    return out;
}

std::string escaped(std::string_view text) {
    constexpr std::string_view marks = "-._~";  // RFC 3986 §2.3
    constexpr std::string_view hex = "0123456789ABCDEF";
    std::string out;
    for (const char byte : text) {
        const char letter = lower(byte);
        const auto code = static_cast<unsigned char>(byte);
        if (is(octet_digit, byte) || (letter >= 'a' && letter <= 'z') ||
            marks.find(byte) != std::string_view::npos)
            out += byte;
        else out.append(1, '%').append(1, hex[code >> 4]).append(1, hex[code & 15]);
    }
    return out;
}

// Where the value of that key stands.
std::optional<Span> find_value(std::string_view query, std::string_view key) {
    for (size_t begin = 0; begin < query.size();) {
        const size_t end = std::min(query.find('&', begin), query.size());
        const size_t equals = std::min(query.find('=', begin), end);
        if (decoded(query.substr(begin, equals - begin)) == key)
            return Span{std::min(equals + 1, end), end};
        begin = end + 1;
    }
    return std::nullopt;
}

std::string value_of(std::string_view query, std::string_view key) {
    const std::optional<Span> span = find_value(query, key);
    return span ? decoded(query.substr(span->begin, span->end - span->begin)) : std::string();
}

// `target` with `key`=`value` in its query, in place of what stood there.
std::string with_value(std::string_view target, std::string_view key, std::string_view value) {
    const size_t mark = std::min(target.find('?'), target.size());
    const std::string_view query = target.substr(std::min(mark + 1, target.size()));
    std::string out(target.substr(0, mark));
    out += '?';
    const std::optional<Span> span = find_value(query, key);
    if (!span) {
        out += query;
        if (!query.empty() && query.back() != '&') out += '&';
        return out.append(key).append("=").append(escaped(value));
    }
    out += query.substr(0, span->begin);
    if (span->begin == 0 || query[span->begin - 1] != '=') out += '=';
    return out.append(escaped(value)).append(query.substr(span->end));
}

}  // namespace

Changed with_owner_filter(std::string_view target, std::string_view identity) {
    const std::string_view query = target.substr(std::min(target.find('?'), target.size() - 1) + 1);
    for (const std::string_view key : {"before", "since"}) {
        // Of events, `since` is a time.
        const bool times = target.substr(0, target.find('?')).ends_with("/events");
        if (!times && !value_of(query, key).empty())
            return {{}, "a filter by another container, where ownership is enforced"};
    }
    Changed filters = owned_filters(value_of(query, "filters"), identity);
    if (filters.flaw == nullptr) filters.text = with_value(target, "filters", filters.text);
    return filters;
}

Changed container_in_query(std::string_view query) {
    return {value_of(query, "container"), nullptr};
}

std::string with_container_in_query(std::string_view target, std::string_view id) {
    return with_value(target, "container", id);
}

}  // namespace becaused
