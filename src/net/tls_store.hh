// Where TLS certificates come from, and the newest good state of them. Files are read again when asked
// (SIGHUP) and when they have changed, which is looked for at most every few seconds and only when a
// connection needs them. What cannot be used leaves the old state in place.
#pragma once

#include <string>
#include <vector>

#include "net/loop.hh"
#include "net/tls_context.hh"

namespace becaused {

class TlsStore {
  public:
    TlsStore(Loop& loop, TlsContext::Role role, TlsFiles files)
        : loop_(loop), role_(role), files_(std::move(files)) {}
    TlsStore(const TlsStore&) = delete;
    TlsStore& operator=(const TlsStore&) = delete;
    ~TlsStore();

    // Reads the files. Failed: the message names the file, and what was in use stays in use.
    Status load();
    // Loads if a file has changed since the last load and nobody has looked for a while. Fine when there
    // was nothing to do; `loaded` says whether new files are in use.
    Status refresh(bool& loaded);
    // Null before a successful load.
    TlsContext* current() const { return current_; }

  private:
    static constexpr uint64_t look_every_ns = 5'000 * ns_per_ms;

    struct Stamp {
        uint64_t inode = 0;
        int64_t modified_ns = 0;
        int64_t size = -1;
        bool operator==(const Stamp&) const = default;
    };
    std::vector<Stamp> stamps() const;

    Loop& loop_;
    TlsContext::Role role_;
    TlsFiles files_;
    TlsContext* current_ = nullptr;
    std::vector<Stamp> seen_;
    uint64_t looked_ns_ = 0;
};

}  // namespace becaused
