#include "ops/rotation.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <vector>

#include "ops/phrase.hh"

namespace becaused {

namespace {

// When the file was made, where its file system knows; else when it last changed.
time_t born(const std::string& path) {
    struct statx found {};
    if (::statx(AT_FDCWD, path.c_str(), 0, STATX_BTIME | STATX_MTIME, &found) != 0) return 0;
    const bool known = (found.stx_mask & STATX_BTIME) != 0 && found.stx_btime.tv_sec > 0;
    return static_cast<time_t>(known ? found.stx_btime.tv_sec : found.stx_mtime.tv_sec);
}

// True when it was moved, or there was none.
bool move(const std::string& from, const std::string& to) {
    return ::rename(from.c_str(), to.c_str()) == 0 || errno == ENOENT;
}

bool copy_compressed(int from, gzFile to, const std::atomic<bool>& over) {
    std::vector<char> piece(128 * 1024);
    while (!over) {
        const ssize_t count = ::read(from, piece.data(), piece.size());
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) return count == 0;
        if (::gzwrite(to, piece.data(), static_cast<unsigned>(count)) != count) return false;
    }
    errno = ECANCELED;
    return false;
}

}  // namespace

Status compress_file(const std::string& from, const std::string& to,
                     const std::atomic<bool>& over) {
    const auto failed = [&] {
        return Status::failed(
            phrase(from, ": cannot be compressed: ", std::strerror(errno == 0 ? EIO : errno)));
    };
    const int in = ::open(from.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY);
    if (in < 0) return failed();
    struct stat found {};
    const std::string part = to + ".part";
    const mode_t mode = ::fstat(in, &found) == 0 ? found.st_mode & 0777U : 0600U;
    const int out = ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, mode);
    gzFile file = out < 0 ? nullptr : ::gzdopen(out, "wb6");
    if (file == nullptr) {
        Status status = failed();
        if (out >= 0) ignored(::close(out), "nothing was written");
        ignored(::close(in), "only read from");
        return status;
    }
    errno = 0;
    const bool copied = copy_compressed(in, file, over);
    const bool closed = ::gzclose(file) == Z_OK;
    const bool done = copied && closed && ::rename(part.c_str(), to.c_str()) == 0;
    Status status = done ? Status::fine() : failed();
    if (!done) ignored(::unlink(part.c_str()), "half of it is of no use");
    ignored(::close(in), "only read from");
    return status;
}

Rotation::Rotation(std::string path, const Limits& limits)
    : path_(std::move(path)), limits_(limits) {}

Rotation::~Rotation() {
    over_ = true;
    join();
}

void Rotation::join() {
    if (thread_.joinable()) thread_.join();
}

std::string Rotation::name(uint32_t number, bool compressed) const {
    return phrase(path_, '.', number, compressed ? ".gz" : "");
}

bool Rotation::due() const {
    if (!wanted() || busy_ || !reached()) return false;
    if (baton_ == nullptr) return true;
    if (!baton_->take_rotation()) return false;
    // Another one may have done it in between.
    if (reached()) return true;
    pass_on();
    return false;
}

void Rotation::pass_on() const {
    if (baton_ != nullptr) baton_->pass_rotation();
}

bool Rotation::reached() const {
    struct stat found {};
    if (::stat(path_.c_str(), &found) != 0 || !S_ISREG(found.st_mode) || found.st_size == 0)
        return false;
    if (limits_.bytes > 0 && static_cast<uint64_t>(found.st_size) >= limits_.bytes) return true;
    return limits_.age_s > 0 &&
           std::time(nullptr) - born(path_) >= static_cast<time_t>(limits_.age_s);
}

// From the oldest on, so that a stop in between loses nothing.
Status Rotation::shift() {
    for (uint32_t number = limits_.keep; number >= 1; --number) {
        for (const bool compressed : {false, true}) {
            const std::string from = name(number, compressed);
            const bool moved = number == limits_.keep
                                   ? ::unlink(from.c_str()) == 0 || errno == ENOENT
                                   : move(from, name(number + 1, compressed));
            if (!moved)
                return Status::failed(phrase(from, ": cannot be moved: ", std::strerror(errno)));
        }
    }
    if (move(path_, name(1, false))) return Status::fine();
    return Status::failed(phrase(path_, ": cannot be moved: ", std::strerror(errno)));
}

Status Rotation::rotate() {
    join();
    Status status = shift();
    uint32_t number = 0;
    const std::string from = status.ok() ? next_to_compress(number) : std::string();
    if (from.empty()) {
        pass_on();
        return status;
    }
    busy_ = true;
    thread_ = std::thread([this, from, number] { compress(from, name(number, true)); });
    return Status::fine();
}

std::string Rotation::next_to_compress(uint32_t& number) const {
    for (number = 2; number <= limits_.keep; ++number) {
        std::string from = name(number, false);
        if (::access(from.c_str(), F_OK) == 0) return from;
    }
    return {};
}

void Rotation::compress(const std::string& from, const std::string& to) noexcept {
    const Status status = compress_file(from, to, over_);
    if (over_ && !status.ok()) {
        ignored(0, "the next life's rotation takes it");
    } else if (status.ok()) {
        ignored(::unlink(from.c_str()), "it is there twice then, and goes with the oldest");
    } else {
        const std::string text = phrase("becaused: records: ", status.message(), '\n');
        ignored(std::fputs(text.c_str(), stderr), "nobody is left to hear it");
    }
    pass_on();
    busy_ = false;
}

}  // namespace becaused
