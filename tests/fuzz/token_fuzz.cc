// libFuzzer over what src/gate reads of a stranger's credentials, and over a signed token's inside, which
// an issuer may get wrong. Whatever is read must be written as it was read.
#include <cstdio>
#include <cstdlib>

#include "base/status.hh"
#include "gate/certificate.hh"
#include "gate/claims.hh"
#include "gate/credentials.hh"
#include "gate/datetime.hh"
#include "gate/identity.hh"
#include "gate/paseto.hh"
#include "gate/password.hh"

namespace {

using namespace becaused;

void demand(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "invariant broken: %s\n", what);
    std::abort();
}

void read_token(std::string_view bytes) {
    const std::optional<Paseto> parts = split_paseto(bytes);
    if (!parts) return;
    std::string body = parts->payload;
    body.append(parts->signature.data(), parts->signature.size());
    std::string again = std::string(paseto_prefix) + base64url(body);
    if (!parts->footer.empty()) again += '.' + base64url(parts->footer);
    demand(again == bytes, "a token has one spelling");
}

void read_payload(std::string_view bytes) {
    Claims claims;
    if (read_claims(bytes, claims) != nullptr) return;
    const std::string text = claims_text(claims);
    Claims again;
    demand(read_claims(text, again) == nullptr, "claims that were written are read");
    demand(claims_text(again) == text, "claims are read as they were written");
    demand(json_for_people(bytes).has_value(), "what was read can be shown");
}

void read_values(std::string_view bytes) {
    if (const std::optional<int64_t> ms = parse_datetime(bytes))
        // Fractions of a second are not written, and the offset may lead out of the years 0 to 9999.
        if (const std::optional<int64_t> again = parse_datetime(datetime_text(*ms)))
            demand(*again <= *ms && *ms - *again < 1000, "times are written as they were read");
    if (const std::optional<PasswordHash> hash = PasswordHash::parse(bytes))
        demand(hash->text() == bytes, "a hash has one spelling");
    const size_t middle = bytes.size() / 2;
    if (is_host_pattern(bytes.substr(0, middle)))
        ignored(host_matches(bytes.substr(0, middle), bytes.substr(middle)), "any answer will do");
    ignored(glob_matches(bytes.substr(0, middle), bytes.substr(middle)), "any answer will do");
    ignored(parse_subject(bytes).has_value(), "any answer will do");
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    ready_crypto();
    if (size == 0) return 0;
    const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
    Credentials credentials;
    std::string kid;
    switch (data[0] % 5) {
        case 0: read_token(bytes); break;
        case 1: read_payload(bytes); break;
        case 2: ignored(read_key_id(bytes, kid) == nullptr, "any answer will do"); break;
        case 3:
            ignored(read_credentials(bytes, "authorization", credentials) == nullptr,
                    "any answer will do");
            break;
        default: read_values(bytes); break;
    }
    return 0;
}
