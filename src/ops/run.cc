#include "ops/run.hh"

#include <csignal>
#include <cstdio>
#include <string>

#include "ledger/record.hh"
#include "net/signals.hh"
#include "ops/access_file.hh"
#include "ops/journal.hh"
#include "proxy/house.hh"

namespace becaused {

namespace {

void say_tls_files(const Status& status) {
    if (status.ok()) std::fprintf(stderr, "becaused: TLS files were read again\n");
    else
        std::fprintf(stderr, "becaused: %s; the TLS files read before stay in use\n",
                     status.message().c_str());
}

// Who may come in, from the settings' access file, if there is one.
Status guard(House& house, const Settings& settings) {
    if (settings.access.empty() && settings.auth_service.text.empty()) return Status::fine();
    if (settings.access.empty()) return house.guard(AuthSettings(), Policy());
    Result<AccessRules> rules = load_access(settings.access);
    if (!rules.ok()) return Status::failed("access: " + rules.status().message());
    return house.guard(std::move(rules.value().auth), std::move(rules.value().policy));
}

void say_access(const Status& status) {
    if (status.ok()) std::fprintf(stderr, "becaused: the access file was read again\n");
    else
        std::fprintf(stderr, "becaused: %s; the rules read before stay in force\n",
                     status.message().c_str());
}

// SIGTERM and SIGINT stop (twice: at once), SIGHUP reopens the records' file and reads TLS and access
// files again.
class Operator final : public SignalSink {
  public:
    Operator(House& house, Journal& journal, const Settings& settings)
        : house_(house), journal_(journal), settings_(settings) {}
    void on_signal(int number) override {
        if (number == SIGHUP) {
            journal_.reopen();
            if (house_.has_tls()) say_tls_files(house_.reload());
            if (!settings_.access.empty()) say_access(guard(house_, settings_));
            return;
        }
        const char* name = number == SIGINT ? "SIGINT" : "SIGTERM";
        std::fprintf(stderr, "becaused: %s: %s\n", name,
                     house_.stopping() ? "ending what is left at once"
                                       : "accepting no more; finishing what runs (again: at once)");
        house_.stop();
    }

  private:
    House& house_;
    Journal& journal_;
    const Settings& settings_;
};

void say_ready(const House& house, const Settings& settings) {
    std::string where;
    for (const Endpoint& endpoint : house.listening()) {
        if (!where.empty()) where += ", ";
        if (endpoint.kind == Endpoint::Kind::unix) {
            where += "unix://" + *endpoint.path;
        } else {
            where += "tcp://";
            append_endpoint(where, endpoint);
        }
    }
    std::fprintf(stderr, "becaused: ready on %s in front of %s\n", where.c_str(),
                 settings.upstream.text.c_str());
}

void say_bye(const Ledger& ledger, const Journal& journal) {
    const uint64_t lost = ledger.filed(Entry::Kind::connection, Reason::lost) +
                          ledger.filed(Entry::Kind::exchange, Reason::lost);
    std::fprintf(
        stderr,
        "becaused: stopped; %llu requests, %llu connections, %llu lost, %llu records dropped\n",
        static_cast<unsigned long long>(ledger.filed(Entry::Kind::exchange)),
        static_cast<unsigned long long>(ledger.filed(Entry::Kind::connection)),
        static_cast<unsigned long long>(lost), static_cast<unsigned long long>(journal.dropped()));
}

void check_turn(void* ledger) noexcept { static_cast<Ledger*>(ledger)->check_identity(); }

int failed_start(const Status& status) {
    std::fprintf(stderr, "becaused: %s\n", status.message().c_str());
    return 1;
}

}  // namespace

int run(const Settings& settings, const Config&) {
    Loop loop(static_cast<size_t>(settings.memory_bytes / Slab::size));
    if (!loop.status().ok()) return failed_start(loop.status());
    Ledger ledger(loop.clock());
    Journal journal(loop, settings.journal_bytes);
    if (!settings.records.empty()) {
        if (Status status = journal.open(settings.records); !status.ok())
            return failed_start(status);
        ledger.set_sink(&journal);
    }
#if defined(BECAUSED_CHECKS) && BECAUSED_CHECKS
    loop.on_turn(check_turn, &ledger);
#else
    ignored(sizeof(&check_turn), "identities are checked in test builds");
#endif
    int code = 0;
    {
        House house(loop, ledger, settings);
        Operator person(house, journal, settings);
        Signals signals(loop, person);
        Status status = guard(house, settings);
        if (status.ok()) status = house.open();
        if (status.ok()) status = signals.open();
        if (!status.ok()) {
            code = failed_start(status);
            house.stop();
        } else {
            house.on_tls_files(say_tls_files);
            say_ready(house, settings);
        }
        loop.run();
        signals.close();
        loop.run();
        if (house.cut_at_stop()) code = 1;
    }
    journal.close();
    if (code == 0 || ledger.filed() > 0) say_bye(ledger, journal);
    ledger.check_identity();
    return code;
}

}  // namespace becaused
