// `becaused why` on records as the program has just written them: what went wrong, the summary, the raw
// lines; a file that grows and is rotated under it; a pipe; a terminal and none.
#include <fcntl.h>
#include <pty.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>

#include "support/program.hh"

#include "support/cmocka.hh"

using namespace becaused::test;

namespace {

// A request that goes well, then one whose upstream is reset in the middle of its answer.
void one_good_one_bad(Site& site, Program& program) {
    Peer good = site.connect(program);
    Peer upstream;
    site.exchange(good, upstream, "/v1.41/containers/json?all=1");
    Peer bad = site.connect(program);
    bad.send(
        "POST /v1.41/images/app/push?tag=1 HTTP/1.1\r\nHost: docker\r\nContent-Length: 0\r\n\r\n");
    await(upstream, "/push?tag=1 HTTP/1.1\r\n");
    upstream.send("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    await(bad, "abc");
    upstream.close();
    await_end(bad);
}

void stop(Program& program) {
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 0);
}

std::string told(Site& site, std::vector<std::string> arguments, int code = 0) {
    arguments.insert(arguments.begin(), "why");
    Program& program = site.start(std::move(arguments));
    assert_int_equal(program.wait(), code);
    return program.out();
}

// Made by one_good_one_bad: the line of the push.
std::string record_of_push(const std::vector<std::string>& records) {
    for (const std::string& line : records)
        if (field_of(line, "method") == "POST") return line;
    fail_test("the push is not on record");
}

void the_bad_end_is_told_and_the_good_ones_are_not(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve();
    one_good_one_bad(site, program);
    stop(program);
    const std::string records = site.path("records");
    const std::string push = record_of_push(site.records(5));
    const std::string because =
        "The upstream closed its connection while the answer was on its way: dockerd or the "
        "request's handler died, or was stopped.";
    assert_text_equal(field_of(push, "because"), because);

    const std::vector<std::string> lines = lines_of(told(site, {"--wide", records}));
    assert_int_equal(lines.size(), 3);  // the columns, the date, the push
    assert_true(lines[0].starts_with("TIME "));
    assert_text_equal(lines[1], field_of(push, "time").substr(0, 10));
    assert_true(lines[2].starts_with(field_of(push, "time").substr(11, 8)));
    assert_text_contains(lines[2], "upstream_closed");
    assert_text_contains(lines[2], "POST /v1.41/images/app/push?tag=1");
    assert_true(lines[2].ends_with(because));
    // No terminal, no colours.
    assert_true(told(site, {records}).find('\x1b') == std::string::npos);
}

void filters_choose_and_json_is_the_line_itself(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve();
    one_good_one_bad(site, program);
    stop(program);
    const std::string records = site.path("records");
    const std::vector<std::string> all = site.records(5);
    const std::string push = record_of_push(all);
    std::string everything;
    for (const std::string& line : all) everything += line + '\n';

    assert_text_equal(told(site, {"--json", records}), push + '\n');
    assert_text_equal(told(site, {"--json", "--all", records}), everything);
    assert_text_equal(told(site, {"--json", "--by", "upstream", records}), push + '\n');
    assert_text_equal(told(site, {"--json", "--reason=upstream_closed", records}), push + '\n');
    assert_text_equal(told(site, {"--json", "--path", "/images/*/push", records}), push + '\n');
    assert_text_equal(told(site, {"--json", "--since", "1h", records}), push + '\n');
    assert_text_equal(told(site, {"--json", "--since", "2100-01-01", records}), "");
    assert_text_equal(told(site, {"--by", "client", records}), "No record matches.\n");
    // Its own line, and those of the two connections that ended with it.
    assert_int_equal(lines_of(told(site, {"--json", "--id", field_of(push, "id"), records})).size(),
                     3);
    assert_text_equal(told(site, {"--bye", "client", records}, 2), "");
    assert_text_equal(told(site, {site.path("none")}, 1), "");
}

void a_compressed_file_and_an_id_that_nothing_has_are_said_so(void** state) {
    Site& site = site_of(state);
    const std::string packed = site.path("records.2.gz");
    site.write_file("records.2.gz", std::string("\x1f\x8b\x08\0\n", 5));
    for (const char* flag : {"--all", "--json", "--verify", "5f3a09c1-3"}) {
        Program& why = site.start({"why", flag, packed, "--records-key-file", site.path("key")});
        assert_int_equal(why.wait(), 1);
        assert_text_equal(why.out(), "");
        assert_text_equal(why.err(), "becaused: why: " + packed + " is compressed: try zcat " +
                                         packed + " | becaused why -\n");
    }
    const std::string empty = site.path("empty");
    site.write_file("empty", "");
    assert_text_equal(told(site, {"5f3a09c1-3", empty}, 1), "No record is called 5f3a09c1-3.\n");
}

void the_summary_counts_by_reason(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve();
    one_good_one_bad(site, program);
    stop(program);
    std::string rows;
    for (const std::string& line : lines_of(told(site, {"--summary", site.path("records")}))) {
        // Bytes differ with the machine's ids; words and counts do not.
        std::string words;
        size_t count = 0;
        for (size_t at = 0; at < line.size() && count < 4; ++count) {
            const size_t begin = line.find_first_not_of(' ', at);
            if (begin == std::string::npos) break;
            at = std::min(line.find(' ', begin), line.size());
            words += line.substr(begin, at - begin) + ' ';
        }
        rows += words + '\n';
    }
    assert_text_equal(rows,
                      "2 connections served, 2 \n"
                      "\n"
                      "REQUESTS COUNT BY CLASS \n"
                      "complete 1 nobody clean \n"
                      "upstream_closed 1 upstream truncated \n"
                      "\n"
                      "CLIENT CONNECTIONS COUNT BY \n"
                      "client_closed_idle 1 nobody clean \n"
                      "partner 1 nobody truncated \n"
                      "\n"
                      "UPSTREAM CONNECTIONS COUNT BY \n"
                      "upstream_closed 1 upstream truncated \n");
}

void it_follows_a_file_that_grows_and_is_rotated(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve();
    Program& why = site.start({"why", "-f", "--all", "--json", site.path("records")});
    Peer client = site.connect(program);
    Peer upstream;
    site.exchange(client, upstream, "/1");
    why.await_out("\"target\":\"/1\"");
    assert_int_equal(std::rename(site.path("records").c_str(), site.path("old").c_str()), 0);
    site.exchange(client, upstream, "/2");  // into the file that was moved away
    assert_int_equal(site.records(2, "old").size(), 2);
    program.signal(SIGHUP);
    site.await_file("records");
    site.exchange(client, upstream, "/3");
    why.await_out("\"target\":\"/3\"");
    client.close();
    stop(program);
    why.await_out("shutdown_idle");
    std::string lines;
    for (const std::string& line : site.records(2, "old")) lines += line + '\n';
    for (const std::string& line : site.records(3)) lines += line + '\n';
    assert_text_equal(why.out(), lines);  // each once, in order
    assert_false(why.ended());
    why.signal(SIGINT);
    assert_int_equal(why.wait(), 128 + SIGINT);
}

void it_reads_the_program_s_own_pipe_as_it_speaks(void** state) {
    Site& site = site_of(state);
    int ends[2];
    assert_int_equal(::pipe2(ends, O_CLOEXEC), 0);
    Program& program = site.serve(Start{.arguments = {"--records", "-"}, .output = ends[1]});
    ::close(ends[1]);
    Program& why =
        site.start(Start{.arguments = {"why", "-f", "--all", "--json", "-"}, .input = ends[0]});
    ::close(ends[0]);
    Peer client = site.connect(program);
    Peer upstream;
    site.exchange(client, upstream, "/1");
    why.await_out("\"target\":\"/1\"");  // while the pipe is still open
    client.close();
    stop(program);
    assert_int_equal(why.wait(), 0);  // ends with its pipe
    assert_int_equal(lines_of(why.out()).size(), 3);
}

void without_a_file_it_reads_the_one_of_the_environment(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve();
    stop(program);
    Program& why = site.start(Start{{"why"}, {"BECAUSED_RECORDS=" + site.path("records")}});
    assert_int_equal(why.wait(), 0);
    assert_text_equal(why.out(), "Nothing ended abnormally: 0 connections served, 0 requests.\n");
}

// On a terminal: colours, and no line wider than it.
void a_terminal_gets_colours_and_lines_of_its_width(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve();
    one_good_one_bad(site, program);
    stop(program);
    int screen = -1;
    int line = -1;
    const winsize size{24, 80, 0, 0};
    if (::openpty(&screen, &line, nullptr, nullptr, &size) != 0) {
        print_message("this machine has no pseudo-terminals\n");
        skip_test();
    }
    Program& why = site.start(Start{
        .arguments = {"why", site.path("records")}, .environment = {"TERM=xterm"}, .output = line});
    assert_int_equal(why.wait(), 0);
    ::close(line);
    std::string text;
    char buffer[4096];
    for (ssize_t count = 0; (count = ::read(screen, buffer, sizeof buffer)) > 0;)
        text.append(buffer, static_cast<size_t>(count));
    ::close(screen);
    assert_text_contains(text, "\x1b[33mThe upstream closed");  // truncated: yellow
    for (std::string shown : lines_of(text)) {
        for (size_t at = 0; (at = shown.find('\x1b')) != std::string::npos;)
            shown.erase(at, shown.find('m', at) + 1 - at);
        const auto inner = std::ranges::count_if(
            shown, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) == 0x80U; });
        // UTF-8; its carriage return included.
        assert_true(shown.size() - static_cast<size_t>(inner) <= 81);
    }
}

}  // namespace

int main() {
#define ON_SITE(test) cmocka_unit_test_setup_teardown(test, open_site, close_site)
    const CMUnitTest tests[] = {
        ON_SITE(the_bad_end_is_told_and_the_good_ones_are_not),
        ON_SITE(filters_choose_and_json_is_the_line_itself),
        ON_SITE(a_compressed_file_and_an_id_that_nothing_has_are_said_so),
        ON_SITE(the_summary_counts_by_reason),
        ON_SITE(it_follows_a_file_that_grows_and_is_rotated),
        ON_SITE(it_reads_the_program_s_own_pipe_as_it_speaks),
        ON_SITE(without_a_file_it_reads_the_one_of_the_environment),
        ON_SITE(a_terminal_gets_colours_and_lines_of_its_width),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
