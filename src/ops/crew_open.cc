// What a crew's parent opens before the first worker starts, or fails for in one line.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "ops/address.hh"
#include "ops/announce.hh"
#include "ops/crew.hh"
#include "ops/notify.hh"
#include "ops/phrase.hh"
#include "ops/start.hh"
#include "ops/state.hh"
#include "proxy/house.hh"

namespace becaused {

Status Crew::open() {
    service_ms_ = notify_watchdog_ms() / 2;
    Status status = open_signals();
    if (status.ok()) status = ports_.open(settings_, static_cast<uint32_t>(workers_.size()));
    if (status.ok()) status = become_user(settings_);
    if (status.ok()) status = open_state();
    if (status.ok()) status = open_admin();
    if (status.ok()) status = open_records();
    return status;
}

Status Crew::open_signals() {
    CHECK(::signal(SIGPIPE, SIG_IGN) != SIG_ERR);
    // Ends that nobody waits for would be no news.
    CHECK(::signal(SIGCHLD, SIG_DFL) != SIG_ERR);
    sigset_t set;
    ::sigemptyset(&set);
    for (const int number : {SIGTERM, SIGINT, SIGHUP, SIGCHLD}) ::sigaddset(&set, number);
    CHECK(::sigprocmask(SIG_BLOCK, &set, &before_) == 0);
    signals_ = ::signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
    if (signals_ >= 0) return Status::fine();
    return Status::failed(phrase("workers: signals cannot be watched: ", std::strerror(errno)));
}

Status Crew::open_state() {
    if (settings_.state == "off") return Status::fine();
    Status status = take_state_place(settings_, state_);
    if (status.ok()) state_path_ = state_.path();
    else if (settings_.state != "auto") return status;
    else say(phrase(status.message(), "; ", no_black_box));
    return Status::fine();
}

Status Crew::open_records() {
    void* memory = ::mmap(nullptr, sizeof(Shown) * workers_.size(), PROT_READ | PROT_WRITE,
                          MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED)
        return Status::failed(phrase("workers: no memory to share: ", std::strerror(errno)));
    shared_ = static_cast<Shown*>(memory);
    for (size_t i = 0; i < workers_.size(); ++i) new (shared_ + i) Shown();
    struct stat found {};
    const bool file = settings_.records != "-" && ::stat(settings_.records.c_str(), &found) == 0 &&
                      S_ISREG(found.st_mode);
    return settings_.records.empty() ? Status::fine() : baton_.make(file);
}

// In its default place it is a convenience, and what is in its way a warning.
Status Crew::open_admin() {
    constexpr int backlog = 16;
    const bool chosen = settings_.admin != "auto";
    if (settings_.admin == "off" || (!chosen && state_path_.empty())) return Status::fine();
    Result<ListenAddress> found =
        parse_admin(chosen ? settings_.admin : "unix://" + admin_path_beside(state_path_));
    Status status = found.status();
    if (found.ok() && found.value().kind == Address::Kind::unix) {
        const ListenAddress& address = found.value();
        Result<UnixPlace> place =
            bind_unix(address.path, address.mode, address.group, address.text);
        status = place.status();
        if (place.ok()) {
            admin_ = place.value().fd;
            admin_path_ = address.path;
            admin_inode_ = place.value().inode;
        }
    } else if (found.ok()) {
        Result<Endpoint> at = place_of(found.value());
        Result<int> fd = at.ok() ? bind_tcp(at.value(), SocketOptions(), false, found.value().text)
                                 : at.status();
        status = fd.status();
        if (fd.ok()) admin_ = fd.value();
        admin_tcp_ = true;
    }
    if (status.ok() && ::listen(admin_, backlog) != 0)
        status = Status::failed(phrase(found.value().text, ": ", std::strerror(errno)));
    if (!status.ok() && chosen) return Status::failed("admin: " + status.message());
    if (!status.ok())
        say(phrase("admin: ", status.message(), "; becaused why --live cannot ask this process"));
    if (!status.ok() || !admin_tcp_) return Status::fine();
    sockaddr_storage bound{};
    socklen_t length = sizeof bound;
    if (::getsockname(admin_, reinterpret_cast<sockaddr*>(&bound), &length) == 0)
        say_admin(endpoint_of(reinterpret_cast<sockaddr*>(&bound)));
    return Status::fine();
}

}  // namespace becaused
