#include "ops/crash.hh"

#include <elf.h>
#include <link.h>
#include <ucontext.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstring>
#include <ctime>

#include "base/status.hh"

namespace becaused {

namespace {

constexpr int fatal_signals[] = {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT};
constexpr size_t stack_bytes = 64 * 1024;

// All that the handler needs, made before anything is wrong.
struct Scene {
    const Ledger* ledger = nullptr;
    BlackBox* box = nullptr;
    uintptr_t loaded_at = 0;
    uintptr_t loaded_end = 0;
    std::array<char, 65> build{};
    std::array<struct sigaction, std::size(fatal_signals)> before{};
    bool watching = false;
};
Scene scene;
std::atomic<pid_t> crashing{0};
alignas(16) char stack[stack_bytes];

// A line in memory of its own; what does not fit is left out.
class CrashLine {
  public:
    void text(std::string_view text) noexcept {
        for (const char c : text) {
            if (size_ == line_.size()) return;
            line_[size_++] = c;
        }
    }
    // From outside: nothing but printable ASCII.
    void foreign(const char* text, size_t size) noexcept {
        for (size_t i = 0; i < size; ++i) {
            const char c = text[i];
            this->text({c > ' ' && c <= '~' ? &c : "?", 1});
        }
    }
    void number(uint64_t value, unsigned base) noexcept {
        char digits[20];
        size_t count = 0;
        do digits[count++] = "0123456789abcdef"[value % base];
        while ((value /= base) > 0);
        while (count > 0) text({&digits[--count], 1});
    }
    std::string_view view() const noexcept { return {line_.data(), size_}; }

  private:
    std::array<char, 480> line_;
    size_t size_ = 0;
};

std::string_view signal_name(int number) noexcept {
    switch (number) {
        case SIGSEGV: return "SIGSEGV";
        case SIGBUS: return "SIGBUS";
        case SIGFPE: return "SIGFPE";
        case SIGILL: return "SIGILL";
        case SIGABRT: return "SIGABRT";
        default: return "a signal";
    }
}

uintptr_t code_address(const void* context) noexcept {
    const auto* at = static_cast<const ucontext_t*>(context);
#if defined(__x86_64__)
    return static_cast<uintptr_t>(at->uc_mcontext.gregs[REG_RIP]);
#elif defined(__aarch64__)
    return static_cast<uintptr_t>(at->uc_mcontext.pc);
#else
    static_cast<void>(at);
    return 0;
#endif
}

void add_served(CrashLine& line) noexcept {
    const Entry* served = scene.ledger == nullptr ? nullptr : scene.ledger->served();
    if (served == nullptr) {
        line.text(", serving nobody");
        return;
    }
    const bool is_exchange = served->kind() == Entry::Kind::exchange;
    line.text(is_exchange ? ", serving exchange " : ", serving connection ");
    line.text({scene.ledger->life().data(), scene.ledger->life().size()});
    line.text("-");
    line.number(served->id(), 10);
    if (!is_exchange) return;
    const ExchangeFacts& facts = static_cast<const ExchangeEntry*>(served)->facts;
    constexpr size_t most = 128;  // of the target
    line.text(" ");
    line.foreign(facts.method.data(), std::min<size_t>(facts.method_length, facts.method.size()));
    line.text(" ");
    line.foreign(facts.target.data(), std::min<size_t>(facts.target_length, most));
}

void tell(int number, const siginfo_t* info, const void* context) noexcept {
    CrashLine line;
    line.text("becaused: it crashed: ");
    const size_t start = line.view().size();
    line.text(signal_name(number));
    if (info->si_code <= 0) {
        line.text(" sent by pid ");
        line.number(static_cast<uint64_t>(info->si_pid), 10);
    } else {
        line.text(" at 0x");
        line.number(reinterpret_cast<uintptr_t>(info->si_addr), 16);
    }
    const uintptr_t code = code_address(context);
    const bool ours = code >= scene.loaded_at && code < scene.loaded_end;
    line.text(ours ? ", code 0x" : ", in a library");
    if (ours) line.number(code - scene.loaded_at, 16);
    line.text(" of build ");
    line.text(scene.build[0] == '\0' ? "unknown" : scene.build.data());
    add_served(line);
    if (scene.box != nullptr) {
        box::Crash crash{};
        const std::string_view words = line.view().substr(start);
        std::copy(words.begin(), words.end(), crash.line.begin());
        scene.box->crash().write(box::magic, crash);
    }
    line.text("\n");
    ignored(::write(STDERR_FILENO, line.view().data(), line.view().size()), "it is the last word");
}

void handle_crash(int number, siginfo_t* info, void* context) noexcept {
    pid_t nobody = 0;
    const pid_t self = ::gettid();
    if (crashing.compare_exchange_strong(nobody, self)) {
        tell(number, info, context);
    } else if (nobody != self) {
        const timespec enough{2, 0};  // another thread is at its last words, and ends us all
        ignored(::nanosleep(&enough, nullptr), "it has had its time");
    }
    for (size_t i = 0; i < std::size(fatal_signals); ++i)
        if (fatal_signals[i] == number)
            ignored(::sigaction(number, &scene.before[i], nullptr), "it was this before");
    // A fault comes again by itself, with its own address, as soon as this returns. What was sent does not.
    if (info->si_code <= 0) ignored(::raise(number), "it is pending until this returns");
}

int find_build_id(dl_phdr_info* object, size_t, void*) noexcept {
    scene.loaded_at = object->dlpi_addr;
    for (size_t i = 0; i < object->dlpi_phnum; ++i) {
        const auto& part = object->dlpi_phdr[i];
        const uintptr_t end_at = object->dlpi_addr + part.p_vaddr + part.p_memsz;
        if (part.p_type == PT_LOAD) scene.loaded_end = std::max(scene.loaded_end, end_at);
        if (part.p_type != PT_NOTE || scene.build[0] != '\0') continue;
        // NOLINTNEXTLINE(performance-no-int-to-ptr): the loader says where by a number
        const char* at = reinterpret_cast<const char*>(object->dlpi_addr + part.p_vaddr);
        const char* end = at + part.p_memsz;
        ElfW(Nhdr) note;
        while (at + sizeof note <= end) {
            std::memcpy(&note, at, sizeof note);
            const char* name = at + sizeof note;
            const char* id = name + (note.n_namesz + 3U) / 4U * 4U;
            if (note.n_type == NT_GNU_BUILD_ID && note.n_namesz == 4 &&
                std::memcmp(name, "GNU", 4) == 0) {
                for (size_t b = 0; b < note.n_descsz && 2 * b + 2 < scene.build.size(); ++b) {
                    const auto byte = static_cast<unsigned char>(id[b]);
                    scene.build[2 * b] = "0123456789abcdef"[byte >> 4U];
                    scene.build[2 * b + 1] = "0123456789abcdef"[byte & 15U];
                }
            }
            at = id + (note.n_descsz + 3U) / 4U * 4U;
        }
    }
    return 1;  // the first object is the program; the others are libraries
}

}  // namespace

void watch_for_crashes(const Ledger* ledger, BlackBox* box) {
    scene.ledger = ledger;
    scene.box = box;
    if (scene.watching || ledger == nullptr) return;
    ignored(static_cast<long>(build_id().size()), "it is in the scene now");
    stack_t own{};
    own.ss_sp = stack;
    own.ss_size = sizeof stack;
    const bool has_stack = ::sigaltstack(&own, nullptr) == 0;
    struct sigaction action {};
    action.sa_sigaction = handle_crash;
    action.sa_flags = SA_SIGINFO | (has_stack ? SA_ONSTACK : 0);
    sigfillset(&action.sa_mask);
    for (size_t i = 0; i < std::size(fatal_signals); ++i)
        ignored(::sigaction(fatal_signals[i], &action, &scene.before[i]), "these can be caught");
    scene.watching = true;
}

std::string build_id() {
    if (scene.build[0] == '\0') ::dl_iterate_phdr(find_build_id, nullptr);
    return scene.build.data();
}

}  // namespace becaused
