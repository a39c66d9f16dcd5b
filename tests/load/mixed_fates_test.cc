// A hundred thousand requests of every fate, dozens at once, through the real house. Whatever their
// clients and the upstream do, each has one record, which blames whoever did it; and nothing is left.
//
//     BECAUSED_SEED=N      the same requests again (printed at every run)
//     BECAUSED_REQUESTS=N  so many instead
#include <chrono>
#include <cstdlib>
#include <map>
#include <set>

#include "support/crowd.hh"
#include "support/sanitizers.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

constexpr uint32_t usual_requests = sanitized ? 10'000 : 100'000;
constexpr uint32_t per_round = 400;
constexpr size_t clients = 48;

uint64_t number_of(const char* variable, uint64_t otherwise) {
    const char* text = std::getenv(variable);
    return text == nullptr || *text == '\0' ? otherwise : std::strtoull(text, nullptr, 10);
}

// What all eras saw.
struct Tally {
    std::map<std::string, uint64_t> reasons;  // of exchanges
    std::map<std::string, uint64_t> fates;
    std::map<std::string, std::string> samples;  // "kind reason phase": a record
    uint64_t requests = 0;
    uint64_t records = 0;
    uint64_t wrong = 0;

    void complain(const std::string& what) {
        if (++wrong <= 20) print_error("%s\n", what.c_str());
    }
};
Tally tally;

std::string_view after(std::string_view line, std::string_view key) {
    const size_t at = line.find(key);
    if (at == std::string_view::npos) return {};
    const std::string_view rest = line.substr(at + key.size());
    return rest.substr(0, rest.find_first_of("\",}"));
}

struct Era {
    const char* name;
    bool unix_client;
    bool unix_upstream;
    bool allow_half_close = false;
};

// One life of a house: many rounds, then a stop in the midst of one.
class Play {
  public:
    Play(const Era& era, uint32_t requests, uint64_t seed)
        : era_(era), random_(seed), rig_(options()), requests_(requests) {
        plans_.reserve(requests_ + 1);
        plans_.emplace_back();
    }

    void run() {
        uint32_t headless_least = 0;
        uint32_t headless_most = 0;
        {
            Crowd crowd(rig_, random_, plans_, clients);
            while (plans_.size() <= requests_) {
                if (!play_round(crowd)) {
                    tally.complain("hangs:\n" + crowd.stuck());
                    break;
                }
                take_records();
            }
            crowd.leave();
            for (const std::string& what : crowd.oddities()) tally.complain(what);
        }
        rig_.finish();
        take_records();
        for (size_t number = 1; number < plans_.size(); ++number) {
            const Plan& plan = plans_[number];
            ++tally.fates[std::string(name(plan.fate))];
            if (plan.begun) ++tally.requests;
            judge(plan);
            // Heads that were not read, or not understood, are on record without their target.
            const bool perhaps = plan.begun && plan.records == 0 && !plan.orphan;
            if (!perhaps) continue;
            const bool surely = headless(plan.fate) && !may_be_unseen(plan) && !drained(plan);
            headless_least += surely ? 1 : 0;
            headless_most +=
                headless(plan.fate) || plan.fate == Fate::client_malformed || drained(plan) ? 1 : 0;
        }
        if (headless_ < headless_least || headless_ > headless_most)
            tally.complain(std::to_string(headless_) + " records without a target, not " +
                           std::to_string(headless_least) + " to " + std::to_string(headless_most));
    }

  private:
    RigOptions options() const {
        RigOptions options;
        options.unix_client = era_.unix_client;
        options.unix_upstream = era_.unix_upstream;
        options.slabs = 1024;
        options.upstream_backlog = 1024;
        Settings& settings = options.settings;
        settings.allow_half_close = era_.allow_half_close;
        settings.record_request_start = era_.unix_client;
        settings.connect_tries = 2;
        ClockTable& clocks = settings.clocks;
        for (const ClockName clock :
             {ClockName::request_head, ClockName::request_body, ClockName::first_byte,
              ClockName::response_body, ClockName::half_open, ClockName::drain})
            clocks.set_all(clock, 1000);
        clocks.set_all(ClockName::linger, 500);
        clocks.set(RouteClass::session, ClockName::tunnel, 1000);
        return options;
    }

    bool play_round(Crowd& crowd) {
        const auto first = static_cast<uint32_t>(plans_.size());
        const uint32_t end = std::min(first + per_round, requests_ + 1);
        const bool last = end > requests_;
        const uint64_t lot = random_.below(20);
        const Crowd::Mode mode = last       ? Crowd::Mode::drained
                                 : lot == 0 ? Crowd::Mode::refused
                                 : lot == 1 ? Crowd::Mode::restarted
                                            : Crowd::Mode::usual;
        for (uint32_t number = first; number < end; ++number)
            plans_.push_back(
                mode == Crowd::Mode::refused     ? draw_plan(number, random_, Fate::refused)
                : mode == Crowd::Mode::restarted ? draw_plan(number, random_, Fate::restarted)
                                                 : draw_plan(number, random_));
        if (last) drained_from_ = first;
        return crowd.play(first, end, mode);
    }

    bool drained(const Plan& plan) const { return plan.number >= drained_from_; }

    void take_records() {
        for (const std::string& line : rig_.take_records()) see(line);
    }

    void see(const std::string& line) {
        ++tally.records;
        const std::string_view event = after(line, "\"event\":\"");
        if (event == "request_start") {
            tally.samples.try_emplace("request_start", line);
            return;
        }
        const std::string_view word = after(line, "\"reason\":\"");
        const std::string_view by = after(line, "\"by\":\"");
        const std::string_view phase = after(line, "\"phase\":\"");
        const bool exchange = event == "exchange";
        const std::string_view kind = exchange ? event : after(line, "\"side\":\"");
        tally.samples.try_emplace(
            std::string(kind) + " " + std::string(word) + " " + std::string(phase), line);
        const std::optional<Reason> reason = find_reason(word);
        if (!reason || *reason == Reason::lost || *reason == Reason::internal ||
            after(line, "\"because\":\"").empty()) {
            tally.complain("a record that should not be: " + line);
            return;
        }
        if (exchange) see_exchange(line, *reason);
        else if (by == (kind == "client" ? "upstream" : "client"))
            tally.complain("a connection blames the other side: " + line);
    }

    void see_exchange(const std::string& line, Reason reason) {
        ++tally.reasons[std::string(name(reason))];
        const uint32_t number = fate_number(line);
        if (number == 0 || number >= plans_.size()) {
            ++headless_;
            const std::set<Reason> can = {
                Reason::client_closed,         Reason::client_reset,
                Reason::client_head_timeout,   Reason::client_malformed,
                Reason::client_head_too_large, Reason::client_ambiguous_framing,
                Reason::request_unsupported};
            const bool at_stop = drained_from_ != UINT32_MAX && by_stop(reason);
            if (!can.contains(reason) && !at_stop) tally.complain("without a target: " + line);
            return;
        }
        Plan& plan = plans_[number];
        plan.reason = reason;
        plan.record_status =
            static_cast<unsigned>(std::strtoul(after(line, "\"status\":").data(), nullptr, 10));
        if (++plan.records > 1) tally.complain("filed twice: " + line);
        const bool fits = allowed(plan, reason, era_.unix_client || era_.unix_upstream) ||
                          (drained(plan) && by_stop(reason));
        if (!fits) tally.complain(std::string(name(plan.fate)) + " may not end like this: " + line);
    }

    static bool by_stop(Reason reason) {
        return reason == Reason::draining || reason == Reason::drain_deadline ||
               reason == Reason::shutdown;
    }

    void judge(const Plan& plan) const {
        const std::string who = "fate-" + std::to_string(plan.number) + " (" +
                                std::string(name(plan.fate)) + ", " + era_.name + ") ";
        if (plan.wrong) tally.complain(who + "had bytes that nobody sent");
        if (!plan.begun || plan.orphan) {
            if (plan.records != 0) tally.complain(who + "was not asked, but has a record");
            return;
        }
        const bool unrecognised = headless(plan.fate) || plan.fate == Fate::client_malformed;
        if (plan.records == 0 && !unrecognised && !may_be_unseen(plan) && !drained(plan))
            tally.complain(who + "has no record");
        if (plan.records == 0) return;
        if (plan.reason == Reason::complete && !plan.whole)
            tally.complain(who + "is complete on record, not for its client");
        if (plan.whole && plan.seen_status != 101 && plan.seen_status != plan.record_status)
            tally.complain(who + "shows status " + std::to_string(plan.seen_status) +
                           ", on record " + std::to_string(plan.record_status));
        if (plan.whole && plan.seen_status == plan.status && !must_be_whole(plan.fate) &&
            plan.fate != Fate::tunnel && !plan.tunnel && plan.raw_request.empty())
            tally.complain(who + "looks whole to its client");
    }

    const Era era_;
    Random random_;
    Rig rig_;
    const uint32_t requests_;
    std::vector<Plan> plans_;
    uint32_t drained_from_ = UINT32_MAX;
    uint32_t headless_ = 0;
};

}  // namespace

static void every_fate_has_one_record_that_blames_whoever_did_it(void**) {
    const auto requests = static_cast<uint32_t>(number_of("BECAUSED_REQUESTS", usual_requests));
    const auto now =
        static_cast<uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
    const uint64_t seed = number_of("BECAUSED_SEED", now % 1'000'000'000);
    print_message("BECAUSED_SEED=%llu BECAUSED_REQUESTS=%u\n",
                  static_cast<unsigned long long>(seed), requests);
    const Era eras[] = {
        {"tcp to tcp", false, false},
        {"unix to unix", true, true},
        {"tcp to unix", false, true},
        {"unix to tcp", true, false},
    };
    for (size_t i = 0; i < std::size(eras); ++i) {
        Play play(eras[i], requests / std::size(eras), seed + i);
        play.run();
    }
    for (const auto& [fate, count] : tally.fates)
        print_message("%8llu %s\n", static_cast<unsigned long long>(count), fate.c_str());
    for (const auto& [reason, count] : tally.reasons)
        print_message("%8llu exchanges %s\n", static_cast<unsigned long long>(count),
                      reason.c_str());
    print_message("%llu requests, %llu records, %zu kinds\n",
                  static_cast<unsigned long long>(tally.requests),
                  static_cast<unsigned long long>(tally.records), tally.samples.size());
    assert_int_equal(tally.wrong, 0);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(every_fate_has_one_record_that_blames_whoever_did_it),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
