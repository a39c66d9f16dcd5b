#include "gate/body.hh"

#include <algorithm>
#include <array>
#include <string>

#include "base/check.hh"
#include "gate/body_schema.hh"
#include "gate/json_reader.hh"

namespace becaused {

namespace {

class BodyJudge final : public JsonSink {
  public:
    BodyJudge(const Key& whole, const Profile& profile) : whole_(whole), profile_(profile) {}

    Refusal judge(std::string_view body);

    bool on_key(std::string_view key) override;
    bool on_scalar(const JsonScalar& scalar) override;
    bool on_open(bool list) override;
    bool on_close() override {
        --depth_;
        return true;
    }

  private:
    enum class Level : uint8_t {
        record,  // an object of `schema`
        list,    // values as `key` says
        map,     // names of the client's choice, values as `key` says
        loose,   // nothing in here matters
        barren,  // may hold nothing: `key`'s rule says so
    };
    struct Frame {
        Level level = Level::loose;
        const Key* key = nullptr;
        const Schema* schema = nullptr;  // record only
    };
    // What may come next.
    struct Expected {
        Check check = Check::free;
        const Key* key = nullptr;
    };

    Expected expected() const;
    bool push(const Frame& frame);
    bool null_here(const Expected& next);
    bool label(std::string_view value);
    bool broken(Rule rule);
    bool refuse(const char* text);
    bool shares(const Key& key, std::string_view text);
    bool wrong_type() {
        return refuse("a value in the JSON of another type than Docker's API has there");
    }

    const Key& whole_;
    const Profile& profile_;
    Refusal refusal_;
    std::array<Frame, json_depth_limit> frames_;
    size_t depth_ = 0;
    uint64_t labels_found_ = 0;
    std::string label_;  // the key just read in a map of labels
};

bool BodyJudge::refuse(const char* text) {
    refusal_ = Refusal::uninspectable(text);
    return false;
}

// True where `text` names another container whose network or namespace is to be shared, and those are
// not to be reached; the reading stops then.
bool BodyJudge::shares(const Key& key, std::string_view text) {
    if (!profile_.own() || !text.starts_with("container:")) return false;
    constexpr std::string_view sharing[] = {"NetworkMode", "PidMode", "IpcMode",
                                            "UTSMode",     "Cgroup",  "EndpointsConfig"};
    if (std::ranges::find(sharing, key.name) == std::end(sharing)) return false;
    refusal_ = profile_.refuse_shared();
    return true;
}

// Whether to go on all the same, because the profile does not enforce the rule.
bool BodyJudge::broken(Rule rule) {
    refusal_ = profile_.refuse(rule);
    return !refusal_;
}

BodyJudge::Expected BodyJudge::expected() const {
    if (depth_ == 0) return {whole_.check, &whole_};
    const Frame& top = frames_[depth_ - 1];
    switch (top.level) {
        case Level::record: return {top.key->check, top.key};
        case Level::list:
            return {top.key->check == Check::texts ? Check::text : Check::object, top.key};
        case Level::map:
            if (top.key->check == Check::map) return {Check::object, top.key};
            if (top.key->check == Check::labels) return {Check::labels, top.key};
            return {Check::free, top.key};
        case Level::loose: return {Check::free, top.key};
        case Level::barren: return {Check::zero, top.key};
    }
    return {};
}

bool BodyJudge::push(const Frame& frame) {
    CHECK(depth_ < frames_.size());
    frames_[depth_++] = frame;
    return true;
}

bool BodyJudge::on_key(std::string_view key) {
    static constexpr Key unknown{"", Check::free};
    Frame& top = frames_[depth_ - 1];
    switch (top.level) {
        case Level::loose: return true;
        case Level::barren: return broken(top.key->rule);
        case Level::list: CHECK(false && "a key in a list");
        case Level::map:
            label_ = key;
            if (shares(*top.key, key)) return false;
            if (top.key->text_test == nullptr) return true;
            return broken(top.key->text_test(key));
        case Level::record: break;
    }
    const Schema::Found found = top.schema->find(key);
    if (found.key != nullptr && !found.exact)
        return refuse("a key in the JSON in other capitals than Docker's API has");
    top.key = found.key == nullptr ? &unknown : found.key;
    return found.key != nullptr || broken(Rule::body_keys);
}

bool BodyJudge::on_open(bool list) {
    const Expected next = expected();
    // In something barren, whatever it is.
    if (depth_ > 0 && frames_[depth_ - 1].level == Level::barren && !broken(next.key->rule))
        return false;
    switch (next.check) {
        case Check::free: return push({Level::loose, next.key, nullptr});
        case Check::zero: return push({Level::barren, next.key, nullptr});
        case Check::absent:
            return broken(next.key->rule) && push({Level::loose, next.key, nullptr});
        case Check::text:
        case Check::amount: return wrong_type();
        case Check::texts:
        case Check::objects: return list ? push({Level::list, next.key, nullptr}) : wrong_type();
        case Check::object:
            return list ? wrong_type() : push({Level::record, nullptr, next.key->inner});
        case Check::map:
        case Check::keys: return list ? wrong_type() : push({Level::map, next.key, nullptr});
        case Check::labels: {
            const bool value = depth_ > 0 && frames_[depth_ - 1].level == Level::map;
            return list || value ? wrong_type() : push({Level::map, next.key, nullptr});
        }
    }
    return false;
}

// Go leaves a variable as it was when it reads null, but makes an element of a list of it.
bool BodyJudge::null_here(const Expected& next) {
    if (depth_ == 0) return wrong_type();
    const Level level = frames_[depth_ - 1].level;
    if (level == Level::list) return wrong_type();
    return level != Level::barren || broken(next.key->rule);
}

bool BodyJudge::label(std::string_view value) {
    const std::span<const Label> demanded = profile_.labels();
    for (size_t i = 0; i < demanded.size(); ++i)
        if (demanded[i].key == label_ && demanded[i].value.value_or(std::string(value)) == value)
            labels_found_ |= uint64_t{1} << i;
    return true;
}

bool BodyJudge::on_scalar(const JsonScalar& scalar) {
    using Kind = JsonScalar::Kind;
    const Expected next = expected();
    if (scalar.kind == Kind::null) return null_here(next);
    const bool barren = depth_ > 0 && frames_[depth_ - 1].level == Level::barren;
    if (scalar.kind == Kind::text && shares(*next.key, scalar.text)) return false;
    switch (next.check) {
        case Check::free: return true;
        case Check::zero: {
            const bool nothing = !barren && !scalar.truth && scalar.integer == 0 &&
                                 scalar.text.empty() && scalar.kind != Kind::real;
            return nothing || broken(next.key->rule);
        }
        case Check::absent: return broken(next.key->rule);
        case Check::text:
            if (scalar.kind != Kind::text) return wrong_type();
            return broken(next.key->text_test(scalar.text));
        case Check::amount:
            if (scalar.kind != Kind::integer) return wrong_type();
            return broken(next.key->amount_test(scalar.integer, profile_.ceilings()));
        case Check::labels:
            if (scalar.kind != Kind::text || frames_[depth_ - 1].level != Level::map)
                return wrong_type();
            return label(scalar.text);
        case Check::texts:
        case Check::object:
        case Check::objects:
        case Check::map:
        case Check::keys: return wrong_type();
    }
    return false;
}

Refusal BodyJudge::judge(std::string_view body) {
    if (const char* flaw = read_json(body, *this)) return Refusal::uninspectable(flaw);
    if (refusal_) return refusal_;
    const bool creates = whole_.inner != nullptr && whole_.inner->find("Labels").exact;
    const std::span<const Label> demanded = profile_.labels();
    for (size_t i = 0; creates && i < demanded.size(); ++i)
        if ((labels_found_ >> i & 1) == 0) return {demanded[i].text, Reason::policy_denied, 0};
    return {};
}

}  // namespace

Refusal judge_body(Payload payload, std::string_view body, const Profile& profile) {
    return BodyJudge(body_key(payload), profile).judge(body);
}

Refusal judge_build_outputs(std::string_view outputs, const Profile& profile) {
    return BodyJudge(build_outputs_key(), profile).judge(outputs);
}

}  // namespace becaused
