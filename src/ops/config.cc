#include "ops/config.hh"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <memory>

#include "gate/profile.hh"
#include "http/octets.hh"
#include "net/address.hh"
#include "ops/address.hh"
#include "ops/nearest.hh"
#include "ops/patience.hh"
#include "ops/phrase.hh"
#include "ops/share.hh"
#include "ops/value.hh"

namespace becaused {

namespace {

Result<std::string> read_file(const std::string& path) {
    constexpr size_t largest = 1 << 20;
    const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "re"),
                                                               std::fclose);
    if (!file) return Status::failed(phrase(path, ": cannot be read: ", std::strerror(errno)));
    std::string text(largest + 1, '\0');
    text.resize(std::fread(text.data(), 1, text.size(), file.get()));
    if (std::ferror(file.get()) != 0)
        return Status::failed(phrase(path, ": cannot be read: ", std::strerror(errno)));
    if (text.size() > largest) return Status::failed(phrase(path, ": is larger than 1MiB"));
    return text;
}

// The file named by a flag, else by the environment, else empty.
std::string file_named(std::span<const Given> flags, std::span<const Given> environment) {
    for (const std::span<const Given> source : {flags, environment})
        for (const Given& given : source)
            if (given.option->kind == Kind::config) return given.value;
    return {};
}

// In lower case. Those that frame a message or belong to a hop are not for others to set.
Result<std::string> parse_field_name(std::string_view text) {
    static constexpr std::string_view own[] = {
        "connection", "content-length", "host",       "keep-alive", "te",
        "trailer",    "upgrade",        "expect",     "via",        "transfer-encoding",
        "forwarded",  "max-forwards",   "traceparent"};
    std::string name(text);
    std::ranges::transform(name, name.begin(), lower);
    if (!is_token(name)) return Status::failed(phrase(in_quotes(text), " is no field's name"));
    if (std::ranges::find(own, name) != std::end(own))
        return Status::failed(phrase(in_quotes(text), " is a field that becaused writes itself"));
    return name;
}

struct ClockGiven {
    const Given* given;
    ClockSetting setting;
};

}  // namespace

class ConfigLoader {
  public:
    // Applies one source; to be called in order of precedence, the strongest last.
    Status apply(std::span<const Given> source);
    // What must hold of all together.
    Status check(bool to_run) const;
    Config& config() { return config_; }
    void read_from(std::string file) { config_.file_ = std::move(file); }

  private:
    Status apply_one(const Given& given);
    Status apply_clocks(std::span<const Given> source);
    void set_clock(const Given& given, const ClockSetting& setting, ClockName clock);
    Status check_tls() const;
    Status check_listen() const;
    Status check_mode() const;
    Status check_workers() const;

    template <typename T>
    Status append(std::vector<T>& list, const Given& given, Result<T> parsed) {
        if (!parsed.ok()) return parsed.status();
        // A list replaces the one of a weaker source as a whole.
        Origin& origin = config_.origins_[index_of(*given.option)];
        if (origin.source != given.origin.source) {
            list.clear();
            origin = given.origin;
        }
        list.push_back(std::move(parsed.value()));
        return Status::fine();
    }

    Config config_;
};

Config::Config() : origins_(options().size()) {}

Status ConfigLoader::apply(std::span<const Given> source) {
    for (const Given& given : source) {
        const Status status = apply_one(given);
        if (!status.ok()) return Status::failed(phrase(place_text(given), ": ", status.message()));
    }
    return apply_clocks(source);
}

Status ConfigLoader::apply_one(const Given& given) {
    Settings& settings = config_.settings_;
    if (given.option->kind == Kind::clock) return Status::fine();  // apply_clocks
    if (given.option->kind == Kind::listen)
        return append(settings.listen, given, parse_listen(given.value));
    if (given.option->kind == Kind::route)
        return append(settings.routes, given, parse_route(given.value));
    if (given.option->kind == Kind::rates)
        return append(settings.rate_classes, given, parse_rate_class(given.value));
    if (given.option->kind == Kind::limits)
        return append(settings.body_limits, given, parse_body_limit(given.value));
    if (given.option->kind == Kind::fields) {
        Result<std::string> name = parse_field_name(given.value);
        if (!name.ok()) return name.status();
        auto& names = settings.*std::get<std::vector<std::string> Settings::*>(given.option->field);
        return append(names, given, std::move(name));
    }
    if (const auto* list =
            std::get_if<std::vector<std::string> Settings::*>(&given.option->field)) {
        if (given.option->kind == Kind::networks &&
            parse_network(given.value).first.kind == Endpoint::Kind::none)
            return Status::failed(
                phrase('"', given.value, "\" is no network: write it like 10.0.0.0/8 or ::1"));
        return append(settings.*(*list), given, Result<std::string>(given.value));
    }
    config_.origins_[index_of(*given.option)] = given.origin;
    if (given.option->kind == Kind::config) return Status::fine();  // read already
    if (given.option->kind == Kind::url && given.value.empty()) {
        settings.auth_service = {};
        return Status::fine();
    }
    if (given.option->kind == Kind::url) {
        Result<Url> url = parse_url(given.value);
        if (!url.ok()) return url.status();
        settings.auth_service = std::move(url.value().address);
        settings.auth_path = std::move(url.value().path);
        return Status::fine();
    }
    if (given.option->kind != Kind::upstream) return assign(settings, *given.option, given.value);
    Result<Address> upstream = parse_upstream(given.value);
    if (!upstream.ok()) return upstream.status();
    settings.upstream = std::move(upstream.value());
    return Status::fine();
}

// Within one source the narrower setting wins, in whatever order they stand: `connect` counts for
// connect_unix too unless that is set itself, and a class's own setting beats the one for all.
Status ConfigLoader::apply_clocks(std::span<const Given> source) {
    std::vector<ClockGiven> clocks;
    for (const Given& given : source) {
        if (given.option->kind != Kind::clock) continue;
        Result<ClockSetting> setting = parse_clock(given.name, given.value);
        if (!setting.ok())
            return Status::failed(phrase(place_text(given), ": ", setting.status().message()));
        for (const ClockGiven& earlier : clocks)
            if (earlier.given->name == given.name)
                return Status::failed(phrase(place_text(given), ": given twice"));
        clocks.push_back({&given, setting.value()});
    }
    for (const bool narrow : {false, true})
        for (const ClockGiven& clock : clocks)
            if (clock.setting.clock == ClockName::connect &&
                clock.setting.route_class.has_value() == narrow)
                set_clock(*clock.given, clock.setting, ClockName::connect_unix);
    for (const bool narrow : {false, true})
        for (const ClockGiven& clock : clocks)
            if (clock.setting.route_class.has_value() == narrow)
                set_clock(*clock.given, clock.setting, clock.setting.clock);
    return Status::fine();
}

void ConfigLoader::set_clock(const Given& given, const ClockSetting& setting, ClockName clock) {
    for (size_t i = 0; i < route_class_count; ++i) {
        const auto route_class = static_cast<RouteClass>(i);
        if (setting.route_class && *setting.route_class != route_class) continue;
        config_.settings_.clocks.set(route_class, clock, setting.ms);
        config_.clock_origins_[i][static_cast<size_t>(clock)] = given.origin;
    }
}

Status ConfigLoader::check(bool to_run) const {
    const Settings& settings = config_.settings_;
    if (to_run && settings.listen.empty())
        return Status::failed(
            "listen: not set: give --listen ADDR, BECAUSED_LISTEN or listen in a config file");
    if (to_run && settings.upstream.text.empty())
        return Status::failed(
            "upstream: not set: give --upstream ADDR, BECAUSED_UPSTREAM or upstream in a config "
            "file"
            " (dockerd is at unix:///var/run/docker.sock by default)");
    // One of the access file's own is looked for when that is read.
    if (settings.access.empty() && Policy().find(settings.profile) == nullptr)
        return Status::failed(phrase("profile: no profile is named ", in_quotes(settings.profile),
                                     suggestion(settings.profile, built_in_profiles())));
    if (settings.auth_service.tls && settings.auth_tlscacert.empty())
        return Status::failed("auth_tlscacert: not set: who signs the service's certificate?");
    if (settings.records_otlp.starts_with("https://") && settings.records_otlp_tlscacert.empty())
        return Status::failed(
            "records_otlp_tlscacert: not set: who signs the collector's certificate?");
    if (Status status = check_tls(); !status.ok()) return status;
    if (Status status = check_mode(); !status.ok()) return status;
    if (Status status = check_workers(); !status.ok()) return status;
    return check_listen();
}

// Half a TLS setting must not become a plain port.
Status ConfigLoader::check_tls() const {
    const Settings& settings = config_.settings_;
    if (settings.tlscert.size() != settings.tlskey.size())
        return Status::failed(
            phrase("tlskey: ", settings.tlscert.size(), " tlscert but ", settings.tlskey.size(),
                   " tlskey are given: each certificate needs its key, in the same order"));
    if (settings.tlscert.empty() && (settings.tlsverify || !settings.tlscacert.empty()))
        return Status::failed(phrase(settings.tlsverify ? "tlsverify" : "tlscacert",
                                     ": needs tlscert and tlskey: without them no TLS is spoken"));
    if (settings.tlsverify && settings.tlscacert.empty())
        return Status::failed(
            "tlsverify: needs tlscacert, which says who signs clients' certificates");
    if (settings.upstream_tlscert.empty() != settings.upstream_tlskey.empty())
        return Status::failed("upstream_tlscert: needs upstream_tlskey, and the other way round");
    const bool upstream_set =
        !settings.upstream_tlscert.empty() || !settings.upstream_tlscacert.empty();
    if (upstream_set && !settings.upstream.tls)
        return Status::failed(phrase("upstream: ", settings.upstream.text,
                                     " speaks no TLS, but upstream_tls settings are given: write "
                                     "tls://HOST:PORT"));
    if (settings.upstream.tls && settings.upstream_tlsverify && settings.upstream_tlscacert.empty())
        return Status::failed("upstream_tlscacert: not set: who signs the upstream's certificate?");
    return Status::fine();
}

Status ConfigLoader::check_mode() const {
    const Settings& settings = config_.settings_;
    const bool learns = settings.mode == "learn";
    if (learns == !settings.learn.empty()) return Status::fine();
    return Status::failed(
        learns ? "learn: not set: where is what was learnt to be written?"
               : phrase("learn: is for mode learn only, and mode is ", settings.mode));
}

// What has one order, or one memory, has one process.
Status ConfigLoader::check_workers() const {
    const Settings& settings = config_.settings_;
    const uint32_t workers = worker_count(settings);
    if (workers == 1) return Status::fine();
    if (!settings.records_key_file.empty())
        return Status::failed(phrase("workers: ", workers,
                                     ", but records_key_file chains each "
                                     "record to the one before it: give workers 1"));
    if (settings.mode == "learn")
        return Status::failed(
            phrase("workers: ", workers, ", but mode learn is for one process: give workers 1"));
    return Status::fine();
}

Status ConfigLoader::check_listen() const {
    const std::vector<ListenAddress>& listen = config_.settings_.listen;
    for (size_t i = 0; i < listen.size(); ++i) {
        const bool any_port = listen[i].kind == Address::Kind::tcp && listen[i].port == 0;
        for (size_t j = 0; j < i && !any_port; ++j)
            if (identity(listen[i]) == identity(listen[j]))
                return Status::failed(phrase("listen: ", listen[i].text, " is given twice"));
        if (identity(listen[i]) == identity(config_.settings_.upstream))
            return Status::failed(
                phrase("upstream: ", config_.settings_.upstream.text,
                       " is becaused's own listen address: requests would go round"
                       " in a circle"));
    }
    return Status::fine();
}

Result<Config> load_config(std::span<const std::string> arguments,
                           std::span<const std::string> environment, bool to_run) {
    Result<std::vector<Given>> flags = given_by_flags(arguments);
    if (!flags.ok()) return flags.status();
    Result<std::vector<Given>> variables = given_by_environment(environment);
    if (!variables.ok()) return variables.status();
    ConfigLoader loader;
    const std::string file = file_named(flags.value(), variables.value());
    if (!file.empty()) {
        Result<std::string> text = read_file(file);
        if (!text.ok()) return text.status();
        Result<std::vector<Given>> lines = given_by_file(text.value(), file);
        if (!lines.ok()) return lines.status();
        const Status applied = loader.apply(lines.value());
        if (!applied.ok()) return applied;
        loader.read_from(file);
    }
    for (const std::vector<Given>* source : {&variables.value(), &flags.value()}) {
        const Status applied = loader.apply(*source);
        if (!applied.ok()) return applied;
    }
    const Status checked = loader.check(to_run);
    if (!checked.ok()) return checked;
    return std::move(loader.config());
}

}  // namespace becaused
