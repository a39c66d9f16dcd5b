#include "ops/cores.hh"

#include <sched.h>

#include <algorithm>
#include <fstream>
#include <string_view>

namespace becaused {

namespace {

constexpr uint32_t unlimited = UINT32_MAX;

uint32_t cores_of(double quota_us, double period_us) {
    if (quota_us <= 0 || period_us <= 0) return unlimited;
    const double cores = quota_us / period_us;
    if (cores >= unlimited) return unlimited;
    const auto whole = static_cast<uint32_t>(cores);
    return whole + (static_cast<double>(whole) < cores ? 1 : 0);
}

// "200000 100000", or "max 100000" (cgroups(7), version 2).
uint32_t limit_of_new(const std::string& directory) {
    std::ifstream file(directory + "/cpu.max");
    double quota_us = 0;
    double period_us = 0;
    return file >> quota_us >> period_us ? cores_of(quota_us, period_us) : unlimited;
}

// Version 1: -1 is no limit.
uint32_t limit_of_old(const std::string& directory) {
    double quota_us = 0;
    double period_us = 0;
    std::ifstream quota(directory + "/cpu.cfs_quota_us");
    std::ifstream period(directory + "/cpu.cfs_period_us");
    return quota >> quota_us && period >> period_us ? cores_of(quota_us, period_us) : unlimited;
}

// Each group above has a say, too.
template <typename LimitOf>
uint32_t least_above(const std::string& mount, std::string group, LimitOf limit_of) {
    uint32_t least = limit_of(mount);
    while (group.size() > 1) {
        least = std::min(least, limit_of(mount + group));
        group.resize(group.rfind('/'));
    }
    return least;
}

// Of a line of /proc/self/cgroup: "0::/a/b", or version 1's "4:cpu,cpuacct:/a/b".
uint32_t limit_of_line(std::string_view line, const std::string& cgroups) {
    const size_t colon = line.find(':');
    const size_t second = line.find(':', std::min(colon, line.size() - 1) + 1);
    if (colon == std::string_view::npos || second == std::string_view::npos) return unlimited;
    const std::string_view controllers = line.substr(colon + 1, second - colon - 1);
    const std::string_view group = line.substr(second + 1);
    if (!group.starts_with('/')) return unlimited;
    if (controllers.empty()) return least_above(cgroups, std::string(group), limit_of_new);
    for (const std::string_view one : {"cpu", "cpu,cpuacct", "cpuacct,cpu"})
        if (controllers == one)
            return least_above(cgroups + "/cpu", std::string(group), limit_of_old);
    return unlimited;
}

uint32_t cores_to_run_on() {
    cpu_set_t cores;
    if (::sched_getaffinity(0, sizeof cores, &cores) != 0) return 1;
    return static_cast<uint32_t>(CPU_COUNT(&cores));
}

}  // namespace

uint32_t usable_cores(const std::string& proc, const std::string& cgroups) {
    uint32_t cores = cores_to_run_on();
    std::ifstream groups(proc + "/self/cgroup");
    for (std::string line; std::getline(groups, line);)
        if (!line.empty()) cores = std::min(cores, limit_of_line(line, cgroups));
    return std::max(cores, 1U);
}

}  // namespace becaused
