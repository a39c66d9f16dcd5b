// mode = learn as an operator meets it: the file is written on SIGHUP and at the end, whole; what cannot be
// is said before anything is served.
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "support/program.hh"

#include "support/cmocka.hh"

using namespace becaused::test;

namespace {

void what_was_learnt_is_written_on_sighup_and_at_the_end(void** state) {
    Site& site = site_of(state);
    site.write_file("learnt.toml", "an older one\n");
    Program& program =
        site.serve({"--profile", "ping", "--mode", "learn", "--learn", site.path("learnt.toml")});
    Peer client = site.connect(program);
    Peer upstream;
    site.exchange(client, upstream, "/version");
    assert_text_equal(site.read_file("learnt.toml"), "an older one\n");
    program.signal(SIGHUP);
    program.await_err("becaused: what was learnt stands in " + site.path("learnt.toml"));
    const std::string first = site.read_file("learnt.toml");
    assert_text_contains(
        first,
        "# From 1 requests under profile ping.\n[[profile]]\n"
        "name = \"learnt_ping\"\nbase = \"ping\"\nallow = [\n    \"version\",\n]\n");
    site.exchange(client, upstream, "/info");
    client.close();
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 0);
    const std::string last = site.read_file("learnt.toml");
    assert_text_contains(last, "allow = [\n    \"info\",\n    \"version\",\n]\n");
    assert_int_equal(::access(site.path("learnt.toml.new").c_str(), F_OK), -1);
    // As it is, it is an access file.
    Program& check = site.start({"check", "--access", site.path("learnt.toml"), "--profile",
                                 "learnt_ping", "--request", "GET /info"});
    assert_int_equal(check.wait(), 0);
    assert_text_contains(check.out(), "GET /info: passes (profile learnt_ping, route info");
}

void a_file_that_cannot_be_written_ends_the_start(void** state) {
    Site& site = site_of(state);
    Program& program =
        site.start({"run", "--listen", "tcp://127.0.0.1:0", "--upstream", "tcp://127.0.0.1:1",
                    "--state", "off", "--mode", "learn", "--learn", site.path("none/learnt.toml")});
    assert_int_equal(program.wait(), 1);
    assert_text_equal(program.err(), "becaused: learn: " + site.path("none/learnt.toml") +
                                         ": cannot be written: No such file or directory\n");
}

void a_file_that_cannot_be_written_at_the_end_is_a_failure(void** state) {
    Site& site = site_of(state);
    assert_int_equal(::mkdir(site.path("kept").c_str(), 0755), 0);
    Program& program = site.serve({"--mode", "learn", "--learn", site.path("kept/learnt.toml")});
    assert_int_equal(::rmdir(site.path("kept").c_str()), 0);
    program.signal(SIGHUP);
    program.await_err("becaused: learn: " + site.path("kept/learnt.toml") + ": cannot be written");
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 1);
}

void mode_and_file_go_together(void** state) {
    Site& site = site_of(state);
    const auto complaint = [&](std::vector<std::string> more) {
        std::vector<std::string> all = {"check", "--listen", "tcp://127.0.0.1:0", "--upstream",
                                        "tcp://127.0.0.1:1"};
        all.insert(all.end(), more.begin(), more.end());
        Program& program = site.start(std::move(all));
        assert_int_equal(program.wait(), 2);
        return program.err();
    };
    assert_text_contains(complaint({"--mode", "learn"}),
                         "learn: not set: where is what was learnt to be written?");
    assert_text_contains(complaint({"--learn", "f"}),
                         "learn: is for mode learn only, and mode is enforce");
    assert_text_contains(complaint({"--mode", "reports"}),
                         "\"reports\" is none of enforce, report and learn");
}

}  // namespace

int main() {
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_site, close_site)
    const CMUnitTest tests[] = {
        CASE(what_was_learnt_is_written_on_sighup_and_at_the_end),
        CASE(a_file_that_cannot_be_written_ends_the_start),
        CASE(a_file_that_cannot_be_written_at_the_end_is_a_failure),
        CASE(mode_and_file_go_together),
    };
    return cmocka_run_group_tests_name("process_learn", tests, nullptr, nullptr);
}
