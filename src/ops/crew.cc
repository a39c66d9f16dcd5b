#include "ops/crew.hh"

#include <poll.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ops/announce.hh"
#include "ops/command.hh"
#include "ops/demise.hh"
#include "ops/orders.hh"
#include "ops/phrase.hh"
#include "ops/run.hh"
#include "ops/share.hh"

namespace becaused {

namespace {

void close_if(int& fd) {
    if (fd >= 0) ignored(::close(fd), "nothing is on its way");
    fd = -1;
}

}  // namespace

Crew::Crew(const Settings& settings, uint32_t workers)
    : settings_(settings), workers_(workers), exports_(!settings.records_otlp.empty()) {
    for (uint32_t i = 0; i < workers; ++i) workers_[i].number = i + 1;
}

Crew::~Crew() {
    for (Worker& worker : workers_) close_if(worker.channel);
    close_if(signals_);
    close_if(admin_);
    if (!admin_path_.empty())
        if (const int error = unlink_unix(admin_path_, admin_inode_); error != 0)
            say_left(admin_path_, error);
    if (shared_ != nullptr)
        ignored(::munmap(shared_, sizeof(Shown) * workers_.size()), "it was mapped by us");
}

// In a new worker, or in a process for one question: what is the parent's only.
void Crew::leave_to_child() {
    for (Worker& worker : workers_) close_if(worker.channel);
    close_if(signals_);
    close_if(admin_);
    admin_path_.clear();
    ignored(::sigprocmask(SIG_SETMASK, &before_, nullptr), "the mask is one that we had");
}

// False in the new process.
bool Crew::start(Worker& worker) {
    int ends[2];
    pid_t pid = -1;
    if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) == 0) {
        pid = ::fork();
        if (pid < 0) {
            for (int& end : ends) close_if(end);
        }
    }
    if (pid < 0) {
        say(phrase("worker ", worker.number, " cannot be started: ", std::strerror(errno)));
        ++worker.falls;
        worker.due_ms = now_ms() + (first_pause_ms << worker.falls);
        if (phase_ == Phase::serving && worker.falls <= most_falls) return true;
        code_ = 1;
        stop();
        return true;
    }
    if (pid == 0) {
        close_if(ends[0]);
        become(worker, ends[1]);
        return false;
    }
    close_if(ends[1]);
    worker.pid = pid;
    worker.channel = ends[0];
    worker.ready = false;
    worker.begun_ms = now_ms();
    return true;
}

void Crew::become(Worker& worker, int channel) {
    Station station;
    station.number = worker.number;
    station.count = static_cast<uint32_t>(workers_.size());
    station.channel = channel;
    station.ports = ports_.of(worker.number - 1);
    station.last_end = worker.last_end;
    station.baton = settings_.records.empty() ? nullptr : &baton_;
    station.totals = &shown_by(worker).totals;
    station.beats = &shown_by(worker).beats;
    station.beat_ms = look_every_ms();
    station.says_for_all = worker.number == 1;
    if (!state_path_.empty()) {
        const size_t slash = state_path_.rfind('/');
        station.state_directory = state_path_.substr(0, slash);
        station.state_name =
            state_path_.substr(slash + 1, state_path_.size() - slash - 1 - box_suffix.size());
    }
    ports_.leave(static_cast<int>(worker.number) - 1);
    leave_to_child();
    state_.let_go();
    // A terminal signals all of its processes: these hear it from their parent.
    for (const int number : {SIGTERM, SIGINT, SIGHUP}) CHECK(::signal(number, SIG_IGN) != SIG_ERR);
    station_ = std::move(station);
}

// Those whose time has come. False in a new process.
bool Crew::start_due() {
    if (phase_ == Phase::stopping) return true;
    for (Worker& worker : workers_) {
        if (phase_ == Phase::first && worker.number > 1) return true;
        if (worker.pid < 0 && worker.due_ms <= now_ms() && !start(worker)) return false;
        if (phase_ == Phase::stopping) return true;
    }
    return true;
}

int Crew::wait_ms() const {
    uint64_t due_ms = UINT64_MAX;
    for (const Worker& worker : workers_)
        if (worker.pid < 0 && phase_ == Phase::serving) due_ms = std::min(due_ms, worker.due_ms);
    for (const Worker& worker : workers_) {
        if (worker.pid < 0 || !worker.ready || look_every_ms() == 0) continue;
        due_ms = std::min(due_ms, looked_ms_ + look_every_ms());
        if (worker.hung_ms != 0 && !worker.killed)
            due_ms = std::min(due_ms, worker.hung_ms + abort_ms);
    }
    if (service_ms_ > 0) due_ms = std::min(due_ms, told_ms_ + service_ms_);
    if (due_ms == UINT64_MAX) return -1;
    const uint64_t now = now_ms();
    return due_ms > now ? static_cast<int>(due_ms - now) : 0;
}

bool Crew::over() const {
    return phase_ == Phase::stopping &&
           std::ranges::all_of(workers_, [](const Worker& worker) { return worker.pid < 0; });
}

int Crew::watch() {
    while (start_due() && !over()) {
        std::vector<pollfd> looks = {{signals_, POLLIN, 0}, {admin_, POLLIN, 0}};
        // A worker says one word only; its end is a signal.
        for (const Worker& worker : workers_)
            looks.push_back({worker.ready ? -1 : worker.channel, POLLIN, 0});
        if (::poll(looks.data(), looks.size(), wait_ms()) < 0) {
            CHECK(errno == EINTR);
            continue;
        }
        for (Worker& worker : workers_)
            if (looks[worker.number + 1].revents != 0) hear_worker(worker);
        if (looks[0].revents != 0) hear_signals();
        if (looks[1].revents != 0) accept_operator();
        if (station_) break;
        look_after_workers(now_ms());
        tell_service(now_ms());
    }
    return station_ ? 0 : finish();
}

void Crew::hear_worker(Worker& worker) {
    if (worker.channel < 0 || worker.ready) return;
    const Received received = receive_order(worker.channel);
    if (received.order == Order::none) return;
    worker.ready = true;  // or gone: in either case it has nothing more to say
    worker.beats = shown_by(worker).beats.load(std::memory_order_relaxed);
    worker.heard_ms = now_ms();
    if (received.order != Order::ready || phase_ == Phase::stopping) return;
    say(phrase("worker ", worker.number, " of ", workers_.size(), " is pid ", worker.pid));
    if (phase_ == Phase::first) phase_ = Phase::all;
    const bool all = std::ranges::all_of(
        workers_, [](const Worker& each) { return each.pid >= 0 && each.ready; });
    if (phase_ != Phase::all || !all) return;
    phase_ = Phase::serving;
    warn_of_open_ports(ports_.endpoints(), settings_);
    say_ready(ports_.endpoints(), settings_);
}

void Crew::hear_signals() {
    signalfd_siginfo info{};
    while (::read(signals_, &info, sizeof info) == static_cast<ssize_t>(sizeof info)) {
        const int number = static_cast<int>(info.ssi_signo);
        if (number == SIGCHLD) continue;
        if (number == SIGHUP) {
            tell_all(Order::reopen);
            continue;
        }
        say_stopping(number, phase_ == Phase::stopping);
        stop();
    }
    reap();
}

void Crew::reap() {
    int status = 0;
    for (pid_t pid = 0; (pid = ::waitpid(-1, &status, WNOHANG)) > 0;) {
        const auto worker = std::ranges::find(workers_, pid, &Worker::pid);
        if (worker != workers_.end()) bury(*worker, status);
        else --relays_;
    }
}

void Crew::bury(Worker& worker, int status) {
    const pid_t pid = worker.pid;
    const uint64_t lived_ms = now_ms() - worker.begun_ms;
    const bool failed = WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
    worker.pid = -1;
    close_if(worker.channel);
    worker.last_end = end_text(status);
    if (worker.hung_ms != 0)
        worker.last_end = phrase(hung_words, settings_.worker_watchdog_s, " s (worker_watchdog); ",
                                 worker.last_end);
    worker.hung_ms = 0;
    worker.killed = false;
    totals_.add(shown_by(worker).totals);
    shown_by(worker).totals = Totals();
    const std::string text =
        phrase("worker ", worker.number, " (pid ", pid, ") ended: ", worker.last_end);
    if (phase_ == Phase::stopping) {
        if (failed) code_ = 1;
        if (WIFSIGNALED(status)) say(text);
        return;
    }
    if (phase_ != Phase::serving) {
        code_ = 1;
        if (WIFSIGNALED(status)) say(text);  // else it has said why itself
        stop();
        return;
    }
    worker.falls = lived_ms < soon_ms ? worker.falls + 1 : 1;
    if (worker.falls > most_falls) {
        code_ = 1;
        say(phrase(text, ", the ", worker.falls, "th time in a row within ", soon_ms / 1000,
                   " s of its start: giving up"));
        stop();
        return;
    }
    const uint64_t pause_ms = worker.falls == 1 ? 0 : first_pause_ms << (worker.falls - 2);
    worker.due_ms = now_ms() + pause_ms;
    say(phrase(text, pause_ms == 0 ? std::string("; the next one starts now")
                                   : phrase("; the next one starts in ", pause_ms, " ms")));
}

void Crew::tell_all(Order order) const {
    for (const Worker& worker : workers_)
        if (worker.pid >= 0) ignored(send_order(worker.channel, order), "it is ending by itself");
}

void Crew::stop() {
    phase_ = Phase::stopping;
    ports_.close();
    tell_all(Order::stop);
}

int Crew::finish() {
    if (exports_) say_exported(totals_);
    if (code_ == 0 || totals_.connections() > 0) say_bye(totals_, true);
    return code_;
}

int run_crew(const Settings& settings, uint32_t workers) {
    Crew crew(settings, workers);
    if (const Status status = crew.open(); !status.ok())
        return complain(status.message(), exit_failed);
    const int code = crew.watch();
    if (crew.station() == nullptr) return code;
    return run(share_of(settings, workers), crew.station());
}

}  // namespace becaused
