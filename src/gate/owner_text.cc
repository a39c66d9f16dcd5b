// Bodies. What they mean is read by the gate's one reader of JSON; where it stands, by a walk over text
// that is known to be valid then.
#include "gate/owner_text.hh"

#include <algorithm>
#include <optional>

#include "base/check.hh"
#include "base/text.hh"
#include "gate/json_reader.hh"
#include "gate/owner.hh"

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

Changed container_in_body(std::string_view body) {
    TopReader top;
    if (const char* flaw = read_top(body, top)) return {{}, flaw};
    if (find_member(body, "Container").escaped) return {{}, escaped_key};
    return {top.container.value_or(""), nullptr};
}

std::string with_container_in_body(std::string_view body, std::string_view id) {
    const Member member = find_member(body, "Container");
    CHECK(member.span.has_value());
    return replaced(body, *member.span, json_text(id));
}

}  // namespace becaused
