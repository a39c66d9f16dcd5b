// The program from its first argument to its ready line: where it listens, what it says of each mistake,
// and with which exit code it leaves.
#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "support/program.hh"

#include "support/cmocka.hh"

using namespace becaused::test;

namespace {

// Text with every mention of the site's directory written as "DIR".
std::string plain(const Site& site, std::string text) {
    std::string directory = site.path("");
    directory.pop_back();
    for (size_t at = 0; (at = text.find(directory, at)) != std::string::npos;)
        text.replace(at, directory.size(), "DIR");
    return text;
}

// Runs it to its end: the exit code, then what it said on standard error.
std::string complaint(Site& site, Start start) {
    Program& program = site.start(std::move(start));
    const int code = program.wait();
    assert_text_equal(program.out(), "");
    return std::to_string(code) + ' ' + plain(site, program.err());
}

void stop(Program& program) {
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 0);
}

void several_listeners_serve_at_once(void** state) {
    Site& site = site_of(state);
    const std::string group = std::to_string(::getegid());
    Program& program =
        site.serve({"--listen", "tcp://127.0.0.1:0", "--listen", "tcp://[::1]:0", "--listen",
                    "unix://" + site.path("s") + "?mode=0620&group=" + group});
    const std::vector<std::string> addresses = ready_addresses(program);
    assert_int_equal(addresses.size(), 3);
    assert_true(addresses[0].starts_with("tcp://127.0.0.1:") && !addresses[0].ends_with(":0"));
    assert_true(addresses[1].starts_with("tcp://[::1]:") && !addresses[1].ends_with(":0"));
    assert_text_equal(addresses[2], "unix://" + site.path("s"));
    Peer upstream;
    for (const std::string& address : addresses) {
        Peer client = connect_to(address);
        assert_int_equal(client.error, 0);
        site.exchange(client, upstream);
    }
    struct stat socket {};
    assert_int_equal(::stat(site.path("s").c_str(), &socket), 0);
    assert_int_equal(socket.st_mode & 0777U, 0620);
    assert_int_equal(socket.st_gid, ::getegid());
    stop(program);
    assert_int_equal(::access(site.path("s").c_str(), F_OK), -1);  // unlinked
}

// The first group of this machine that is not our own, if we may give files to it.
void a_socket_is_given_to_its_group_by_name(void** state) {
    Site& site = site_of(state);
    const group* other = ::getgrnam("daemon");
    if (::geteuid() != 0 || other == nullptr) {
        print_message("only root may give a socket to another group\n");
        skip_test();
    }
    Program& program = site.serve({"--listen", "unix://" + site.path("s") + "?group=daemon"});
    struct stat socket {};
    assert_int_equal(::stat(site.path("s").c_str(), &socket), 0);
    assert_int_equal(socket.st_mode & 0777U, 0660);
    assert_int_equal(socket.st_gid, other->gr_gid);
    stop(program);
}

void a_dead_process_s_socket_is_replaced(void** state) {
    Site& site = site_of(state);
    const std::string listen = "unix://" + site.path("s");
    Program& killed = site.serve({"--listen", listen});
    killed.signal(SIGKILL);
    assert_int_equal(killed.wait(), 128 + SIGKILL);
    assert_int_equal(::access(site.path("s").c_str(), F_OK), 0);  // left behind
    Program& program = site.serve({"--listen", listen});
    Peer client = connect_to(listen);
    Peer upstream;
    site.exchange(client, upstream);
    stop(program);
}

void a_live_process_s_socket_is_an_error_and_goes_on_serving(void** state) {
    Site& site = site_of(state);
    const std::string listen = "unix://" + site.path("s");
    Program& first = site.serve({"--listen", listen});
    const std::string upstream_address = "unix://" + site.path("upstream");
    assert_text_equal(
        complaint(site, {{"run", "--listen", listen, "--upstream", upstream_address}}),
        "1 becaused: listen: unix://DIR/s: another process listens there\n");
    Peer client = connect_to(listen);
    Peer upstream;
    site.exchange(client, upstream);
    stop(first);
}

void a_file_that_is_no_socket_is_left_alone(void** state) {
    Site& site = site_of(state);
    site.write_file("s", "precious");
    assert_text_equal(complaint(site, {{"run", "--listen", "unix://" + site.path("s"), "--upstream",
                                        "unix://" + site.path("upstream")}}),
                      "1 becaused: listen: unix://DIR/s: there is a file that is not a socket\n");
    assert_text_equal(site.read_file("s"), "precious");
}

void a_port_in_use_is_an_error_and_frees_the_listeners_before_it(void** state) {
    Site& site = site_of(state);
    Program& first = site.serve();
    const std::string taken = ready_addresses(first).at(0);
    assert_text_equal(complaint(site, {{"run", "--listen", "unix://" + site.path("s"), "--listen",
                                        taken, "--upstream", "unix://" + site.path("upstream")}}),
                      "1 becaused: listen: " + taken +
                          ": another process listens there: Address already in use\n");
    assert_int_equal(::access(site.path("s").c_str(), F_OK), -1);
    stop(first);
}

struct Mistake {
    const char* name;
    Start start;
    const char* file;  // the text of "b.toml"
    const char* expected;
};

// `DIR` in arguments is the site's directory. What each key accepts is in the unit tests of settings;
// here: each source of a mistake once, as the person sees it.
const Mistake mistakes[] = {
    {"no such command",
     {{"serve"}},
     "",
     "2 becaused: no such command: serve (becaused help lists them)\n"},
    {"nothing set",
     {{"run"}},
     "",
     "2 becaused: listen: not set: give --listen ADDR, BECAUSED_LISTEN or listen in a config"
     " file\n"},
    {"unknown flag",
     {{"run", "--listn", "x"}},
     "",
     "2 becaused: --listn: no such flag; did you mean --listen?\n"},
    {"bad unit",
     {{"run", "--memory", "8MB"}},
     "",
     "2 becaused: --memory: \"8MB\" is no size: write it like 512B, 64KiB, 8MiB or 1GiB\n"},
    {"bad clock",
     {{"run", "--clock", "first_bite=3s"}},
     "",
     "2 becaused: --clock first_bite: \"first_bite\" is no clock; did you mean first_byte?\n"},
    {"bad value in the environment",
     {{"run"}, {"BECAUSED_POOL_SIZE=many"}},
     "",
     "2 becaused: BECAUSED_POOL_SIZE: \"many\" is no whole number\n"},
    {"unknown variable",
     {{"run"}, {"BECAUSED_RECORD=x"}},
     "",
     "2 becaused: BECAUSED_RECORD: no such setting; did you mean BECAUSED_RECORDS?\n"},
    {"no such file",
     {{"run", "--config", "DIR/none.toml"}},
     "",
     "2 becaused: DIR/none.toml: cannot be read: No such file or directory\n"},
    {"a directory",
     {{"run", "--config", "DIR"}},
     "",
     "2 becaused: DIR: cannot be read: Is a directory\n"},
    {"no TOML",
     {{"run", "--config", "b.toml"}},
     "backlog = 5\nlisten = [\"x\n",
     "2 becaused: b.toml:2: Error while parsing string: unescaped control characters other than"
     " TAB (U+0009) are explicitly prohibited\n"},
    {"unknown key",
     {{"check", "--config", "b.toml"}},
     "\n\nbacklogs = 5\n",
     "2 becaused: b.toml:3: backlogs: no such key; did you mean backlog?\n"},
    {"control bytes, which a terminal would obey",
     {{"check", "--config", "b.toml"}},
     "listen = \"a\\nb\\u001b[31m\"\n",
     "2 becaused: b.toml:1: listen: \"a?b?[31m\" is no address: write it like"
     " tcp://127.0.0.1:2375 or unix:///run/docker.sock\n"},
    {"bad unit in the file, named by the environment",
     {{"run"}, {"BECAUSED_CONFIG=b.toml"}},
     "[clock]\nkeepalive = 5\n",
     "2 becaused: b.toml:2: clock.keepalive: 5 has no unit: write \"5s\" or \"5ms\"\n"},
    {"no upstream socket",
     {{"run", "--listen", "tcp://127.0.0.1:0", "--upstream", "unix://DIR/none"}},
     "",
     "1 becaused: upstream: unix://DIR/none: no such socket; is dockerd running? (start it, or give"
     " its address with --upstream)\n"},
    {"an upstream that is a file",
     {{"run", "--listen", "tcp://127.0.0.1:0", "--upstream", "unix://DIR/b.toml"}},
     "",
     "1 becaused: upstream: unix://DIR/b.toml: is not a socket\n"},
    {"records in no directory",
     {{"run", "--listen", "tcp://127.0.0.1:0", "--upstream", "tcp://127.0.0.1:1", "--records",
       "DIR/none/records"}},
     "",
     "1 becaused: records: DIR/none/records: cannot be written: No such file or directory\n"},
    {"records that are a directory",
     {{"run", "--listen", "tcp://127.0.0.1:0", "--upstream", "tcp://127.0.0.1:1", "--records",
       "DIR"}},
     "",
     "1 becaused: records: DIR: cannot be written: Is a directory\n"},
    {"no such group",
     {{"run", "--listen", "unix://DIR/s?group=nosuchgroup", "--upstream", "tcp://127.0.0.1:1"}},
     "",
     "1 becaused: listen: unix://DIR/s?group=nosuchgroup: no group is named \"nosuchgroup\"\n"},
    {"no directory for the socket",
     {{"run", "--listen", "unix://DIR/none/s", "--upstream", "tcp://127.0.0.1:1"}},
     "",
     "1 becaused: listen: unix://DIR/none/s: bind: No such file or directory\n"},
    {"an address of another machine",
     {{"run", "--listen", "tcp://192.0.2.1:2375", "--upstream", "tcp://127.0.0.1:1"}},
     "",
     "1 becaused: listen: tcp://192.0.2.1:2375: bind: Cannot assign requested address\n"},
};

void each_mistake_is_one_line_that_names_its_place(void** state) {
    Site& site = site_of(state);
    std::string directory = site.path("");
    directory.pop_back();
    for (const Mistake& mistake : mistakes) {
        site.write_file("b.toml", mistake.file);
        Start start = mistake.start;
        for (std::string& word : start.arguments)
            if (const size_t at = word.find("DIR"); at != std::string::npos)
                word.replace(at, 3, directory);
        const std::string said = complaint(site, start);
        if (said != mistake.expected) print_error("mistake: %s\n", mistake.name);
        assert_text_equal(said, mistake.expected);
    }
}

void check_prints_what_is_in_force_and_where_from(void** state) {
    Site& site = site_of(state);
    site.write_file("b.toml",
                    "listen = [\"tcp://127.0.0.1:1\", \"tcp://[::1]:1\"]\n"
                    "upstream = \"unix:///file.sock\"\n"
                    "max_requests = 1\n"
                    "backlog = 11\n"
                    "[clock.transfer]\n"
                    "response_body = \"20m\"\n");
    Program& program = site.start(
        Start{{"check", "--config", site.path("b.toml"), "--max-requests", "3"},
              {"BECAUSED_MAX_REQUESTS=2", "BECAUSED_UPSTREAM=unix:///environment.sock"}});
    assert_int_equal(program.wait(), 0);
    assert_text_equal(program.err(), "");
    const std::string text = plain(site, program.out());
    const auto line = [](std::string setting, std::string_view origin) {
        setting.resize(std::max<size_t>(setting.size() + 1, 48), ' ');
        return setting + "# " + std::string(origin) + '\n';
    };
    assert_text_contains(text, line("listen = [", "DIR/b.toml:1") +
                                   "    \"tcp://127.0.0.1:1\",\n    \"tcp://[::1]:1\",\n]\n");
    assert_text_contains(
        text, line("upstream = \"unix:///environment.sock\"", "environment BECAUSED_UPSTREAM"));
    assert_text_contains(text, line("max_requests = 3", "flag --max-requests"));
    assert_text_contains(text, line("backlog = 11", "DIR/b.toml:4"));
    assert_text_contains(text, line("pool_size = 64", "default"));
    assert_text_contains(text, "[clock.transfer]\n");
    assert_text_contains(text, line("response_body = \"20m\"", "DIR/b.toml:6"));

    // What it prints is a config file: it means the same, now all from one place.
    site.write_file("again.toml", program.out());
    Program& again = site.start({"check", "--config", site.path("again.toml")});
    assert_int_equal(again.wait(), 0);
    const auto settings = [](const std::string& lines) {
        std::string bare;
        for (const std::string& each : lines_of(lines)) {
            const std::string setting = each.substr(0, each.find("# "));
            bare += setting.substr(0, setting.find_last_not_of(' ') + 1) + '\n';
        }
        return bare;
    };
    assert_text_equal(settings(again.out()), settings(program.out()));
}

void the_strongest_source_is_where_it_listens(void** state) {
    Site& site = site_of(state);
    site.write_file("b.toml", "listen = \"unix://" + site.path("file") +
                                  "\"\nupstream = \"unix://" + site.path("upstream") + "\"\n");
    const auto listens_at = [&](const std::vector<std::string>& flags,
                                const std::vector<std::string>& environment) {
        Start start{{"run", "--config", "b.toml"}, environment};
        start.arguments.insert(start.arguments.end(), flags.begin(), flags.end());
        Program& program = site.start(start);
        program.await_err("in front of unix://" + site.path("upstream") + '\n');
        std::string where;
        for (const std::string& address : ready_addresses(program)) where += address + ' ';
        stop(program);
        return plain(site, where);
    };
    const std::string environment = "BECAUSED_LISTEN=unix://" + site.path("environment");
    const std::string flag = "--listen=unix://" + site.path("flag");
    assert_text_equal(listens_at({}, {}), "unix://DIR/file ");
    assert_text_equal(listens_at({}, {environment}), "unix://DIR/environment ");
    assert_text_equal(listens_at({flag}, {environment}), "unix://DIR/flag ");
}

std::string told(Site& site, const std::vector<std::string>& arguments) {
    Program& program = site.start(arguments);
    assert_int_equal(program.wait(), 0);
    assert_text_equal(program.err(), "");
    return program.out();
}

void every_command_has_help_however_it_is_asked_for(void** state) {
    Site& site = site_of(state);
    const std::string help = told(site, {"help"});
    assert_text_equal(told(site, {"--help"}), help);
    assert_text_equal(told(site, {"-h"}), help);
    for (const char* command : {"run", "check", "why", "docs", "version", "help"}) {
        assert_text_contains(help, std::string("\n  ") + command + ' ');
        const std::string page = told(site, {"help", command});
        assert_true(page.starts_with(std::string("Usage: becaused ") + command));
        assert_text_equal(told(site, {command, "--help"}), page);
    }
    Program& nothing = site.start(std::vector<std::string>{});
    assert_int_equal(nothing.wait(), 2);
    assert_text_equal(nothing.err(), help);
    assert_text_equal(nothing.out(), "");
}

void version_names_the_libraries_inside(void** state) {
    const std::string version = told(site_of(state), {"version"});
    assert_text_equal(told(site_of(state), {"--version"}), version);
    std::string names;
    for (const std::string& line : lines_of(version)) {
        const size_t digit = line.find_first_of("0123456789");
        assert_true(digit != std::string::npos);  // each with its version
        names += line.substr(0, line.find(' ')) + ' ';
    }
    assert_text_equal(names,
                      "becaused libuv llhttp nghttp2 mbedTLS libsodium toml++ nlohmann compiler ");
}

void a_port_that_lets_in_the_network_is_warned_of(void** state) {
    Site& site = site_of(state);
    Program& open = site.serve({"--listen", "tcp://0.0.0.0:0"});
    assert_text_contains(open.err(),
                         "becaused: warning: whoever reaches tcp://0.0.0.0:0 may do what profile "
                         "any allows: give --access or --tlsverify\n");
    stop(open);
    site.write_file("access.toml", "");
    Program& guarded =
        site.serve({"--listen", "tcp://0.0.0.0:0", "--access", site.path("access.toml")});
    assert_true(guarded.err().find("warning") == std::string::npos);
    stop(guarded);
    Program& inside = site.serve({"--listen", "tcp://[::1]:0"});
    assert_true(inside.err().find("warning") == std::string::npos);
    stop(inside);
}

// A daemon may be started without standard streams: what it says must not land in its first socket.
void closed_standard_streams_do_no_harm(void** state) {
    Site& site = site_of(state);
    Start start{{"run", "--listen", "unix://" + site.path("s"), "--upstream",
                 "unix://" + site.path("upstream"), "--records", site.path("records")}};
    start.closed_streams = true;
    Program& program = site.start(start);
    site.await_file("s");
    Peer client = connect_to("unix://" + site.path("s"));
    // The file is there before it listens, and nothing is said of that.
    for (int tries = 0; client.error == ECONNREFUSED && tries < patience_ms; ++tries) {
        ::poll(nullptr, 0, 1);
        client = connect_to("unix://" + site.path("s"));
    }
    assert_int_equal(client.error, 0);
    Peer upstream;
    site.exchange(client, upstream);
    client.close();
    stop(program);
    const std::vector<std::string> records = site.records(1);
    for (const std::string& line : records) assert_true(line.starts_with("{\"v\":1,"));
    assert_int_equal(records.size(), 3);
}

void records_to_a_closed_standard_output_are_an_error(void** state) {
    Site& site = site_of(state);
    const int closed = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    Program& program =
        site.start({.arguments = {"run", "--listen", "tcp://127.0.0.1:0", "--upstream",
                                  "unix://" + site.path("upstream"), "--records", "-"},
                    .output = closed});
    ::close(closed);
    assert_int_equal(program.wait(), 1);
    assert_text_equal(program.err(), "becaused: records: -: standard output is closed\n");
}

}  // namespace

int main() {
#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, open_site, close_site)
    const CMUnitTest tests[] = {
        ON_SITE(several_listeners_serve_at_once),
        ON_SITE(a_socket_is_given_to_its_group_by_name),
        ON_SITE(a_dead_process_s_socket_is_replaced),
        ON_SITE(a_live_process_s_socket_is_an_error_and_goes_on_serving),
        ON_SITE(a_file_that_is_no_socket_is_left_alone),
        ON_SITE(a_port_in_use_is_an_error_and_frees_the_listeners_before_it),
        ON_SITE(each_mistake_is_one_line_that_names_its_place),
        ON_SITE(check_prints_what_is_in_force_and_where_from),
        ON_SITE(the_strongest_source_is_where_it_listens),
        ON_SITE(every_command_has_help_however_it_is_asked_for),
        ON_SITE(version_names_the_libraries_inside),
        ON_SITE(a_port_that_lets_in_the_network_is_warned_of),
        ON_SITE(closed_standard_streams_do_no_harm),
        ON_SITE(records_to_a_closed_standard_output_are_an_error),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
