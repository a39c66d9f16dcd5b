// A crew's operators: each question is a process of its own, and those for whom there is no room are told.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <utility>

#include "ops/announce.hh"
#include "ops/crew.hh"
#include "ops/phrase.hh"
#include "ops/relay.hh"
#include "ops/state.hh"

namespace becaused {

namespace {

constexpr unsigned relay_limit_s = 120;  // however slowly its operator reads

}  // namespace

void Crew::accept_operator() {
    const int conn = ::accept4(admin_, nullptr, nullptr, SOCK_CLOEXEC);
    if (conn < 0) return;
    const bool room = relays_ < most_relays;
    const pid_t pid = room ? ::fork() : -1;
    const int error = room ? errno : 0;
    if (pid == 0) {
        ignored(::prctl(PR_SET_PDEATHSIG, SIGKILL), "it ends by itself, too");
        ::alarm(relay_limit_s);
        std::vector<Colleague> workers;
        const std::string stem = state_path_.substr(0, state_path_.rfind(box_suffix));
        for (Worker& worker : workers_)
            if (worker.channel >= 0)
                workers.push_back({std::exchange(worker.channel, -1),
                                   worker.ready && worker.hung_ms == 0,
                                   stem.empty() ? "" : worker_box(stem, worker.number)});
        ports_.leave();
        state_.let_go();
        leave_to_child();
        relay_question(conn, admin_tcp_, workers);
        ::_exit(0);
    }
    if (pid > 0) ++relays_;
    else if (!turn_away(conn)) say("admin: an operator is turned away: no worker serves now");
    if (pid < 0 && room)
        say(phrase("admin: no process for an operator's question: ", std::strerror(error)));
    ignored(::close(conn), "another process has it, or it was said");
}

// There is no ledger here, and so it is a worker that tells them and keeps the record.
bool Crew::turn_away(int conn) const {
    const bool passes = ::fcntl(conn, F_SETFL, O_NONBLOCK) == 0;
    return passes && std::ranges::any_of(workers_, [&](const Worker& worker) {
               return worker.pid >= 0 && worker.ready &&
                      send_order(worker.channel, Order::refuse, conn);
           });
}

}  // namespace becaused
