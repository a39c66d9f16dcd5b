#include "net/appender.hh"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstring>
#include <utility>

namespace becaused {

namespace {

constexpr uint64_t retry_ns = 10 * Wheel::tick_ns;
constexpr int wait_ms = static_cast<int>(Wheel::tick_ns / ns_per_ms);  // for a pipe's reader
constexpr int last_wait_ms = 1'000;                                    // and at close

// Where write(2) would wait longer than `ms` for a reader: EAGAIN. Negative errno, or the bytes written.
ssize_t write_some(int fd, std::string_view bytes, size_t most, int ms) {
    pollfd room{fd, POLLOUT, 0};
    if (::poll(&room, 1, ms) <= 0) return -EAGAIN;
    ssize_t count = -1;
    do count = ::write(fd, bytes.data(), std::min(bytes.size(), most));
    while (count < 0 && errno == EINTR);
    return count < 0 ? -errno : count;
}

// A pipe takes PIPE_BUF bytes at least where poll(2) says that it has room.
size_t to_line_end(std::string_view bytes, size_t most) {
    if (bytes.size() <= most) return most;
    const size_t end = bytes.rfind('\n', most - 1);
    return end == std::string_view::npos ? most : end + 1;
}

// The path has no file, or another one than the descriptor's.
bool was_moved(const char* path, int fd) {
    struct stat here {};
    struct stat there {};
    if (::fstat(fd, &here) != 0) return false;
    if (::stat(path, &there) != 0) return errno == ENOENT;
    return here.st_ino != there.st_ino || here.st_dev != there.st_dev;
}

// Can its end be looked at?
bool is_file(const std::string& path, int fd, struct stat& there) {
    return path != "-" && ::fstat(fd, &there) == 0 && S_ISREG(there.st_mode);
}

// Anything else than a newline at a file's end.
bool ends_torn(const std::string& path, const struct stat& there) {
    if (there.st_size == 0) return false;
    const int look = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (look < 0) return false;  // ours to write, not to read
    char last = '\n';
    const bool read = ::pread(look, &last, 1, there.st_size - 1) == 1;
    ignored(::close(look), "only read from");
    return read && last != '\n';
}

// Standard output as our own description of it, so that it can be made not to wait without doing so to
// whoever shares it. A file keeps its offset only in the shared one; a socket cannot be opened.
int open_standard_output() {
    struct stat there {};
    if (::fstat(STDOUT_FILENO, &there) != 0) return -1;
    if (!S_ISFIFO(there.st_mode) && !S_ISCHR(there.st_mode)) return STDOUT_FILENO;
    const int own = ::open("/proc/self/fd/1", O_WRONLY | O_NONBLOCK | O_CLOEXEC | O_NOCTTY);
    return own >= 0 ? own : STDOUT_FILENO;
}

}  // namespace

int Appender::open_path() {
    if (path_ == "-") return open_standard_output();
    struct stat there {};
    // Opened for reading too, a pipe needs no reader, and one that goes away may come back.
    const bool pipe = ::stat(path_.c_str(), &there) == 0 && S_ISFIFO(there.st_mode);
    const int way = pipe ? O_RDWR : O_WRONLY | O_APPEND | O_CREAT;
    return ::open(path_.c_str(), way | O_NONBLOCK | O_CLOEXEC | O_NOCTTY, 0640);
}

Status Appender::open(const std::string& path) {
    path_ = path;
    fd_ = open_path();
    if (fd_ < 0)
        return Status::failed("records: " + path + ": cannot be written: " + std::strerror(errno));
    // What poll(2) calls writable takes this much without waiting, whatever it is (pipe(7), PIPE_BUF).
    struct stat there {};
    const bool file = ::fstat(fd_, &there) == 0 && S_ISREG(there.st_mode);
    if (fd_ == STDOUT_FILENO && !file) most_ = PIPE_BUF;
    end_torn_line();
    return Status::fine();
}

void Appender::end_torn_line() {
    if (turns_ != nullptr) return;  // whoever has the turn next looks
    struct stat there {};
    own_line_ = is_file(path_, fd_, there) && ends_torn(path_, there);
    if (own_line_) filling_ += '\n';
}

bool Appender::append(std::string_view line) {
    if (!fits(line.size())) return false;
    take_over(line);
    return true;
}

void Appender::take_over(std::string_view line) {
    filling_ += line;
    if (piled_up() && !busy_ && last_error_ == 0) flush();
    else loop_.wheel().arm_earlier(*this, loop_.now_ns() + Wheel::tick_ns);
}

// A line that has to be written again, to the file after this one, is not told twice: its end was not
// written the first time.
void Appender::count_lines() {
    counted_ = std::min(counted_, written_);
    std::string_view rest = std::string_view(writing_).substr(counted_, written_ - counted_);
    size_t count = 0;
    for (size_t end = 0; (end = rest.find('\n')) != std::string_view::npos; ++count)
        rest.remove_prefix(end + 1);
    counted_ = written_;
    if (count > 0 && std::exchange(own_line_, false)) --count;
    if (count > 0) sink_.on_written(count);
}

void Appender::reopen() {
    reopen_ = true;
    loop_.wheel().arm_earlier(*this, loop_.now_ns());
}

void Appender::on_ring() {
    if (!busy_) flush();
}

void Appender::try_reopen() {
    if (!at_line_end() && last_error_ == 0) return;  // the rest of the line belongs to the old file
    reopen_ = false;
    if (path_ == "-") return;
    const int fd = open_path();
    if (fd < 0) {
        // The old file goes on being written: nothing is lost.
        sink_.on_trouble(path_, "cannot be opened anew", -errno);
        stays_ = true;
        return;
    }
    stays_ = false;
    if (!at_line_end()) written_ = writing_.rfind('\n', written_ - 1) + 1;
    ignored(::close(fd_), "what was written to it is written");
    fd_ = fd;
}

void Appender::flush() {
    if (reopen_) try_reopen();
    if (written_ == writing_.size()) {
        writing_.clear();
        written_ = counted_ = 0;
        writing_.swap(filling_);
    }
    if (writing_.empty()) return;
    work_ = next_work();
    work_.request.data = this;
    const int error = ::uv_queue_work(loop_.uv(), &work_.request, write_work, written_cb);
    busy_ = error == 0;
    if (busy_) return;
    last_error_ = error;
    loop_.wheel().arm_earlier(*this, loop_.now_ns() + retry_ns);
}

Appender::Work Appender::next_work() const {
    const bool looks = turns_ != nullptr && !stays_ && path_ != "-" && at_line_end();
    const std::string_view rest = std::string_view(writing_).substr(written_);
    return {{}, fd_, most_, rest, looks ? path_.c_str() : nullptr, 0};
}

void Appender::write_work(uv_work_t* request) noexcept {
    auto* appender = static_cast<Appender*>(request->data);
    Work& work = appender->work_;
    work.result = appender->turns_ == nullptr ? write_some(work.fd, work.bytes, work.most, wait_ms)
                                              : appender->write_in_turn(work, wait_ms);
}

// The turn is kept within a line. Where it is another's: EAGAIN, as for a slow reader.
ssize_t Appender::write_in_turn(const Work& work, int ms) {
    if (!turns_->take()) return -EAGAIN;
    if (work.path != nullptr && was_moved(work.path, work.fd)) {
        turns_->pass_on();
        return -ESTALE;
    }
    if (turns_->torn()) {
        struct stat there {};
        const bool half = !is_file(path_, work.fd, there) || ends_torn(path_, there);
        const ssize_t ended = half ? write_some(work.fd, "\n", 1, ms) : 1;
        if (ended <= 0) {
            turns_->pass_on();
            return ended == 0 ? -EAGAIN : ended;
        }
    }
    turns_->note(false);
    const ssize_t count = write_some(work.fd, work.bytes, to_line_end(work.bytes, work.most), ms);
    const size_t done = count > 0 ? static_cast<size_t>(count) : 0;
    const bool whole = done == 0 ? at_line_end() : work.bytes[done - 1] == '\n';
    if (whole) turns_->note(true);
    if (whole) turns_->pass_on();
    return count;
}

void Appender::written_cb(uv_work_t* request, int status) noexcept {
    auto* appender = static_cast<Appender*>(request->data);
    appender->handle_written(status == 0 ? appender->work_.result : status);
}

void Appender::handle_written(ssize_t result) {
    busy_ = false;
    if (result == -EAGAIN) {  // the thread has waited for the reader; now the loop does
        loop_.wheel().arm_earlier(*this, loop_.now_ns() + Wheel::tick_ns);
        return;
    }
    if (result == -ESTALE && turns_ != nullptr) return reopen();
    if (result < 0) {
        // A full disk may have room again: kept, and tried again soon.
        tell("cannot be written", static_cast<int>(result));
        loop_.wheel().arm_earlier(*this, loop_.now_ns() + retry_ns);
        return;
    }
    last_error_ = 0;
    written_ += static_cast<size_t>(result);
    count_lines();
    if (written_ < writing_.size() || piled_up()) flush();
    else if (!filling_.empty() || reopen_)
        loop_.wheel().arm_earlier(*this, loop_.now_ns() + Wheel::tick_ns);
}

void Appender::tell(std::string_view what, int error) {
    if (error == last_error_) return;
    last_error_ = error;
    sink_.on_trouble(path_, what, error);
}

// Waits for the reader, and for a turn.
ssize_t Appender::write_last() {
    if (turns_ == nullptr) {
        const Work work = next_work();
        return write_some(work.fd, work.bytes, work.most, last_wait_ms);
    }
    ssize_t count = -EAGAIN;
    for (int waited = 0; waited < last_wait_ms && count == -EAGAIN; waited += wait_ms) {
        count = write_in_turn(next_work(), wait_ms);
        if (count == -ESTALE) {
            try_reopen();
            count = -EAGAIN;
        } else if (count == -EAGAIN) {
            ignored(::poll(nullptr, 0, wait_ms), "only waits");
        }
    }
    return count;
}

std::string Appender::write_rest() {
    CHECK(!busy_);
    if (fd_ < 0) return {};
    if (reopen_) try_reopen();
    writing_ += filling_;
    filling_.clear();
    while (written_ < writing_.size()) {
        const ssize_t count = write_last();
        if (count <= 0) {
            if (count != -EAGAIN) tell("cannot be written", static_cast<int>(count));
            break;
        }
        written_ += static_cast<size_t>(count);
    }
    count_lines();
    std::string lost = writing_.substr(written_);
    writing_.clear();
    written_ = counted_ = 0;
    return lost;
}

void Appender::close() {
    CHECK(!busy_);
    Wheel::disarm(*this);
    if (fd_ > STDOUT_FILENO) ignored(::close(fd_), "what was written to it is written");
    fd_ = -1;
}

}  // namespace becaused
