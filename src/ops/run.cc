#include "ops/run.hh"

#include <csignal>
#include <cstdio>
#include <optional>
#include <string>

#include "net/signals.hh"
#include "ops/access_file.hh"
#include "ops/address.hh"
#include "ops/admin.hh"
#include "ops/admin_visit.hh"
#include "ops/announce.hh"
#include "ops/command.hh"
#include "ops/crash.hh"
#include "ops/exporter.hh"
#include "ops/journal.hh"
#include "ops/learnt_file.hh"
#include "ops/life_sign.hh"
#include "ops/orders.hh"
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

void say_tls_trouble(const Status& status) {
    if (!status.ok()) say_tls_files(status);
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
    Status status = write_learnt_file(settings.learn, house.learner()->text());
    if (status.ok())
        std::fprintf(stderr, "becaused: what was learnt stands in %s\n", settings.learn.c_str());
    else std::fprintf(stderr, "becaused: %s\n", status.message().c_str());
    return status;
}

// SIGTERM and SIGINT stop (twice: at once), SIGHUP reopens the records' file and reads TLS and access
// files again. A worker gets the same as orders of its parent, who says for all what each would say.
class Operator final : public SignalSink, public OrderSink {
  public:
    Operator(House& house, Journal& journal, Admin& admin, const Settings& settings,
             const Station* station)
        : house_(house),
          journal_(journal),
          admin_(admin),
          settings_(settings),
          silent_(station != nullptr && !station->says_for_all) {}
    void on_signal(int number) override {
        if (number == SIGHUP) return reopen();
        say_stopping(number, house_.stopping());
        house_.stop();
    }
    void on_order(const Received& received) override {
        switch (received.order) {
            case Order::stop: return house_.stop();
            case Order::reopen: return reopen();
            case Order::ask: return admin_.take(received.passed);
            case Order::refuse: return admin_.take(received.passed, false);
            case Order::gone: return end_alone();
            case Order::ready:
            case Order::none: return;
        }
    }

  private:
    void reopen() {
        journal_.reopen();
        if (house_.has_tls()) report(house_.reload(), say_tls_files);
        if (!settings_.access.empty()) report(guard(house_, settings_), say_access);
        ignored(!keep_lessons(house_, settings_).ok(), "it was said, and the end tries again");
    }
    void report(const Status& status, void (*say_it)(const Status&)) const {
        if (!status.ok() || !silent_) say_it(status);
    }
    // Nobody would start what ends next, nor stop what goes on.
    void end_alone() {
        if (!silent_) say("the parent process is gone: ending what is left at once");
        for (int stops = 0; stops < 2; ++stops) house_.stop();
    }

    House& house_;
    Journal& journal_;
    Admin& admin_;
    const Settings& settings_;
    bool silent_;
};

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
    if (status.ok() && address.value().kind == Address::Kind::tcp) say_admin(admin.local());
    return Status::fine();
}

// To people, or to the parent who tells them.
void say_served(const House& house, const Settings& settings, const Station* station) {
    if (station != nullptr) {
        ignored(send_order(station->channel, Order::ready), "a parent that is gone is told of");
        return;
    }
    warn_of_open_ports(house.listening(), settings);
    say_ready(house.listening(), settings);
}

// What every turn of the loop ends with.
struct Turn {
    Ledger& ledger;
    BlackBox* box;
    const Journal& journal;
    const Station* station;
    const State& state;
    uint32_t number = 0;
    uint64_t told = UINT64_MAX;  // ledger.filed() of when the parent was last shown
};

// What this worker ended, and what it was left by the one before it.
Totals worker_totals(Totals totals, const State& state) {
    constexpr auto reason = static_cast<size_t>(Reason::previous_life);
    totals.filed[static_cast<size_t>(Entry::Kind::exchange)][reason] += state.cut().exchanges;
    totals.filed[static_cast<size_t>(Entry::Kind::connection)][reason] += state.cut().connections;
    return totals;
}

void end_turn(void* context) noexcept {
    Turn& turn = *static_cast<Turn*>(context);
    turn.ledger.serve_nobody();
    // Entries have stamps of their own, so that now and then is often enough.
    constexpr uint32_t turns_per_beat = 8;
    if (turn.box != nullptr && turn.number++ % turns_per_beat == 0) {
        const uint64_t now_ns = turn.ledger.clock().now_ns();
        turn.box->beat(now_ns, turn.ledger.clock().wall_ns(now_ns));
    }
    // Of a worker that is killed, so much is known.
    if (turn.station != nullptr && turn.ledger.filed() != turn.told) {
        turn.told = turn.ledger.filed();
        *turn.station->totals =
            worker_totals(count_totals(turn.ledger, turn.journal, nullptr), turn.state);
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

// The state's box is there from here on, and what the last life left is on its way to the records.
Status begin_records(const Settings& settings, const House& house, Ledger& ledger, State& state,
                     Journal& journal, const Station* station, std::optional<Chain>& chain) {
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
        if (station != nullptr) journal.share(*station->baton);
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

int run(const Settings& settings, const Station* station) {
    Loop loop(static_cast<size_t>(settings.memory_bytes / Slab::size));
    if (!loop.status().ok()) return complain(loop.status().message(), 1);
    Ledger ledger(loop.clock());
    State state(station);
    std::optional<Chain> chain;
    Journal journal(loop, settings.journal_bytes);
    int code = 0;
    Totals totals;
    {
        House house(loop, ledger, settings);
        Admin admin(loop, ledger, settings.clocks);
        Operator person(house, journal, admin, settings, station);
        Signals signals(loop, person);
        Orders orders(loop, person);
        LifeSign life(loop, station);
        std::optional<Exporter> exporter;
        if (!settings.records_otlp.empty()) exporter.emplace(loop, ledger, settings);
        Outlets outlets(settings.records.empty() ? nullptr : &journal,
                        exporter ? &*exporter : nullptr);
        Company company{admin, exporter ? &*exporter : nullptr};
        house.on_closed(say_goodbye, &company);
        Status status = guard(house, settings);
        if (status.ok())
            status = house.open(station == nullptr ? std::vector<int>() : station->ports);
        if (status.ok() && exporter) status = exporter->load();
        // A worker is whom its parent became.
        if (status.ok() && station == nullptr) status = become_user(settings);
        if (status.ok() && house.learner() != nullptr) status = try_learnt_file(settings.learn);
        bool learns = false;
        if (status.ok())
            status = begin_records(settings, house, ledger, state, journal, station, chain);
        if (status.ok() && exporter) {
            for (const std::string& line : state.found()) exporter->record(line);
            ledger.set_sink(&outlets);
        }
        Turn turn{ledger, state.box(), journal, station, state};
        loop.on_turn(end_turn, &turn);
        if (station != nullptr) {
            if (status.ok()) status = orders.open(station->channel);
        } else {
            if (status.ok()) status = open_admin(admin, settings, state);
            if (status.ok()) status = signals.open();
        }
        if (!status.ok()) {
            code = complain(status.message(), 1);
            house.stop();
        } else {
            learns = true;
            life.start();
            const bool silent = station != nullptr && !station->says_for_all;
            house.on_tls_files(silent ? say_tls_trouble : say_tls_files);
            say_served(house, settings, station);
        }
        loop.run();
        signals.close();
        orders.close();
        life.close();
        loop.run();
        loop.on_turn(nullptr, nullptr);
        if (exporter) ledger.set_sink(settings.records.empty() ? nullptr : &journal);
        totals = count_totals(ledger, journal, exporter ? &*exporter : nullptr);
        if (exporter && station == nullptr) say_exported(totals);
        for (const House::LeftSocket& left : house.left_sockets())
            say_left(left.address->path, left.error);
        if (house.cut_at_stop()) code = 1;
        if (learns && !keep_lessons(house, settings).ok()) code = 1;
    }
    journal.close();
    watch_for_crashes(nullptr, nullptr);
    state.close();
    totals.dropped = journal.dropped();
    totals.left = journal.left();
    if (station != nullptr) *station->totals = worker_totals(totals, state);
    else if (code == 0 || ledger.filed() > 0) say_bye(totals, false);
    ledger.check_identity();
    return code;
}

}  // namespace becaused
