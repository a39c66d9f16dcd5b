// Records on their way into a file, with each call failing once: every line gets there, whole and in
// order, as long as the file can be written at all.
#include <poll.h>
#include <unistd.h>

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
    for (const Call call : {Call::open, Call::uv_fs_write}) {
        for (const int error : errors_of(call)) {
            uint64_t nth = 1;
            while (write_with(call, nth, error)) ++nth;
            assert_true(nth > 2);  // the open and the reopen; several writes
        }
    }
    assert_int_equal(count_descriptors(), before);
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(no_line_is_lost_or_torn_by_one_failure),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
