// The setting `user`: who the program is once it listens, what is made for that user before, and what it says
// where that cannot be. Most of it needs root, and is skipped without.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>
#include <string>

#include "support/accounts.hh"
#include "support/program.hh"

#include "support/cmocka.hh"

using namespace becaused::test;

namespace {

constexpr unsigned stranger = 65'534;

void only_as_root() {
    if (::geteuid() == 0) return;
    print_message("only root may become another user\n");
    skip_test();
}

// Others may look for what is in the site, and use the upstream.
void let_others_in(const Site& site) {
    assert_int_equal(::chmod(site.path("").c_str(), 0711), 0);
    assert_int_equal(::chmod(site.path("upstream").c_str(), 0777), 0);
}

void root_becomes_the_user_and_keeps_nothing_of_root(void** state) {
    only_as_root();
    Site& site = site_of(state);
    let_others_in(site);
    Program& program = site.serve({"--user", "65534:65533"});
    assert_text_equal(status_of(program.pid(), "Uid"), "65534\t65534\t65534\t65534");
    assert_text_equal(status_of(program.pid(), "Gid"), "65533\t65533\t65533\t65533");
    std::string groups = status_of(program.pid(), "Groups");
    groups.resize(groups.find_last_not_of(' ') + 1);
    assert_text_equal(groups, "");
    for (const std::string set : {"CapInh", "CapPrm", "CapEff", "CapAmb"})
        assert_text_equal(status_of(program.pid(), set), "0000000000000000");
    assert_text_equal(status_of(program.pid(), "NoNewPrivs"), "1");

    Peer client = Site::connect(program);
    Peer upstream;
    site.exchange(client, upstream);
    // It reads and reopens as that user, too.
    program.signal(SIGHUP);
    site.exchange(client, upstream);
    client.close();
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 0);
    assert_int_equal(site.records(4).size(), 4);
}

void what_the_user_could_not_make_is_made_for_it(void** state) {
    only_as_root();
    Site& site = site_of(state);
    let_others_in(site);
    Program& program = site.serve({"--user", "65534:65533"});
    assert_text_equal(owner_of(site.path("records")), "65534:65533 640");
    assert_text_equal(owner_of(site.path("run/becaused")), "65534:65533 700");
    assert_true(program.err().find("state:") == std::string::npos);
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 0);
}

void what_is_there_keeps_its_owner(void** state) {
    only_as_root();
    Site& site = site_of(state);
    let_others_in(site);
    site.write_file("records", "");
    assert_int_equal(::chmod(site.path("records").c_str(), 0600), 0);
    Program& program = site.start({"run", "--listen", "tcp://127.0.0.1:0", "--upstream",
                                   "unix://" + site.path("upstream"), "--records",
                                   site.path("records"), "--user", "65534:65533"});
    assert_int_equal(program.wait(), 1);
    assert_text_contains(program.err(), "becaused: records: " + site.path("records") +
                                            ": cannot be written: Permission denied\n");
    assert_text_equal(owner_of(site.path("records")), "0:0 600");
}

void sockets_are_made_before(void** state) {
    only_as_root();
    Site& site = site_of(state);
    let_others_in(site);
    // In a directory that only root may write to, for a group that the user is not in.
    const std::string listen = "unix://" + site.path("s");
    Program& program =
        site.serve({"--listen", listen + "?mode=0620&group=1", "--user", "65534:65533"});
    assert_text_equal(owner_of(site.path("s")), "0:1 620");
    Peer client = connect_to(listen);
    Peer upstream;
    site.exchange(client, upstream);
    client.close();
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 0);
    // It may not take the socket away; the next start does.
    Program& next = site.serve({"--listen", listen, "--user", "65534:65533"});
    next.signal(SIGTERM);
    assert_int_equal(next.wait(), 0);
}

// What stays is said at the start, by whose directory it is, and at the end, when it stays.
void a_socket_that_stays_is_said_and_one_that_goes_is_not(void** state) {
    only_as_root();
    Site& site = site_of(state);
    let_others_in(site);
    const struct {
        const char* name;
        mode_t mode;
        unsigned owner;
        const char* error;  // null: it goes
    } directories[] = {
        {"roots", 0755, 0, "Permission denied"},
        {"sticky", 01777, 0, "Operation not permitted"},
        {"of_all", 0777, 0, nullptr},
        {"users", 0700, stranger, nullptr},
    };
    for (const auto& each : directories) {
        assert_int_equal(::mkdir(site.path(each.name).c_str(), 0700), 0);
        assert_int_equal(::chmod(site.path(each.name).c_str(), each.mode), 0);
        assert_int_equal(::chown(site.path(each.name).c_str(), each.owner, 0), 0);
        for (const std::string workers : {"1", "2"}) {
            const std::string path = site.path(std::string(each.name) + "/s");
            Program& program =
                site.start({"run", "--listen", "unix://" + path + "?mode=0660", "--upstream",
                            "unix://" + site.path("upstream"), "--user", "65534:65533", "--state",
                            "off", "--admin", "off", "--workers", workers});
            program.await_err("becaused: ready on ");
            program.signal(SIGTERM);
            assert_int_equal(program.wait(), 0);
            std::string expected =
                each.error == nullptr
                    ? ""
                    : "becaused: warning: user 65534:65533 may not remove " + path +
                          " at the end: the next start replaces it; in a directory of that user's "
                          "it would go\n"
                          "becaused: listen: unix://" +
                          path + ": the socket stays there: " + each.error +
                          "; the next start replaces it\n";
            std::string said;
            size_t at = 0;
            for (size_t end = 0; (end = program.err().find('\n', at)) != std::string::npos;
                 at = end + 1) {
                const std::string line = program.err().substr(at, end + 1 - at);
                if (line.find(path) != line.npos && line.find("ready on") == line.npos)
                    said += line;
            }
            assert_text_equal(said, expected);
            assert_int_equal(::access(path.c_str(), F_OK), each.error == nullptr ? -1 : 0);
        }
    }
}

struct Mistake {
    const char* user;
    const char* expected;
};

constexpr Mistake mistakes[] = {
    {"nobody-of-this-name",
     "1 becaused: user: nobody-of-this-name: no user is named \"nobody-of-this-name\"\n"},
    {"0:no-such-group", "1 becaused: user: 0:no-such-group: no group is named \"no-such-group\"\n"},
    {"3999999999",
     "1 becaused: user: 3999999999: is not in /etc/passwd: give its group too, like "
     "3999999999:3999999999\n"},
    {"4294967295:1",
     "2 becaused: --user: \"4294967295:1\" is no user: write it like becaused, becaused:docker or "
     "998:998\n"},
    {"a b",
     "2 becaused: --user: \"a b\" is no user: write it like becaused, becaused:docker or "
     "998:998\n"},
    {"docker:",
     "2 becaused: --user: \"docker:\" is no user: write it like becaused, becaused:docker or "
     "998:998\n"},
    {":docker",
     "2 becaused: --user: \":docker\" is no user: write it like becaused, becaused:docker or "
     "998:998\n"},
};

void each_mistake_is_one_line(void** state) {
    Site& site = site_of(state);
    for (const Mistake& mistake : mistakes) {
        Program& program = site.start({"run", "--listen", "tcp://127.0.0.1:0", "--upstream",
                                       "unix://" + site.path("upstream"), "--user", mistake.user});
        const int code = program.wait();
        assert_text_equal(std::to_string(code) + ' ' + program.err(), mistake.expected);
    }
}

void a_user_that_may_not_use_the_upstream_is_told_of_its_group(void** state) {
    only_as_root();
    Site& site = site_of(state);
    assert_int_equal(::chmod(site.path("").c_str(), 0711), 0);
    assert_int_equal(::chmod(site.path("upstream").c_str(), 0660), 0);
    assert_int_equal(::chown(site.path("upstream").c_str(), 0, 4711), 0);
    const std::string upstream_address = "unix://" + site.path("upstream");
    Program& refused = site.start({"run", "--listen", "tcp://127.0.0.1:0", "--upstream",
                                   upstream_address, "--user", "65534:65533"});
    assert_int_equal(refused.wait(), 1);
    assert_text_equal(refused.err(), "becaused: upstream: " + upstream_address +
                                         ": Permission denied; user 65534:65533 must be in the "
                                         "socket's group: give it as USER:GROUP\n");
    Program& member = site.serve({"--user", "65534:4711"});
    Peer client = Site::connect(member);
    Peer upstream;
    site.exchange(client, upstream);
    client.close();
    member.signal(SIGTERM);
    assert_int_equal(member.wait(), 0);
}

void whoever_is_not_root_can_only_stay_who_they_are(void** state) {
    only_as_root();
    Site& site = site_of(state);
    let_others_in(site);
    assert_int_equal(::chmod(site.path("").c_str(), 0777), 0);
    Start another{{"run", "--listen", "tcp://127.0.0.1:0", "--upstream",
                   "unix://" + site.path("upstream"), "--user", "65533:65533"}};
    another.user = stranger;
    Program& refused = site.start(another);
    assert_int_equal(refused.wait(), 1);
    assert_text_equal(refused.err(),
                      "becaused: user: 65533:65533: cannot become that user: Operation not "
                      "permitted (only root may)\n");
    Start same{{"--user", "65534:65534"}};
    same.user = stranger;
    Program& program = site.serve(same);
    assert_text_equal(status_of(program.pid(), "Uid"), "65534\t65534\t65534\t65534");
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 0);
}

}  // namespace

int main() {
#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, open_site, close_site)
    const CMUnitTest tests[] = {
        ON_SITE(root_becomes_the_user_and_keeps_nothing_of_root),
        ON_SITE(what_the_user_could_not_make_is_made_for_it),
        ON_SITE(what_is_there_keeps_its_owner),
        ON_SITE(sockets_are_made_before),
        ON_SITE(a_socket_that_stays_is_said_and_one_that_goes_is_not),
        ON_SITE(each_mistake_is_one_line),
        ON_SITE(a_user_that_may_not_use_the_upstream_is_told_of_its_group),
        ON_SITE(whoever_is_not_root_can_only_stay_who_they_are),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
