#include "gate/gate.hh"

#include "base/check.hh"
#include "gate/body.hh"
#include "gate/path.hh"
#include "gate/query.hh"
#include "http/octets.hh"

namespace becaused {

namespace {

constexpr const char* body_too_long = "a JSON body over 1 MiB, which is too large to be judged";

// dockerd's own measure: a JSON object that says anything has more. Some clients send {} or null.
constexpr uint64_t idle_body_bytes = 7;

bool single_segment(std::string_view name) { return name.find('/') == std::string_view::npos; }

// Docker's names of containers, volumes and execs; what else dockerd's patterns would swallow with them.
Refusal judge_name(const RouteRow& row, std::string_view name) {
    if (row.path.find("{image}") != std::string_view::npos) {
        for (const char byte : name)
            if (!is(octet_host, byte) &&
                std::string_view("/:@[]").find(byte) == std::string_view::npos)
                return Refusal::uninspectable("a byte in the path that no image's name has");
        return {};
    }
    if (!single_segment(name))
        return Refusal::uninspectable("a slash in the path inside of a name, which has none");
    if (row.path.find("{name}") != std::string_view::npos && !all(octet_host, name))
        return Refusal::uninspectable("a byte in the path that no name in Docker's API has");
    return {};
}

// What the fields say about the body and what the connection is to become.
struct Fields {
    const Field* content_type = nullptr;
    bool repeated_type = false;
    bool http2_settings = false;
};

Fields find_fields(const RequestHead& head) {
    Fields found;
    for (const Field& field : head.fields) {
        if (field.known == FieldName::http2_settings) found.http2_settings = true;
        if (field.known != FieldName::content_type) continue;
        found.repeated_type = found.content_type != nullptr;
        found.content_type = &field;
    }
    return found;
}

bool holds(std::string_view text, std::string_view small_word) {
    for (size_t at = 0; at + small_word.size() <= text.size(); ++at)
        if (same_name(text.substr(at, small_word.size()), small_word)) return true;
    return false;
}

bool is_json(std::string_view type) {
    return same_name(trimmed(type.substr(0, type.find(';'))), "application/json");
}

// Go trims Unicode's spaces off a type too, then reads a form over the query.
Refusal judge_type(const Fields& fields) {
    if (fields.content_type == nullptr) return {};
    if (fields.repeated_type) return Refusal::uninspectable("Content-Type twice");
    const std::string_view type = fields.content_type->value;
    for (const char byte : type)
        if (static_cast<unsigned char>(byte) >= 0x80)
            return Refusal::uninspectable("a Content-Type that is not ASCII");
    if (holds(type, "form-urlencoded") || holds(type, "multipart/"))
        return Refusal::uninspectable(
            "a form as body, which dockerd would read over the query: use the query alone");
    return {};
}

Refusal judge_upgrade(const RequestHead& head, const Fields& fields, const RouteRow* row) {
    const auto unsupported = [](const char* text) {
        return Refusal{text, Reason::request_unsupported, 0};
    };
    // What follows such an upgrade is requests that nobody here could see.
    if (fields.http2_settings) return unsupported("an upgrade of this connection to HTTP/2");
    if (head.upgrade.empty()) return {};
    if (row != nullptr && row->tunnel != Tunnel::none &&
        same_name(head.upgrade, protocol(row->tunnel)))
        return {};
    return unsupported("an upgrade to a protocol that this route does not speak (ROUTES.md)");
}

// Networks came with their containers before API 1.28.
bool lists_containers(const RouteRow& row, std::string_view path) {
    if (row.name != "network_list" || !path.starts_with("/v")) return false;
    const size_t dot = path.find('.');
    const size_t end = path.find('/', 1);
    uint64_t major = 0, minor = 0;
    const bool read = dot < end && read_decimal(path.substr(2, dot - 2), major) &&
                      read_decimal(path.substr(dot + 1, end - dot - 1), minor);
    return !read || major < 1 || (major == 1 && minor < 28);
}

// Containers are somebody's: what reaches others' is refused here, as far as no one need be asked.
Refusal judge_reach(const RequestHead& head, const RouteRow* row, const Profile& profile,
                    Verdict& verdict) {
    // What the table does not name may reach anything.
    if (row == nullptr) return profile.refuse_shared();
    verdict.reach = reach_of(*row);
    if (verdict.reach == Reach::all || lists_containers(*row, head.path))
        return profile.refuse_shared();
    return {};
}

// Sets the verdict's decision if the whole body is wanted.
Refusal judge_payload(const RequestHead& head, const Fields& fields, const RouteRow& row,
                      const Profile& profile, Verdict& verdict) {
    const bool has_body = head.chunked || (head.has_content_length && head.content_length > 0);
    if (row.payload == Payload::stream) return {};
    if (row.payload == Payload::none) {
        if (!head.chunked && head.content_length <= idle_body_bytes) return {};
        return Refusal::uninspectable("a body for a route that takes none");
    }
    if (!has_body) {
        if (!judged(row.payload)) return {};
        return Refusal::uninspectable("no body, where the route takes JSON");
    }
    if (fields.content_type == nullptr || !is_json(fields.content_type->value))
        return Refusal::uninspectable("a body without `Content-Type: application/json`");
    if (!judged(row.payload)) return {};
    if (head.has_content_length && head.content_length > judged_body_limit_bytes)
        return Refusal::uninspectable(body_too_long);
    verdict.decision = Verdict::Decision::needs_body;
    verdict.refusal = Refusal::uninspectable(body_too_long);
    verdict.payload = row.payload;
    verdict.profile = &profile;
    return {};
}

Refusal judge_route(const RequestHead& head, const Path& path, const RouteMatch& match,
                    const Profile& profile) {
    if (path.flaw() != nullptr) return {path.flaw(), Reason::policy_uninspectable, 400};
    if (Refusal refusal = profile.refuse_denied(head.method, path.text())) return refusal;
    const bool allowed = (match.row != nullptr && profile.allows(*match.row)) ||
                         profile.allows(head.method, path.text());
    if (!allowed) return profile.refuse_route(match.row);
    if (match.row != nullptr) return judge_name(*match.row, match.name);
    return {};
}

Refusal judge_content(const RequestHead& head, const RouteRow* row, const Profile& profile,
                      Verdict& verdict) {
    const Fields fields = find_fields(head);
    if (Refusal refusal = judge_type(fields)) return refusal;
    if (Refusal refusal = judge_upgrade(head, fields, row)) return refusal;
    if (Refusal refusal = judge_query(row, head.query, profile)) return refusal;
    if (row == nullptr || !profile.judges_content()) return {};
    return judge_payload(head, fields, *row, profile, verdict);
}

}  // namespace

Gate::Gate(RouteSettings routes, Policy policy, std::string_view by_default)
    : routes_(std::move(routes)),
      policy_(std::move(policy)),
      by_default_(policy_.find(by_default)) {
    CHECK(by_default_ != nullptr);
}

Asked::Asked(const RequestHead& head, const RouteSettings& own)
    : path(head.path),
      match(find_row(head.method, path.text())),
      route(route_of(match.row, own, head.method, path.text())) {}

Verdict Gate::judge(const RequestHead& head, const Asked& asked, const Profile& profile) const {
    Verdict verdict;
    verdict.decision = Verdict::Decision::pass;
    if (profile.unjudged()) return verdict;
    Refusal refusal = judge_route(head, asked.path, asked.match, profile);
    if (!refusal) refusal = judge_content(head, asked.match.row, profile, verdict);
    if (!refusal && profile.own()) refusal = judge_reach(head, asked.match.row, profile, verdict);
    if (!refusal) return verdict;
    verdict.decision = Verdict::Decision::refuse;
    verdict.refusal = refusal;
    return verdict;
}

Refusal judge_body(const Verdict& verdict, std::string_view body) {
    CHECK(verdict.decision == Verdict::Decision::needs_body && verdict.profile != nullptr);
    if (body.size() > judged_body_limit_bytes) return verdict.refusal;
    return judge_body(verdict.payload, body, *verdict.profile);
}

}  // namespace becaused
