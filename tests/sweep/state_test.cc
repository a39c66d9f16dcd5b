// A start on what a dead life left, with each call on files and memory failing once: what was open is told
// now, or is there for the next start, or was put aside with a word; and a start that cannot be says why.
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>

#include "ops/state.hh"
#include "support/boxes.hh"
#include "support/inside.hh"
#include "support/rig.hh"
#include "sweep/faults.hh"

#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;

namespace {

constexpr uint32_t clients = 4;
constexpr size_t open_entries = 3;  // a push and its two connections

std::string content_of(const std::filesystem::path& path) {
    std::ifstream file(path, std::ios::binary);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// A state directory in which a life died in the middle of a push.
class Place {
  public:
    Place() {
        char path[] = "/tmp/becaused-state-XXXXXX";
        CHECK(::mkdtemp(path) != nullptr);
        directory = path;
        settings.state = directory;
        settings.records = directory + "/records";
        Clock clock;
        Ledger ledger(clock);
        ledger.set_life({'0', 'a', '0', 'b', '0', 'c', '0', 'd'});  // OpenPush's
        State first;
        CHECK(first.open(settings, ledger, clients, nullptr).ok());
        for (const auto& file : std::filesystem::directory_iterator(directory))
            if (file.path().extension() == ".box") box = file.path();
        CHECK(!box.empty());
        const OpenPush push(first.box());
        image = content_of(box);  // as a kill at this instant would leave it
    }
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() { std::filesystem::remove_all(directory); }

    void kill_again() const { std::ofstream(box, std::ios::binary) << image; }
    // Files beside the box that hold the dead life's own.
    size_t put_aside() const {
        size_t count = 0;
        for (const auto& file : std::filesystem::directory_iterator(directory))
            if (file.path() != box && content_of(file.path()) == image) ++count;
        return count;
    }

    std::string directory;
    Settings settings;
    std::filesystem::path box;
    std::string image;
};

struct Start {
    Status status = Status::fine();
    size_t found = 0;
    bool box = false;
};

Start start(const Place& place) {
    Clock clock;
    Ledger ledger(clock);
    State state;
    Start outcome;
    {
        const Inside inside;
        outcome.status = state.open(place.settings, ledger, clients, nullptr);
    }
    outcome.found = state.found().size();
    outcome.box = state.box() != nullptr;
    return outcome;
}

// True when the failure happened.
bool start_with(const Place& place, Call call, uint64_t nth, int error, int& wrong) {
    const auto complain = [&](const std::string& what) {
        print_error("%s #%llu %s: %s\n", name(call), static_cast<unsigned long long>(nth),
                    ::strerrorname_np(error), what.c_str());
        ++wrong;
    };
    for (const auto& file : std::filesystem::directory_iterator(place.directory))
        if (file.path() != place.box) std::filesystem::remove(file.path());
    place.kill_again();
    const int before = count_descriptors();
    fail_once(call, nth, error);
    const Start first = start(place);
    const bool happened = failed_once();
    fail_none();
    if (count_descriptors() != before) complain("a descriptor is left");
    if (!first.status.ok()) {
        if (!first.status.message().starts_with("state: " + place.directory))
            complain("does not say what is in the way: " + first.status.message());
        if (first.found != 0 || first.box) complain("has failed, and has a box or lines");
        if (content_of(place.box) != place.image && place.put_aside() == 0)
            complain("what the last life left is gone");
        if (content_of(place.box) == place.image) {
            const Start again = start(place);
            if (!again.status.ok() || again.found != open_entries)
                complain("the next start does not tell what was open");
        }
        return happened;
    }
    if (!first.box) complain("there is no box, and no word of it");
    if (first.found != open_entries && place.put_aside() != 1)
        complain(std::to_string(first.found) + " told, and the rest is nowhere");
    return happened;
}

void what_was_open_outlives_a_start_that_fails(void**) {
    keep_records({});  // it may open a file
    const Place place;
    place.kill_again();
    assert_int_equal(start(place).found, open_entries);
    int wrong = 0;
    for (size_t i = 0; i < call_count; ++i) {
        const Call call = static_cast<Call>(i);
        uint64_t failures = 0;
        for (const int error : errors_of(call)) {
            uint64_t nth = 1;
            while (nth < 100 && start_with(place, call, nth, error, wrong)) ++nth;
            failures += nth - 1;
        }
        if (failures > 0)
            print_message("%s: %llu\n", name(call), static_cast<unsigned long long>(failures));
        for (const Call made : {Call::open, Call::mmap, Call::posix_fallocate, Call::rename})
            if (made == call) assert_true(failures > 0);
    }
    assert_int_equal(wrong, 0);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(what_was_open_outlives_a_start_that_fails),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
