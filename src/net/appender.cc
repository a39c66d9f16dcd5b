#include "net/appender.hh"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace becaused {

namespace {

int open_file(const std::string& path) {
    return ::open(path.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
}

}  // namespace

Status Appender::open(const std::string& path) {
    path_ = path;
    fd_ = path == "-" ? STDOUT_FILENO : open_file(path);
    if (fd_ < 0)
        return Status::failed("records: " + path + ": cannot be written: " + std::strerror(errno));
    request_.data = this;
    return Status::fine();
}

bool Appender::append(std::string_view line) {
    if (filling_.size() + line.size() > limit_bytes_) return false;
    filling_ += line;
    if (filling_.size() >= flush_bytes && !busy_) flush();
    else loop_.wheel().arm_earlier(*this, loop_.now_ns() + Wheel::tick_ns);
    return true;
}

void Appender::on_ring() {
    if (!busy_) flush();
}

void Appender::try_reopen() {
    reopen_ = false;
    if (path_ == "-") return;
    const int fd = open_file(path_);
    if (fd < 0) {
        last_error_ = errno;  // the old file goes on being written: nothing is lost
        return;
    }
    ::close(fd_);
    fd_ = fd;
}

void Appender::flush() {
    if (reopen_ && written_ == writing_.size()) try_reopen();
    if (written_ == writing_.size()) {
        writing_.clear();
        written_ = 0;
        writing_.swap(filling_);
    }
    if (writing_.empty()) return;
    uv_buf_t buffer = ::uv_buf_init(writing_.data() + written_,
                                    static_cast<unsigned>(writing_.size() - written_));
    // Offset -1: write(2) at the end, as O_APPEND says.
    const int error = ::uv_fs_write(loop_.uv(), &request_, fd_, &buffer, 1, -1, write_cb);
    busy_ = error == 0;
    if (!busy_) {
        last_error_ = -error;
        loop_.wheel().arm_earlier(*this, loop_.now_ns() + Wheel::tick_ns);
    }
}

void Appender::write_cb(uv_fs_t* request) noexcept {
    const ssize_t result = request->result;
    auto* appender = static_cast<Appender*>(request->data);
    ::uv_fs_req_cleanup(request);
    appender->handle_written(result);
}

void Appender::handle_written(ssize_t result) {
    busy_ = false;
    if (result < 0) {
        // A full disk may have room again: kept, and tried once a tick.
        last_error_ = static_cast<int>(-result);
        loop_.wheel().arm_earlier(*this, loop_.now_ns() + 10 * Wheel::tick_ns);
        return;
    }
    last_error_ = 0;
    written_ += static_cast<size_t>(result);
    if (written_ < writing_.size() || filling_.size() >= flush_bytes) flush();
    else if (!filling_.empty() || reopen_)
        loop_.wheel().arm_earlier(*this, loop_.now_ns() + Wheel::tick_ns);
}

void Appender::close() {
    CHECK(!busy_);
    Wheel::disarm(*this);
    if (fd_ < 0) return;
    if (reopen_ && written_ == writing_.size()) try_reopen();
    for (std::string* buffer : {&writing_, &filling_}) {
        size_t from = buffer == &writing_ ? written_ : 0;
        while (from < buffer->size()) {
            const ssize_t count = ::write(fd_, buffer->data() + from, buffer->size() - from);
            if (count < 0 && errno == EINTR) continue;
            if (count < 0) {
                last_error_ = errno;
                break;
            }
            from += static_cast<size_t>(count);
        }
        buffer->clear();
    }
    written_ = 0;
    if (fd_ != STDOUT_FILENO) ::close(fd_);
    fd_ = -1;
}

}  // namespace becaused
