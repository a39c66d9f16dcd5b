// Records on their way into a file, with each call failing once: every line gets there, whole and in
// order, as long as the file can be written at all.
#include <poll.h>
#include <sys/resource.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <fstream>
#include <sstream>

#include "ops/journal.hh"
#include "support/inside.hh"
#include "support/rig.hh"
#include "sweep/faults.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

constexpr int lines = 3000;  // some 200 KiB: written in several pieces

std::string line_of(int number) {
    return "{\"line\":" + std::to_string(number) + ",\"fill\":\"" + std::string(40, 'x') + "\"}\n";
}

std::string all_lines() {
    std::string text;
    for (int i = 0; i < lines; ++i) text += line_of(i);
    return text;
}

std::string content_of(const std::string& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// A loop whose time stands still, and turns until its thread has written what it was given.
void write_out(Loop& loop) {
    const Inside inside;
    for (int i = 0; i < 30; ++i) {
        loop.clock().advance(Wheel::tick_ns);
        loop.tick();
        for (int turn = 0; turn < 1000 && loop.uv()->active_reqs.count > 0; ++turn) {
            pollfd ready{::uv_backend_fd(loop.uv()), POLLIN, 0};
            ignored(::poll(&ready, 1, 1000), "the turn sees what came");
            loop.turn();
        }
    }
}

// True when the failure happened.
bool write_with(Call call, uint64_t nth, int error) {
    char path[] = "/tmp/becaused-journal-XXXXXX";
    ::close(::mkstemp(path));
    Loop loop(2);
    loop.manual_time();
    loop.clock().freeze(1'000'000'000U, 1'700'000'000'000'000'000U);
    Journal journal(loop, 8U << 20);
    fail_once(call, nth, error);
    Status status = Status::fine();
    {
        const Inside inside;
        status = journal.open(path);
    }
    if (status.ok()) {
        for (int i = 0; i < lines; ++i) {
            const Inside inside;
            journal.record(line_of(i));
            if (i % 500 == 0) write_out(loop);
            if (i == lines / 2) journal.reopen();
        }
        write_out(loop);
    }
    const bool happened = failed_once();
    fail_none();
    if (status.ok()) {
        journal.close();
        assert_text_equal(content_of(path), all_lines());
        assert_int_equal(journal.dropped(), 0);
    } else {
        assert_true(happened);
        assert_text_contains(status.message(), path);
    }
    ::unlink(path);
    return happened;
}

}  // namespace

static void no_line_is_lost_or_torn_by_one_failure(void**) {
    const Loop warm(2);
    const int before = count_descriptors();
    for (const int error : errors_of(Call::open)) {
        uint64_t nth = 1;
        while (write_with(Call::open, nth, error)) ++nth;
        assert_true(nth > 2);  // the open and the reopen
    }
    assert_int_equal(count_descriptors(), before);
}

namespace {

// While it lives, no file of this process grows beyond so many bytes: the disk is full, as it were. A
// write(2) that would is cut short, and the next one fails (setrlimit(2)).
class FullDisk {
  public:
    explicit FullDisk(rlim_t bytes) {
        ::signal(SIGXFSZ, SIG_IGN);
        CHECK(::getrlimit(RLIMIT_FSIZE, &before_) == 0);
        const rlimit limit{bytes, before_.rlim_max};
        CHECK(::setrlimit(RLIMIT_FSIZE, &limit) == 0);
    }
    FullDisk(const FullDisk&) = delete;
    FullDisk& operator=(const FullDisk&) = delete;
    ~FullDisk() { CHECK(::setrlimit(RLIMIT_FSIZE, &before_) == 0); }

  private:
    rlimit before_{};
};

constexpr size_t room = 50'000;  // ends within a line

// What a full disk keeps of all lines, and what comes when there is room again: in the same file, or in a
// new one where the operator moved the old one away meanwhile.
void check_full_disk(bool moved_away) {
    char path[] = "/tmp/becaused-journal-XXXXXX";
    ::close(::mkstemp(path));
    const std::string old = std::string(path) + ".old";
    const std::string all = all_lines();
    {
        Loop loop(2);
        loop.manual_time();
        loop.clock().freeze(1'000'000'000U, 1'700'000'000'000'000'000U);
        Journal journal(loop, 8U << 20);
        assert_true(journal.open(path).ok());
        {
            const FullDisk disk(room);
            for (int i = 0; i < lines; ++i) journal.record(line_of(i));
            write_out(loop);
            assert_text_equal(content_of(path), std::string_view(all).substr(0, room));
            if (moved_away) {
                assert_int_equal(::rename(path, old.c_str()), 0);
                journal.reopen();
                write_out(loop);
            }
        }
        write_out(loop);
        journal.close();
        assert_int_equal(journal.dropped(), 0);
    }
    // The old file ends with half a line, and the new one begins with the whole of it.
    const std::string before = moved_away ? content_of(old) : "";
    const size_t whole = before.rfind('\n') + 1;
    assert_int_equal(before.size(), moved_away ? room : 0);
    assert_text_equal(before.substr(0, whole) + content_of(path), all);
    ::unlink(old.c_str());
    ::unlink(path);
}

}  // namespace

static void a_full_disk_tears_no_line(void**) { check_full_disk(false); }
static void a_full_disk_s_file_that_is_moved_away_loses_no_line(void**) { check_full_disk(true); }

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(no_line_is_lost_or_torn_by_one_failure),
        cmocka_unit_test(a_full_disk_tears_no_line),
        cmocka_unit_test(a_full_disk_s_file_that_is_moved_away_loses_no_line),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
