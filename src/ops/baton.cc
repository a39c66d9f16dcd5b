#include "ops/baton.hh"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <new>

#include "ops/phrase.hh"

namespace becaused {

namespace {

constexpr size_t file_bytes = sizeof(std::atomic<uint32_t>);
static_assert(std::atomic<uint32_t>::is_always_lock_free);

}  // namespace

Baton::~Baton() {
    if (within_line_ != nullptr) ignored(::munmap(within_line_, file_bytes), "it was mapped by us");
    if (fd_ >= 0) ignored(::close(fd_), "the locks go with it");
}

Status Baton::make(bool unknown) {
    fd_ = ::memfd_create("becaused-records", MFD_CLOEXEC);
    void* memory = MAP_FAILED;
    if (fd_ >= 0 && ::ftruncate(fd_, file_bytes) == 0)
        memory = ::mmap(nullptr, file_bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd_, 0);
    if (memory == MAP_FAILED)
        return Status::failed(phrase("workers: no memory to share: ", std::strerror(errno)));
    within_line_ = new (memory) std::atomic<uint32_t>(unknown ? 1 : 0);
    return Status::fine();
}

// A process's own lock, not its description's: the descriptor is one that all have inherited.
bool Baton::lock(Turn turn, short way) const {
    struct flock range {};
    range.l_type = way;
    range.l_whence = SEEK_SET;
    range.l_start = static_cast<off_t>(turn);
    range.l_len = 1;
    return ::fcntl(fd_, F_SETLK, &range) == 0;
}

bool Baton::take() {
    if (held_) return true;
    held_ = lock(Turn::writing, F_WRLCK);
    torn_ = held_ && within_line_->load() != 0;
    return held_;
}

void Baton::note(bool at_line_end) {
    within_line_->store(at_line_end ? 0 : 1);
    torn_ = false;
}

void Baton::pass_on() {
    held_ = false;
    ignored(lock(Turn::writing, F_UNLCK) ? 0 : errno, "the kernel takes it back at the end");
}

bool Baton::take_rotation() { return lock(Turn::rotating, F_WRLCK); }

void Baton::pass_rotation() {
    ignored(lock(Turn::rotating, F_UNLCK) ? 0 : errno, "the kernel takes it back at the end");
}

}  // namespace becaused
