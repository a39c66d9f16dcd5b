#include "ops/state_file.hh"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "ops/phrase.hh"

namespace becaused {

namespace {

constexpr int corrupt_files_kept = 8;
constexpr uint64_t largest_bytes = 4ULL << 30;

Status cannot(const std::string& path, std::string_view what, int error) {
    return Status::failed(phrase("state: ", path, ": ", what, ": ", std::strerror(error)));
}

// "123", as the holder of the lock wrote it.
std::string holder_of(int fd) {
    std::array<char, 16> text{};
    const ssize_t count = ::pread(fd, text.data(), text.size(), 0);
    std::string pid(text.data(), count > 0 ? static_cast<size_t>(count) : 0);
    pid.resize(std::min(pid.find_first_not_of("0123456789"), pid.size()));
    return pid.empty() ? "unknown" : pid;
}

}  // namespace

StateFile::~StateFile() {
    if (!memory_.empty()) ignored(::munmap(memory_.data(), memory_.size()), "it was mapped by us");
    if (lock_fd_ >= 0) ignored(::close(lock_fd_), "the lock goes with it");
}

Status StateFile::lock(const std::string& directory, const std::string& name, bool& busy) {
    busy = false;
    std::error_code error;
    const bool made = std::filesystem::create_directories(directory, error);
    if (error) return cannot(directory, "cannot be made", error.value());
    if (made && ::chmod(directory.c_str(), 0700) != 0)
        return cannot(directory, "cannot be made", errno);
    const std::string lock_path = phrase(directory, '/', name, ".lock");
    const int fd =
        ::open(lock_path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY, 0600);
    if (fd < 0) return cannot(lock_path, "cannot be opened", errno);
    struct flock whole {};
    whole.l_type = F_WRLCK;
    whole.l_whence = SEEK_SET;
    if (::fcntl(fd, F_OFD_SETLK, &whole) != 0) {
        const int why = errno;
        busy = why == EAGAIN || why == EACCES;
        const std::string holder = holder_of(fd);
        ignored(::close(fd), "nothing was written");
        if (!busy) return cannot(lock_path, "cannot be locked", why);
        return Status::failed(phrase("state: ", directory, ": in use by the becaused with pid ",
                                     holder, "; give each its own --state DIR"));
    }
    if (lock_fd_ >= 0) ignored(::close(lock_fd_), "another one is held now");
    lock_fd_ = fd;
    place(directory, name);
    const std::string pid = phrase(::getpid(), '\n');
    const bool said = ::ftruncate(fd, 0) == 0 &&
                      ::pwrite(fd, pid.data(), pid.size(), 0) == static_cast<ssize_t>(pid.size());
    ignored(said ? 0 : errno, "only whoever is refused would have read it");
    return Status::fine();
}

void StateFile::place(const std::string& directory, const std::string& name) {
    path_ = phrase(directory, '/', name, box_suffix);
}

bool StateFile::exists() const {
    struct stat found {};
    // What cannot be looked at may be there: reading it says what is in the way.
    return ::lstat(path_.c_str(), &found) == 0 || errno != ENOENT;
}

Result<std::string> read_state_file(const std::string& path) {
    const int fd = ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) return cannot(path, "cannot be read", errno);
    struct stat found {};
    const bool good = ::fstat(fd, &found) == 0 && S_ISREG(found.st_mode) &&
                      static_cast<uint64_t>(found.st_size) <= largest_bytes;
    std::string image(good ? static_cast<size_t>(found.st_size) : 0, '\0');
    size_t size = 0;
    while (size < image.size()) {
        const ssize_t count = ::read(fd, image.data() + size, image.size() - size);
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        size += static_cast<size_t>(count);
    }
    ignored(::close(fd), "only read from");
    if (!good) return Status::failed(phrase("state: ", path, ": is no file of ours"));
    image.resize(size);
    return image;
}

std::string StateFile::set_aside() const {
    std::string name;
    for (int number = 1; number <= corrupt_files_kept; ++number) {
        name = phrase(path_, ".corrupt-", number);
        struct stat found {};
        if (::lstat(name.c_str(), &found) != 0) break;
    }
    ignored(::rename(path_.c_str(), name.c_str()), "the new file replaces it then");
    return name;
}

Result<std::span<char>> StateFile::create(uint64_t bytes) {
    const std::string fresh = path_ + ".new";
    ignored(::unlink(fresh.c_str()), "a start that was interrupted may have left one");
    const int fd = ::open(fresh.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0) return cannot(fresh, "cannot be made", errno);
    // Without its memory a store into the mapping could end the process (SIGBUS).
    const int error = ::posix_fallocate(fd, 0, static_cast<off_t>(bytes));
    void* memory =
        error != 0 ? MAP_FAILED : ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    const int why = error != 0 ? error : errno;
    ignored(::close(fd), "the mapping stays");
    if (memory == MAP_FAILED) {
        ignored(::unlink(fresh.c_str()), "it is of no use");
        return cannot(fresh, phrase("no room for ", bytes >> 10U, " KiB"), why);
    }
    memory_ = {static_cast<char*>(memory), bytes};
    return memory_;
}

Status StateFile::commit() {
    const std::string fresh = path_ + ".new";
    if (::rename(fresh.c_str(), path_.c_str()) == 0) return Status::fine();
    return cannot(path_, "cannot be replaced", errno);
}

void StateFile::let_go() {
    if (lock_fd_ >= 0) ignored(::close(lock_fd_), "the other has it, too");
    lock_fd_ = -1;
}

void StateFile::remove() { ignored(::unlink(path_.c_str()), "it would only be read as empty"); }

}  // namespace becaused
