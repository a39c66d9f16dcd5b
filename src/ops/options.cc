#include "ops/options.hh"

#include <algorithm>
#include <array>
#include <limits>
#include <optional>

#include "base/check.hh"
#include "gate/identity.hh"
#include "ops/address.hh"
#include "ops/nearest.hh"
#include "ops/phrase.hh"
#include "ops/user.hh"
#include "ops/value.hh"

namespace becaused {

namespace {

using S = Settings;
constexpr uint64_t kib = 1024;
constexpr uint64_t mib = 1024 * kib;
constexpr uint64_t gib = 1024 * mib;

// clang-format off
constexpr Option table[] = {
    {"config",   Kind::config,   "FILE",          {}, 0, 0, false, "read settings from this TOML file"},
    {"listen",   Kind::listen,   "ADDR",          {}, 0, 0, false, "where clients connect; may be given several times"},
    {"upstream", Kind::upstream, "ADDR",          {}, 0, 0, false, "where dockerd listens"},
    {"records",  Kind::file,     "FILE|-",        &S::records, 0, 0, false, "where records go: a file, or - for standard output"},
    {"record_request_start", Kind::boolean, "",   &S::record_request_start, 0, 1, false, "also write a line when a request starts"},
    {"records_max_size", Kind::size,       "SIZE",     &S::records_max_bytes, 4 * kib, 1024 * gib, true, "put the records' file aside at this size: FILE.1, FILE.2.gz", "records"},
    {"records_max_age",  Kind::duration_s, "DURATION", &S::records_max_age_s, 60, 366 * 86'400, true, "the same at this age, with the next record", "records"},
    {"records_keep",     Kind::count,      "N",        &S::records_keep, 1, 1000, false, "files put aside; older ones are removed", "records"},
    {"records_key_file", Kind::file, "FILE",      &S::records_key_file, 0, 0, false, "chain records by this secret, so that changes show (why --verify)", "records"},
    {"records_otlp",     Kind::collector, "URL",  &S::records_otlp, 0, 0, false, "also send records to this OpenTelemetry collector", "records"},
    {"records_otlp_gzip", Kind::boolean, "",      &S::records_otlp_gzip, 0, 1, false, "compress what is sent to it", "records"},
    {"records_otlp_tlscacert", Kind::file, "FILE", &S::records_otlp_tlscacert, 0, 0, false, "who signs its certificate, for https://", "records"},
    {"state",    Kind::file,     "DIR|auto|off",  &S::state, 0, 0, false, "where what is open outlives a kill; auto: $XDG_RUNTIME_DIR/becaused or /run/becaused"},
    {"admin",    Kind::admin,    "ADDR|auto|off", &S::admin, 0, 0, false, "where becaused why --live and kill ask; auto: a socket in the state directory", "records"},
    {"user",     Kind::user,     "USER[:GROUP]",  &S::user, 0, 0, false, "become this user once it listens; what is read again later must be readable by it"},
    {"profile",  Kind::profile,  "NAME",          &S::profile, 0, 0, false, "which requests may pass (becaused help gate)"},
    {"clock",    Kind::clock,    "NAME=DURATION", {}, 0, 0, false, "a time limit, for all classes or for one: CLASS.NAME=DURATION"},
    {"route",    Kind::route,    "RULE",          {}, 0, 0, false, "a class for a path: 'CLASS [METHOD] PATTERN'"},
    {"tlscert",   Kind::files,   "FILE",          &S::tlscert,   0, 0, false, "TLS on TCP listeners: certificate and chain; several: by name", "tls"},
    {"tlskey",    Kind::files,   "FILE",          &S::tlskey,    0, 0, false, "the certificate's private key", "tls"},
    {"tlscacert", Kind::file,    "FILE",          &S::tlscacert, 0, 0, false, "who signs clients' certificates", "tls"},
    {"tlsverify", Kind::boolean, "",              &S::tlsverify, 0, 1, false, "demand a client certificate", "tls"},
    {"upstream_tlscert",   Kind::file,    "FILE", &S::upstream_tlscert,   0, 0, false, "our certificate, for a tls:// upstream", "tls"},
    {"upstream_tlskey",    Kind::file,    "FILE", &S::upstream_tlskey,    0, 0, false, "its private key", "tls"},
    {"upstream_tlscacert", Kind::file,    "FILE", &S::upstream_tlscacert, 0, 0, false, "who signs the tls:// upstream's certificate", "tls"},
    {"upstream_tlsverify", Kind::boolean, "",     &S::upstream_tlsverify, 0, 1, false, "check the tls:// upstream's certificate and name", "tls"},
    {"max_handshakes",     Kind::count,   "N",    &S::max_handshakes,     1, 1'000'000, false, "TLS handshakes at once", "tls"},
    {"proxy_from",         Kind::networks, "NET",  &S::proxy_from,         0, 0, false, "who may send PROXY headers to ?proxy=on ports: 10.0.0.0/8", "tls"},
    {"access",             Kind::file,    "FILE", &S::access,             0, 0, false, "who may come in, and profiles of your own (src/gate/TOKENS.md)", "gate"},
    {"auth_url",           Kind::url,     "URL",  {},                     0, 0, false, "ask this service about credentials that nothing else knows", "gate"},
    {"auth_tlscacert",     Kind::file,    "FILE", &S::auth_tlscacert,     0, 0, false, "who signs its certificate, for https://", "gate"},
    {"auth_field",         Kind::fields,  "NAME", &S::auth_fields,        0, 0, false, "a field of the request that it is told too", "gate"},
    {"auth_copy",          Kind::fields,  "NAME", &S::auth_copy,          0, 0, false, "a field of its answer that the upstream gets", "gate"},
    {"auth_cache",         Kind::duration_ms, "DURATION", &S::auth_cache_ms, 100, 3'600'000, true, "how long what it allowed is believed", "gate"},
    {"mode",               Kind::mode,    "MODE", &S::mode,               0, 0, false, "enforce; report: refuse nothing by profile, and say so in records; learn: and write the profile for it", "gate"},
    {"learn",              Kind::file,    "FILE", &S::learn,              0, 0, false, "where learn writes them, at SIGHUP and at the end", "gate"},
    {"open_ping",          Kind::boolean, "",     &S::open_ping,          0, 1, false, "answer /_ping without credentials", "gate"},
    {"pass_credentials",   Kind::boolean, "",     &S::pass_credentials,   0, 1, false, "the upstream gets the credentials too", "gate"},
    {"connection_rate",    Kind::rate,    "RATE", &S::connection_rate,    0, 0, true,  "new connections of one address", "gate"},
    {"handshake_rate",     Kind::rate,    "RATE", &S::handshake_rate,     0, 0, true,  "TLS handshakes of one address", "gate"},
    {"address_rate",       Kind::rate,    "RATE", &S::address_rate,       0, 0, true,  "requests of one address", "gate"},
    {"identity_rate",      Kind::rate,    "RATE", &S::identity_rate,      0, 0, true,  "requests of one identity (without: of its address)", "gate"},
    {"rate_class",         Kind::rates,   "NAME=RATE", {},                0, 0, false, "the same for identities of that class", "gate"},
    {"total_rate",         Kind::rate,    "RATE", &S::total_rate,         0, 0, true,  "requests of all together", "gate"},
    {"identity_exchanges", Kind::count,   "N",    &S::identity_exchanges, 0, 1'000'000, false, "requests at once of one identity; 0: no limit", "gate"},
    {"identity_tunnels",   Kind::count,   "N",    &S::identity_tunnels,   0, 1'000'000, false, "of these: attach, exec, BuildKit; 0: no limit", "gate"},
    {"identity_builds",    Kind::count,   "N",    &S::identity_builds,    0, 1'000'000, false, "of these: builds; 0: no limit", "gate"},
    {"identity_upload",    Kind::size,    "SIZE", &S::identity_upload,    0, 1024 * gib, false, "per second from the clients of one identity; 0B: no limit", "gate"},
    {"identity_download",  Kind::size,    "SIZE", &S::identity_download,  0, 1024 * gib, false, "per second to the clients of one identity; 0B: no limit", "gate"},
    {"body_limit",         Kind::limits,  "LIMIT", {},                    0, 0, false, "the largest request body: 'SIZE [METHOD] PATTERN'", "gate"},
    {"trust_forwarded",    Kind::boolean,     "",         &S::trust_forwarded,    0, 1, false, "keep the client's Forwarded and X-Forwarded-* fields"},
    {"allow_half_close",   Kind::boolean,     "",         &S::allow_half_close,   0, 1, false, "a client that ends its half early still gets its answer"},
    {"via_name",           Kind::word,        "NAME",     &S::via_name,           1, 64, false, "the name in Via and Proxy-Status"},
    {"tell",               Kind::tell,        "WAYS",     &S::tell,               0, 0, false, "how clients hear why an answer was cut: progress,frames,goaway,refusals or off"},
    {"workers",            Kind::workers,     "N|auto",   &S::workers,            1, 64, false, "processes that share the ports and the work; auto: one for each core that it may use"},
    {"worker_watchdog",    Kind::duration_s,  "DURATION", &S::worker_watchdog_s,  1, 86'400, true, "a worker whose loop stands still for so long is ended, and the next one started"},
    {"max_connections",    Kind::count,       "N",        &S::max_connections,    1, 1'000'000, false, "clients at once"},
    {"max_requests",       Kind::count,       "N",        &S::max_requests,       0, 4'000'000'000, false, "requests per client connection; 0: no limit"},
    {"memory",             Kind::size,        "SIZE",     &S::memory_bytes,       mib, 1024 * gib, false, "for bodies on their way, all connections together"},
    {"splice",             Kind::size,        "SIZE",     &S::splice_bytes,       1, 1024 * gib, true, "bodies with so much left, and busy tunnels, go by splice(2), uncopied; not under TLS"},
    {"pool_size",          Kind::count,       "N",        &S::pool_size,          0, 65'536, false, "idle upstream connections kept"},
    {"connect_tries",      Kind::count,       "N",        &S::connect_tries,      1, 100, false, "connects to the upstream per request"},
    {"retry_backoff",      Kind::duration_ms, "DURATION", &S::retry_backoff_ms,   1, 60'000, false, "first pause between connects; doubles, with jitter"},
    {"replays",            Kind::count,       "N",        &S::replays,            0, 16, false, "repeats of a request whose reused connection died"},
    {"replay_body",        Kind::size,        "SIZE",     &S::replay_bytes,       0, mib, false, "largest request body kept for a repeat"},
    {"backlog",            Kind::count,       "N",        &S::backlog,            1, 65'535, false, "connections the kernel holds before they are accepted"},
    {"tcp_keepalive",      Kind::duration_s,  "DURATION", &S::tcp_keepalive_s,    1, 86'400, true, "idle time before the first keepalive probe"},
    {"tcp_user_timeout",   Kind::duration_s,  "DURATION", &S::tcp_user_timeout_s, 1, 86'400, true, "unacknowledged for this long: the peer is gone"},
    {"journal_queue",      Kind::size,        "SIZE",     &S::journal_bytes,      64 * kib, gib, false, "records waiting to be written; more are dropped and counted"},
};
// clang-format on

bool token(std::string_view text) {
    constexpr std::string_view others = "!#$%&'*+-.^_`|~";
    return std::all_of(text.begin(), text.end(), [&](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               others.find(c) != std::string_view::npos;
    });
}

uint64_t number_of(const Settings& settings, const Option& option) {
    if (const auto* narrow = std::get_if<uint32_t S::*>(&option.field)) return settings.*(*narrow);
    return settings.*std::get<uint64_t S::*>(option.field);
}

// A number of the field's unit in the words of its kind.
std::string number_text(Kind kind, uint64_t number) {
    if (kind == Kind::size) return size_text(number);
    if (kind == Kind::duration_ms) return duration_text(number);
    if (kind == Kind::duration_s) return duration_text(number * 1000);
    return std::to_string(number);
}

Result<uint64_t> parse_number(const Option& option, std::string_view text) {
    if (option.kind == Kind::count || option.kind == Kind::workers) return parse_count(text);
    if (option.kind == Kind::size) {
        if (option.may_be_off && text == "off") return uint64_t{0};
        return parse_size(text);
    }
    Result<uint64_t> ms = parse_duration(text);
    if (!ms.ok() || option.kind == Kind::duration_ms) return ms;
    if (ms.value() % 1000 != 0)
        return Status::failed(phrase('"', text, "\" is not a number of whole seconds"));
    return ms.value() / 1000;
}

Status assign_number(Settings& settings, const Option& option, std::string_view text) {
    if (option.kind == Kind::workers && text == "auto") {
        settings.*std::get<uint32_t S::*>(option.field) = 0;
        return Status::fine();
    }
    Result<uint64_t> parsed = parse_number(option, text);
    if (!parsed.ok()) return parsed.status();
    const uint64_t number = parsed.value();
    const bool off = number == 0 && option.may_be_off;
    if (!off && (number < option.least || number > option.most))
        return Status::failed(phrase('"', text, "\" is out of range: ", range_text(option)));
    if (const auto* narrow = std::get_if<uint32_t S::*>(&option.field))
        settings.*(*narrow) = static_cast<uint32_t>(number);
    else settings.*std::get<uint64_t S::*>(option.field) = number;
    return Status::fine();
}

// In the table's order, so that the same ways have the same text.
Status assign_tell(Settings& settings, std::string_view text) {
    std::array<bool, telling_count> chosen{};
    const std::vector<std::string_view> ways = split(text, ',');
    for (const std::string_view way : ways) {
        if (way == "off") {
            if (ways.size() == 1) continue;
            return Status::failed(phrase('"', text, "\": off stands alone"));
        }
        const std::optional<Telling> telling = find_telling(way);
        if (!telling || *telling == Telling::nothing) {
            constexpr std::string_view known[] = {"progress", "frames", "goaway", "refusals",
                                                  "off"};
            return Status::failed(phrase('"', way, "\" is no way to tell", suggestion(way, known),
                                         " (progress, frames, goaway, refusals, or off alone)"));
        }
        chosen[static_cast<size_t>(*telling)] = true;
    }
    settings.tell.clear();
    for (size_t i = 0; i < telling_count; ++i)
        if (chosen[i])
            settings.tell +=
                phrase(settings.tell.empty() ? "" : ",", name(static_cast<Telling>(i)));
    if (settings.tell.empty()) settings.tell = "off";
    return Status::fine();
}

Status assign_text(Settings& settings, const Option& option, std::string_view text) {
    if (option.kind == Kind::word &&
        (text.size() < option.least || text.size() > option.most || !token(text)))
        return Status::failed(
            phrase('"', text, "\" is no name: 1 to 64 letters, digits or -._~ without blanks"));
    if (option.kind == Kind::profile && !is_grant_name(text))
        return Status::failed(phrase('"', text, "\" is no profile's name"));
    if (option.kind == Kind::tell) return assign_tell(settings, text);
    if (option.kind == Kind::mode && text != "enforce" && text != "report" && text != "learn")
        return Status::failed(phrase('"', text, "\" is none of enforce, report and learn"));
    if (option.kind == Kind::admin && text != "auto" && text != "off")
        if (const Result<ListenAddress> address = parse_admin(text); !address.ok())
            return address.status();
    if (option.kind == Kind::user && !text.empty())
        if (Status status = check_account_text(text); !status.ok()) return status;
    if (option.kind == Kind::collector && !text.empty())
        if (const Result<Url> url = parse_url(text); !url.ok()) return url.status();
    settings.*std::get<std::string S::*>(option.field) = text;
    return Status::fine();
}

}  // namespace

std::span<const Option> options() { return table; }

const Option* find_option(std::string_view key) {
    const Option* found = std::ranges::find(table, key, &Option::key);
    return found == std::end(table) ? nullptr : found;
}

const Option& the_option(Kind kind) {
    const Option* found = std::ranges::find(table, kind, &Option::kind);
    CHECK(found != std::end(table));
    return *found;
}

size_t index_of(const Option& option) { return static_cast<size_t>(&option - table); }

bool repeatable(const Option& option) {
    return option.kind == Kind::listen || option.kind == Kind::clock ||
           option.kind == Kind::route || option.kind == Kind::files || option.kind == Kind::rates ||
           option.kind == Kind::limits || option.kind == Kind::fields ||
           option.kind == Kind::networks;
}

std::string flag_name(const Option& option) {
    std::string flag = phrase("--", option.key);
    std::replace(flag.begin(), flag.end(), '_', '-');
    return flag;
}

std::string environment_name(const Option& option) {
    std::string variable = phrase("BECAUSED_", option.key);
    for (char& c : variable)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return variable;
}

std::string_view unit_words(const Option& option) {
    switch (option.kind) {
        case Kind::boolean: return "boolean";
        case Kind::count:
        case Kind::workers: return "number";
        case Kind::size: return "size";
        case Kind::duration_ms: return "duration";
        case Kind::duration_s: return "duration, whole seconds";
        case Kind::word:
        case Kind::user:
        case Kind::profile: return "name";
        case Kind::tell: return "words";
        case Kind::mode: return "word";
        case Kind::admin: return "address";
        case Kind::file:
        case Kind::config: return "path";
        case Kind::files: return "paths";
        case Kind::networks: return "networks";
        case Kind::rate: return "rate";
        case Kind::rates: return "rates by class";
        case Kind::collector:
        case Kind::url: return "URL";
        case Kind::fields: return "names";
        case Kind::limits: return "rules";
        case Kind::listen: return "addresses";
        case Kind::upstream: return "address";
        case Kind::clock: return "durations by clock";
        case Kind::route: return "rules";
    }
    return "";
}

Status assign(Settings& settings, const Option& option, std::string_view text) {
    if (std::holds_alternative<std::string S::*>(option.field))
        return assign_text(settings, option, text);
    if (option.kind == Kind::rate) {
        Result<Rate> rate = parse_rate(text);
        if (!rate.ok()) return rate.status();
        settings.*std::get<Rate S::*>(option.field) = rate.value();
        return Status::fine();
    }
    if (option.kind != Kind::boolean) return assign_number(settings, option, text);
    Result<bool> parsed = parse_boolean(text);
    if (!parsed.ok()) return parsed.status();
    settings.*std::get<bool S::*>(option.field) = parsed.value();
    return Status::fine();
}

std::string value_text(const Settings& settings, const Option& option) {
    if (const auto* list = std::get_if<std::vector<std::string> S::*>(&option.field)) {
        std::string text;
        for (const std::string& each : settings.*(*list)) text += (text.empty() ? "" : ",") + each;
        return text;
    }
    if (const auto* text = std::get_if<std::string S::*>(&option.field)) return settings.*(*text);
    if (const auto* rate = std::get_if<Rate S::*>(&option.field))
        return rate_text(settings.*(*rate));
    if (const auto* flag = std::get_if<bool S::*>(&option.field))
        return settings.*(*flag) ? "true" : "false";
    const uint64_t number = number_of(settings, option);
    if (number == 0 && option.may_be_off) return "off";
    if (number == 0 && option.kind == Kind::workers) return "auto";
    return number_text(option.kind, number);
}

std::string range_text(const Option& option) {
    const bool numeric = std::holds_alternative<uint32_t S::*>(option.field) ||
                         std::holds_alternative<uint64_t S::*>(option.field);
    if (!numeric) return {};
    return phrase(number_text(option.kind, option.least), " to ",
                  number_text(option.kind, option.most),
                  option.may_be_off              ? ", or off"
                  : option.kind == Kind::workers ? ", or auto"
                                                 : "");
}

std::string default_text(const Option& option) {
    if (option.kind == Kind::listen || option.kind == Kind::upstream) return "required";
    if (std::holds_alternative<std::monostate>(option.field)) return "none";
    const std::string text = value_text(Settings(), option);
    return text.empty() ? "none" : text;
}

}  // namespace becaused
