// Whose a process and a file are.
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <cstdio>
#include <fstream>
#include <string>

namespace becaused::test {

// The rest of the line of /proc/PID/status that begins with `key`.
inline std::string status_of(pid_t pid, const std::string& key) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/status");
    for (std::string line; std::getline(file, line);)
        if (line.starts_with(key + ":\t")) return line.substr(key.size() + 2);
    return "none";
}

// "UID:GID MODE", or none.
inline std::string owner_of(const std::string& path) {
    struct stat found {};
    if (::stat(path.c_str(), &found) != 0) return "none";
    char mode[8];
    std::snprintf(mode, sizeof mode, "%o", found.st_mode & 0777U);
    return std::to_string(found.st_uid) + ':' + std::to_string(found.st_gid) + ' ' + mode;
}

}  // namespace becaused::test
