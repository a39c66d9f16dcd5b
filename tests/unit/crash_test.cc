// The last words of a process that ends by its own fault, and what the kernel says of others' ends.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "ops/crash.hh"
#include "ops/demise.hh"
#include "support/boxes.hh"
#include "support/sanitizers.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

struct End {
    int signal = 0;
    std::string said;
    std::string in_the_box;
};

constexpr box::Shape shape{2, 2, 256};

// A process that crashes so while it serves a push.
End end_by(void (*crash)(ExchangeEntry&)) {
    const size_t size =
        (shape.file_bytes() + box::page_bytes - 1) / box::page_bytes * box::page_bytes;
    void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(memory != MAP_FAILED);
    const std::span<char> bytes(static_cast<char*>(memory), shape.file_bytes());
    int ends[2];
    assert_int_equal(::pipe2(ends, O_CLOEXEC), 0);
    const pid_t child = ::fork();
    if (child == 0) {
        const rlimit no_core{0, 0};
        ::setrlimit(RLIMIT_CORE, &no_core);
        ::dup2(ends[1], STDERR_FILENO);
        ::alarm(20);
        // cmocka's handlers would go on with the next test.
        for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT})
            std::signal(number, SIG_DFL);
        box::Life life{};
        life.life = {'0', 'a', '0', 'b', '0', 'c', '0', 'd'};
        BlackBox box(bytes, shape, life);
        OpenPush push(&box);
        watch_for_crashes(&push.ledger(), &box);
        push.exchange->serve();
        crash(*push.exchange);
        ::_exit(0);
    }
    ::close(ends[1]);
    End end;
    char buffer[4096];
    for (ssize_t count = 0; (count = ::read(ends[0], buffer, sizeof buffer)) > 0;)
        end.said.append(buffer, static_cast<size_t>(count));
    ::close(ends[0]);
    int status = 0;
    assert_int_equal(::waitpid(child, &status, 0), child);
    end.signal = WIFSIGNALED(status) ? WTERMSIG(status) : 0;
    Result<LastLife> last = read_black_box({bytes.data(), bytes.size()});
    assert_true(last.ok());
    end.in_the_box = last.value().crash;
    assert_int_equal(::munmap(memory, size), 0);
    return end;
}

void write_to_nowhere(ExchangeEntry&) {
    volatile char* nowhere = reinterpret_cast<char*>(0x1230);
    *nowhere = 1;
}

void call_abort(ExchangeEntry&) { std::abort(); }

// NOLINTNEXTLINE(misc-no-recursion): that is what it is for
int use_stack(volatile const char* above) {
    if (*above == 2) return 0;  // never
    volatile char here[16 * 1024];
    here[0] = *above;
    return use_stack(here) + here[0];
}
void exhaust_the_stack(ExchangeEntry&) {
    const char start = 1;
    ::_exit(use_stack(&start));
}

void fail_after_its_entry(ExchangeEntry& entry) {
    entry.file(Ending::clean(Reason::complete, Phase::done));
    std::abort();
}

void name_hostile_bytes(ExchangeEntry& entry) {
    entry.facts.set_target("/a\x1b[2J\n\"b\x7f\xff");
    std::abort();
}

constexpr std::string_view push_words =
    ", serving exchange 0a0b0c0d-2 POST /v1.41/images/app/push?tag=1";

void check(const End& end, int signal, std::string_view start, std::string_view finish) {
    assert_int_equal(end.signal, signal);
    assert_text_equal(end.said, "becaused: " + ("it crashed: " + end.in_the_box) + "\n");
    assert_true(end.in_the_box.starts_with(start));
    const std::string middle = " of build " + build_id();
    assert_text_contains(end.in_the_box, middle);
    assert_true(end.in_the_box.ends_with(finish));
}

void a_fault_says_where_and_for_whom(void**) {
    if (sanitized) skip_test();
    const End end = end_by(write_to_nowhere);
    check(end, SIGSEGV, "SIGSEGV at 0x1230, code 0x", push_words);
}

void an_abort_says_for_whom(void**) {
    const End end = end_by(call_abort);
    check(end, SIGABRT, "SIGABRT sent by pid ", push_words);
}

void a_stack_without_end_has_last_words_too(void**) {
    if (sanitized) skip_test();
    const End end = end_by(exhaust_the_stack);
    check(end, SIGSEGV, "SIGSEGV at 0x", push_words);
}

void what_was_filed_is_not_being_served(void**) {
    const End end = end_by(fail_after_its_entry);
    check(end, SIGABRT, "SIGABRT sent by pid ", ", serving nobody");
}

void bytes_that_a_terminal_obeys_are_not_said(void**) {
    const End end = end_by(name_hostile_bytes);
    check(end, SIGABRT, "SIGABRT sent by pid ", " POST /a?[2J?\"b??");
}

void the_build_id_is_hexadecimal(void**) {
    const std::string id = build_id();
    assert_int_equal(id.size(), 40);
    assert_true(id.find_first_not_of("0123456789abcdef") == std::string::npos);
}

// ---- what the kernel knows -------------------------------------------------------------------------

struct Place {
    std::string root;
    Place() {
        char path[] = "/tmp/becaused-demise-XXXXXX";
        assert_non_null(::mkdtemp(path));
        root = path;
    }
    void write(const std::string& name, std::string_view text) const {
        const std::filesystem::path path = root + "/" + name;
        std::filesystem::create_directories(path.parent_path());
        std::ofstream(path) << text;
    }
    Surroundings look() const { return look_around(root + "/proc", root + "/cgroup"); }
    void remove() const { std::filesystem::remove_all(root); }
};

void cgroups_of_version_2_are_read(void**) {
    const Place place;
    place.write("proc/sys/kernel/random/boot_id", "8d1c\n");
    place.write("proc/self/cgroup", "0::/system.slice/becaused.service\n");
    place.write("cgroup/system.slice/becaused.service/memory.events",
                "low 0\nhigh 1\nmax 2\noom 3\noom_kill 4\noom_group_kill 5\n");
    const Surroundings found = place.look();
    place.remove();
    assert_text_equal(found.boot_id, "8d1c");
    assert_text_equal(found.cgroup, "/system.slice/becaused.service");
    assert_int_equal(found.oom_kills, 4);
    assert_true(found.cgroup_inode != 0);
}

void cgroups_of_version_1_are_read(void**) {
    const Place place;
    place.write("proc/self/cgroup", "12:cpu,cpuacct:/x\n9:memory:/docker/abc\n0::/\n");
    // Within the container its own is mounted on top.
    place.write("cgroup/memory/memory.oom_control",
                "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n");
    const Surroundings found = place.look();
    place.remove();
    assert_text_equal(found.cgroup, "/docker/abc");
    assert_int_equal(found.oom_kills, 7);
}

void where_nothing_can_be_read_nothing_is_known(void**) {
    const Place place;
    const Surroundings found = place.look();
    place.remove();
    assert_text_equal(found.boot_id, "");
    assert_text_equal(found.cgroup, "");
    assert_int_equal(found.oom_kills, 0);
    assert_int_equal(found.cgroup_inode, 0);
}

LastLife life_before() {
    LastLife last;
    last.boot_id = "b1";
    last.cgroup = "/g";
    last.cgroup_inode = 5;
    last.oom_kills = 2;
    return last;
}

void the_cause_is_what_can_be_shown(void**) {
    const Surroundings same{"b1", "/g", 5, 2};
    const struct {
        const char* crash;
        Surroundings now;
        const char* cause;
    } cases[] = {
        {"", same, "without a word (killed?)"},
        {"SIGBUS at 0x1", same, "it crashed: SIGBUS at 0x1"},
        {"SIGBUS at 0x1", {"b2", "/g", 5, 3}, "it crashed: SIGBUS at 0x1"},
        {"", {"b2", "/g", 5, 2}, "the machine went down (it has booted since)"},
        {"",
         {"b1", "/g", 5, 3},
         "killed for want of memory, most likely (oom_kill of its cgroup went from 2 to 3)"},
        // Another cgroup's kills, or one made anew with the same name, prove nothing.
        {"", {"b1", "/h", 5, 9}, "without a word (killed?)"},
        {"", {"b1", "/g", 6, 9}, "without a word (killed?)"},
        {"", {"", "", 0, 0}, "without a word (killed?)"},
    };
    for (const auto& each : cases) {
        LastLife last = life_before();
        last.crash = each.crash;
        assert_text_equal(cause_of(last, each.now), each.cause);
    }
    // Whoever waited for it knows more than that nothing is known, and why it was told to abort.
    LastLife last = life_before();
    assert_text_equal(cause_of(last, same, "killed by SIGKILL"), "killed by SIGKILL");
    const std::string hung = "hung: its loop stood still for 60 s (worker_watchdog); killed by SIG";
    assert_text_equal(cause_of(last, same, hung + "KILL"), hung + "KILL");
    last.crash = "SIGABRT sent by pid 1";
    assert_text_equal(cause_of(last, same, "killed by SIGABRT"),
                      "it crashed: SIGABRT sent by pid 1");
    assert_text_equal(cause_of(last, same, hung + "ABRT"),
                      hung + "ABRT, its last words: SIGABRT sent by pid 1");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(a_fault_says_where_and_for_whom),
        cmocka_unit_test(an_abort_says_for_whom),
        cmocka_unit_test(a_stack_without_end_has_last_words_too),
        cmocka_unit_test(what_was_filed_is_not_being_served),
        cmocka_unit_test(bytes_that_a_terminal_obeys_are_not_said),
        cmocka_unit_test(the_build_id_is_hexadecimal),
        cmocka_unit_test(cgroups_of_version_2_are_read),
        cmocka_unit_test(cgroups_of_version_1_are_read),
        cmocka_unit_test(where_nothing_can_be_read_nothing_is_known),
        cmocka_unit_test(the_cause_is_what_can_be_shown),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
