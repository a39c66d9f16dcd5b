#include "ops/run.hh"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include "ledger/record.hh"
#include "net/address.hh"
#include "net/signals.hh"
#include "ops/access_file.hh"
#include "ops/address.hh"
#include "ops/admin.hh"
#include "ops/admin_visit.hh"
#include "ops/crash.hh"
#include "ops/exporter.hh"
#include "ops/journal.hh"
#include "ops/learnt_file.hh"
#include "ops/start.hh"
#include "ops/state.hh"
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

// What was learnt so far, into its file.
Status keep_lessons(House& house, const Settings& settings) {
    if (house.learner() == nullptr) return Status::fine();
    const Status status = write_learnt_file(settings.learn, house.learner()->text());
    if (status.ok())
        std::fprintf(stderr, "becaused: what was learnt stands in %s\n", settings.learn.c_str());
    else std::fprintf(stderr, "becaused: %s\n", status.message().c_str());
    return status;
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
            ignored(!keep_lessons(house_, settings_).ok(), "it was said, and the end tries again");
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

// A port of the network's where nobody has to show who they are.
void warn_of_open_ports(const House& house, const Settings& settings) {
    if (house.guarded()) return;
    const std::vector<Endpoint> ports = house.listening();
    for (size_t i = 0; i < ports.size(); ++i) {
        const bool verified = settings.tlsverify && !settings.listen[i].plain;
        if (ports[i].kind == Endpoint::Kind::unix || is_loopback(ports[i]) || verified) continue;
        std::fprintf(stderr,
                     "becaused: warning: whoever reaches %s may do what profile %s allows: give "
                     "--access or --tlsverify\n",
                     settings.listen[i].text.c_str(), settings.profile.c_str());
    }
}

// In its default place it is a convenience, and what is in its way a warning.
Status open_admin(Admin& admin, const Settings& settings, const State& state) {
    if (settings.admin == "off") return Status::fine();
    const bool chosen = settings.admin != "auto";
    const std::string path = state.admin_path();
    if (!chosen && path.empty()) return Status::fine();
    Result<ListenAddress> address = parse_admin(chosen ? settings.admin : "unix://" + path);
    Status status = address.ok() ? admin.open(address.value()) : address.status();
    if (!status.ok() && chosen) return Status::failed("admin: " + status.message());
    if (!status.ok())
        std::fprintf(stderr, "becaused: admin: %s; becaused why --live cannot ask this process\n",
                     status.message().c_str());
    if (status.ok() && address.value().kind == Address::Kind::tcp) {
        std::string where;
        append_endpoint(where, admin.local());
        std::fprintf(stderr, "becaused: operators ask at tcp://%s\n", where.c_str());
    }
    return Status::fine();
}

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
    if (journal.left() > 0)
        std::fprintf(stderr, "becaused: %llu records could not be written; the next start will\n",
                     static_cast<unsigned long long>(journal.left()));
}

void say_exported(const Exporter& exporter) {
    std::fprintf(stderr, "becaused: %llu records exported, %llu not\n",
                 static_cast<unsigned long long>(exporter.exported()),
                 static_cast<unsigned long long>(exporter.dropped()));
}

// What every turn of the loop ends with.
struct Turn {
    Ledger& ledger;
    BlackBox* box;
    uint32_t number = 0;
};

void end_turn(void* context) noexcept {
    Turn& turn = *static_cast<Turn*>(context);
    turn.ledger.serve_nobody();
    // Entries have stamps of their own, so that now and then is often enough.
    constexpr uint32_t turns_per_beat = 8;
    if (turn.box != nullptr && turn.number++ % turns_per_beat == 0) {
        const uint64_t now_ns = turn.ledger.clock().now_ns();
        turn.box->beat(now_ns, turn.ledger.clock().wall_ns(now_ns));
    }
#if defined(BECAUSED_CHECKS) && BECAUSED_CHECKS
    turn.ledger.check_identity();
#endif
}

// Records go to the journal, to a collector, or to both.
class Outlets final : public RecordSink {
  public:
    Outlets(Journal* journal, Exporter* exporter) : journal_(journal), exporter_(exporter) {}
    void record(std::string_view line) override {
        if (journal_ != nullptr) journal_->record(line);
        if (exporter_ != nullptr) exporter_->record(line);
    }

  private:
    Journal* journal_;
    Exporter* exporter_;
};

// What lives as long as the house, and goes when the house is closed.
struct Company {
    Admin& admin;
    Exporter* exporter;
};

void say_goodbye(void* context) {
    const Company& company = *static_cast<Company*>(context);
    company.admin.close();
    if (company.exporter != nullptr) company.exporter->finish();
}

int failed_start(const Status& status) {
    std::fprintf(stderr, "becaused: %s\n", status.message().c_str());
    return 1;
}

// The state's box is there from here on, and what the last life left is on its way to the records.
Status begin_records(const Settings& settings, const House& house, Ledger& ledger, State& state,
                     Journal& journal, std::optional<Chain>& chain) {
    if (!settings.records_key_file.empty()) {
        Result<Chain> made = Chain::from_file(settings.records_key_file);
        if (!made.ok()) return made.status();
        chain.emplace(std::move(made.value()));
        journal.chain_by(*chain);
    }
    Status status =
        state.open(settings, ledger, house.connection_limit(), chain ? &*chain : nullptr);
    if (!status.ok()) return status;
    if (!settings.records.empty()) {
        status = journal.open(settings.records);
        if (!status.ok()) return status;
        journal.rotate_at(
            {settings.records_max_bytes, settings.records_max_age_s, settings.records_keep});
        if (state.box() != nullptr) journal.keep_in(*state.box(), state.left());
        ledger.set_sink(&journal);
    }
    ledger.set_box(state.box());
    watch_for_crashes(&ledger, state.box());
    return Status::fine();
}

}  // namespace

int run(const Settings& settings, const Config&) {
    Loop loop(static_cast<size_t>(settings.memory_bytes / Slab::size));
    if (!loop.status().ok()) return failed_start(loop.status());
    Ledger ledger(loop.clock());
    State state;
    std::optional<Chain> chain;
    Journal journal(loop, settings.journal_bytes);
    int code = 0;
    {
        House house(loop, ledger, settings);
        Operator person(house, journal, settings);
        Signals signals(loop, person);
        Admin admin(loop, ledger, settings.clocks);
        std::optional<Exporter> exporter;
        if (!settings.records_otlp.empty()) exporter.emplace(loop, ledger, settings);
        Outlets outlets(settings.records.empty() ? nullptr : &journal,
                        exporter ? &*exporter : nullptr);
        Company company{admin, exporter ? &*exporter : nullptr};
        house.on_closed(say_goodbye, &company);
        Status status = guard(house, settings);
        if (status.ok()) status = house.open();
        if (status.ok()) status = become_user(settings);
        if (status.ok() && house.learner() != nullptr) status = try_learnt_file(settings.learn);
        bool learns = false;
        if (status.ok()) status = begin_records(settings, house, ledger, state, journal, chain);
        if (status.ok() && exporter) {
            for (const std::string& line : state.found()) exporter->record(line);
            ledger.set_sink(&outlets);
        }
        Turn turn{ledger, state.box()};
        loop.on_turn(end_turn, &turn);
        if (status.ok()) status = open_admin(admin, settings, state);
        if (status.ok()) status = signals.open();
        if (!status.ok()) {
            code = failed_start(status);
            house.stop();
        } else {
            learns = true;
            house.on_tls_files(say_tls_files);
            warn_of_open_ports(house, settings);
            say_ready(house, settings);
        }
        loop.run();
        signals.close();
        loop.run();
        loop.on_turn(nullptr, nullptr);
        if (exporter) ledger.set_sink(settings.records.empty() ? nullptr : &journal);
        if (exporter) say_exported(*exporter);
        if (house.cut_at_stop()) code = 1;
        if (learns && !keep_lessons(house, settings).ok()) code = 1;
    }
    journal.close();
    watch_for_crashes(nullptr, nullptr);
    state.close();
    if (code == 0 || ledger.filed() > 0) say_bye(ledger, journal);
    ledger.check_identity();
    return code;
}

}  // namespace becaused
