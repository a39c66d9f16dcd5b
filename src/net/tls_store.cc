#include "net/tls_store.hh"

#include <sys/stat.h>

namespace becaused {

TlsStore::~TlsStore() {
    if (current_ != nullptr) current_->release();
}

std::vector<TlsStore::Stamp> TlsStore::stamps() const {
    std::vector<Stamp> found;
    const auto look = [&found](const std::string& path) {
        struct stat file {};
        Stamp stamp;
        if (!path.empty() && ::stat(path.c_str(), &file) == 0)
            stamp = {file.st_ino, file.st_mtim.tv_sec * 1'000'000'000 + file.st_mtim.tv_nsec,
                     file.st_size};
        found.push_back(stamp);
    };
    for (const TlsFiles::Pair& pair : files_.pairs) {
        look(pair.certificate);
        look(pair.key);
    }
    look(files_.authorities);
    return found;
}

Status TlsStore::load() {
    // Looked at before they are read: a change in between is seen the next time.
    seen_ = stamps();
    looked_ns_ = loop_.now_ns();
    Result<TlsContext*> opened = TlsContext::open(role_, files_);
    if (!opened.ok()) return opened.status();
    if (current_ != nullptr) current_->release();
    current_ = opened.value();
    return Status::fine();
}

Status TlsStore::refresh(bool& loaded) {
    loaded = false;
    if (loop_.now_ns() - looked_ns_ < look_every_ns) return Status::fine();
    looked_ns_ = loop_.now_ns();
    if (stamps() == seen_) return Status::fine();
    loaded = true;
    return load();
}

}  // namespace becaused
