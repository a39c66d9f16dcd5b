#include "gate/claims.hh"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/json_line.hh"
#include "gate/datetime.hh"
#include "gate/identity.hh"

namespace becaused {

namespace {

using Json = nlohmann::json;

// Looks at every event of the library's reader and stops it at what the library itself would let pass:
// names that stand twice (it keeps the last one), depth, and the number of names.
class StrictEvents {
  public:
    explicit StrictEvents(size_t depth_limit) : depth_limit_(depth_limit) {}

    bool null() { return true; }
    bool boolean(bool) { return true; }
    bool number_integer(Json::number_integer_t) { return true; }
    bool number_unsigned(Json::number_unsigned_t) { return true; }
    bool number_float(Json::number_float_t, const std::string&) { return true; }
    bool string(std::string&) { return true; }
    bool binary(Json::binary_t&) { return false; }
    bool start_object(size_t) { return enter(); }
    bool end_object() { return leave(); }
    bool start_array(size_t) { return enter(); }
    bool end_array() { return leave(); }
    bool key(std::string& name) {
        if (++count_ > claims_limit) return false;
        std::vector<std::string>& names = open_.back();
        if (std::ranges::find(names, name) != names.end()) return false;
        names.push_back(name);
        return true;
    }
    bool parse_error(size_t, const std::string&, const nlohmann::detail::exception&) {
        return false;
    }

  private:
    bool enter() {
        open_.emplace_back();
        return open_.size() <= depth_limit_;
    }
    bool leave() {
        open_.pop_back();
        return true;
    }

    size_t depth_limit_;
    size_t count_ = 0;
    std::vector<std::vector<std::string>> open_;  // the names seen in each open object
};

// The object in `text`, or a discarded value.
Json parse_object(std::string_view text, size_t depth_limit) {
    Json discarded(Json::value_t::discarded);
    // The library takes a zero byte for the end of its input, and passes over a byte order mark.
    if (text.find('\0') != std::string_view::npos || text.starts_with("\xEF\xBB\xBF"))
        return discarded;
    StrictEvents events(depth_limit);
    if (!Json::sax_parse(text, &events)) return discarded;
    Json json = Json::parse(text, nullptr, /*allow_exceptions=*/false);
    return json.is_object() ? json : discarded;
}

// Takes claims out of the payload one by one; the first fault stays.
class ClaimReader {
  public:
    explicit ClaimReader(Json& payload) : payload_(payload) {}

    void name(const char* key, std::string& out, const char* fault) {
        take_text(key, out, fault, is_identity_name);
    }
    void grant(const char* key, std::string& out, const char* fault) {
        take_text(key, out, fault, is_grant_name);
    }
    void time(const char* key, std::optional<int64_t>& out, const char* fault) {
        std::string text;
        take_text(key, text, fault, [](std::string_view) { return true; });
        if (fault_ != nullptr || text.empty()) return;
        out = parse_datetime(text);
        if (!out) fault_ = fault;
    }
    void hosts(std::vector<std::string>& out) {
        static constexpr const char* fault = "the token's claim hosts is no list of host patterns";
        const auto found = payload_.find("hosts");
        if (fault_ != nullptr || found == payload_.end()) return;
        if (!found->is_array() || found->empty() || found->size() > hosts_limit) {
            fault_ = fault;
            return;
        }
        for (const Json& host : *found) {
            if (!host.is_string() || !is_host_pattern(host.get_ref<const std::string&>())) {
                fault_ = fault;
                return;
            }
            out.push_back(host.get_ref<const std::string&>());
        }
        payload_.erase(found);
    }
    void others(std::vector<OtherClaim>& out) {
        if (payload_.contains("")) fault_ = "one of the token's claims has no name";
        for (const auto& [key, value] : payload_.items()) out.push_back({key, value.dump()});
    }
    const char* fault() const { return fault_; }

  private:
    void take_text(const char* key, std::string& out, const char* fault,
                   bool (*good)(std::string_view)) {
        const auto found = payload_.find(key);
        if (fault_ != nullptr || found == payload_.end()) return;
        if (!found->is_string() || found->get_ref<const std::string&>().empty() ||
            !good(found->get_ref<const std::string&>())) {
            fault_ = fault;
            return;
        }
        out = found->get_ref<const std::string&>();
        payload_.erase(found);
    }

    Json& payload_;
    const char* fault_ = nullptr;
};

template <JsonName field>
void text_field(JsonLine& line, const std::string& text) {
    if (!text.empty()) line.text<field>(text);
}

template <JsonName field>
void time_field(JsonLine& line, const std::optional<int64_t>& ms) {
    if (ms) line.text<field>(datetime_text(*ms));
}

}  // namespace

const char* read_claims(std::string_view json, Claims& claims) {
    Json payload = parse_object(json, claims_depth_limit);
    if (payload.is_discarded()) return "the token's payload is no JSON object as it should be";
    ClaimReader reader(payload);
    reader.name("iss", claims.issuer, "the token's claim iss is no name");
    reader.name("sub", claims.subject, "the token's claim sub is no name");
    reader.name("aud", claims.audience, "the token's claim aud is no name");
    reader.name("jti", claims.token_id, "the token's claim jti is no name");
    reader.time("exp", claims.expires_ms, "the token's claim exp is no RFC 3339 time");
    reader.time("nbf", claims.not_before_ms, "the token's claim nbf is no RFC 3339 time");
    reader.time("iat", claims.issued_ms, "the token's claim iat is no RFC 3339 time");
    reader.grant("profile", claims.profile, "the token's claim profile is no name");
    reader.grant("rate", claims.rate, "the token's claim rate is no name");
    reader.hosts(claims.hosts);
    if (reader.fault() == nullptr) reader.others(claims.others);
    return reader.fault();
}

std::string claims_text(const Claims& claims) {
    JsonLine line;
    line.begin();
    text_field<"iss">(line, claims.issuer);
    text_field<"sub">(line, claims.subject);
    text_field<"aud">(line, claims.audience);
    time_field<"exp">(line, claims.expires_ms);
    time_field<"nbf">(line, claims.not_before_ms);
    time_field<"iat">(line, claims.issued_ms);
    text_field<"jti">(line, claims.token_id);
    text_field<"profile">(line, claims.profile);
    text_field<"rate">(line, claims.rate);
    if (!claims.hosts.empty()) {
        line.open<"hosts">('[');
        for (const std::string& host : claims.hosts) line.element(host);
        line.close(']');
    }
    for (const OtherClaim& other : claims.others) {
        std::string key;
        append_json_text(key, other.name);
        line.key(key);
        line.put(other.json);
    }
    std::string_view text = line.end();
    text.remove_suffix(1);  // the line's end
    return std::string(text);
}

const char* read_key_id(std::string_view footer, std::string& kid) {
    static constexpr const char* fault = "the token's footer is no JSON object as it should be";
    kid.clear();
    if (!footer.starts_with('{')) return nullptr;
    if (footer.size() > footer_limit_bytes) return fault;
    const Json json = parse_object(footer, 1);
    if (json.is_discarded()) return fault;
    const auto found = json.find("kid");
    if (found == json.end()) return nullptr;
    if (!found->is_string() || found->get_ref<const std::string&>().empty()) return fault;
    kid = found->get_ref<const std::string&>();
    return nullptr;
}

std::optional<std::string> json_for_people(std::string_view json) {
    const Json object = parse_object(json, claims_depth_limit);
    if (object.is_discarded()) return std::nullopt;
    // Only ASCII: whatever stands in it, a terminal shows it and does not obey it.
    return object.dump(2, ' ', /*ensure_ascii=*/true);
}

}  // namespace becaused
