// `becaused token keygen`, `issue` and `hash`: what makes something new.
#include "gate/claims.hh"
#include "gate/keys.hh"
#include "gate/paseto.hh"
#include "gate/password.hh"
#include "gate/static_tokens.hh"
#include "ops/command_flags.hh"
#include "ops/phrase.hh"
#include "ops/secret_file.hh"
#include "ops/token.hh"
#include "ops/token_grant.hh"
#include "ops/value.hh"

namespace becaused {

namespace {

// ---- issue

Result<SecretKey> signing_key(const Flags& flags) {
    Result<Secret> text = find_secret(flags.text("--key"), signing_key_variable, "signing key");
    if (!text.ok()) return text.status();
    std::optional<SecretKey> key = SecretKey::parse(text.value().view());
    if (key) return std::move(*key);
    return Status::failed("the signing key is no k4.secret key (becaused token keygen makes one)");
}

Status add_others(const Flags& flags, Claims& claims) {
    for (const std::string& claim : flags.all("--claim")) {
        const size_t equals = claim.find('=');
        if (equals == std::string::npos || equals == 0)
            return Status::failed("token issue: --claim: write it like --claim team='\"blue\"'");
        claims.others.push_back({claim.substr(0, equals), claim.substr(equals + 1)});
    }
    return Status::fine();
}

Result<Claims> claims_from(const Flags& flags, int64_t now_ms) {
    constexpr std::string_view command = "token issue";
    Result<Identity> granted = grant_from_flags(flags, command, "--sub");
    if (!granted.ok()) return granted.status();
    Identity& grant = granted.value();
    Claims claims;
    claims.subject = std::move(grant.name);
    claims.profile = std::move(grant.profile);
    claims.rate = std::move(grant.rate);
    claims.hosts = std::move(grant.hosts);
    claims.audience = flags.text("--aud");
    claims.issuer = flags.text("--iss");
    claims.issued_ms = now_ms;
    Result<int64_t> begin = time_from_flag(flags, command, "--not-before", now_ms);
    if (!begin.ok()) return begin.status();
    if (flags.has("--not-before")) claims.not_before_ms = begin.value();
    Result<uint64_t> life = parse_duration(flags.has("--for") ? flags.text("--for") : "15m");
    if (!life.ok()) return Status::failed(phrase(command, ": --for: ", life.status().message()));
    if (flags.has("--no-expiry") && flags.has("--for"))
        return Status::failed("token issue: --for and --no-expiry: which?");
    constexpr uint64_t longest_ms = uint64_t{3650} * 86'400'000;
    if (life.value() == 0 || life.value() > longest_ms)
        return Status::failed("token issue: --for: at most 3650d, or --no-expiry");
    if (!flags.has("--no-expiry"))
        claims.expires_ms = begin.value() + static_cast<int64_t>(life.value());
    claims.token_id = flags.text("--jti");
    if (claims.token_id.empty()) {
        char random[16];
        fill_random(random, sizeof random);
        claims.token_id = base64url({random, sizeof random});
    }
    Status others = add_others(flags, claims);
    if (!others.ok()) return others;
    return claims;
}

bool same_names(const Claims& a, const Claims& b) {
    return a.subject == b.subject && a.audience == b.audience && a.issuer == b.issuer &&
           a.token_id == b.token_id;
}

std::string footer_of(std::string_view kid) {
    Claims footer;
    footer.others.push_back({"kid", phrase('"', kid, '"')});
    return claims_text(footer);
}

// ---- hash

TokenAnswer password_entry(const Flags& flags, const Identity& identity) {
    if (flags.has("--out") || flags.has("--key"))
        return usage_answer("token hash: --password goes without --out and --key");
    const std::string file = flags.words().empty() ? "-" : flags.words().front();
    Result<Secret> password = read_secret(file, "Password: ");
    if (!password.ok()) return failed_answer(phrase("token hash: ", password.status().message()));
    const std::optional<PasswordHash> hash = hash_password(password.value().view());
    if (!hash) return failed_answer("token hash: 64 MiB of memory are not there");
    return {0, access_entry("password", identity, hash->text()), ""};
}

Result<Secret> static_token(const Flags& flags) {
    if (flags.words().empty()) return make_static_token();
    Result<Secret> token = read_secret(flags.words().front(), "Token: ");
    if (token.ok() && !is_long_enough(token.value().view()))
        return Status::failed(
            "the token has fewer than 32 bytes: leave it out to have one made, or use --password");
    return token;
}

}  // namespace

TokenAnswer token_keygen(std::span<const std::string> arguments) {
    Result<Flags> flags = Flags::parse("token keygen", arguments, flags_of("token keygen"));
    if (!flags.ok()) return usage_answer(flags.status().message());
    if (flags.value().words().size() != 1)
        return usage_answer(
            "token keygen: into which file? give one name, of a file yet to be made");
    const std::string& file = flags.value().words().front();
    if (flags.value().has("--hash-key")) {
        const Status written = write_secret(file, HashKey::generate().text().view());
        if (!written.ok()) return failed_answer(phrase("token keygen: ", written.message()));
        return {0, phrase("hash_key = ", in_quotes(file), '\n'), ""};
    }
    const SecretKey key = SecretKey::generate();
    const Status written = write_secret(file, key.paserk().view());
    if (!written.ok()) return failed_answer(phrase("token keygen: ", written.message()));
    const PublicKey known = key.public_key();
    return {0, phrase("# ", known.id(), "\n[[key]]\npublic = ", in_quotes(known.paserk()), '\n'),
            ""};
}

TokenAnswer token_issue(std::span<const std::string> arguments, int64_t now_ms) {
    Result<Flags> parsed = Flags::parse("token issue", arguments, flags_of("token issue"));
    if (!parsed.ok()) return usage_answer(parsed.status().message());
    const Flags& flags = parsed.value();
    if (!flags.words().empty()) return usage_answer("token issue: takes flags only");
    Result<Claims> claims = claims_from(flags, now_ms);
    if (!claims.ok()) return usage_answer(claims.status().message());
    const std::string payload = claims_text(claims.value());
    // Whatever was typed: no token leaves that would not be read.
    Claims again;
    if (const char* fault = read_claims(payload, again))
        return usage_answer(phrase("token issue: this would not be accepted: ", fault));
    // Bytes that are no UTF-8 have become others on the way.
    if (!same_names(again, claims.value()))
        return usage_answer("token issue: a name is not in UTF-8");
    const std::string kid = flags.text("--kid");
    if (!kid.empty() && !is_grant_name(kid))
        return usage_answer("token issue: --kid: 1 to 64 letters, digits or -._~");
    Result<SecretKey> key = signing_key(flags);
    if (!key.ok()) return failed_answer(phrase("token issue: ", key.status().message()));
    const std::string footer =
        footer_of(kid.empty() ? key.value().public_key().id() : std::string_view(kid));
    const std::string token = sign_paseto(key.value(), payload, footer, flags.text("--assertion"));
    if (token.size() > token_limit_bytes)
        return usage_answer("token issue: the token would be longer than 8KiB");
    const std::string out = flags.text("--out");
    if (out.empty()) return {0, token + '\n', ""};
    const Status written = write_secret(out, token);
    if (!written.ok()) return failed_answer(phrase("token issue: ", written.message()));
    return {};
}

TokenAnswer token_hash(std::span<const std::string> arguments) {
    Result<Flags> parsed = Flags::parse("token hash", arguments, flags_of("token hash"));
    if (!parsed.ok()) return usage_answer(parsed.status().message());
    const Flags& flags = parsed.value();
    if (flags.words().size() > 1)
        return usage_answer("token hash: one file, or - for standard input");
    Result<Identity> identity = grant_from_flags(flags, "token hash", "--name");
    if (!identity.ok()) return usage_answer(identity.status().message());
    Result<int64_t> expires = time_from_flag(flags, "token hash", "--expires", never_ms);
    if (!expires.ok()) return usage_answer(expires.status().message());
    identity.value().expires_ms = expires.value();
    if (flags.has("--password")) return password_entry(flags, identity.value());
    const std::string out = flags.text("--out");
    if (flags.words().empty() == out.empty())
        return usage_answer("token hash: give the token's file or -, or --out FILE for a new one");
    Result<Secret> key_text = find_secret(flags.text("--key"), hash_key_variable, "key for hashes");
    if (!key_text.ok()) return failed_answer(phrase("token hash: ", key_text.status().message()));
    const std::optional<HashKey> key = HashKey::parse(key_text.value().view());
    if (!key)
        return failed_answer(
            "token hash: the key is no hashkey (becaused token keygen --hash-key)");
    Result<Secret> token = static_token(flags);
    if (!token.ok()) return failed_answer(phrase("token hash: ", token.status().message()));
    if (!out.empty()) {
        const Status written = write_secret(out, token.value().view());
        if (!written.ok()) return failed_answer(phrase("token hash: ", written.message()));
    }
    return {0, access_entry("token", identity.value(), key->hash_text(token.value().view())), ""};
}

}  // namespace becaused
