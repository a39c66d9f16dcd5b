#include "ops/learnt_file.hh"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ops/phrase.hh"

namespace becaused {

namespace {

std::string beside(const std::string& path) { return path + ".new"; }

Status unwritable(const std::string& path, int error) {
    return Status::failed(phrase("learn: ", path, ": cannot be written: ", std::strerror(error)));
}

// 0, or errno.
int write_file(const std::string& path, std::string_view text) {
    const int fd = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0640);
    if (fd < 0) return errno;
    int error = 0;
    while (error == 0 && !text.empty()) {
        const ssize_t done = ::write(fd, text.data(), text.size());
        if (done >= 0) text.remove_prefix(static_cast<size_t>(done));
        else if (errno != EINTR) error = errno;
    }
    if (::close(fd) != 0 && error == 0) error = errno;
    return error;
}

}  // namespace

Status try_learnt_file(const std::string& path) {
    if (const int error = write_file(beside(path), ""); error != 0) return unwritable(path, error);
    return ::unlink(beside(path).c_str()) == 0 ? Status::fine() : unwritable(path, errno);
}

Status write_learnt_file(const std::string& path, std::string_view text) {
    int error = write_file(beside(path), text);
    if (error == 0 && ::rename(beside(path).c_str(), path.c_str()) != 0) error = errno;
    return error == 0 ? Status::fine() : unwritable(path, error);
}

}  // namespace becaused
