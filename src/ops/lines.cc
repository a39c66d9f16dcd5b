#include "ops/lines.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "ops/phrase.hh"

namespace becaused {

Status Lines::open(const std::string& path) {
    const int descriptor =
        path == "-" ? STDIN_FILENO : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    struct stat found {};
    if (descriptor < 0 || fstat(descriptor, &found) != 0)
        return Status::failed(phrase(path, ": cannot be read: ", std::strerror(errno)));
    path_ = path;
    shut();
    descriptor_ = descriptor;
    can_grow_ = descriptor != STDIN_FILENO && S_ISREG(found.st_mode);
    replaced_ = passing_over_ = failed_ = false;
    buffer_.clear();
    begin_ = searched_ = 0;
    if (S_ISDIR(found.st_mode))
        return Status::failed(phrase(path, ": cannot be read: ", std::strerror(EISDIR)));
    return Status::fine();
}

void Lines::shut() {
    if (descriptor_ > STDIN_FILENO) ignored(close(descriptor_), "only read from");
    descriptor_ = -1;
}

bool Lines::fill() {
    constexpr size_t step = 64 * 1024;
    buffer_.erase(0, begin_);
    searched_ -= begin_;
    begin_ = 0;
    const size_t old_size = buffer_.size();
    buffer_.resize(old_size + step);
    ssize_t count = -1;
    do count = read(descriptor_, buffer_.data() + old_size, step);
    while (count < 0 && errno == EINTR);
    buffer_.resize(old_size + static_cast<size_t>(count > 0 ? count : 0));
    failed_ = count < 0;
    return count > 0;
}

bool Lines::compressed() {
    if (buffer_.empty() && !fill()) return false;
    return std::string_view(buffer_).starts_with("\x1f\x8b");  // RFC 1952 §2.3.1
}

Lines::Got Lines::next(std::string_view& line) {
    while (true) {
        const size_t newline = buffer_.find('\n', searched_);
        if (newline != std::string::npos) {
            line = std::string_view(buffer_).substr(begin_, newline - begin_);
            const bool too_long = passing_over_ || line.size() > longest;
            passing_over_ = false;
            begin_ = searched_ = newline + 1;
            return too_long ? Got::too_long : Got::line;
        }
        searched_ = buffer_.size();
        if (searched_ - begin_ > longest) {
            passing_over_ = true;
            begin_ = searched_;
        }
        if (!fill()) return failed_ ? Got::failed : Got::end;
    }
}

std::string_view Lines::rest() {
    const std::string_view text = std::string_view(buffer_).substr(begin_);
    begin_ = searched_ = buffer_.size();
    return text;
}

bool Lines::turn_over() {
    struct stat here {};
    struct stat there {};
    if (fstat(descriptor_, &here) != 0) return false;
    if (here.st_size < lseek(descriptor_, 0, SEEK_CUR)) {
        ignored(lseek(descriptor_, 0, SEEK_SET), "regular files can seek");
        buffer_.clear();
        begin_ = searched_ = 0;
        passing_over_ = false;
        return true;
    }
    if (stat(path_.c_str(), &there) != 0) return false;  // between rename and creation
    if (here.st_ino == there.st_ino && here.st_dev == there.st_dev) return false;
    // Its writer may have added lines between our last read and the rename: read once more.
    if (!replaced_) {
        replaced_ = true;
        return true;
    }
    return open(std::string(path_)).ok();
}

}  // namespace becaused
