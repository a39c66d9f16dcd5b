// Why a process that said nothing may have ended: what the kernel knows about it, compared with what was
// noted when it began.
#pragma once

#include <cstdint>
#include <string>

#include "ledger/last_life.hh"

namespace becaused {

// The kernel's side of a life. Where something cannot be read it is empty or 0, and proves nothing.
struct Surroundings {
    std::string boot_id;  // /proc/sys/kernel/random/boot_id
    std::string cgroup;   // as in /proc/self/cgroup
    uint64_t cgroup_inode = 0;
    uint64_t oom_kills = 0;  // memory.events, oom_kill (cgroups(7)); version 1: memory.oom_control
};

// `proc` and `cgroups`: where these file systems are mounted.
Surroundings look_around(const std::string& proc = "/proc",
                         const std::string& cgroups = "/sys/fs/cgroup");

// The rest of a sentence "its process ended ...: ". `seen`: what whoever waited for it saw: "killed by
// SIGKILL"; empty: nobody did.
std::string cause_of(const LastLife& last, const Surroundings& now, const std::string& seen = {});
// What begins `seen` where it was ended because its loop stood still.
inline constexpr std::string_view hung_words = "hung: its loop stood still for ";
// "killed by SIGKILL", "exit code 1": of a status of wait(2).
std::string end_text(int status);

}  // namespace becaused
