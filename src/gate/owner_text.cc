#include "gate/owner_text.hh"

#include <algorithm>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.hh"
#include "base/text.hh"
#include "gate/json_reader.hh"
#include "gate/owner.hh"
#include "gate/path.hh"
#include "http/octets.hh"

namespace becaused {

namespace {

constexpr const char* other_owner = "a label becaused.owner that names somebody else";
constexpr const char* escaped_key = "a key in the JSON with an escape, where ownership is enforced";

std::string json_text(std::string_view text) {
    std::string out = "\"";
    append_json_text(out, text);
    return out + '"';
}

// ---- JSON that is known to be valid: where things stand ------------------------------------------

struct Span {
    size_t begin = 0;
    size_t end = 0;
};

class Walk {
  public:
    explicit Walk(std::string_view text) : text_(text) {}

    size_t at() const { return at_; }
    char next() {
        at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
        return at_ < text_.size() ? text_[at_] : '\0';
    }
    void step() { ++at_; }
    // The text that begins here, with its quotes.
    Span text() {
        const size_t begin = at_++;
        while (at_ < text_.size() && text_[at_] != '"') at_ += text_[at_] == '\\' ? 2 : 1;
        return {begin, ++at_};
    }
    Span value() {
        const char first = next();
        if (first == '"') return text();
        const size_t begin = at_;
        if (first != '{' && first != '[') {
            at_ = std::min(text_.find_first_of(",]} \t\r\n", at_), text_.size());
            return {begin, at_};
        }
        for (size_t depth = 0; at_ < text_.size();) {
            const char byte = text_[at_];
            if (byte == '"') {
                text();
                continue;
            }
            ++at_;
            if (byte == '{' || byte == '[') ++depth;
            if ((byte == '}' || byte == ']') && --depth == 0) break;
        }
        return {begin, at_};
    }

  private:
    std::string_view text_;
    size_t at_ = 0;
};

struct Member {
    size_t inside = 0;         // just behind the object's brace
    bool empty = true;         // the object
    bool escaped = false;      // a key has an escape: it may be any
    std::optional<Span> span;  // the value's
};

Member find_member(std::string_view object, std::string_view key) {
    Member found;
    Walk walk(object);
    CHECK(walk.next() == '{');
    walk.step();
    found.inside = walk.at();
    while (walk.next() == '"') {
        found.empty = false;
        const Span name = walk.text();
        const std::string_view raw = object.substr(name.begin + 1, name.end - name.begin - 2);
        if (raw.find('\\') != std::string_view::npos) found.escaped = true;
        CHECK(walk.next() == ':');
        walk.step();
        const Span value = walk.value();
        if (raw == key) found.span = value;
        if (walk.next() == ',') walk.step();
    }
    return found;
}

std::string replaced(std::string_view text, const Span& span, std::string_view with) {
    std::string out(text.substr(0, span.begin));
    out.append(with).append(text.substr(span.end));
    return out;
}

// ---- what a JSON object says at its top ----------------------------------------------------------

// The texts Labels["becaused.owner"] and Container, decoded.
class TopReader final : public JsonSink {
  public:
    std::optional<std::string> owner;
    std::optional<std::string> container;
    bool object = false;
    bool wrong = false;  // one of them is no text

    bool on_key(std::string_view key) override {
        if (depth_ == 1) top_ = key;
        owner_next_ = depth_ == 2 && top_ == "Labels" && key == owner_label;
        return true;
    }
    bool on_scalar(const JsonScalar& scalar) override {
        const bool text = scalar.kind == JsonScalar::Kind::text;
        const bool container_next = depth_ == 1 && top_ == "Container";
        if ((owner_next_ || container_next) && !text) wrong = true;
        else if (owner_next_) owner = scalar.text;
        else if (container_next) container = scalar.text;
        owner_next_ = false;
        return true;
    }
    bool on_open(bool list) override {
        if (depth_ == 0) object = !list;
        if (owner_next_ || (depth_ == 1 && top_ == "Container")) wrong = true;
        if (depth_ == 1 && top_ == "Labels" && list) wrong = true;
        owner_next_ = false;
        ++depth_;
        return true;
    }
    bool on_close() override {
        --depth_;
        return true;
    }

  private:
    size_t depth_ = 0;
    std::string top_;
    bool owner_next_ = false;
};

const char* read_top(std::string_view body, TopReader& top) {
    if (const char* flaw = read_json(body, top)) return flaw;
    if (!top.object) return "JSON that is no object";
    return top.wrong ? "a value in the JSON that ownership cannot be judged by" : nullptr;
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

Changed with_owner(std::string_view body, std::string_view identity) {
    TopReader top;
    if (const char* flaw = read_top(body, top)) return {{}, flaw};
    if (top.owner && *top.owner != identity) return {{}, other_owner};
    if (top.owner) return {std::string(body), nullptr};
    const Member labels = find_member(body, "Labels");
    if (labels.escaped) return {{}, escaped_key};
    const std::string label = json_text(owner_label) + ':' + json_text(identity);
    if (!labels.span) {
        const std::string member = "\"Labels\":{" + label + '}' + (labels.empty ? "" : ",");
        return {replaced(body, {labels.inside, labels.inside}, member), nullptr};
    }
    const Span span = *labels.span;
    const std::string_view value = body.substr(span.begin, span.end - span.begin);
    if (value == "null") return {replaced(body, span, '{' + label + '}'), nullptr};
    if (value.front() != '{') return {{}, "Labels that are no object in the JSON"};
    const Member inner = find_member(value, "");
    const size_t at = span.begin + inner.inside;
    return {replaced(body, {at, at}, label + (inner.empty ? "" : ",")), nullptr};
}

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

Changed container_in_body(std::string_view body) {
    TopReader top;
    if (const char* flaw = read_top(body, top)) return {{}, flaw};
    if (find_member(body, "Container").escaped) return {{}, escaped_key};
    return {top.container.value_or(""), nullptr};
}

std::string with_container_in_query(std::string_view target, std::string_view id) {
    return with_value(target, "container", id);
}

std::string with_container_in_body(std::string_view body, std::string_view id) {
    const Member member = find_member(body, "Container");
    CHECK(member.span.has_value());
    return replaced(body, *member.span, json_text(id));
}

}  // namespace becaused
