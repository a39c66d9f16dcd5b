// `becaused why --live` and `becaused kill` beside the living program: where they find it, what a person
// reads, what they say when nobody answers.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <csignal>

#include "support/boxes.hh"
#include "support/program.hh"
#include "support/sanitizers.hh"

#include "support/cmocka.hh"

using becaused::Entry;
using namespace becaused::test;

namespace {

constexpr std::string_view push =
    "POST /v1.41/images/app/push?tag=1 HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n";

void stop(Program& program, int code = 0) {
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), code);
}

// What a command prints; `code`: how it must end.
std::string said(Site& site, Start start, int code = 0) {
    Program& program = site.start(std::move(start));
    const int ended = program.wait();
    const std::string text = program.out() + program.err();
    if (ended != code) print_error("%s\n", text.c_str());
    assert_int_equal(ended, code);
    return text;
}
std::string said(Site& site, std::vector<std::string> arguments, int code = 0) {
    return said(site, Start{std::move(arguments)}, code);
}

// Numbers, times and ids, which differ from run to run, as N.
std::string plain(std::string text) {
    for (size_t at = 0; (at = text.find_first_of("0123456789abcdef", at)) != std::string::npos;) {
        const size_t end = std::min(text.find_first_not_of("0123456789abcdef.-", at), text.size());
        const std::string word = text.substr(at, end - at);
        const bool id = word.size() > 9 && word[8] == '-';
        if (id || (word.find_first_not_of("0123456789.") == std::string::npos)) {
            text.replace(at, end - at, "N");
            ++at;
        } else {
            at = end;
        }
    }
    return text;
}

std::string id_of_exchange(const std::string& lines) {
    for (const std::string& line : lines_of(lines))
        if (field_of(line, "kind") == "exchange") return field_of(line, "id");
    fail_test("no request is open");
}

// The upstream has it, and is silent.
Peer begin_push(Site& site, Peer& client) {
    client.send(push);
    Peer upstream = site.accept();
    await(upstream, "\r\n\r\n");
    return upstream;
}

// The leak that only showed as a rising line: here it says its name.
void an_unanswered_push_is_named_and_ended(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve({"--state", site.path("state")});
    Peer client = site.connect(program);
    Peer upstream = begin_push(site, client);
    const std::string lines =
        said(site, {"why", "--live", "--json", "--state", site.path("state")});
    assert_int_equal(lines_of(lines).size(), 3);
    assert_text_equal(plain(said(site, {"why", "--live", "--state", site.path("state")})),
                      "N  POST /vN/images/app/push?tag=N, from N:N\n"
                      "    Waits for the first byte of the answer: the upstream has been silent"
                      " for N ms. No clock will end it. (open for N ms, N B in, N B out)\n"
                      "Open: N request, N connections.\n");
    const std::string id = id_of_exchange(lines);
    assert_text_equal(plain(said(site, {"kill", id, "--state", site.path("state")})),
                      "Ended N: POST /vN/images/app/push?tag=N, from N:N, open for N ms, N B in, "
                      "N B out.\n");
    await(client, "An operator ended it before the answer began.");
    await_end(upstream);
    assert_text_equal(said(site, {"kill", id, "--state", site.path("state")}, 1),
                      "becaused: kill: nothing that is open is called " + id +
                          " (becaused why ID tells of what has ended)\n");
    client.close();
    stop(program);
    for (const std::string& line : site.records(0))
        if (field_of(line, "id") == id) assert_text_equal(field_of(line, "reason"), "admin_kill");
}

void nothing_open_is_said_and_is_no_error(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve({"--state", site.path("state")});
    assert_text_equal(said(site, {"why", "--live", "--state", site.path("state")}),
                      "Nothing is open.\n");
    assert_text_equal(said(site, {"why", "--live", "--json", "--state", site.path("state")}), "");
    stop(program);
}

// Nobody else on the machine may look, or kill.
void the_socket_is_its_owners_alone_and_goes_with_the_process(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve({"--state", site.path("state")});
    struct stat found {};
    const std::string socket = site.path("state/becaused.admin");
    assert_int_equal(::stat(socket.c_str(), &found), 0);
    assert_true(S_ISSOCK(found.st_mode));
    assert_int_equal(found.st_mode & 0777U, 0600);
    stop(program);
    assert_int_equal(::stat(socket.c_str(), &found), -1);
    assert_text_equal(said(site, {"why", "--live", "--state", site.path("state")}, 1),
                      "becaused: why: unix://" + socket +
                          ": nobody listens there: does becaused run, and with which --admin or "
                          "--state?\n");
}

void what_a_kill_left_behind_is_replaced(void** state) {
    Site& site = site_of(state);
    Program& first = site.serve({"--state", site.path("state")});
    first.signal(SIGKILL);
    assert_int_equal(first.wait(), 128 + SIGKILL);
    assert_text_contains(said(site, {"why", "--live", "--state", site.path("state")}, 1),
                         "nobody listens there");
    Program& second = site.serve({"--state", site.path("state")});
    assert_text_equal(said(site, {"why", "--live", "--state", site.path("state")}),
                      "Nothing is open.\n");
    stop(second);
}

// An operator's connection is on record as one, also when the process was killed under it.
void an_operator_who_was_asking_is_told_of_by_the_next_life(void** state) {
    Site& site = site_of(state);
    Program& first = site.serve({"--state", site.path("state")});
    Peer slow = connect_to("unix://" + site.path("state/becaused.admin"));
    slow.send("GET /live HTT");
    said(site, {"why", "--live", "--state", site.path("state")});  // by now it is accepted
    site.records(1);  // and whoever was answered has gone
    first.signal(SIGKILL);
    assert_int_equal(first.wait(), 128 + SIGKILL);
    Program& second = site.serve({"--state", site.path("state")});
    stop(second);
    std::string found;
    for (const std::string& line : site.records(0))
        if (field_of(line, "reason") == "previous_life") found += field_of(line, "side") + "\n";
    assert_text_equal(found, "operator\n");
}

// Without a word they find the process where it keeps its state by itself; where several do, they ask.
void the_usual_place_is_found_by_itself(void** state) {
    Site& site = site_of(state);
    const std::string usual = "XDG_RUNTIME_DIR=" + site.path("run");
    assert_text_equal(said(site, Start{{"why", "--live"}, {usual}}, 1),
                      "becaused: why: no becaused can be asked in " + site.path("run/becaused") +
                          ": does it run? give its --state DIR or --admin ADDR\n");
    Program& first = site.serve(Start{.environment = {usual}});
    assert_text_equal(said(site, Start{{"why", "--live"}, {usual}}), "Nothing is open.\n");
    Program& second = site.serve(Start{.environment = {usual}});
    const std::string question = said(site, Start{{"why", "--live"}, {usual}}, 1);
    assert_true(question.starts_with("becaused: why: 2 of them run; say which: --admin unix://" +
                                     site.path("run/becaused/becaused-")));
    const std::string last = question.substr(question.rfind("unix://"));
    assert_text_equal(
        said(site, Start{{"why", "--live", "--admin", last.substr(0, last.size() - 1)}, {usual}}),
        "Nothing is open.\n");
    second.signal(SIGKILL);  // its socket stays
    second.wait();
    assert_text_equal(said(site, Start{{"why", "--live"}, {usual}}), "Nothing is open.\n");
    stop(first);
}

void an_address_of_its_own_is_served_and_found_by_flag_and_environment(void** state) {
    Site& site = site_of(state);
    const std::string address = "unix://" + site.path("ops.sock");
    Program& program = site.serve({"--state", "off", "--admin", address + "?mode=0660"});
    struct stat found {};
    assert_int_equal(::stat(site.path("ops.sock").c_str(), &found), 0);
    assert_int_equal(found.st_mode & 0777U, 0660);
    assert_text_equal(said(site, {"why", "--live", "--admin", address}), "Nothing is open.\n");
    assert_text_equal(said(site, Start{{"why", "--live"}, {"BECAUSED_ADMIN=" + address}}),
                      "Nothing is open.\n");
    stop(program);
}

void a_port_of_this_machine_is_served_and_said(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve({"--admin", "tcp://127.0.0.1:0"});
    constexpr std::string_view words = "becaused: operators ask at ";
    program.await_err(words);
    const size_t at = program.err().find(words) + words.size();
    const std::string address = program.err().substr(at, program.err().find('\n', at) - at);
    assert_text_equal(said(site, {"why", "--live", "--admin", address}), "Nothing is open.\n");
    stop(program);
}

void off_is_off(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve({"--state", site.path("state"), "--admin", "off"});
    struct stat found {};
    assert_int_equal(::stat(site.path("state/becaused.admin").c_str(), &found), -1);
    stop(program);
}

void no_port_of_the_networks_is_served(void** state) {
    Site& site = site_of(state);
    for (const std::string address : {"tcp://0.0.0.0:1", "tcp://192.0.2.1:1", "tcp://[::]:1"})
        assert_text_equal(said(site,
                               {"check", "--listen", "tcp://127.0.0.1:0", "--upstream", "unix:///x",
                                "--admin", address},
                               2),
                          "becaused: --admin: \"" + address +
                              "\" is no loopback address: whoever reaches it may end what they "
                              "like\n");
}

void what_is_asked_for_and_cannot_be_had_is_an_error(void** state) {
    Site& site = site_of(state);
    site.write_file("file", "");
    Program& program =
        site.start({"run", "--listen", "tcp://127.0.0.1:0", "--upstream",
                    "unix://" + site.path("upstream"), "--admin", "unix://" + site.path("file")});
    assert_int_equal(program.wait(), 1);
    assert_text_contains(program.err(), "there is a file that is not a socket");
}

struct Wrong {
    std::vector<std::string> typed;
    std::string said;
};

void mistakes_are_said_in_one_line(void** state) {
    const std::vector<Wrong> wrong = {
        {{"kill"}, "kill: which? becaused why --live lists what is open"},
        {{"kill", "42"}, "kill: 42: is no record's id"},
        {{"kill", "5f3a09c1-42", "5f3a09c1-43"}, "kill: one id only, not also 5f3a09c1-43"},
        {{"kill", "--stat", "x"}, "kill: no such flag: --stat; did you mean --state?"},
        {{"kill", "5f3a09c1-42", "--admin"}, "kill: --admin: needs a value"},
        {{"why", "--live", "-f"}, "why: --live goes with --all, --json, --admin and --state only"},
        {{"why", "--live", "file"},
         "why: --live goes with --all, --json, --admin and --state only"},
        {{"why", "--admin", "unix:///x", "-"}, "why: --admin and --state belong to --live"},
    };
    for (const Wrong& row : wrong)
        assert_text_equal(said(site_of(state), row.typed, 2), "becaused: " + row.said + "\n");
    assert_text_equal(said(site_of(state), {"why", "--live", "--admin", "tcp://10.0.0.1:1"}, 1),
                      "becaused: why: admin: \"tcp://10.0.0.1:1\" is no loopback address: whoever "
                      "reaches it may end what they like\n");
}

// A process whose loop is stuck takes the question and does not answer. What it had open stands in its black
// box, which is only read.
void of_a_process_that_does_not_answer_the_black_box_is_shown(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve({"--state", site.path("state")});
    Peer client = site.connect(program);
    Peer upstream = begin_push(site, client);
    const std::string alive =
        said(site, {"why", "--live", "--json", "--state", site.path("state")});
    program.signal(SIGSTOP);
    const std::string before = site.read_file("state/becaused.box");
    const std::string silence = "becaused: why: unix://" + site.path("state/becaused.admin") +
                                ": does not answer: is that becaused, or is its loop stuck?; this "
                                "is from its black box, as it last noted it\n";
    assert_text_equal(plain(said(site, {"why", "--live", "--state", site.path("state")}, 1)),
                      "N  POST /vN/images/app/push?tag=N, from N:N\n"
                      "    Noted N s ago, before the answer began; its"
                      " process (pid N) does not answer. (open for N s, N B in, N B out)\n"
                      "Open: N request, N connections; N of these only from the black box of a"
                      " process that does not answer.\n" +
                          plain(silence));
    Program& json = site.start({"why", "--live", "--json", "--state", site.path("state")});
    assert_int_equal(json.wait(), 1);
    assert_text_equal(json.err(), silence);
    const std::vector<std::string> lines = lines_of(json.out());
    assert_int_equal(lines.size(), 3);
    for (const std::string& line : lines) {
        keep_records(line + "\n");
        assert_text_equal(field_of(line, "event"), "open");
        assert_text_equal(field_of(line, "noted.pid"), std::to_string(program.pid()));
        assert_true(std::stod(field_of(line, "noted.age_ms")) >= 2'000);
        assert_text_equal(field_of(line, "phase"), "first_byte");
        // Nothing else is known otherwise than before.
        const std::string id = "\"id\":\"" + field_of(line, "id") + "\"";
        assert_text_contains(alive, id);
    }
    assert_true(site.read_file("state/becaused.box") == before);
    program.signal(SIGCONT);
    assert_int_equal(
        lines_of(said(site, {"why", "--live", "--json", "--state", site.path("state")})).size(), 3);
    client.close();
    stop(program);
}

// Changed under its hands, or being changed by it.
void what_of_the_black_box_cannot_be_read_is_said(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve({"--state", site.path("state")});
    Peer client = site.connect(program);
    Peer upstream = begin_push(site, client);
    program.signal(SIGSTOP);
    const std::string image = site.read_file("state/becaused.box");
    const int file = ::open(site.path("state/becaused.box").c_str(), O_WRONLY | O_CLOEXEC);
    const auto at = static_cast<off_t>(opened_at(image, Entry::Kind::connection, 1));
    const char good = image[static_cast<size_t>(at)];
    const char bad = static_cast<char>(good ^ 1);
    assert_int_equal(::pwrite(file, &bad, 1, at), 1);
    Program& json = site.start({"why", "--live", "--json", "--state", site.path("state")});
    assert_int_equal(json.wait(), 1);
    assert_text_equal(json.err(),
                      "becaused: why: unix://" + site.path("state/becaused.admin") +
                          ": does not answer: is that becaused, or is its loop stuck?; "
                          "this is from its black box, as it last noted it; 1 slot of it "
                          "cannot be read\n");
    assert_int_equal(lines_of(json.out()).size(), 2);
    assert_int_equal(::pwrite(file, &good, 1, at), 1);
    ::close(file);
    program.signal(SIGCONT);
    client.close();
    stop(program);
}

void where_its_black_box_is_nobody_knows_but_who_says_so(void** state) {
    Site& site = site_of(state);
    const std::string address = "unix://" + site.path("ops.sock");
    Program& program = site.serve({"--state", site.path("state"), "--admin", address});
    program.signal(SIGSTOP);
    const std::string silence =
        "becaused: why: " + address + ": does not answer: is that becaused, or is its loop stuck?";
    assert_text_equal(said(site, {"why", "--live", "--admin", address}, 1),
                      silence + "; its black box is not known: give its --state DIR\n");
    assert_text_equal(
        said(site, {"why", "--live", "--admin", address, "--state", site.path("state")}, 1),
        "Nothing is open.\n" + silence + "; this is from its black box, as it last noted it\n");
    program.signal(SIGCONT);
    stop(program);
}

}  // namespace

int main() {
#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, open_site, close_site)
    const CMUnitTest tests[] = {
        ON_SITE(an_unanswered_push_is_named_and_ended),
        ON_SITE(nothing_open_is_said_and_is_no_error),
        ON_SITE(the_socket_is_its_owners_alone_and_goes_with_the_process),
        ON_SITE(what_a_kill_left_behind_is_replaced),
        ON_SITE(an_operator_who_was_asking_is_told_of_by_the_next_life),
        ON_SITE(the_usual_place_is_found_by_itself),
        ON_SITE(an_address_of_its_own_is_served_and_found_by_flag_and_environment),
        ON_SITE(a_port_of_this_machine_is_served_and_said),
        ON_SITE(off_is_off),
        ON_SITE(no_port_of_the_networks_is_served),
        ON_SITE(what_is_asked_for_and_cannot_be_had_is_an_error),
        ON_SITE(mistakes_are_said_in_one_line),
        ON_SITE(of_a_process_that_does_not_answer_the_black_box_is_shown),
        ON_SITE(what_of_the_black_box_cannot_be_read_is_said),
        ON_SITE(where_its_black_box_is_nobody_knows_but_who_says_so),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
