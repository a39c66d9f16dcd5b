// Of a crew's parent: whether the workers' loops turn, and what becomes of one whose loop does not.
#include <csignal>
#include <ctime>

#include "ops/announce.hh"
#include "ops/crew.hh"
#include "ops/notify.hh"
#include "ops/phrase.hh"

namespace becaused {

uint64_t Crew::now_ms() {
    timespec now{};
    ignored(::clock_gettime(CLOCK_MONOTONIC, &now), "there is always such a clock");
    return static_cast<uint64_t>(now.tv_sec) * 1000 + static_cast<uint64_t>(now.tv_nsec) / 1000000;
}

void Crew::look_after_workers(uint64_t now) {
    const uint64_t every_ms = look_every_ms();
    if (every_ms == 0) return;
    // Whoever was away does not judge: what stopped all of us (a terminal, a debugger) stopped the beats.
    const bool away = now > looked_ms_ + 2 * every_ms;
    const bool due = now >= looked_ms_ + every_ms;
    if (due) looked_ms_ = now;
    for (Worker& worker : workers_) {
        if (worker.pid < 0 || !worker.ready) continue;
        if (away) worker.heard_ms = now;
        if (due || worker.hung_ms != 0) look_after(worker, now);
    }
}

// Its last words, then, and whatever it had open is told by the next one, from its box.
void Crew::look_after(Worker& worker, uint64_t now) {
    if (worker.hung_ms != 0) {
        if (worker.killed || now < worker.hung_ms + abort_ms) return;
        worker.killed = true;
        ignored(::kill(worker.pid, SIGKILL), "then it has ended meanwhile");
        return;
    }
    const uint64_t beats = shown_by(worker).beats.load(std::memory_order_relaxed);
    if (beats != worker.beats) {
        worker.beats = beats;
        worker.heard_ms = now;
    }
    if (now < worker.heard_ms + settings_.worker_watchdog_s * 1000ULL) return;
    say(phrase("worker ", worker.number, " (pid ", worker.pid,
               ") hangs: its loop has stood still for ", settings_.worker_watchdog_s,
               " s (worker_watchdog); ending it"));
    worker.hung_ms = now;
    ignored(::kill(worker.pid, SIGABRT), "then it has ended meanwhile");
    // One that somebody stopped hears nothing before it goes on.
    ignored(::kill(worker.pid, SIGCONT), "then it has ended meanwhile");
}

void Crew::tell_service(uint64_t now) {
    if (service_ms_ == 0 || now < told_ms_ + service_ms_) return;
    told_ms_ = now;
    ignored(notify("WATCHDOG=1") ? 0 : 1, "the next one comes");
}

}  // namespace becaused
