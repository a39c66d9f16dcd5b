#include "ops/demise.hh"

#include <sys/stat.h>
#include <sys/wait.h>

#include <charconv>
#include <cstring>
#include <fstream>
#include <iterator>

#include "base/text.hh"
#include "ops/phrase.hh"

namespace becaused {

namespace {

constexpr size_t longest_file = 64 * 1024;

std::string read_text(const std::string& path) {
    std::ifstream file(path);
    std::string text(longest_file, '\0');
    file.read(text.data(), static_cast<std::streamsize>(text.size()));
    text.resize(static_cast<size_t>(file.gcount()));
    return text;
}

// The rest of the line that begins with `start`.
std::string rest_of_line(const std::string& text, std::string_view start) {
    for (size_t at = 0; at < text.size();) {
        const size_t end = std::min(text.find('\n', at), text.size());
        const std::string_view line = std::string_view(text).substr(at, end - at);
        if (line.starts_with(start)) return std::string(line.substr(start.size()));
        at = end + 1;
    }
    return {};
}

uint64_t number_of(const std::string& text) {
    uint64_t number = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), number);
    return end.ec == std::errc() ? number : 0;
}

// Version 1 has a line per controller: "9:memory:/docker/x".
std::string memory_group(const std::string& groups) {
    for (size_t at = 0; at < groups.size();) {
        const size_t end = std::min(groups.find('\n', at), groups.size());
        const std::string_view line = std::string_view(groups).substr(at, end - at);
        if (const size_t found = line.find(":memory:"); found != std::string_view::npos)
            return std::string(line.substr(found + std::string_view(":memory:").size()));
        at = end + 1;
    }
    return {};
}

}  // namespace

Surroundings look_around(const std::string& proc, const std::string& cgroups) {
    Surroundings found;
    found.boot_id = rest_of_line(read_text(proc + "/sys/kernel/random/boot_id"), "");
    const std::string groups = read_text(proc + "/self/cgroup");
    const std::string old_group = memory_group(groups);
    found.cgroup = old_group.empty() ? rest_of_line(groups, "0::") : old_group;
    if (found.cgroup.empty()) return found;
    std::string directory = cgroups + (old_group.empty() ? "" : "/memory") + found.cgroup;
    struct stat there {};
    // Inside a container the names of version 1 are those of the host, but its own is mounted on top.
    if (::stat(directory.c_str(), &there) != 0 && !old_group.empty())
        directory = cgroups + "/memory";
    if (::stat(directory.c_str(), &there) != 0) return found;
    found.cgroup_inode = there.st_ino;
    const std::string events =
        read_text(directory + (old_group.empty() ? "/memory.events" : "/memory.oom_control"));
    found.oom_kills = number_of(rest_of_line(events, "oom_kill "));
    return found;
}

std::string end_text(int status) {
    if (!WIFSIGNALED(status)) return phrase("exit code ", WEXITSTATUS(status));
    const char* name = ::sigabbrev_np(WTERMSIG(status));
    return name != nullptr ? phrase("killed by SIG", name)
                           : phrase("killed by signal ", WTERMSIG(status));
}

std::string cause_of(const LastLife& last, const Surroundings& now, const std::string& seen) {
    if (!last.crash.empty() && seen.starts_with(hung_words))
        return phrase(seen, ", its last words: ", last.crash);
    if (!last.crash.empty()) return "it crashed: " + last.crash;
    if (!last.boot_id.empty() && !now.boot_id.empty() && last.boot_id != now.boot_id)
        return "the machine went down (it has booted since)";
    const bool same_group = last.cgroup_inode != 0 && last.cgroup_inode == now.cgroup_inode &&
                            last.cgroup == now.cgroup;
    if (same_group && now.oom_kills > last.oom_kills)
        return phrase("killed for want of memory, most likely (oom_kill of its cgroup went from ",
                      last.oom_kills, " to ", now.oom_kills, ')');
    return seen.empty() ? "without a word (killed?)" : seen;
}

}  // namespace becaused
