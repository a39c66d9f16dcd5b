#include "ops/written_records.hh"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace becaused {

namespace {

// The last `most` bytes of a regular file, and where they begin.
std::string read_end(int fd, uint64_t size, uint64_t most) {
    std::string text(static_cast<size_t>(std::min(size, most)), '\0');
    size_t done = 0;
    while (done < text.size()) {
        const ssize_t count = ::pread(fd, text.data() + done, text.size() - done,
                                      static_cast<off_t>(size - text.size() + done));
        if (count < 0 && errno == EINTR) continue;
        if (count <= 0) break;
        done += static_cast<size_t>(count);
    }
    text.resize(done);
    return text;
}

// Adds the lines at the end of one file; returns its size, 0 where it cannot be looked at.
uint64_t add_end_of(const std::string& path, uint64_t most, const std::vector<std::string>& lines,
                    bool cuts, KnownRecords& known) {
    struct stat there {};
    if (::stat(path.c_str(), &there) != 0 || !S_ISREG(there.st_mode)) return 0;
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) return 0;
    const std::string text = read_end(fd, static_cast<uint64_t>(there.st_size), most);
    std::string_view rest = text;
    for (size_t end = 0; (end = rest.find('\n')) != std::string_view::npos;) {
        known.add(rest.substr(0, end));
        rest.remove_prefix(end + 1);
    }
    const bool half =
        cuts && !rest.empty() &&
        std::ranges::any_of(lines, [&](const std::string& line) { return line.starts_with(rest); });
    const auto whole = there.st_size - static_cast<off_t>(rest.size());
    if (half) ignored(::ftruncate(fd, whole), "it stays as a line that nobody can read");
    ignored(::close(fd), "nothing was written");
    return static_cast<uint64_t>(there.st_size);
}

}  // namespace

KnownRecords written_records(const std::string& path, const std::vector<std::string>& lines,
                             bool others) {
    KnownRecords known;
    if (lines.empty() || path.empty() || path == "-") return known;
    uint64_t most = 64 * 1024;  // of a line that reaches into it
    for (const std::string& line : lines) most += line.size();
    // What they can have written since, at 10,000 records a second and the longest pause (ops/crew.cc).
    if (others) most += uint64_t{8} << 20U;
    const uint64_t size = add_end_of(path, most, lines, !others, known);
    if (size < most) add_end_of(path + ".1", most - size, lines, !others, known);
    known.sort();
    return known;
}

}  // namespace becaused
