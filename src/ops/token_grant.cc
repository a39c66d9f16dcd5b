#include "ops/token_grant.hh"

#include "ops/phrase.hh"
#include "ops/value.hh"

namespace becaused {

namespace {

Status wrong(std::string_view command, std::string_view flag, std::string_view why) {
    return Status::failed(phrase(command, ": ", flag, ": ", why));
}

std::string line(std::string_view key, std::string_view value) {
    return value.empty() ? std::string() : phrase(key, " = ", in_quotes(value), '\n');
}

}  // namespace

Result<Identity> grant_from_flags(const Flags& flags, std::string_view command,
                                  std::string_view name_flag) {
    Identity identity;
    identity.name = flags.text(name_flag);
    identity.profile = flags.text("--profile");
    identity.rate = flags.text("--rate");
    identity.hosts = flags.all("--host");
    if (identity.name.empty())
        return Status::failed(phrase(command, ": whose is it? give ", name_flag, " NAME"));
    if (!is_identity_name(identity.name))
        return wrong(command, name_flag, "at most 256 bytes, none of them a control byte");
    if (!identity.profile.empty() && !is_grant_name(identity.profile))
        return wrong(command, "--profile", "1 to 64 letters, digits or -._~");
    if (!identity.rate.empty() && !is_grant_name(identity.rate))
        return wrong(command, "--rate", "1 to 64 letters, digits or -._~");
    for (const std::string& host : identity.hosts)
        if (!is_host_pattern(host))
            return wrong(command, "--host",
                         phrase(in_quotes(host),
                                " is no pattern: write it like b7.example or *.example:2376"));
    return identity;
}

Result<int64_t> time_from_flag(const Flags& flags, std::string_view command, std::string_view flag,
                               int64_t preset) {
    if (!flags.has(flag)) return preset;
    const std::optional<int64_t> ms = parse_datetime(flags.text(flag));
    if (ms) return *ms;
    return wrong(command, flag, "is no time: write it like 2026-11-21T12:00:00Z");
}

std::string access_entry(std::string_view table, const Identity& identity, std::string_view hash) {
    std::string hosts;
    for (const std::string& host : identity.hosts)
        hosts += phrase(hosts.empty() ? "" : ", ", in_quotes(host));
    return phrase("[[", table, "]]\n", line("name", identity.name), line("hash", hash),
                  line("profile", identity.profile), line("rate", identity.rate),
                  hosts.empty() ? std::string() : phrase("hosts = [", hosts, "]\n"),
                  identity.expires_ms == never_ms
                      ? std::string()
                      : line("expires", datetime_text(identity.expires_ms)));
}

}  // namespace becaused
