#include "support/wedge.hh"

#include <elf.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "base/check.hh"

namespace becaused::test {

namespace {

constexpr long call_fails = -1;
// Longer than any test waits.
constexpr rlimit most_cpu_s{60, 60};

std::string place_of(pid_t process, const char* what) {
    return "/proc/" + std::to_string(process) + '/' + what;
}

// A jump to itself.
#if defined(__x86_64__)
constexpr uint64_t round_bits = 0xFEEB;
constexpr uint64_t round_mask = 0xFFFF;
void go_to(user_regs_struct& registers, uint64_t address) {
    registers.rip = address;
    registers.orig_rax = static_cast<decltype(registers.orig_rax)>(-1);  // no call to begin anew
}
#elif defined(__aarch64__)
constexpr uint64_t round_bits = 0x14000000;
constexpr uint64_t round_mask = 0xFFFFFFFF;
void go_to(user_regs_struct& registers, uint64_t address) { registers.pc = address; }
#endif

// Where the program begins, in the process's own addresses.
uint64_t begin_of(pid_t process) {
    std::ifstream file(place_of(process, "auxv"), std::ios::binary);
    Elf64_auxv_t entry{};
    while (file.read(reinterpret_cast<char*>(&entry), sizeof entry))
        if (entry.a_type == AT_ENTRY) return entry.a_un.a_val;
    CHECK(false && "a process has an entry point");
    return 0;
}

// All of them, stopped. None is made meanwhile: what makes threads is stopped first, or waits for work.
std::vector<pid_t> stop_threads(pid_t process) {
    std::vector<pid_t> threads;
    for (const auto& each : std::filesystem::directory_iterator(place_of(process, "task")))
        threads.push_back(static_cast<pid_t>(std::stoi(each.path().filename().string())));
    for (const pid_t thread : threads) {
        CHECK(::ptrace(PTRACE_SEIZE, thread, nullptr, nullptr) != call_fails);
        CHECK(::ptrace(PTRACE_INTERRUPT, thread, nullptr, nullptr) != call_fails);
        int status = 0;
        CHECK(::waitpid(thread, &status, __WALL) == thread && WIFSTOPPED(status));
    }
    return threads;
}

void send_round(pid_t thread, uint64_t address) {
    errno = 0;
    const long before = ::ptrace(PTRACE_PEEKTEXT, thread, address, nullptr);
    CHECK(errno == 0);
    const uint64_t after = (static_cast<uint64_t>(before) & ~round_mask) | round_bits;
    CHECK(::ptrace(PTRACE_POKETEXT, thread, address, after) != call_fails);
    user_regs_struct registers{};
    iovec all{&registers, sizeof registers};
    CHECK(::ptrace(PTRACE_GETREGSET, thread, NT_PRSTATUS, &all) != call_fails);
    go_to(registers, address);
    CHECK(::ptrace(PTRACE_SETREGSET, thread, NT_PRSTATUS, &all) != call_fails);
}

}  // namespace

uint64_t entry_point_of(pid_t process) {
    std::ifstream file(place_of(process, "exe"), std::ios::binary);
    Elf64_Ehdr head{};
    CHECK(file.read(reinterpret_cast<char*>(&head), sizeof head) &&
          std::memcmp(static_cast<const void*>(head.e_ident), ELFMAG, SELFMAG) == 0);
    return head.e_entry;
}

void loop_for_ever(pid_t process, bool deaf) {
    CHECK(::prlimit(process, RLIMIT_CPU, &most_cpu_s, nullptr) == 0);
    const std::vector<pid_t> threads = stop_threads(process);
    send_round(process, begin_of(process));
    for (const pid_t thread : threads) {
        const uint64_t all_signals = UINT64_MAX;
        if (deaf)
            CHECK(::ptrace(PTRACE_SETSIGMASK, thread, sizeof all_signals, &all_signals) !=
                  call_fails);
        CHECK(::ptrace(PTRACE_DETACH, thread, nullptr, nullptr) != call_fails);
    }
}

}  // namespace becaused::test
