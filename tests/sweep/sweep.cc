#include "sweep/sweep.hh"

#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <set>
#include <sstream>

#include "base/status.hh"
#include "ledger/record.hh"

namespace becaused::test {

namespace {

constexpr uint64_t runs_limit = 5000;  // of one call and errno: a scenario makes far fewer
constexpr size_t reports_limit = 20;

Fired all_fired;

// What is being run, for the line that a crash leaves behind.
char current[160];

void say_current(int) {
    ignored(::write(STDERR_FILENO, current, std::strlen(current)), "the last words of a crash");
    ::signal(SIGABRT, SIG_DFL);
}

std::string error_text(int error) {
    return is_tls_code(error) ? "no memory (mbedTLS)" : ::strerrorname_np(error);
}

// What fails in a run; the slab pool's growth is not a call, but a failure like the others.
struct Failure {
    enum class Kind : uint8_t { none, call, slab };
    Kind kind = Kind::none;
    Call call = Call::uv_write;
    uint64_t nth = 0;
    int error = 0;

    std::string text(const Scenario& scenario) const {
        std::string text = std::string(scenario.name) + ", ";
        if (kind == Kind::none) return text + "nothing fails";
        text += kind == Kind::slab ? "slab" : name(call);
        text += " #" + std::to_string(nth);
        if (kind == Kind::call) text += " " + error_text(error);
        return text;
    }
};

// The text between `key` and the next quote; in a record the first of a name is the record's own.
std::string_view text_after(std::string_view line, std::string_view key) {
    const size_t at = line.find(key);
    if (at == std::string_view::npos) return {};
    const std::string_view rest = line.substr(at + key.size());
    return rest.substr(0, rest.find('"'));
}

// The record's own errno, which follows its op; attempts and the trail have errnos too.
std::string_view errno_of(std::string_view line) {
    const std::string_view op = text_after(line, "\"op\":\"");
    const size_t end = static_cast<size_t>(op.data() + op.size() - line.data()) + 1;
    constexpr std::string_view key = ",\"errno\":\"";
    return line.substr(end).starts_with(key) ? text_after(line.substr(end), key)
                                             : std::string_view();
}

// What only we can lack, or do wrong.
bool ours(int error) {
    switch (error) {
        case EADDRNOTAVAIL:
        case EBADF:
        case EINVAL:
        case EMFILE:
        case ENFILE:
        case ENOBUFS:
        case ENOMEM:
        case ENOSPC: return true;
        default: return false;
    }
}

class Run {
  public:
    Run(const Scenario& scenario, const Failure& failure)
        : scenario_(scenario), failure_(failure), rig_(scenario.options) {}

    // True when the failure happened.
    bool play() {
        if (failure_.kind == Failure::Kind::call)
            fail_once(failure_.call, failure_.nth, failure_.error);
        else fail_none();
        SlabPool& slabs = rig_.loop().slabs();
        if (failure_.kind == Failure::Kind::slab)
            slabs.fail_take_after(static_cast<int64_t>(failure_.nth) - 1);
        scenario_.play(rig_);
        if (failure_.kind == Failure::Kind::none) summary_ = rig_.summary();
        const bool happened =
            failure_.kind == Failure::Kind::slab ? !slabs.failure_pending() : failed_once();
        for (size_t i = 0; i < call_count; ++i) counts_[i] = calls(static_cast<Call>(i));
        fail_none();
        slabs.fail_take_after(-1);
        come_to_rest();
        serve_another();
        rig_.finish();
        check_records();
        return happened;
    }

    const std::string& summary() const { return summary_; }
    uint64_t count(Call call) const { return counts_[static_cast<size_t>(call)]; }
    std::vector<std::string> complaints;

  private:
    void complain(const std::string& what) {
        complaints.push_back(failure_.text(scenario_) + ": " + what + "\n" + rig_.summary());
    }

    // Every peer is gone and every clock has rung: nothing may be left.
    void come_to_rest() {
        for (int i = 0; i < 8; ++i) {
            settle(rig_);
            rig_.skip(1000);
        }
        settle(rig_);
        if (rig_.ledger().live() != 0)
            complain(std::to_string(rig_.ledger().live()) + " entries are still open");
    }

    void serve_another() {
        if (rig_.house().stopping()) return;
        rig_.start_upstream();
        while (rig_.accept_now().open()) continue;
        if (scenario_.fresh != nullptr) {
            if (const std::string got = scenario_.fresh(rig_); !got.starts_with("HTTP/1.1 200 OK"))
                complain("a fresh request was not served: \"" + got + "\"");
            return;
        }
        Peer client = rig_.connect();
        Origin origin(rig_);
        client.send("GET /fresh HTTP/1.1\r\nHost: docker\r\n\r\n");
        origin.serve();
        if (origin.requests() == 0 && !scenario_.options.upstream_host.empty()) {
            rig_.wait_for_work();
            origin.serve();
        }
        client.read();
        if (!client.received.starts_with("HTTP/1.1 200 OK\r\n"))
            complain("a fresh request was not served: \"" + client.received + "\"");
    }

    void check_records() {
        const bool in_tls = failure_.kind == Failure::Kind::call && is_tls_code(failure_.error);
        const std::string injected = in_tls ? ""
                                     : failure_.kind == Failure::Kind::call
                                         ? error_text(failure_.error)
                                         : "nothing";
        for (const std::string& line : rig_.records()) {
            const std::string_view reason = text_after(line, "\"reason\":\"");
            const std::string_view by = text_after(line, "\"by\":\"");
            if (reason.empty() || text_after(line, "\"because\":\"").empty())
                complain("a record without a reason: " + line);
            if (reason == "lost") complain("lost: " + line);
            if (in_tls && reason.ends_with("_tls_failed") &&
                text_after(line, "\"detail\":\"").find("allocation") != std::string_view::npos)
                complain("a peer is blamed for our own want of memory: " + line);
            // Which is never a peer's fault.
            if (failure_.kind == Failure::Kind::call && ours(failure_.error) &&
                errno_of(line) == injected && by != "proxy")
                complain("a peer is blamed for our own failure: " + line);
            // Our own fault only where our own call failed, and with what it failed.
            if (reason == "internal" && !in_tls && errno_of(line) != injected)
                complain("internal for another cause: " + line);
        }
    }

    const Scenario& scenario_;
    const Failure failure_;
    Rig rig_;
    std::string summary_;
    uint64_t counts_[call_count] = {};
};

// Which of two connections is closed first is libuv's business.
std::string sorted_lines(const std::string& text) {
    std::multiset<std::string> lines;
    std::istringstream stream(text);
    for (std::string line; std::getline(stream, line);) lines.insert(line + "\n");
    std::string sorted;
    for (const std::string& line : lines) sorted += line;
    return sorted;
}

// Runs with one failure; true when it happened.
bool run_with(const Scenario& scenario, const Failure& failure,
              std::vector<std::string>& complaints) {
    std::snprintf(current, sizeof current, "while running: %s\n", failure.text(scenario).c_str());
    Run run(scenario, failure);
    const bool happened = run.play();
    ++all_fired.runs;
    if (complaints.size() < reports_limit)
        complaints.insert(complaints.end(), run.complaints.begin(), run.complaints.end());
    return happened;
}

}  // namespace

const Fired& fired() { return all_fired; }

std::vector<std::string> sweep(const Scenario& scenario) {
    ::signal(SIGABRT, say_current);
    std::vector<std::string> complaints;
    std::snprintf(current, sizeof current, "while running: %s, nothing fails\n", scenario.name);
    Run clean(scenario, {});
    clean.play();
    complaints = clean.complaints;
    if (sorted_lines(clean.summary()) != sorted_lines(scenario.clean))
        complaints.push_back(std::string(scenario.name) + " without a failure filed\n" +
                             clean.summary() + "and should file\n" + scenario.clean);
    if (!complaints.empty()) return complaints;
    for (size_t i = 0; i < call_count; ++i) {
        const Call call = static_cast<Call>(i);
        for (const int error : errors_of(call)) {
            uint64_t nth = 1;
            while (run_with(scenario, {Failure::Kind::call, call, nth, error}, complaints)) {
                ++all_fired.by_call[i];
                if (++nth > runs_limit) {
                    complaints.push_back(std::string(scenario.name) + ": no end of " + name(call));
                    break;
                }
            }
            // Every call that the clean run made must have been made to fail.
            if (nth == 1 && clean.count(call) > 0)
                complaints.push_back(std::string(scenario.name) + ": " + name(call) +
                                     " is called and was never made to fail");
        }
    }
    for (uint64_t nth = 1; run_with(scenario, {Failure::Kind::slab, {}, nth, 0}, complaints);
         ++nth) {
        ++all_fired.slabs;
        if (nth == runs_limit) break;
    }
    ::signal(SIGABRT, SIG_DFL);
    return complaints;
}

void settle(Rig& rig) {
    rig.settle();
    SlabPool& slabs = rig.loop().slabs();
    if (slabs.failure_pending()) return;
    Slab* slab = slabs.take();
    if (slab == nullptr) return;
    slab->references = 0;
    slabs.give_back(slab);
    rig.settle();
}

void Origin::serve() {
    for (int quiet = 0; quiet < 2;) {
        settle(rig_);
        ++quiet;
        for (Peer peer = rig_.accept_now(); peer.open(); peer = rig_.accept_now()) {
            peers_.push_back(std::move(peer));
            quiet = 0;
        }
        for (Peer& peer : peers_) {
            peer.read();
            for (size_t end = peer.received.find("\r\n\r\n"); end != std::string::npos;
                 end = peer.received.find("\r\n\r\n")) {
                const bool ignore = peer.received.find(" /unanswered ") < end;
                peer.received.erase(0, end + 4);
                if (!ignore) peer.send(answer_);
                ++requests_;
                quiet = 0;
            }
        }
    }
}

void half_close(Peer& peer) {
    if (peer.open()) ignored(::shutdown(peer.fd(), SHUT_WR), "the connection may be gone already");
}

}  // namespace becaused::test
