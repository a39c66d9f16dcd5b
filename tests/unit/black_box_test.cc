// The black box as bytes: what is put in is found again; what is torn, changed, foreign or cut is not
// believed; and a process stopped at any instruction leaves each entry exactly once.
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <deque>
#include <random>

#include "support/boxes.hh"
#include "support/rig.hh"
#include "support/sanitizers.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

constexpr const char* killed = "without a word (killed?)";

LastLife read_life(std::string_view image) {
    Result<LastLife> last = read_black_box(image);
    if (!last.ok()) fail_test(last.status().message());
    return std::move(last.value());
}

void what_was_open_is_told_whole(void**) {
    BoxInMemory memory;
    const OpenPush push(&memory.box());
    memory.box().beat(box_start_ns + 300 * ns_per_ms, box_start_wall_ns + 300 * ns_per_ms);
    const LastLife last = read_life(memory.image());
    assert_int_equal(last.pid, 4711);
    assert_int_equal(last.damaged(), 0);
    assert_int_equal(last.left_out, 0);
    assert_false(last.ended);
    const std::vector<std::string> lines = told_by(last, killed);
    assert_int_equal(lines.size(), 3);
    assert_text_equal(
        lines[0],
        "{\"v\":1,\"event\":\"exchange\",\"id\":\"0a0b0c0d-2\",\"time\":\"2023-11-14T22:13:20."
        "300Z\","
        "\"reason\":\"previous_life\",\"class\":\"truncated\",\"by\":\"proxy\","
        "\"phase\":\"request_body\",\"op\":\"none\",\"detail\":\"without a word (killed?)\","
        "\"method\":\"POST\",\"target\":\"/v1.41/images/app/push?tag=1\",\"version\":\"1.1\","
        "\"status\":0,\"client\":\"127.0.0.1:4242\",\"client_id\":\"0a0b0c0d-1\","
        "\"upstream\":\"unix:/run/docker.sock\",\"upstream_id\":\"0a0b0c0d-3\","
        "\"request_id\":\"0a0b0c0d-2\",\"opened\":\"2023-11-14T22:13:20.000Z\",\"age_ms\":300,"
        "\"bytes\":{\"client_in\":1000,\"client_out\":0,\"upstream_in\":0,\"upstream_out\":1000},"
        "\"silence_ms\":{\"up\":50,\"down\":300},\"ms\":{\"request_body\":300},"
        "\"because\":\"becaused's process ended while the request body was on its way: without a"
        " word (killed?).\"}\n");
    assert_text_equal(
        lines[1],
        "{\"v\":1,\"event\":\"connection\",\"id\":\"0a0b0c0d-1\",\"time\":\"2023-11-14T22:13:20."
        "300Z\","
        "\"reason\":\"previous_life\",\"class\":\"truncated\",\"by\":\"proxy\","
        "\"phase\":\"request_body\",\"op\":\"none\",\"detail\":\"without a word (killed?)\","
        "\"side\":\"client\",\"transport\":\"tcp\",\"peer\":\"127.0.0.1:4242\","
        "\"local\":\"[2001:db8::1]:2376\",\"via\":\"10.0.0.9:999\","
        "\"opened\":\"2023-11-14T22:13:20.000Z\",\"age_ms\":300,\"exchanges\":1,"
        "\"bytes\":{\"in\":1000,\"out\":0},\"silence_ms\":{\"in\":50,\"out\":300},"
        "\"exchange\":\"0a0b0c0d-2\",\"because\":\"becaused's process ended while the request body"
        " was on its way: without a word (killed?).\"}\n");
    assert_text_equal(
        lines[2],
        "{\"v\":1,\"event\":\"connection\",\"id\":\"0a0b0c0d-3\",\"time\":\"2023-11-14T22:13:20."
        "300Z\","
        "\"reason\":\"previous_life\",\"class\":\"truncated\",\"by\":\"proxy\","
        "\"phase\":\"request_body\",\"op\":\"none\",\"detail\":\"without a word (killed?)\","
        "\"side\":\"upstream\",\"transport\":\"unix\",\"peer\":\"unix:/run/docker.sock\","
        "\"opened\":\"2023-11-14T22:13:20.000Z\",\"age_ms\":300,\"exchanges\":1,"
        "\"bytes\":{\"in\":0,\"out\":1000},\"silence_ms\":{\"in\":300,\"out\":50},"
        "\"ms\":{\"connect\":7},\"exchange\":\"0a0b0c0d-2\",\"because\":\"becaused's process ended"
        " while the request body was on its way: without a word (killed?).\"}\n");
}

void what_was_filed_is_told_by_its_own_record(void**) {
    BoxInMemory memory;
    OpenPush push(&memory.box());
    struct Keep final : RecordSink {
        explicit Keep(BlackBox& of) : box(of) {}
        void record(std::string_view line) override { assert_true(box.keep(line)); }
        BlackBox& box;
    } keep(memory.box());
    push.ledger().set_sink(&keep);
    push.exchange->file(Ending::by_io(Reason::client_reset, Phase::request_body, Op::read, -104));
    const LastLife last = read_life(memory.image());
    assert_int_equal(last.exchanges.size(), 0);
    assert_int_equal(last.connections.size(), 2);
    const std::vector<std::string> lines = told_by(last, killed);
    assert_int_equal(lines.size(), 3);
    assert_text_equal(field_of(lines[0], "id"), "0a0b0c0d-2");
    assert_text_equal(field_of(lines[0], "reason"), "client_reset");
    assert_text_equal(field_of(lines[1], "reason"), "previous_life");
    assert_text_equal(field_of(lines[1], "phase"), "keepalive");  // its exchange is over
}

void a_box_whose_entries_were_all_filed_tells_nothing(void**) {
    BoxInMemory memory;
    { const OpenPush push(&memory.box()); }
    const LastLife last = read_life(memory.image());
    assert_int_equal(last.damaged(), 0);
    assert_int_equal(told_by(last, killed).size(), 0);
}

// Of an earlier owner nothing is seen, though its bytes are still there.
void a_slot_taken_again_shows_nothing_of_its_last_owner(void**) {
    BoxInMemory memory({1, 3, 256});
    { const OpenPush push(&memory.box()); }
    Clock clock;
    clock.freeze(box_start_ns, box_start_wall_ns);
    Ledger ledger(clock);
    ledger.set_life({'f', 'f', 'f', 'f', 'f', 'f', 'f', 'f'});
    for (int i = 0; i < 40; ++i) {  // ids that were not seen before
        ConnectionEntry skipped(ledger);
        skipped.file(Ending::clean(Reason::probe, Phase::accept));
    }
    ledger.set_box(&memory.box());
    ExchangeEntry entry(ledger);
    const LastLife last = read_life(memory.image());
    assert_int_equal(last.exchanges.size(), 1);
    assert_int_equal(last.exchanges[0].id, 41);
    assert_text_equal(std::string(last.exchanges[0].facts.method_text()), "");
    assert_int_equal(last.exchanges[0].facts.client_id, 0);
    assert_int_equal(last.exchanges[0].facts.client_in_bytes, 0);
    entry.file(Ending::clean(Reason::complete, Phase::done));
}

void entries_beyond_the_slots_live_on_and_are_counted(void**) {
    BoxInMemory memory({1, 1, 256});
    {
        const OpenPush push(&memory.box());  // its second connection has no slot
        const LastLife last = read_life(memory.image());
        assert_int_equal(last.exchanges.size(), 1);
        assert_int_equal(last.connections.size(), 1);
        assert_int_equal(last.left_out, 1);
    }
    assert_int_equal(read_life(memory.image()).connections.size(), 0);
}

// Whatever byte of the slots is changed: the entry is found with what was put in, without the part that
// was hit, or with what that part held before; or it is counted as damaged. Never anything else.
void no_changed_byte_of_a_slot_is_believed(void**) {
    BoxInMemory memory;
    OpenPush push(&memory.box());
    push.progress(3000);
    const std::string good = memory.image();
    size_t hits = 0;
    for (uint64_t at = box::page_bytes; at < small_shape.ring_at(); ++at) {
        std::string image = good;
        image[at] = static_cast<char>(image[at] ^ 0x41);
        const LastLife last = read_life(image);
        const size_t found = last.exchanges.size() + last.connections.size();
        // A free slot that becomes taken is damaged, not believed.
        assert_true(found + last.damaged() == 3 || (found == 3 && last.damaged() == 1));
        for (const PastExchange& past : last.exchanges) {
            assert_int_equal(past.id, 2);
            const uint64_t bytes = past.facts.client_in_bytes;
            assert_true(bytes == 3000 || bytes == 1000);
            assert_int_equal(past.facts.upstream_out_bytes, bytes);
            const std::string target(past.facts.target_text());
            assert_true(target == "/v1.41/images/app/push?tag=1" || target.empty());
            assert_true(past.facts.client_id == 1 || past.facts.client_id == 0);
            if (bytes != 3000 || target.empty() || past.facts.client_id == 0) ++hits;
        }
        for (const PastConnection& past : last.connections) {
            assert_true(past.id == 1 || past.id == 3);
            assert_true(past.facts.in_bytes + past.facts.out_bytes == 3000 ||
                        past.facts.in_bytes + past.facts.out_bytes == 1000);
        }
    }
    // The newer of two turns, the client's link; of the request its sum, lengths, method and target.
    assert_int_equal(hits, (8 + 64 + 8) + (24 + 8 + 8) + (8 + 8 + 4 + 28));
}

void no_changed_byte_of_the_head_is_believed(void**) {
    const BoxInMemory memory;
    const std::string good = memory.image();
    for (size_t at = 0; at < sizeof(box::Part<box::Life>); ++at) {
        std::string image = good;
        image[at] = static_cast<char>(image[at] ^ 0x10);
        assert_false(read_black_box(image).ok());
    }
}

// It stands in every id, as it is.
void a_life_whose_name_is_no_hex_is_refused(void**) {
    const BoxInMemory memory;
    std::string image = memory.image();
    auto* head = reinterpret_cast<box::Part<box::Life>*>(image.data());
    box::Life life = head->content;
    life.life[3] = '"';
    head->write(box::magic, life);
    Result<LastLife> last = read_black_box(image);
    assert_false(last.ok());
    assert_text_equal(last.status().message(), "has a damaged head");
}

void what_is_no_box_is_refused_with_its_kind(void**) {
    const BoxInMemory memory;
    const std::string good = memory.image();
    std::string other_version = good;
    other_version[8] = box::version + 1;
    std::string foreign = good;
    foreign[0] = 'x';
    const struct {
        std::string image;
        const char* message;
    } cases[] = {
        {"", "is empty"},
        {"short", "is cut short"},
        {std::string(8192, '\0'), "was never begun"},
        {foreign, "is no black box"},
        {other_version, "is of another version"},
        {good.substr(0, good.size() - 1), "is cut short"},
        {good.substr(0, box::page_bytes), "is cut short"},
    };
    for (const auto& each : cases) {
        Result<LastLife> last = read_black_box(each.image);
        assert_false(last.ok());
        assert_text_equal(last.status().message(), each.message);
    }
}

// Lines of `longest` bytes at most, more of them than are taken out again.
void check_ring(uint64_t ring_bytes, size_t longest, int steps) {
    BoxInMemory memory({0, 0, ring_bytes});
    std::deque<std::string> model;
    std::minstd_rand random(7);
    size_t refused = 0;
    size_t emptied = 0;
    for (int i = 0; i < steps; ++i) {
        const bool filling = i / 200 % 5 < 3;  // now and then nearly all go
        if (random() % 5 < (filling ? 3U : 1U)) {
            std::string line(random() % longest, static_cast<char>('a' + random() % 26));
            line += '\n';
            if (memory.box().keep(line)) model.push_back(line);
            else ++refused;
        } else {
            const size_t count = std::min<size_t>(random() % 4, model.size());
            memory.box().forget(count);
            model.erase(model.begin(), model.begin() + static_cast<ptrdiff_t>(count));
        }
        assert_int_equal(memory.box().holds_lines(), !model.empty());
        emptied += model.empty() ? 1 : 0;
        if (i % 10 != 0) continue;
        const LastLife last = read_life(memory.image());
        assert_int_equal(last.damaged(), 0);
        assert_true(std::ranges::equal(last.lines, model));
    }
    assert_true(refused > 100 && emptied > 10);
}

void the_ring_gives_back_what_it_was_given(void**) { check_ring(2048, 300, 20'000); }

// Its front is used again before its end is reached.
void a_large_ring_gives_back_what_it_was_given(void**) {
    check_ring(uint64_t{1} << 20U, 40'000, 20'000);
}

// A steady stream stays in the same few pages, however long it goes on.
void a_large_rings_steady_stream_stays_at_its_front(void**) {
    BoxInMemory memory({0, 0, uint64_t{1} << 20U});
    const std::string line(1000, 'x');
    for (int i = 0; i < 64; ++i) assert_true(memory.box().keep(line));
    for (int i = 0; i < 1000; ++i) {
        for (int j = 0; j < 64; ++j) assert_true(memory.box().keep(line));
        memory.box().forget(64);
    }
    const std::string image = memory.image();
    assert_true(image.find_last_not_of('\0') < box::page_bytes + 256 * 1024);
}

void the_ring_refuses_only_what_does_not_fit(void**) {
    BoxInMemory memory({0, 0, 1024});
    assert_false(memory.box().keep(std::string(1016, 'x')));  // would end where it begins
    assert_true(memory.box().keep(std::string(1008, 'x')));
    assert_false(memory.box().keep("y"));
    memory.box().forget(1);
    assert_true(memory.box().keep(std::string(1008, 'z')));
}

void a_changed_record_in_the_ring_is_left_out(void**) {
    BoxInMemory memory;
    for (const std::string_view line : {"one\n", "two\n", "three\n"})
        assert_true(memory.box().keep(line));
    std::string image = memory.image();
    image[image.find("two\n")] = 'T';
    const LastLife last = read_life(image);
    assert_int_equal(last.damaged_lines, 1);
    assert_int_equal(last.damaged_slots, 0);
    assert_false(last.lines_end_unknown);
    assert_int_equal(last.lines.size(), 2);
    assert_text_equal(last.lines[0], "one\n");
    assert_text_equal(last.lines[1], "three\n");
}

void behind_a_record_whose_length_was_changed_nothing_is_known(void**) {
    BoxInMemory memory;
    for (const std::string_view line : {"one\n", "two\n", "three\n"})
        assert_true(memory.box().keep(line));
    std::string image = memory.image();
    image[image.find("two\n") - sizeof(box::Frame) + offsetof(box::Frame, length) + 2] = 1;
    const LastLife last = read_life(image);
    assert_int_equal(last.damaged_lines, 1);
    assert_true(last.lines_end_unknown);
    assert_int_equal(last.lines.size(), 1);
    assert_text_equal(last.lines[0], "one\n");
}

void damaged_slots_are_counted_apart_from_damaged_lines(void**) {
    BoxInMemory memory;
    OpenPush push(&memory.box());
    std::string image = memory.image();
    image[opened_at(image, Entry::Kind::exchange, 0)] ^= 1;
    image[opened_at(image, Entry::Kind::connection, 1)] ^= 1;
    const LastLife last = read_life(image);
    assert_int_equal(last.damaged_slots, 2);
    assert_int_equal(last.damaged_lines, 0);
    assert_int_equal(last.exchanges.size(), 0);
    assert_int_equal(last.connections.size(), 1);
}

// ---- stopped at any instruction -------------------------------------------------------------------

// What the child says of itself, beside the box in memory that both see.
struct Progress {
    int step;        // 1: the exchange is open; 2: filed, and its record is written
    uint64_t bytes;  // of the last note that is done
};

void live_one_life(BlackBox& box, volatile Progress& progress) {
    Clock clock;
    clock.freeze(box_start_ns, box_start_wall_ns);
    Ledger ledger(clock);
    ledger.set_life({'0', 'a', '0', 'b', '0', 'c', '0', 'd'});
    ledger.set_box(&box);
    struct Keep final : RecordSink {
        explicit Keep(BlackBox& of) : box(of) {}
        void record(std::string_view line) override { kept = box.keep(line); }
        BlackBox& box;
        bool kept = false;
    } keep(box);
    ledger.set_sink(&keep);
    ::raise(SIGSTOP);  // from here on step by step
    {
        ExchangeEntry entry(ledger);
        progress.step = 1;
        entry.facts.set_method("POST");
        entry.facts.set_target("/build");
        entry.note_request();
        for (uint64_t bytes = 100; bytes <= 300; bytes += 100) {
            entry.facts.client_in_bytes = bytes;
            entry.note({Phase::request_body, box_start_ns, bytes, bytes});
            progress.bytes = bytes;
        }
        entry.file(Ending::clean(Reason::complete, Phase::done));
    }
    progress.step = 2;
    ::_exit(keep.kept ? 0 : 1);
}

void check_stopped(std::string_view image, const Progress& progress, bool& slot_seen,
                   bool& record_seen) {
    const LastLife last = read_life(image);
    assert_int_equal(last.damaged(), 0);
    const std::vector<std::string> told = told_by(last, killed);
    assert_true(told.size() <= 1);
    if (progress.step > 0) assert_int_equal(told.size(), 1);
    slot_seen = slot_seen || !last.exchanges.empty();
    record_seen = record_seen || !last.lines.empty();
    for (const PastExchange& past : last.exchanges) {
        const std::string target(past.facts.target_text());
        assert_true(target.empty() || target == "/build");
        const uint64_t bytes = past.facts.client_in_bytes;
        assert_int_equal(past.facts.upstream_out_bytes, bytes);
        assert_true(bytes == progress.bytes || bytes == progress.bytes + 100);
    }
}

void stopped_at_any_instruction_each_entry_is_there_once(void**) {
    if (sanitized) skip_test();  // they use ptrace(2) themselves
    constexpr box::Shape shape{2, 2, 4096};
    const size_t size = shape.file_bytes();
    const size_t progress_at = (size + box::page_bytes - 1) / box::page_bytes * box::page_bytes;
    const size_t all = progress_at + box::page_bytes;
    void* both = ::mmap(nullptr, all, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(both != MAP_FAILED);
    auto* memory = static_cast<char*>(both);
    auto* progress = reinterpret_cast<Progress*>(memory + progress_at);
    box::Life life{};
    life.life = {'0', 'a', '0', 'b', '0', 'c', '0', 'd'};
    BlackBox box({memory, size}, shape, life);
    const pid_t child = ::fork();
    if (child == 0) {
        if (::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) != 0) ::_exit(2);
        live_one_life(box, *progress);
    }
    int status = 0;
    assert_int_equal(::waitpid(child, &status, 0), child);
    if (WIFEXITED(status) && WEXITSTATUS(status) == 2) skip_test();  // not allowed here
    assert_true(WIFSTOPPED(status));
    bool slot_seen = false;
    bool record_seen = false;
    std::string before;
    int checked = 0;
    for (int steps = 0; steps < 2'000'000; ++steps) {
        assert_int_equal(::ptrace(PTRACE_SINGLESTEP, child, nullptr, nullptr), 0);
        assert_int_equal(::waitpid(child, &status, 0), child);
        if (WIFEXITED(status)) break;
        assert_int_equal(WSTOPSIG(status), SIGTRAP);
        std::string image(memory, size);
        if (image == before) continue;
        check_stopped(image, *progress, slot_seen, record_seen);
        before.swap(image);
        ++checked;
    }
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    assert_true(slot_seen && record_seen);
    assert_true(checked > 30);  // states that differ; the compiler decides how many more there are
    assert_int_equal(::munmap(both, all), 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(what_was_open_is_told_whole),
        cmocka_unit_test(what_was_filed_is_told_by_its_own_record),
        cmocka_unit_test(a_box_whose_entries_were_all_filed_tells_nothing),
        cmocka_unit_test(a_slot_taken_again_shows_nothing_of_its_last_owner),
        cmocka_unit_test(entries_beyond_the_slots_live_on_and_are_counted),
        cmocka_unit_test(no_changed_byte_of_a_slot_is_believed),
        cmocka_unit_test(no_changed_byte_of_the_head_is_believed),
        cmocka_unit_test(a_life_whose_name_is_no_hex_is_refused),
        cmocka_unit_test(what_is_no_box_is_refused_with_its_kind),
        cmocka_unit_test(the_ring_gives_back_what_it_was_given),
        cmocka_unit_test(a_large_ring_gives_back_what_it_was_given),
        cmocka_unit_test(a_large_rings_steady_stream_stays_at_its_front),
        cmocka_unit_test(the_ring_refuses_only_what_does_not_fit),
        cmocka_unit_test(a_changed_record_in_the_ring_is_left_out),
        cmocka_unit_test(behind_a_record_whose_length_was_changed_nothing_is_known),
        cmocka_unit_test(damaged_slots_are_counted_apart_from_damaged_lines),
        cmocka_unit_test(stopped_at_any_instruction_each_entry_is_there_once),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
