#include "ops/start.hh"

#include <fcntl.h>
#include <grp.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>

#include "ops/announce.hh"
#include "ops/phrase.hh"
#include "ops/state.hh"
#include "ops/user.hh"

namespace becaused {

namespace {

Status check_upstream(const Address& upstream, std::string_view hint) {
    if (upstream.kind != Address::Kind::unix) return Status::fine();
    struct stat found {};
    if (stat(upstream.path.c_str(), &found) != 0) {
        if (errno == ENOENT || errno == ENOTDIR)
            return Status::failed(phrase("upstream: ", upstream.text,
                                         ": no such socket; is dockerd running? (start it, or give"
                                         " its address with --upstream)"));
        return Status::failed(phrase("upstream: ", upstream.text, ": ", std::strerror(errno)));
    }
    if (!S_ISSOCK(found.st_mode))
        return Status::failed(phrase("upstream: ", upstream.text, ": is not a socket"));
    if (access(upstream.path.c_str(), R_OK | W_OK) != 0)
        return Status::failed(
            phrase("upstream: ", upstream.text, ": ", std::strerror(errno), hint));
    return Status::fine();
}

// Of `path`, as it is opened for writing later; a new one is given to `account`.
Status check_records(const std::string& path, const Account* account) {
    if (path.empty()) return Status::fine();
    if (path == "-") {
        const int way = fcntl(STDOUT_FILENO, F_GETFL);
        if (way >= 0 && (way & O_ACCMODE) != O_RDONLY) return Status::fine();
        return Status::failed("records: -: standard output is closed");
    }
    struct stat found {};
    // Opening a pipe would wait for, or disturb, its reader.
    if (stat(path.c_str(), &found) == 0 && S_ISFIFO(found.st_mode)) return Status::fine();
    constexpr int way = O_WRONLY | O_APPEND | O_CLOEXEC;
    int descriptor = open(path.c_str(), way | O_CREAT | O_EXCL, 0640);
    const bool made = descriptor >= 0;
    if (!made) descriptor = open(path.c_str(), way | O_CREAT, 0640);
    if (descriptor < 0)
        return Status::failed(
            phrase("records: ", path, ": cannot be written: ", std::strerror(errno)));
    if (made && account != nullptr)
        ignored(fchown(descriptor, account->uid, account->gid), "opening it says what is wrong");
    ignored(close(descriptor), "nothing was written");
    return Status::fine();
}

// One that is there already belongs to whoever made it.
void make_state_directory(const Settings& settings, const Account& account) {
    if (settings.state == "off") return;
    const std::string path = settings.state == "auto" ? usual_state_directory() : settings.state;
    std::error_code error;
    if (!std::filesystem::create_directories(path, error)) return;
    const bool given =
        chmod(path.c_str(), 0700) == 0 && chown(path.c_str(), account.uid, account.gid) == 0;
    ignored(given ? 0 : errno, "opening the state says what is wrong");
}

// Sockets are made by root, for ports and groups; whoever it has become may not take every one of them
// away. Better known now than found later, when it refuses everybody.
void warn_of_lasting_sockets(const Settings& settings) {
    for (const ListenAddress& listen : settings.listen) {
        if (listen.kind != Address::Kind::unix) continue;
        const std::string directory = listen.path.substr(0, listen.path.rfind('/') + 1);
        struct stat of_directory {};
        struct stat of_socket {};
        const bool known = stat(directory.c_str(), &of_directory) == 0 &&
                           lstat(listen.path.c_str(), &of_socket) == 0;
        const bool sticky = (of_directory.st_mode & S_ISVTX) != 0 &&
                            of_directory.st_uid != geteuid() && of_socket.st_uid != geteuid();
        if (known && !sticky && access(directory.c_str(), W_OK | X_OK) == 0) continue;
        say(phrase("warning: user ", settings.user, " may not remove ", listen.path,
                   " at the end: the next start replaces it; in a directory of that user's it "
                   "would go"));
    }
}

bool group_exists(const std::string& group) {
    if (group.find_first_not_of("0123456789") == std::string::npos) return true;
    return getgrnam(group.c_str()) != nullptr;
}

}  // namespace

Status check_start(const Settings& settings) {
    for (const ListenAddress& listen : settings.listen)
        if (!listen.group.empty() && !group_exists(listen.group))
            return Status::failed(
                phrase("listen: ", listen.text, ": no group is named \"", listen.group, '"'));
    if (!settings.user.empty())
        if (const Result<Account> account = find_account(settings.user); !account.ok())
            return account.status();
    Status upstream =
        check_upstream(settings.upstream, "; run becaused as root or in the socket's group");
    if (!upstream.ok() || !settings.user.empty()) return upstream;
    return check_records(settings.records, nullptr);
}

void raise_descriptor_limit(const Settings& settings) {
    // Each client may need an upstream connection, and there are files, pipes and workers' sockets.
    constexpr rlim_t others = 1024;
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
    const rlim_t wanted = std::min(limit.rlim_max, 2 * rlim_t{settings.max_connections} + others);
    if (limit.rlim_cur >= wanted) return;
    limit.rlim_cur = wanted;
    ignored(::setrlimit(RLIMIT_NOFILE, &limit), "then fewer are served, who are told so");
}

Status become_user(const Settings& settings) {
    if (settings.user.empty()) return Status::fine();
    Result<Account> account = find_account(settings.user);
    if (!account.ok()) return account.status();
    make_state_directory(settings, account.value());
    Status status = check_records(settings.records, &account.value());
    if (status.ok()) status = become(account.value());
    if (!status.ok()) return status;
    if (account.value().uid != 0) warn_of_lasting_sockets(settings);
    return check_upstream(
        settings.upstream,
        phrase("; user ", settings.user, " must be in the socket's group: give it as USER:GROUP"));
}

}  // namespace becaused
