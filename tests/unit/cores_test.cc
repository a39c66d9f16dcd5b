// How many cores a process may use, as /proc and /sys/fs/cgroup say it: a tree of files of the test's own.
#include <sched.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "ops/cores.hh"

#include "support/cmocka.hh"

using namespace becaused;

namespace {

class Tree {
  public:
    Tree() {
        char name[] = "/tmp/becaused-cores-XXXXXX";
        assert_non_null(::mkdtemp(name));
        root_ = name;
    }
    Tree(const Tree&) = delete;
    Tree& operator=(const Tree&) = delete;
    ~Tree() { std::filesystem::remove_all(root_); }

    void write(const std::string& path, const std::string& text) const {
        const std::filesystem::path file = root_ + path;
        std::filesystem::create_directories(file.parent_path());
        std::ofstream(file) << text;
    }
    uint32_t cores() const { return usable_cores(root_ + "/proc", root_ + "/cgroup"); }

  private:
    std::string root_;
};

// What no quota takes away: the cores of the machine that the test may run on.
uint32_t all() {
    cpu_set_t cores;
    assert_int_equal(::sched_getaffinity(0, sizeof cores, &cores), 0);
    return static_cast<uint32_t>(CPU_COUNT(&cores));
}

void without_cgroups_all_cores_count(void**) { assert_int_equal(Tree().cores(), all()); }

void a_quota_is_counted_in_cores_and_a_part_is_one(void**) {
    const struct {
        const char* max;
        uint32_t cores;
    } rows[] = {{"max 100000\n", all()}, {"100000 100000\n", 1},
                {"50000 100000\n", 1},   {"1000 100000\n", 1},
                {"80000 50000\n", 2},    {"900000000 100000\n", all()},
                {"nonsense\n", all()},   {"100000\n", all()},
                {"100000 0\n", all()},   {"", all()}};
    for (const auto& row : rows) {
        const Tree tree;
        tree.write("/proc/self/cgroup", "0::/docker/x\n");
        tree.write("/cgroup/docker/x/cpu.max", row.max);
        assert_int_equal(tree.cores(), std::min(row.cores, all()));
    }
}

void the_groups_above_limit_too(void**) {
    const Tree tree;
    tree.write("/proc/self/cgroup", "0::/a/b/c\n");
    tree.write("/cgroup/a/b/c/cpu.max", "max 100000\n");
    tree.write("/cgroup/a/cpu.max", "100000 100000\n");
    assert_int_equal(tree.cores(), 1);
}

// In a container its own group is mounted where the root's would be, with or without a name of its own.
void in_a_container_the_mount_itself_is_its_group(void**) {
    for (const char* group : {"0::/\n", "0::/docker/x\n"}) {
        const Tree tree;
        tree.write("/proc/self/cgroup", group);
        tree.write("/cgroup/cpu.max", "100000 100000\n");
        assert_int_equal(tree.cores(), 1);
    }
}

void so_it_is_in_version_1(void**) {
    const Tree tree;
    tree.write("/proc/self/cgroup", "5:memory:/x\n4:cpu,cpuacct:/x\n0::/\n");
    tree.write("/cgroup/cpu/x/cpu.cfs_quota_us", "-1\n");
    tree.write("/cgroup/cpu/x/cpu.cfs_period_us", "100000\n");
    assert_int_equal(tree.cores(), all());
    tree.write("/cgroup/cpu/x/cpu.cfs_quota_us", "70000\n");
    assert_int_equal(tree.cores(), 1);
}

void lines_that_are_none_say_nothing(void**) {
    for (const char* text : {":\n", "::\n", "0\n", "0:\n", "0::\n", "0::x\n", "\n\n", "x:cpu:\n"}) {
        const Tree tree;
        tree.write("/proc/self/cgroup", text);
        tree.write("/cgroupx/cpu.max", "100000 100000\n");
        assert_int_equal(tree.cores(), all());
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(without_cgroups_all_cores_count),
        cmocka_unit_test(a_quota_is_counted_in_cores_and_a_part_is_one),
        cmocka_unit_test(the_groups_above_limit_too),
        cmocka_unit_test(in_a_container_the_mount_itself_is_its_group),
        cmocka_unit_test(so_it_is_in_version_1),
        cmocka_unit_test(lines_that_are_none_say_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
