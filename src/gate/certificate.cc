#include "gate/certificate.hh"

#include <algorithm>

#include "http/head.hh"
#include "http/octets.hh"

namespace becaused {

namespace {

// The one part of that type. A subject with two of them could mean either: it is as good as none.
const std::string* only_part(const std::vector<SubjectPart>& subject, std::string_view type) {
    const std::string* only = nullptr;
    for (const SubjectPart& part : subject) {
        if (!same_name(part.type, type)) continue;
        if (only != nullptr) return nullptr;
        only = &part.value;
    }
    return only;
}

bool san_matches(std::string_view pattern, std::string_view name) {
    constexpr std::string_view dns = "dns:";
    if (!pattern.starts_with(dns)) return glob_matches(pattern, name);
    // A port would be no part of a certificate's name.
    return name.starts_with(dns) && name.find(':', dns.size()) == std::string_view::npos &&
           host_matches(pattern.substr(dns.size()), name.substr(dns.size()));
}

const std::string* find_san(const CertificateRule& rule, const CertificateFacts& facts) {
    const auto found = std::ranges::find_if(
        facts.names, [&](const std::string& name) { return san_matches(rule.san, name); });
    return found == facts.names.end() ? nullptr : &*found;
}

bool subject_fits(const CertificateRule& rule, const CertificateFacts& facts) {
    return std::ranges::all_of(rule.subject, [&](const SubjectPart& wanted) {
        const std::string* value = only_part(facts.subject, wanted.type);
        return value != nullptr && glob_matches(wanted.value, *value);
    });
}

bool fits(const CertificateRule& rule, const CertificateFacts& facts) {
    if (rule.subject.empty() && rule.san.empty() && rule.fingerprint.empty()) return false;
    if (!rule.fingerprint.empty() && rule.fingerprint != facts.fingerprint) return false;
    if (!rule.san.empty() && find_san(rule, facts) == nullptr) return false;
    return subject_fits(rule, facts);
}

std::string name_of(const CertificateRule& rule, const CertificateFacts& facts) {
    if (!rule.grant.name.empty()) return rule.grant.name;
    if (!rule.san.empty()) {
        const std::string& san = *find_san(rule, facts);
        return san.substr(san.find(':') + 1);
    }
    const std::string* common = only_part(facts.subject, "CN");
    if (common != nullptr) return *common;
    return "sha256:" + facts.fingerprint.substr(0, 16);
}

}  // namespace

std::optional<std::vector<SubjectPart>> parse_subject(std::string_view text) {
    std::vector<SubjectPart> parts(1);
    bool in_value = false;
    for (size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        const bool escaped = c == '\\';
        if (escaped && ++i == text.size()) return std::nullopt;
        c = text[i];
        if (!escaped && c == ',') {
            if (!in_value || parts.back().value.empty()) return std::nullopt;
            parts.emplace_back();
            in_value = false;
        } else if (!escaped && c == '=' && !in_value) {
            in_value = true;
        } else if (in_value) {
            parts.back().value += c;
        } else if (c != ' ' || !parts.back().type.empty()) {
            parts.back().type += c;
        }
    }
    for (const SubjectPart& part : parts)
        if (part.value.empty() || !is_token(part.type)) return std::nullopt;
    return parts;
}

std::optional<std::string> parse_fingerprint(std::string_view text) {
    std::string digits;
    for (const char c : text) {
        if (c == ':' && digits.size() % 2 == 0) continue;
        if (!is(octet_hex, c)) return std::nullopt;
        digits += lower(c);
    }
    if (digits.size() != 64) return std::nullopt;
    return digits;
}

bool is_san_pattern(std::string_view text) {
    const size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon + 1 == text.size()) return false;
    const std::string_view type = text.substr(0, colon);
    if (type == "dns") return is_host_pattern(text.substr(colon + 1));
    return type == "email" || type == "uri" || type == "ip";
}

bool glob_matches(std::string_view pattern, std::string_view text) {
    // On a mismatch the last `*` takes one more byte: at most pattern times text steps.
    size_t star = std::string_view::npos;
    size_t star_at = 0;
    size_t next = 0;
    size_t at = 0;
    while (at < text.size()) {
        if (next < pattern.size() && pattern[next] == '*') {
            star = next++;
            star_at = at;
        } else if (next < pattern.size() && pattern[next] == text[at]) {
            ++next;
            ++at;
        } else if (star != std::string_view::npos) {
            next = star + 1;
            at = ++star_at;
        } else {
            return false;
        }
    }
    return pattern.find_first_not_of('*', next) == std::string_view::npos;
}

std::optional<Identity> identity_of(const CertificateFacts& facts,
                                    const std::vector<CertificateRule>& rules) {
    for (const CertificateRule& rule : rules) {
        if (!fits(rule, facts)) continue;
        Identity identity = rule.grant;
        identity.name = name_of(rule, facts);
        // A certificate whose name cannot stand in a record is nobody's.
        if (!is_identity_name(identity.name)) return std::nullopt;
        identity.proof = Proof::certificate;
        identity.expires_ms = std::min(identity.expires_ms, facts.expires_ms);
        return identity;
    }
    return std::nullopt;
}

}  // namespace becaused
