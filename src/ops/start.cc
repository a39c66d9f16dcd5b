#include "ops/start.hh"

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ops/phrase.hh"

namespace becaused {

namespace {

Status check_upstream(const Address& upstream) {
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
        return Status::failed(phrase("upstream: ", upstream.text, ": ", std::strerror(errno),
                                     "; run becaused as root or in the socket's group"));
    return Status::fine();
}

Status check_records(const std::string& path) {
    if (path.empty()) return Status::fine();
    if (path == "-") {
        const int way = fcntl(STDOUT_FILENO, F_GETFL);
        if (way >= 0 && (way & O_ACCMODE) != O_RDONLY) return Status::fine();
        return Status::failed("records: -: standard output is closed");
    }
    struct stat found {};
    // Opening a pipe would wait for, or disturb, its reader.
    if (stat(path.c_str(), &found) == 0 && S_ISFIFO(found.st_mode)) return Status::fine();
    const int descriptor = open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
    if (descriptor < 0)
        return Status::failed(
            phrase("records: ", path, ": cannot be written: ", std::strerror(errno)));
    ignored(close(descriptor), "nothing was written");
    return Status::fine();
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
    Status upstream = check_upstream(settings.upstream);
    if (!upstream.ok()) return upstream;
    return check_records(settings.records);
}

}  // namespace becaused
