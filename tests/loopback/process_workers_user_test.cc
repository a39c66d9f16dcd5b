// `user` and `workers` together: the parent and all of its workers are that user, from the first to those who
// take a killed one's place, and as that user they can have all that they need again. Root becomes somebody
// else here; whoever is not root can only stay who they are, and stays that.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>

#include "support/accounts.hh"
#include "support/works.hh"

#include "support/cmocka.hh"

using namespace becaused::test;

namespace {

bool is_root() { return ::geteuid() == 0; }
std::string uid() { return is_root() ? "65534" : std::to_string(::geteuid()); }
std::string gid() { return is_root() ? "65533" : std::to_string(::getegid()); }
std::string owner() { return uid() + ':' + gid(); }

// Nothing of root's is left.
void assert_is_user(pid_t pid) {
    const auto four = [](const std::string& id) { return id + '\t' + id + '\t' + id + '\t' + id; };
    assert_text_equal(status_of(pid, "Uid"), four(uid()));
    assert_text_equal(status_of(pid, "Gid"), four(gid()));
    assert_text_equal(status_of(pid, "CapEff"), "0000000000000000");
    assert_text_equal(status_of(pid, "CapPrm"), "0000000000000000");
    if (is_root()) assert_text_equal(status_of(pid, "NoNewPrivs"), "1");
}

Program& serve_as_user(Works& works, std::vector<std::string> more = {}) {
    // That user may use the upstream, and make files here.
    assert_int_equal(::chmod(works.site.path("").c_str(), 0777), 0);
    assert_int_equal(::chmod(works.site.path("origin").c_str(), 0777), 0);
    more.insert(more.end(), {"--user", owner()});
    return works.serve(2, more);
}

void all_of_them_are_the_user_and_make_what_is_theirs(void** state) {
    Works& works = works_of(state);
    Program& program = serve_as_user(works);
    assert_is_user(program.pid());
    for (const int number : {1, 2}) assert_is_user(pid_of(program, number, 2));
    assert_text_equal(owner_of(works.site.path("records")), owner() + " 640");
    assert_text_equal(owner_of(works.site.path("state")), owner() + " 700");
    assert_text_equal(owner_of(works.site.path("state/becaused.admin")), owner() + " 600");
    for (const std::string name : {"state/becaused.w1.box", "state/becaused.w2.box"})
        assert_text_equal(owner_of(works.site.path(name)), owner() + " 600");
    assert_text_equal(said(works.site, {"why", "--live", "--state", works.site.path("state")}),
                      "Nothing is open.\n");
    visit(ready_addresses(program).at(0), "/", 20);
    stop(program);
    assert_each_once(works.site.records(0), 20);
}

// The next one is no more than the one before it was, and it needs no more.
void a_killed_worker_comes_back_as_the_user_and_tells_of_it(void** state) {
    Works& works = works_of(state);
    const std::string door = "unix://" + works.site.path("door");
    Program& program = serve_as_user(works, {"--listen", "tcp://127.0.0.1:0", "--listen", door});
    hold(works, program, 12);
    const pid_t first = pid_of(program, 1, 2);
    assert_int_equal(::kill(first, SIGKILL), 0);
    const pid_t next = pid_of(program, 1, 2, 2);
    assert_true(next != first);
    program.await_err("ended: killed by SIGKILL; the next one starts now\n");
    assert_is_user(next);
    assert_text_equal(owner_of(works.site.path("state/becaused.w1.box")), owner() + " 600");
    program.await_err(" were open: on the records now as previous_life\n");
    works.origin->release();
    const size_t answered = leave(works);
    assert_true(answered > 0 && answered < 12);
    const std::string address = ready_addresses(program).at(0);
    visit(address, "/after/", 40);
    visit(door, "/door/", 40);
    stop(program);

    const std::vector<std::string> records = works.site.records(0);
    assert_each_once(records, 12 + 80);
    size_t told = 0;
    for (const std::string& line : records) {
        if (field_of(line, "reason") != "previous_life") continue;
        told += field_of(line, "event") == "exchange" ? 1 : 0;
        assert_text_contains(field_of(line, "because"), ": killed by SIGKILL.");
    }
    assert_int_equal(told, 12 - answered);
}

// As after a rotation by somebody else: the new file is made by that user, and by those who came later, too.
void records_are_made_anew_by_the_user(void** state) {
    Works& works = works_of(state);
    Program& program = serve_as_user(works);
    const std::string address = ready_addresses(program).at(0);
    assert_int_equal(::kill(pid_of(program, 2, 2), SIGKILL), 0);
    pid_of(program, 2, 2, 2);
    visit(address, "/before/", 20);
    works.site.records(2 * 20);  // requests and their connections
    assert_int_equal(
        std::rename(works.site.path("records").c_str(), works.site.path("old").c_str()), 0);
    program.signal(SIGHUP);
    works.site.await_file("records");
    assert_text_equal(owner_of(works.site.path("records")), owner() + " 640");
    visit(address, "/after/", 20);
    stop(program);
    std::vector<std::string> all = works.site.records(0, "old");
    for (const std::string& line : works.site.records(0)) all.push_back(line);
    assert_each_once(all, 40);
}

// Where the settings ask for what that user may not have, it is one line and no worker.
void what_the_user_may_not_have_is_said_once(void** state) {
    Works& works = works_of(state);
    Start other{{"run", "--listen", "tcp://127.0.0.1:0", "--upstream",
                 "unix://" + works.site.path("origin"), "--workers", "2"}};
    if (is_root()) {
        assert_int_equal(::chmod(works.site.path("").c_str(), 0711), 0);
        assert_int_equal(::chmod(works.site.path("origin").c_str(), 0700), 0);
    }
    other.arguments.insert(other.arguments.end(), {"--user", is_root() ? owner() : "65534:65533"});
    Program& program = works.site.start(other);
    assert_int_equal(program.wait(), 1);
    const std::string upstream = "unix://" + works.site.path("origin");
    assert_text_equal(program.err(),
                      is_root()
                          ? "becaused: upstream: " + upstream + ": Permission denied; user " +
                                owner() + " must be in the socket's group: give it as USER:GROUP\n"
                          : "becaused: user: 65534:65533: cannot become that user: Operation "
                            "not permitted (only root may)\n");
}

}  // namespace

int main() {
#define AT_WORK(test) cmocka_unit_test_setup_teardown(test, open_works, close_works)
    const CMUnitTest tests[] = {
        AT_WORK(all_of_them_are_the_user_and_make_what_is_theirs),
        AT_WORK(a_killed_worker_comes_back_as_the_user_and_tells_of_it),
        AT_WORK(records_are_made_anew_by_the_user),
        AT_WORK(what_the_user_may_not_have_is_said_once),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
