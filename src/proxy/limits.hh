// How often and how many at once, as the settings allow: by address, by identity, and all together. One
// per house. Its tables are bounded and exist only for rates that are set. Times are monotonic.
#pragma once

#include <optional>

#include "gate/identity.hh"
#include "gate/rate.hh"
#include "gate/route.hh"
#include "proxy/settings.hh"

namespace becaused {

// What was too much.
struct Overrun {
    Reason reason = Reason::rate_limited;
    const char* detail = "";   // static
    std::string_view setting;  // its key
    Rate rate;                 // rate_limited only, as `answer`
    RateTable::Answer answer;
};

// What an exchange counts for as long as it runs.
struct Holding {
    RateKey key = 0;
    bool exchange = false;
    bool tunnel = false;
    bool build = false;
    bool shaped = false;  // its bytes are charged to `key`; nothing to give back
};

class Limits {
  public:
    explicit Limits(const Settings& settings);

    // May this address open one more connection, begin one more TLS handshake?
    bool connection(const Endpoint& peer, uint64_t now_ns);
    bool handshake(const Endpoint& peer, uint64_t now_ns);
    // Nothing: one more request may come from there.
    std::optional<Overrun> request(const Endpoint& peer, uint64_t now_ns);
    // Nothing: one more may come of this identity (empty: of that address), and is now part of
    // `holding`, which must be given back. `ping`: it is always one more.
    std::optional<Overrun> take(const IdentityRef& identity, const Endpoint& peer,
                                const Route& route, bool ping, uint64_t now_ns, Holding& holding);
    void give_back(Holding& holding);
    // So many bytes of `holding`'s went up or down: how long its source should rest. Only for those
    // that are `shaped`.
    uint64_t charge(const Holding& holding, bool up, uint64_t bytes, uint64_t now_ns);

  private:
    // Rates are kept apart by their tables.
    struct Kept {
        explicit Kept(bool on) {
            if (on) table.emplace(places);
        }
        static constexpr size_t places = 16 * 1024;
        std::optional<RateTable> table;
    };
    static std::optional<Overrun> ask(Kept& kept, const Rate& rate, RateKey key,
                                      std::string_view setting, const char* detail,
                                      uint64_t now_ns);
    const Rate* rate_of(const IdentityRef& identity) const;

    const Settings& settings_;
    Kept connections_;
    Kept handshakes_;
    Kept addresses_;
    Kept identities_;
    Kept total_;
    Kept uploads_;
    Kept downloads_;
    CountTable exchanges_;
    CountTable tunnels_;
    CountTable builds_;
};

}  // namespace becaused
