#include "proxy/service.hh"

#include <algorithm>
#include <charconv>

#include "http/write.hh"
#include "proxy/ask.hh"

namespace becaused {

namespace {

// The same machinery as towards dockerd, with another address. A question is asked once: whoever asks
// for it is waiting.
Settings towards_service(const Settings& settings) {
    Settings own;
    own.upstream = settings.auth_service;
    own.auth_path = settings.auth_path;
    own.auth_fields = settings.auth_fields;
    own.auth_copy = settings.auth_copy;
    own.auth_cache_ms = settings.auth_cache_ms;
    own.clocks = settings.clocks;
    own.pool_size = std::min(settings.pool_size, 8U);
    own.connect_tries = 1;
    own.tcp_keepalive_s = settings.tcp_keepalive_s;
    own.tcp_user_timeout_s = settings.tcp_user_timeout_s;
    own.via_name = settings.via_name;
    return own;
}

std::unique_ptr<TlsStore> tls_of(Loop& loop, const Settings& settings) {
    if (!settings.auth_service.tls) return nullptr;
    TlsFiles files;
    files.authorities = settings.auth_tlscacert;
    files.peer = TlsFiles::Peer::demanded;
    files.server_name = settings.auth_service.host;
    return std::make_unique<TlsStore>(loop, TlsContext::Role::client, std::move(files));
}

std::string_view field_of(const auto& head, std::string_view name) {
    for (const Field& field : head.fields)
        if (same_name(field.name, name)) return field.value;
    return {};
}

// Whole seconds of Retry-After (RFC 9110 §10.2.3); a date is not read.
uint64_t retry_ms_of(const ResponseHead& head) {
    const std::string_view text = field_of(head, "Retry-After");
    uint32_t seconds = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
    return error == std::errc() && stop == text.data() + text.size() ? seconds * 1000ULL : 0;
}

}  // namespace

Service::Service(Loop& loop, Ledger& ledger, const Settings& settings, ServiceSink& sink)
    : loop_(loop),
      ledger_(ledger),
      settings_(towards_service(settings)),
      sink_(sink),
      tls_(tls_of(loop, settings)),
      upstream_(loop, settings_, tls_.get()),
      cache_(4096) {}

Service::~Service() { CHECK(asks_.empty()); }

Status Service::load() { return tls_ ? tls_->load() : Status::fine(); }

// Everything that it is told, and so what its answer holds for.
Digest Service::question(const RequestHead& head, std::string_view credentials) const {
    std::string all;
    all.append(credentials)
        .append("\n")
        .append(head.method)
        .append(" ")
        .append(head.path_and_query);
    all.append("\n").append(head.authority);
    for (const std::string& name : settings_.auth_fields)
        all.append("\n").append(field_of(head, name));
    return cache_.digest_of(all);
}

IdentityRef Service::remembered(const RequestHead& head, std::string_view credentials,
                                int64_t wall_ms) {
    if (settings_.auth_cache_ms == 0) return {};
    const TokenCache::Found* found =
        cache_.find(question(head, credentials), loop_.now_ns(), wall_ms);
    return found == nullptr ? IdentityRef() : found->identity;
}

std::string Service::request(const RequestHead& head, std::string_view field,
                             std::string_view credentials) const {
    std::string out = "GET " + settings_.auth_path + " HTTP/1.1\r\n";
    append_line(out, "Host", upstream_.host());
    append_line(out, field, credentials);
    append_line(out, "X-Original-Method", head.method);
    append_line(out, "X-Original-URI", head.path_and_query);
    if (!head.authority.empty()) append_line(out, "X-Original-Host", head.authority);
    for (const std::string& name : settings_.auth_fields)
        for (const Field& asked : head.fields)
            if (same_name(asked.name, name)) append_line(out, asked.name, asked.value);
    out += "\r\n";
    return out;
}

uint64_t Service::ask(EntryId asker, const RequestHead& head, std::string_view field,
                      std::string_view credentials) {
    const uint64_t ticket = ++tickets_;
    auto& ask = asks_[ticket];
    ask = std::make_unique<Ask>(*this, ticket, asker, question(head, credentials),
                                request(head, field, credentials));
    ask->start();
    return ticket;
}

void Service::give_up(uint64_t ticket, const Ending& why) {
    const auto found = asks_.find(ticket);
    if (found == asks_.end()) return;
    found->second->give_up(why);
    asks_.erase(found);
}

ServiceAnswer Service::read(const ResponseHead& head) const {
    ServiceAnswer answer;
    answer.retry_ms = retry_ms_of(head);
    if (head.status == 401) {
        answer.reason = Reason::auth_invalid;
        answer.detail = "the authorisation service does not know them";
    } else if (head.status == 403) {
        answer.reason = Reason::policy_denied;
        answer.detail = "the authorisation service does not allow it";
    } else if (head.status == 429) {
        answer.reason = Reason::rate_limited;
        answer.detail = "the authorisation service says so";
    } else if (head.status < 200 || head.status > 299) {
        answer.detail = "its answer has a status that is not 2xx, 401, 403 or 429";
    } else {
        Identity identity;
        identity.proof = Proof::service;
        identity.name = field_of(head, "X-Auth-Identity");
        identity.profile = field_of(head, "X-Auth-Profile");
        identity.rate = field_of(head, "X-Auth-Rate");
        if (identity.name.empty()) identity.name = "unnamed";
        for (const std::string& name : settings_.auth_copy)
            for (const Field& field : head.fields)
                if (same_name(field.name, name))
                    append_line(identity.fields, field.name, field.value);
        const bool good = is_identity_name(identity.name) &&
                          (identity.profile.empty() || is_grant_name(identity.profile)) &&
                          (identity.rate.empty() || is_grant_name(identity.rate));
        if (!good) {
            answer.detail = "its answer names an identity, profile or rate that is no name";
            return answer;
        }
        answer.reason = Reason::complete;
        answer.identity = IdentityRef(std::move(identity));
    }
    return answer;
}

void Service::answered(Ask& ask, const ServiceAnswer& answer) {
    if (answer.identity && settings_.auth_cache_ms > 0)
        cache_.keep(ask.question(), answer.identity,
                    loop_.now_ns() + settings_.auth_cache_ms * ns_per_ms);
    const auto own = asks_.extract(ask.ticket());
    sink_.on_answer(own.key(), answer);
}

}  // namespace becaused
