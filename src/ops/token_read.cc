// `becaused token inspect` and `verify`: what a token says, and whether it would be let in.
#include <optional>

#include "gate/auth.hh"
#include "gate/claims.hh"
#include "gate/paseto.hh"
#include "ops/access_file.hh"
#include "ops/command_flags.hh"
#include "ops/phrase.hh"
#include "ops/secret_file.hh"
#include "ops/token.hh"
#include "ops/token_grant.hh"
#include "ops/value.hh"

namespace becaused {

namespace {

// The file's or standard input's token; "Bearer " before it, as people copy it, is left out.
Result<Secret> token_from(const Flags& flags, std::string_view prompt) {
    const std::string file = flags.words().empty() ? "-" : flags.words().front();
    Result<Secret> token = read_secret(file, prompt);
    constexpr std::string_view scheme = "Bearer ";
    if (token.ok() && token.value().view().starts_with(scheme))
        return Secret(token.value().view().substr(scheme.size()));
    return token;
}

Result<AuthSettings> rules_from(const Flags& flags) {
    const bool access = flags.has("--access");
    if (access == flags.has("--public"))
        return Status::failed("against what? give --access FILE or --public KEY");
    if (access) {
        if (flags.has("--aud") || flags.has("--assertion"))
            return Status::failed("--access says itself what --aud and --assertion would");
        Result<AccessRules> rules = load_access(flags.text("--access"));
        if (!rules.ok()) return rules.status();
        return std::move(rules.value().auth);
    }
    const std::optional<PublicKey> key = PublicKey::parse(flags.text("--public"));
    AuthSettings settings;
    const char* fault = key ? settings.tokens.keys.add(*key, "") : "it is no public key";
    if (fault != nullptr) return Status::failed(phrase("--public: ", fault, " (k4.public.…)"));
    if (flags.has("--aud")) settings.tokens.audiences = {flags.text("--aud")};
    settings.tokens.implicit = flags.text("--assertion");
    return settings;
}

// As a client would send it.
Secret field_value(const Flags& flags, std::string_view token) {
    if (!flags.has("--user")) return Secret(phrase("Bearer ", token));
    std::string pair = phrase(flags.text("--user"), ':', token);
    Secret value(phrase("Basic ", base64(pair)));
    wipe(pair);
    return value;
}

Judgement judge(AuthSettings settings, const Flags& flags, std::string_view token, int64_t at_ms) {
    const Secret value = field_value(flags, token);
    const std::string field = settings.field;
    const std::string host = flags.text("--host");
    const Endpoint nowhere;
    const Moment now{0, at_ms};
    RequestHead head;
    head.authority = host;
    head.fields.push_back({field, value.view()});
    Authenticator authenticator(std::move(settings));
    Judgement judgement = authenticator.judge(head, Asker{nowhere}, now);
    if (PasswordJob* job = authenticator.next_job()) {
        job->check.run();
        judgement = for_host(authenticator.finish_job(*job, now).judgement, host);
    }
    return judgement;
}

std::string row_text(std::string_view name, std::string_view value) {
    return value.empty() ? std::string()
                         : phrase(name, std::string(10 - name.size(), ' '), value, '\n');
}

// What a stranger may have written, for a terminal.
std::string shown(std::string text) {
    for (char& c : text)
        if (c < 0x20 || c > 0x7E) c = '?';
    return text;
}

std::string identity_text(const Identity& identity) {
    std::string hosts;
    for (const std::string& host : identity.hosts) hosts += phrase(hosts.empty() ? "" : " ", host);
    // Names may hold anything but control bytes.
    return phrase(
        row_text("name", identity.name), row_text("proof", name(identity.proof)),
        row_text("profile", identity.profile), row_text("rate", identity.rate),
        row_text("hosts", hosts), row_text("id", identity.token_id),
        row_text("expires", identity.expires_ms == never_ms ? std::string("never")
                                                            : datetime_text(identity.expires_ms)));
}

}  // namespace

TokenAnswer token_inspect(std::span<const std::string> arguments) {
    Result<Flags> flags = Flags::parse("token inspect", arguments, {});
    if (!flags.ok()) return usage_answer(flags.status().message());
    if (flags.value().words().size() > 1)
        return usage_answer("token inspect: one file, or - for standard input");
    Result<Secret> token = token_from(flags.value(), "Token: ");
    if (!token.ok()) return failed_answer(phrase("token inspect: ", token.status().message()));
    const std::optional<Paseto> parts = split_paseto(token.value().view());
    if (!parts) return failed_answer("token inspect: the token is no v4.public token");
    const std::optional<std::string> payload = json_for_people(parts->payload);
    Claims claims;
    const char* fault = read_claims(parts->payload, claims);
    std::string kid;
    const char* footer_fault = read_key_id(parts->footer, kid);
    std::string text = "Not verified: anybody can write this.\n";
    text += row_text("key", shown(kid));
    if (payload) text += phrase(*payload, '\n');
    if (footer_fault != nullptr) fault = footer_fault;
    if (fault == nullptr) return {0, text, ""};
    return {1, text, phrase("token inspect: ", fault)};
}

TokenAnswer token_verify(std::span<const std::string> arguments, int64_t now_ms) {
    Result<Flags> parsed = Flags::parse("token verify", arguments, flags_of("token verify"));
    if (!parsed.ok()) return usage_answer(parsed.status().message());
    const Flags& flags = parsed.value();
    if (flags.words().size() > 1)
        return usage_answer("token verify: one file, or - for standard input");
    Result<int64_t> at = time_from_flag(flags, "token verify", "--at", now_ms);
    if (!at.ok()) return usage_answer(at.status().message());
    Result<AuthSettings> settings = rules_from(flags);
    if (!settings.ok()) return usage_answer(phrase("token verify: ", settings.status().message()));
    Result<Secret> token = token_from(flags, flags.has("--user") ? "Password: " : "Token: ");
    if (!token.ok()) return failed_answer(phrase("token verify: ", token.status().message()));
    const Judgement judgement =
        judge(std::move(settings.value()), flags, token.value().view(), at.value());
    if (judgement.kind == Judgement::Kind::pass) return {0, identity_text(*judgement.identity), ""};
    return failed_answer(phrase("token verify: ", name(judgement.reason), ": ", judgement.detail));
}

}  // namespace becaused
