// Processes that stand still: a worker is noticed by its parent (worker_watchdog), ended with its last words and
// told of; a service manager hears that all goes on (sd_notify(3)); and operators see what a worker that does not
// answer had open.
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <fstream>

#include "support/boxes.hh"
#include "support/wedge.hh"
#include "support/works.hh"

#include "support/cmocka.hh"

using becaused::Entry;
using namespace becaused::test;

namespace {

size_t count_of(const std::string& text, const std::string& words) {
    size_t count = 0;
    for (size_t at = 0; (at = text.find(words, at)) != std::string::npos; at += words.size())
        ++count;
    return count;
}

// The other one has as little to do, and is not taken for hung.
void a_worker_that_stands_still_is_ended_told_of_and_replaced(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(2, {"--worker-watchdog", "1s"});
    hold(works, program, 12);
    const pid_t stuck = pid_of(program, 1, 2);
    assert_int_equal(::kill(stuck, SIGSTOP), 0);
    const std::string who = "becaused: worker 1 (pid " + std::to_string(stuck) + ") ";
    program.await_err(who +
                      "hangs: its loop has stood still for 1 s (worker_watchdog); ending it\n");
    program.await_err("becaused: it crashed: SIGABRT sent by pid " + std::to_string(program.pid()));
    program.await_err(who +
                      "ended: hung: its loop stood still for 1 s (worker_watchdog); killed by "
                      "SIGABRT; the next one starts now\n");
    pid_of(program, 1, 2, 2);
    program.await_err(" were open: on the records now as previous_life\n");
    works.origin->release();
    const size_t answered = leave(works);
    assert_true(answered > 0 && answered < 12);
    visit(ready_addresses(program).at(0), "/after/", 20);
    assert_int_equal(count_of(program.err(), " hangs: "), 1);
    stop(program);
    size_t told = 0;
    for (const std::string& line : works.site.records(0)) {
        if (field_of(line, "reason") != "previous_life") continue;
        told += field_of(line, "event") == "exchange" ? 1 : 0;
        assert_text_contains(field_of(line, "because"),
                             ": hung: its loop stood still for 1 s (worker_watchdog); killed by "
                             "SIGABRT, its last words: SIGABRT sent by pid ");
    }
    assert_int_equal(told, 12 - answered);
}

std::string hex(uint64_t value) {
    char text[20];
    std::snprintf(text, sizeof text, "%llx", static_cast<unsigned long long>(value));
    return text;
}

// How many requests of the worker's were told of, all in these words.
size_t told_of(Works& works, const std::string& words) {
    size_t told = 0;
    for (const std::string& line : works.site.records(0)) {
        if (field_of(line, "reason") != "previous_life") continue;
        told += field_of(line, "event") == "exchange" ? 1 : 0;
        const std::string because = field_of(line, "because");
        if (because.find(words) == because.npos) fail_test(because);
    }
    return told;
}

// Not stopped, but busy for ever: its last words say where.
void a_worker_in_an_endless_loop_says_where_it_is(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(2, {"--worker-watchdog", "1s"});
    hold(works, program, 12);
    const pid_t stuck = pid_of(program, 1, 2);
    const std::string where = ", code 0x" + hex(entry_point_of(stuck)) + " of build ";
    loop_for_ever(stuck, false);
    const std::string who = "becaused: worker 1 (pid " + std::to_string(stuck) + ") ";
    program.await_err(who +
                      "hangs: its loop has stood still for 1 s (worker_watchdog); ending it\n");
    const std::string last_words = "SIGABRT sent by pid " + std::to_string(program.pid()) + where;
    program.await_err("becaused: it crashed: " + last_words);
    program.await_err(who +
                      "ended: hung: its loop stood still for 1 s (worker_watchdog); killed by "
                      "SIGABRT; the next one starts now\n");
    program.await_err(" were open: on the records now as previous_life\n");
    works.origin->release();
    const size_t answered = leave(works);
    stop(program);
    assert_int_equal(told_of(works,
                             ": hung: its loop stood still for 1 s (worker_watchdog); killed by "
                             "SIGABRT, its last words: " +
                                 last_words),
                     12 - answered);
}

// Nobody hears the first signal: the second one is none to be heard.
void a_worker_that_does_not_hear_its_abort_is_killed(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(2, {"--worker-watchdog", "1s"});
    hold(works, program, 12);
    const pid_t stuck = pid_of(program, 1, 2);
    loop_for_ever(stuck, true);
    const std::string who = "becaused: worker 1 (pid " + std::to_string(stuck) + ") ";
    program.await_err(who +
                      "hangs: its loop has stood still for 1 s (worker_watchdog); ending it\n");
    program.await_err(who +
                      "ended: hung: its loop stood still for 1 s (worker_watchdog); killed by "
                      "SIGKILL; the next one starts now\n");
    pid_of(program, 1, 2, 2);
    program.await_err(" were open: on the records now as previous_life\n");
    assert_int_equal(count_of(program.err(), " it crashed: "), 0);
    works.origin->release();
    const size_t answered = leave(works);
    assert_true(answered > 0 && answered < 12);
    visit(ready_addresses(program).at(0), "/after/", 20);
    assert_int_equal(count_of(program.err(), " hangs: "), 1);
    stop(program);
    assert_int_equal(told_of(works,
                             ": hung: its loop stood still for 1 s (worker_watchdog); killed by "
                             "SIGKILL."),
                     12 - answered);
}

// Or the end would wait for it for ever.
void a_worker_that_stands_still_while_it_is_to_stop_is_ended(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(2, {"--worker-watchdog", "1s"});
    assert_int_equal(::kill(pid_of(program, 2, 2), SIGSTOP), 0);
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 1);
    assert_text_contains(program.err(), "hung: its loop stood still for 1 s (worker_watchdog)");
}

// As a terminal stops them, or a machine that is frozen and thawed.
void who_stood_still_together_is_judged_by_nobody(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(2, {"--worker-watchdog", "1s"});
    const std::vector<pid_t> workers = {pid_of(program, 1, 2), pid_of(program, 2, 2)};
    for (const pid_t worker : workers) assert_int_equal(::kill(worker, SIGSTOP), 0);
    program.signal(SIGSTOP);
    ::usleep(2'500'000);
    program.signal(SIGCONT);
    for (const pid_t worker : workers) assert_int_equal(::kill(worker, SIGCONT), 0);
    visit(ready_addresses(program).at(0), "/", 20);
    stop(program);
    assert_int_equal(count_of(program.err(), " hangs: "), 0);
    assert_each_once(works.site.records(0), 20);
}

// One answers for itself, the other one's black box for it.
void what_a_worker_that_does_not_answer_had_open_is_listed_too(void** state) {
    Works& works = works_of(state);
    Program& program = works.serve(2);
    hold(works, program, 12);
    const std::string place = works.site.path("state");
    const pid_t stuck = pid_of(program, 2, 2);
    assert_int_equal(::kill(stuck, SIGSTOP), 0);
    const std::vector<std::string> lines =
        lines_of(said(works.site, {"why", "--live", "--json", "--state", place}));
    assert_int_equal(lines.size(), 36);
    assert_int_equal(lives_in(lines).size(), 2);
    size_t noted = 0;
    std::set<std::string> ids;
    for (const std::string& line : lines) {
        assert_true(ids.insert(field_of(line, "id")).second);
        const std::string pid = field_of(line, "noted.pid");
        if (!pid.empty()) assert_text_equal(pid, std::to_string(stuck));
        noted += pid.empty() ? 0 : 1;
    }
    assert_true(noted > 0 && noted < 36 && noted % 3 == 0);
    assert_text_contains(said(works.site, {"why", "--live", "--state", place}),
                         "Open: 12 requests, 24 connections; " + std::to_string(noted) +
                             " of these only from the black box of a process that does not "
                             "answer.\n");
    // What of its box cannot be read is said by their parent, whose list it is.
    const std::string box = works.site.path("state/becaused.w2.box");
    const std::string image = works.site.read_file("state/becaused.w2.box");
    const auto at = static_cast<std::streamoff>(opened_at(image, Entry::Kind::connection, 0));
    std::fstream file(box, std::ios::binary | std::ios::in | std::ios::out);
    const char good = image[static_cast<size_t>(at)];
    file.seekp(at).put(static_cast<char>(good ^ 1)).flush();
    assert_int_equal(
        lines_of(said(works.site, {"why", "--live", "--json", "--state", place})).size(), 35);
    program.await_err("becaused: admin: " + box +
                      " stands for a worker that does not answer; 1 slot of it cannot be read\n");
    file.seekp(at).put(good).flush();
    // And where their parent does not answer, both of them are read.
    program.signal(SIGSTOP);
    assert_text_contains(said(works.site, {"why", "--live", "--state", place}, 1),
                         "Open: 12 requests, 24 connections; 36 of these only from the black box "
                         "of a process that does not answer.\n");
    program.signal(SIGCONT);
    assert_int_equal(::kill(stuck, SIGCONT), 0);
    works.origin->release();
    for (size_t i = 0; i < works.clients.size(); ++i)
        await_answer(works.clients[i], "/hold/" + std::to_string(i));
    stop(program);
}

// ---- the service manager --------------------------------------------------------------------------

// Where it listens; each message is "PID TEXT".
class Manager {
  public:
    explicit Manager(const std::string& name) {
        fd_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        sockaddr_un at{};
        at.sun_family = AF_UNIX;
        CHECK(name.size() < sizeof at.sun_path);
        std::memcpy(at.sun_path, name.data(), name.size());
        if (name[0] == '@') at.sun_path[0] = '\0';
        const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + name.size());
        CHECK(::bind(fd_, reinterpret_cast<const sockaddr*>(&at), length) == 0);
        const int on = 1;
        CHECK(::setsockopt(fd_, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
        const timeval patience{patience_ms / 1000, 0};
        CHECK(::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) == 0);
    }
    Manager(const Manager&) = delete;
    Manager& operator=(const Manager&) = delete;
    ~Manager() { ::close(fd_); }

    std::string hear() const {
        char text[256];
        iovec part{text, sizeof text};
        alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))];
        msghdr message{};
        message.msg_iov = &part;
        message.msg_iovlen = 1;
        message.msg_control = control;
        message.msg_controllen = sizeof control;
        const ssize_t count = ::recvmsg(fd_, &message, 0);
        if (count < 0) return "nothing";
        ucred sender{};
        std::memcpy(&sender, CMSG_DATA(CMSG_FIRSTHDR(&message)), sizeof sender);
        return std::to_string(sender.pid) + ' ' + std::string(text, static_cast<size_t>(count));
    }
    // The next that is not the sign of life.
    std::string hear_news(const std::string& sign) const {
        std::string text = hear();
        while (text == sign) text = hear();
        return text;
    }

  private:
    int fd_ = -1;
};

// One process, or the parent of several, by a path or by an abstract name.
void a_service_manager_hears_that_it_is_ready_lives_and_stops(void** state) {
    Works& works = works_of(state);
    size_t round = 0;
    for (const std::string workers : {"1", "2"}) {
        for (const bool abstract : {false, true}) {
            const std::string name =
                (abstract ? "@" : "") + works.site.path("notify" + std::to_string(++round));
            const Manager manager(name);
            Program& program = works.site.serve(
                Start{.arguments = {"--upstream", "unix://" + works.site.path("origin"),
                                    "--workers", workers, "--state", works.site.path("state")},
                      .environment = {"NOTIFY_SOCKET=" + name, "WATCHDOG_USEC=400000"}});
            const std::string main = std::to_string(program.pid()) + ' ';
            assert_text_equal(manager.hear_news(main + "WATCHDOG=1"), main + "READY=1");
            for (int i = 0; i < 3; ++i) assert_text_equal(manager.hear(), main + "WATCHDOG=1");
            program.signal(SIGTERM);
            assert_text_equal(manager.hear_news(main + "WATCHDOG=1"), main + "STOPPING=1");
            assert_int_equal(program.wait(), 0);
        }
    }
}

// A manager that waits for another process, or for nobody, hears no signs of life; one that is gone is no
// trouble.
void what_nobody_waits_for_is_not_said(void** state) {
    Works& works = works_of(state);
    const std::string name = works.site.path("notify");
    const std::vector<std::string> arguments = {"--upstream",
                                                "unix://" + works.site.path("origin")};
    {
        const Manager manager(name);
        Program& program = works.site.serve(Start{
            .arguments = arguments,
            .environment = {"NOTIFY_SOCKET=" + name, "WATCHDOG_USEC=100000", "WATCHDOG_PID=1"}});
        const std::string main = std::to_string(program.pid()) + ' ';
        assert_text_equal(manager.hear(), main + "READY=1");
        ::usleep(300'000);
        program.signal(SIGTERM);
        assert_text_equal(manager.hear(), main + "STOPPING=1");
        assert_int_equal(program.wait(), 0);
    }
    for (const std::string& gone : {name, std::string("@nobody-here"), std::string("x"),
                                    std::string("/") + std::string(200, 'x')}) {
        Program& program = works.site.serve(
            Start{.arguments = arguments,
                  .environment = {"NOTIFY_SOCKET=" + gone, "WATCHDOG_USEC=100000"}});
        program.signal(SIGTERM);
        assert_int_equal(program.wait(), 0);
    }
}

}  // namespace

int main() {
#define AT_WORK(test) cmocka_unit_test_setup_teardown(test, open_works, close_works)
    const CMUnitTest tests[] = {
        AT_WORK(a_worker_that_stands_still_is_ended_told_of_and_replaced),
        AT_WORK(a_worker_in_an_endless_loop_says_where_it_is),
        AT_WORK(a_worker_that_does_not_hear_its_abort_is_killed),
        AT_WORK(a_worker_that_stands_still_while_it_is_to_stop_is_ended),
        AT_WORK(who_stood_still_together_is_judged_by_nobody),
        AT_WORK(what_a_worker_that_does_not_answer_had_open_is_listed_too),
        AT_WORK(a_service_manager_hears_that_it_is_ready_lives_and_stops),
        AT_WORK(what_nobody_waits_for_is_not_said),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
