// kill -9 and crashes: what was open is in the records of the next life, once each, and so is what was
// filed but not yet written.
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <map>

#include "support/boxes.hh"
#include "support/program.hh"
#include "support/sanitizers.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

constexpr std::string_view follow =
    "GET /v1.41/containers/x/logs?follow=1 HTTP/1.1\r\nHost: docker\r\n\r\n";
constexpr std::string_view push_head =
    "POST /v1.41/images/app/push?tag=1 HTTP/1.1\r\nHost: docker\r\nContent-Length: 1000000\r\n\r\n";

std::vector<std::string> with_state(const Site& site, std::vector<std::string> more = {}) {
    more.insert(more.end(), {"--state", site.path("state")});
    return more;
}

void kill_now(Program& program) {
    program.signal(SIGKILL);
    assert_int_equal(program.wait(), 128 + SIGKILL);
}

void stop(Program& program) {
    program.signal(SIGTERM);
    assert_int_equal(program.wait(), 0);
}

// How many records there are of each id, by event.
std::map<std::string, int> count_ids(const std::vector<std::string>& records,
                                     std::string_view event) {
    std::map<std::string, int> ids;
    for (const std::string& line : records)
        if (field_of(line, "event") == event) ++ids[field_of(line, "id")];
    return ids;
}

// The next life's start, and all its records once it has ended.
std::vector<std::string> records_after_restart(Site& site, std::string& said) {
    Program& next = site.serve(with_state(site));
    stop(next);
    said = next.err();
    return site.records(0);
}

void each_of_201_open_requests_is_filed_once(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve(with_state(site));
    std::vector<Peer> clients;
    std::vector<Peer> upstreams;
    for (int i = 0; i < 200; ++i) {
        clients.push_back(site.connect(program));
        clients.back().send(follow);
        upstreams.push_back(site.accept());
        await(upstreams.back(), "\r\n\r\n");
    }
    clients.push_back(site.connect(program));
    clients.back().send(push_head);
    clients.back().send(std::string(50'000, 'x'));
    upstreams.push_back(site.accept());
    await(upstreams.back(), std::string(50'000, 'x'));
    // What a read brought is noted once it was passed on: the next one comes after that.
    clients.back().send("y");
    await(upstreams.back(), "y");
    kill_now(program);
    assert_int_equal(site.records(0).size(), 0);

    std::string said;
    const std::vector<std::string> records = records_after_restart(site, said);
    assert_text_contains(said,
                         ") ended: without a word (killed?); 201 requests and 402 connections"
                         " were open: on the records now as previous_life\n");
    assert_int_equal(records.size(), 603);
    assert_int_equal(count_ids(records, "exchange").size(), 201);
    assert_int_equal(count_ids(records, "connection").size(), 402);
    int in_upload = 0;
    for (const std::string& line : records) {
        assert_text_equal(field_of(line, "reason"), "previous_life");
        assert_text_equal(field_of(line, "class"), "truncated");
        assert_text_equal(field_of(line, "by"), "proxy");
        const bool push = field_of(line, "phase") == "request_body";
        in_upload += push ? 1 : 0;
        if (!push) assert_text_equal(field_of(line, "phase"), "first_byte");
        if (!push || field_of(line, "event") != "exchange") continue;
        assert_text_equal(field_of(line, "method"), "POST");
        assert_text_equal(field_of(line, "target"), "/v1.41/images/app/push?tag=1");
        assert_text_equal(field_of(line, "route"), "transfer");
        assert_text_equal(field_of(line, "upstream"), "unix:" + site.path("upstream"));
        assert_true(std::stoul(field_of(line, "bytes.client_in")) >= push_head.size() + 50'000);
        assert_true(std::stoul(field_of(line, "bytes.upstream_out")) > 50'000);
        assert_text_equal(field_of(line, "because"),
                          "becaused's process ended while the request body was on its way:"
                          " without a word (killed?).");
    }
    assert_int_equal(in_upload, 3);  // the push and its two connections

    // And nothing more is to be said of it.
    assert_int_equal(records_after_restart(site, said).size(), 603);
    assert_true(said.find("previous life") == std::string::npos);
}

// Whoever got an answer has a record: complete where it was filed, previous_life where it was not.
void what_was_filed_just_before_the_kill_is_written_once(void** state) {
    Site& site = site_of(state);
    size_t exchanges = 0;
    for (int round = 1; round < 8; ++round) {
        Program& program = site.serve(with_state(site));
        Peer client = site.connect(program);
        Peer upstream;
        for (int i = 0; i < 10 * round; ++i, ++exchanges)
            site.exchange(client, upstream, "/" + std::to_string(round) + "/" + std::to_string(i));
        kill_now(program);
    }
    std::string said;
    const std::vector<std::string> records = records_after_restart(site, said);
    std::map<std::string, int> targets;
    for (const std::string& line : records)
        if (field_of(line, "event") == "exchange") ++targets[field_of(line, "target")];
    assert_int_equal(targets.size(), exchanges);
    for (const auto& [target, count] : targets) assert_int_equal(count, 1);
    for (const auto& [id, count] : count_ids(records, "connection")) assert_int_equal(count, 1);
    assert_int_equal(count_ids(records, "connection").size(), 14);
}

// Nobody reads the pipe: what was filed can not have been written.
void records_that_no_one_read_outlive_the_kill(void** state) {
    Site& site = site_of(state);
    assert_int_equal(::mkfifo(site.path("pipe").c_str(), 0600), 0);
    const std::vector<std::string> flags = with_state(site, {"--records", site.path("pipe")});
    Program& program = site.serve(flags);
    Peer client = site.connect(program);
    Peer upstream;
    std::string target = "/" + std::string(200, 'x');
    for (int i = 0; i < 300; ++i) site.exchange(client, upstream, target + std::to_string(i));
    kill_now(program);
    // What was in the pipe went with its last writer; it holds less than half of them. All that came after
    // is there, once each.
    std::string said;
    const std::vector<std::string> records = records_after_restart(site, said);
    assert_text_contains(said, " had not been written: on the records now\n");
    std::map<std::string, int> targets;
    for (const std::string& line : records)
        if (field_of(line, "event") == "exchange") ++targets[field_of(line, "target")];
    assert_true(targets.size() >= 100);
    for (size_t i = 300 - targets.size(); i < 300; ++i)
        assert_int_equal(targets[target + std::to_string(i)], 1);
    assert_int_equal(records.size(), targets.size() + 2);
}

// A full disk when it stops: what it could not write it leaves in the box.
void records_that_could_not_be_written_wait_for_the_next_start(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve(with_state(site, {"--records", "/dev/full"}));
    Peer client = site.connect(program);
    Peer upstream;
    for (int i = 0; i < 20; ++i) site.exchange(client, upstream);
    client.close();
    stop(program);
    assert_text_contains(program.err(),
                         ", 0 records dropped\n"
                         "becaused: 22 records could not be written; the next start"
                         " will\n");
    std::string said;
    const std::vector<std::string> records = records_after_restart(site, said);
    assert_text_contains(said, ") ended well; 22 lines had not been written: on the records now\n");
    assert_int_equal(records.size(), 22);
    for (const std::string& line : records) assert_text_equal(field_of(line, "class"), "clean");
    assert_int_equal(records_after_restart(site, said).size(), 22);
}

// The chain goes on over a rotation, a kill with unwritten records, and the next life.
void chained_records_verify_over_rotation_and_kill(void** state) {
    Site& site = site_of(state);
    site.write_file("key", "0123456789abcdef0123456789abcdef\n");
    assert_int_equal(::chmod(site.path("key").c_str(), 0600), 0);
    const std::vector<std::string> key = {"--records-key-file", site.path("key")};
    Program& program = site.serve(with_state(site, key));
    Peer client = site.connect(program);
    Peer upstream;
    for (int i = 0; i < 5; ++i) site.exchange(client, upstream);
    assert_int_equal(site.records(5).size(), 5);
    std::filesystem::rename(site.path("records"), site.path("records.1"));
    program.signal(SIGHUP);
    site.await_file("records");
    for (int i = 0; i < 20; ++i) site.exchange(client, upstream);
    kill_now(program);
    stop(site.serve(with_state(site, key)));

    const auto verify = [&](const std::string& name, int code) {
        Program& why = site.start(
            {"why", "--verify", "--records-key-file", site.path("key"), site.path(name)});
        assert_int_equal(why.wait(), code);
        return code == 0 ? why.out() : why.err();
    };
    const std::string old = verify("records.1", 0);
    assert_text_contains(old,
                         ": 5 lines are as written; before them: none, the chain begins here, "
                         "the last: ");
    const std::string last = old.substr(old.size() - 33, 32);
    // 20 exchanges, of which the last may be told by the next life, and two connections.
    assert_text_contains(verify("records", 0),
                         ": 22 lines are as written; before them: " + last + ", the last: ");

    site.write_file("empty", "");
    assert_text_equal(verify("empty", 0), site.path("empty") + ": has no line to check\n");

    std::string text = site.read_file("records");
    text[text.find("complete", text.find('\n'))] = 'C';
    site.write_file("records", text);
    assert_text_equal(verify("records", 1), "becaused: " + site.path("records") +
                                                ": line 2: it was changed, or is of another key\n");
}

// One text of a file and of those that were put aside, the oldest first.
std::string all_text(const Site& site, int most) {
    std::string text;
    for (int number = most; number >= 1; --number) {
        const std::string name = "records." + std::to_string(number);
        // gzread takes what is not compressed as it is.
        const bool packed = std::filesystem::exists(site.path(name + ".gz"));
        gzFile file = ::gzopen(site.path(packed ? name + ".gz" : name).c_str(), "rb");
        if (file == nullptr) continue;
        char piece[4096];
        for (int count = 0; (count = ::gzread(file, piece, sizeof piece)) > 0;)
            text.append(piece, static_cast<size_t>(count));
        assert_int_equal(::gzclose(file), Z_OK);
    }
    return text + site.read_file("records");
}

void its_own_rotation_keeps_every_record_and_the_chain(void** state) {
    Site& site = site_of(state);
    site.write_file("key", "0123456789abcdef0123456789abcdef\n");
    assert_int_equal(::chmod(site.path("key").c_str(), 0600), 0);
    const std::vector<std::string> flags = {"--records-key-file", site.path("key"),
                                            "--records-max-size", "4KiB",
                                            "--records-keep",     "300"};
    size_t exchanges = 0;
    for (int life = 0; life < 4; ++life) {
        Program& program = site.serve(with_state(site, flags));
        Peer client = site.connect(program);
        Peer upstream;
        for (int i = 0; i < 100; ++i, ++exchanges) {
            site.exchange(client, upstream, "/" + std::to_string(exchanges));
        }
        // Each life may end before it has compressed anything; what it left is for the next. The last
        // is given the time.
        if (life < 3) {
            kill_now(program);
        } else {
            site.await_ending(".gz");
            stop(program);
        }
    }
    assert_true(std::filesystem::exists(site.path("records.1")));
    const std::string text = all_text(site, 300);
    std::map<std::string, int> targets;
    for (const std::string& line : lines_of(text))
        if (field_of(line, "event") == "exchange") ++targets[field_of(line, "target")];
    assert_int_equal(targets.size(), exchanges);
    for (const auto& [target, count] : targets) assert_int_equal(count, 1);
    site.write_file("all", text);
    Program& why =
        site.start({"why", "--verify", "--records-key-file", site.path("key"), site.path("all")});
    assert_int_equal(why.wait(), 0);
}

void a_key_that_others_may_read_is_refused(void** state) {
    Site& site = site_of(state);
    site.write_file("key", "0123456789abcdef0123456789abcdef\n");
    assert_int_equal(::chmod(site.path("key").c_str(), 0644), 0);
    site.write_file("short", "0123456789abcdef\n");
    assert_int_equal(::chmod(site.path("short").c_str(), 0600), 0);
    const struct {
        const char* name;
        const char* why;
    } cases[] = {{"key", ": others may read or change it: chmod 600 "},
                 {"short", ": is shorter than 32 bytes (openssl rand -hex 32 makes one)\n"},
                 {"none", ": cannot be read: No such file or directory\n"}};
    for (const auto& each : cases) {
        const std::string path = site.path(each.name);
        Program& program = site.start({"run", "--listen", "tcp://127.0.0.1:0", "--upstream",
                                       "unix://" + site.path("upstream"), "--records",
                                       site.path("records"), "--records-key-file", path});
        assert_int_equal(program.wait(), 1);
        assert_true(program.err().starts_with("becaused: records_key_file: " + path + each.why));
    }
}

void an_abort_is_named_with_its_line(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve(with_state(site));
    Peer client = site.connect(program);
    client.send(follow);
    Peer upstream = site.accept();
    await(upstream, "\r\n\r\n");
    program.signal(SIGABRT);
    assert_int_equal(program.wait(), 128 + SIGABRT);
    const std::string last = lines_of(program.err()).back();
    assert_true(last.starts_with("becaused: it crashed: SIGABRT sent by pid " +
                                 std::to_string(::getpid()) + ", "));

    // A turn may not have ended yet that served the request.
    assert_true(last.find(", serving ") != std::string::npos);
    const size_t build = last.find(" of build ") + 10;
    assert_int_equal(last.find(',', build) - build, 40);

    std::string said;
    const std::vector<std::string> records = records_after_restart(site, said);
    assert_int_equal(records.size(), 3);
    for (const std::string& line : records) {
        assert_text_equal(field_of(line, "reason"), "previous_life");
        assert_text_equal("becaused: " + field_of(line, "detail"), last);
    }
}

void each_fault_keeps_its_exit_status_and_is_named(void** state) {
    if (sanitized) skip_test();  // which handle them too, in their own words
    Site& site = site_of(state);
    const struct {
        int number;
        const char* name;
    } faults[] = {{SIGSEGV, "SIGSEGV"}, {SIGBUS, "SIGBUS"}, {SIGFPE, "SIGFPE"}, {SIGILL, "SIGILL"}};
    for (const auto& fault : faults) {
        Program& program = site.serve(with_state(site));
        program.signal(fault.number);
        assert_int_equal(program.wait(), 128 + fault.number);
        assert_text_contains(program.err(),
                             std::string("becaused: it crashed: ") + fault.name + " sent by pid ");
        std::string said;
        records_after_restart(site, said);
        assert_text_contains(said, std::string(") ended: it crashed: ") + fault.name);
    }
}

void a_clean_stop_leaves_nothing_behind(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve(with_state(site));
    assert_int_equal(::access(site.path("state/becaused.box").c_str(), F_OK), 0);
    Peer client = site.connect(program);
    Peer upstream;
    site.exchange(client, upstream);
    stop(program);
    assert_int_equal(::access(site.path("state/becaused.box").c_str(), F_OK), -1);
    std::string said;
    assert_int_equal(records_after_restart(site, said).size(), 3);
    assert_true(said.find("previous life") == std::string::npos);
}

void a_second_process_on_the_same_state_is_refused(void** state) {
    Site& site = site_of(state);
    Program& first = site.serve(with_state(site));
    std::vector<std::string> words = {"run", "--listen", "tcp://127.0.0.1:0", "--upstream",
                                      "unix://" + site.path("upstream")};
    for (const std::string& word : with_state(site)) words.push_back(word);
    Program& second = site.start(words);
    assert_int_equal(second.wait(), 1);
    assert_text_equal(second.err(), "becaused: state: " + site.path("state") +
                                        ": in use by the becaused with pid " +
                                        std::to_string(first.pid()) +
                                        "; give each its own --state DIR\n");
    stop(first);
    stop(site.serve(with_state(site)));
}

// From wherever an operator asks, in the words that it was given.
void a_relative_place_can_be_asked_at(void** state) {
    Site& site = site_of(state);
    const std::string place = "state";  // programs run in the site's directory
    Program& program = site.serve({"--state", place});
    assert_text_equal(program.err().substr(0, 15), "becaused: ready");  // and no warning before it
    for (const std::string& words : {place, site.path("state")}) {
        Program& why = site.start({"why", "--live", "--state", words});
        assert_int_equal(why.wait(), 0);
        assert_text_equal(why.out(), "Nothing is open.\n");
    }
    stop(program);
}

// Where nobody chose a place there is no reason to refuse.
void without_a_chosen_place_each_has_its_own(void** state) {
    Site& site = site_of(state);
    Program& first = site.serve();
    Program& second = site.serve();
    assert_true(first.err().find("state") == std::string::npos);
    assert_text_contains(second.err(),
                         "becaused: state: another becaused with these settings runs;"
                         " this one keeps " +
                             site.path("run/becaused/becaused-"));
    stop(first);
    stop(second);
}

void without_state_nothing_is_kept(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve({"--state", "off"});
    Peer client = site.connect(program);
    client.send(follow);
    Peer upstream = site.accept();
    await(upstream, "\r\n\r\n");
    kill_now(program);
    Program& next = site.serve({"--state", "off"});
    stop(next);
    assert_int_equal(site.records(0).size(), 0);
    assert_false(std::filesystem::exists(site.path("run")));
}

void files_that_cannot_be_trusted_are_set_aside(void** state) {
    Site& site = site_of(state);
    std::filesystem::create_directory(site.path("state"));
    const std::string file = site.path("state/becaused.box");
    const struct {
        std::string text;
        const char* what;
    } cases[] = {
        {"", "is empty"},
        {"not a box", "is cut short"},
        {std::string(10'000, '\0'), "was never begun"},
        {std::string(10'000, 'x'), "is no black box"},
    };
    int number = 0;
    for (const auto& each : cases) {
        site.write_file("state/becaused.box", each.text);
        Program& program = site.serve(with_state(site));
        const std::string aside = file + ".corrupt-" + std::to_string(++number);
        assert_text_contains(program.err(), "becaused: state: " + file + ": " + each.what +
                                                "; set aside as " + aside + "\n");
        assert_text_equal(site.read_file("state/becaused.box.corrupt-" + std::to_string(number)),
                          each.text);
        stop(program);
    }
    // No more than eight are kept.
    for (int i = 0; i < 6; ++i) {
        site.write_file("state/becaused.box", "again");
        stop(site.serve(with_state(site)));
    }
    size_t kept = 0;
    for (const auto& entry : std::filesystem::directory_iterator(site.path("state")))
        kept += entry.path().string().find(".corrupt-") == std::string::npos ? 0 : 1;
    assert_int_equal(kept, 8);
}

// Nothing is known of its request, but so much of it had come.
void the_bytes_of_half_a_head_are_on_record(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve(with_state(site));
    Peer half = site.connect(program);
    Peer other = site.connect(program);
    Peer upstream;
    for (const char* part : {"GET /v1.41/ha", "lf HT"}) {
        half.send(part);
        site.exchange(other, upstream);  // turns of the loop after the one that read the part
    }
    kill_now(program);
    std::string said;
    int halves = 0;
    for (const std::string& record : records_after_restart(site, said)) {
        if (field_of(record, "event") != "exchange" || !field_of(record, "method").empty())
            continue;
        ++halves;
        assert_text_equal(field_of(record, "reason"), "previous_life");
        assert_text_equal(field_of(record, "phase"), "request_head");
        assert_text_contains(record, R"("bytes":{"client_in":18,"client_out":0,)");
    }
    assert_int_equal(halves, 1);
}

// Whoever looks for what was open there finds how many they were, in what is said and beside those that
// could be read.
void slots_that_cannot_be_trusted_are_counted_and_said(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve(with_state(site));
    std::vector<Peer> clients;
    std::vector<Peer> upstreams;
    for (int i = 0; i < 2; ++i) {
        clients.push_back(site.connect(program));
        clients.back().send(follow);
        upstreams.push_back(site.accept());
        await(upstreams.back(), "\r\n\r\n");
    }
    kill_now(program);
    std::string image = site.read_file("state/becaused.box");
    image[opened_at(image, Entry::Kind::exchange, 1)] ^= 1;
    for (const uint32_t slot : {2U, 3U})
        image[opened_at(image, Entry::Kind::connection, slot)] ^= 1;
    site.write_file("state/becaused.box", image);
    std::string said;
    const std::vector<std::string> records = records_after_restart(site, said);
    const std::string damage =
        "; 3 slots of the black box are damaged: what was open there is not known";
    assert_text_contains(
        said,
        ") ended: without a word (killed?); 1 request and 2 connections were open: "
        "on the records now as previous_life" +
            damage + "\n");
    assert_int_equal(records.size(), 3);
    for (const std::string& line : records)
        assert_text_equal(field_of(line, "because"),
                          "becaused's process ended before the answer began: "
                          "without a word (killed?)" +
                              damage + ".");
    assert_true(records_after_restart(site, said).size() == 3 && said.find("damaged") == said.npos);
}

void damaged_lines_are_counted_and_said(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve(with_state(site, {"--records", "/dev/full"}));
    Peer client = site.connect(program);
    Peer upstream;
    for (int i = 0; i < 20; ++i) site.exchange(client, upstream);
    client.close();
    stop(program);
    std::string image = site.read_file("state/becaused.box");
    image[image.find("\"reason\":\"complete\"") + 1] = 'R';
    site.write_file("state/becaused.box", image);
    std::string said;
    const std::vector<std::string> records = records_after_restart(site, said);
    assert_text_contains(
        said,
        ") ended well; 21 lines had not been written: on the records now; 1 line in "
        "the black box is damaged\n");
    assert_int_equal(records.size(), 21);
}

// As if it lay on a disk: the kernel that runs now is not the one it was written under.
void a_reboot_is_told_from_a_kill(void** state) {
    Site& site = site_of(state);
    Program& program = site.serve(with_state(site));
    kill_now(program);
    std::string image = site.read_file("state/becaused.box");
    auto* head = reinterpret_cast<box::Part<box::Life>*>(image.data());
    box::Life life = head->content;
    life.boot_id[0] = life.boot_id[0] == 'a' ? 'b' : 'a';
    head->write(box::magic, life);
    site.write_file("state/becaused.box", image);
    std::string said;
    records_after_restart(site, said);
    assert_text_contains(said, ") ended: the machine went down (it has booted since)\n");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
#define WITH_SITE(test) cmocka_unit_test_setup_teardown(test, open_site, close_site)
        WITH_SITE(each_of_201_open_requests_is_filed_once),
        WITH_SITE(what_was_filed_just_before_the_kill_is_written_once),
        WITH_SITE(records_that_no_one_read_outlive_the_kill),
        WITH_SITE(records_that_could_not_be_written_wait_for_the_next_start),
        WITH_SITE(chained_records_verify_over_rotation_and_kill),
        WITH_SITE(its_own_rotation_keeps_every_record_and_the_chain),
        WITH_SITE(a_key_that_others_may_read_is_refused),
        WITH_SITE(an_abort_is_named_with_its_line),
        WITH_SITE(each_fault_keeps_its_exit_status_and_is_named),
        WITH_SITE(a_clean_stop_leaves_nothing_behind),
        WITH_SITE(a_second_process_on_the_same_state_is_refused),
        WITH_SITE(the_bytes_of_half_a_head_are_on_record),
        WITH_SITE(a_relative_place_can_be_asked_at),
        WITH_SITE(without_a_chosen_place_each_has_its_own),
        WITH_SITE(without_state_nothing_is_kept),
        WITH_SITE(files_that_cannot_be_trusted_are_set_aside),
        WITH_SITE(slots_that_cannot_be_trusted_are_counted_and_said),
        WITH_SITE(damaged_lines_are_counted_and_said),
        WITH_SITE(a_reboot_is_told_from_a_kill),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
