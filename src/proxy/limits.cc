#include "proxy/limits.hh"

#include <algorithm>

#include "base/clock.hh"

namespace becaused {

namespace {

// Some identities have a rate.
bool any_rate(const Settings& settings) {
    return settings.identity_rate.on() ||
           std::ranges::any_of(settings.rate_classes,
                               [](const RateClass& one) { return one.rate.on(); });
}

// What may go at once after a rest.
constexpr uint64_t burst_ns = 250 * ns_per_ms;

}  // namespace

Limits::Limits(const Settings& settings)
    : settings_(settings),
      connections_(settings.connection_rate.on()),
      handshakes_(settings.handshake_rate.on()),
      addresses_(settings.address_rate.on()),
      identities_(any_rate(settings)),
      total_(settings.total_rate.on()),
      uploads_(settings.identity_upload > 0),
      downloads_(settings.identity_download > 0) {}

std::optional<Overrun> Limits::ask(Kept& kept, const Rate& rate, RateKey key,
                                   std::string_view setting, const char* detail, uint64_t now_ns) {
    if (!rate.on()) return std::nullopt;
    const RateTable::Answer answer = kept.table->ask(key, rate, now_ns);
    if (answer.wait_ns == 0) return std::nullopt;
    return Overrun{Reason::rate_limited, detail, setting, rate, answer};
}

bool Limits::connection(const Endpoint& peer, uint64_t now_ns) {
    return !ask(connections_, settings_.connection_rate, rate_key(peer), "", "", now_ns);
}

bool Limits::handshake(const Endpoint& peer, uint64_t now_ns) {
    return !ask(handshakes_, settings_.handshake_rate, rate_key(peer), "", "", now_ns);
}

std::optional<Overrun> Limits::request(const Endpoint& peer, uint64_t now_ns) {
    if (auto overrun = ask(addresses_, settings_.address_rate, rate_key(peer), "address_rate",
                           "requests from this address (address_rate)", now_ns))
        return overrun;
    return ask(total_, settings_.total_rate, 1, "total_rate",
               "requests of all clients (total_rate)", now_ns);
}

// Null: its class is one that the settings do not have.
const Rate* Limits::rate_of(const IdentityRef& identity) const {
    if (!identity || identity->rate.empty()) return &settings_.identity_rate;
    const auto found = std::ranges::find(settings_.rate_classes, identity->rate, &RateClass::name);
    return found == settings_.rate_classes.end() ? nullptr : &found->rate;
}

std::optional<Overrun> Limits::take(const IdentityRef& identity, const Endpoint& peer,
                                    const Route& route, bool ping, uint64_t now_ns,
                                    Holding& holding) {
    if (ping) return std::nullopt;
    const auto crowded = [](const char* detail, std::string_view setting) {
        return Overrun{Reason::concurrency_limited, detail, setting, {}, {}};
    };
    const RateKey key = identity ? rate_key(identity->name) : rate_key(peer);
    const Rate* rate = rate_of(identity);
    if (rate == nullptr)
        return crowded("the identity's rate class is none of becaused's (rate_class)",
                       "rate_class");
    if (auto overrun = ask(identities_, *rate, key, "identity_rate",
                           "requests of this identity (identity_rate)", now_ns))
        return overrun;
    holding.key = key;
    holding.shaped = settings_.identity_upload > 0 || settings_.identity_download > 0;
    if (settings_.identity_exchanges > 0) {
        holding.exchange = exchanges_.take(key, settings_.identity_exchanges);
        if (!holding.exchange)
            return crowded("requests of this identity (identity_exchanges)", "identity_exchanges");
    }
    if (settings_.identity_tunnels > 0 && (route.upgrades || route.hijackable)) {
        holding.tunnel = tunnels_.take(key, settings_.identity_tunnels);
        if (!holding.tunnel)
            return crowded("tunnels of this identity (identity_tunnels)", "identity_tunnels");
    }
    if (settings_.identity_builds > 0 && route.route_class == RouteClass::build) {
        holding.build = builds_.take(key, settings_.identity_builds);
        if (!holding.build)
            return crowded("builds of this identity (identity_builds)", "identity_builds");
    }
    return std::nullopt;
}

uint64_t Limits::charge(const Holding& holding, bool up, uint64_t bytes, uint64_t now_ns) {
    const uint64_t per_second = up ? settings_.identity_upload : settings_.identity_download;
    if (per_second == 0) return 0;
    const uint64_t cost_ns = bytes * 1'000'000'000 / per_second;
    return (up ? uploads_ : downloads_).table->charge(holding.key, cost_ns, burst_ns, now_ns);
}

void Limits::give_back(Holding& holding) {
    if (holding.exchange) exchanges_.give_back(holding.key);
    if (holding.tunnel) tunnels_.give_back(holding.key);
    if (holding.build) builds_.give_back(holding.key);
    holding = {};
}

}  // namespace becaused
