// From a client certificate that TLS has already verified to an identity: rules over the facts in it.
// Pure: the facts are given, nothing is parsed or trusted here but what the rule asks for. The first
// rule that fits counts.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gate/identity.hh"

namespace becaused {

// One part of a certificate's subject, as "CN" and "ci-runner". Given apart, because in a text put
// together a comma inside a name looks like the next part.
struct SubjectPart {
    std::string type;
    std::string value;
};

struct CertificateFacts {
    std::vector<SubjectPart> subject;
    std::vector<std::string>
        names;  // subject alternative names: "dns:…", "email:…", "uri:…", "ip:…"
    std::string fingerprint;  // SHA-256 of the certificate, 64 small hex digits
    int64_t expires_ms = never_ms;
};

// What a certificate must have: everything that is set here.
struct CertificateRule {
    std::vector<SubjectPart> subject;  // each must be there exactly once; `*` in a value: any bytes
    std::string san;  // one of the names; `*` as above, in "dns:" within a label only
    std::string fingerprint;
    // What it is granted. An empty name: that of the certificate (the value that `san` found, else
    // the CN, else the fingerprint's beginning).
    Identity grant;
};

// "CN=ci,O=Team" (RFC 4514 §3; `\,` is a comma). Nothing for other texts.
std::optional<std::vector<SubjectPart>> parse_subject(std::string_view text);
// Colons and capitals are as people paste them. Nothing unless it is 32 bytes in hex.
std::optional<std::string> parse_fingerprint(std::string_view text);
// "dns:*.ci.example", "email:…", "uri:…", "ip:…".
bool is_san_pattern(std::string_view text);

// `*` stands for any run of bytes.
bool glob_matches(std::string_view pattern, std::string_view text);

// Whose certificate it is; nothing when no rule fits.
std::optional<Identity> identity_of(const CertificateFacts& facts,
                                    const std::vector<CertificateRule>& rules);

}  // namespace becaused
