// What a file of records holds of the lines that a dead life left: each is written once, whole.
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "ops/written_records.hh"

#include "support/cmocka.hh"

using namespace becaused;

namespace {

std::string record(std::string_view event, int number) {
    return "{\"v\":1,\"event\":\"" + std::string(event) + "\",\"id\":\"0a0b0c0d-" +
           std::to_string(number) + "\",\"reason\":\"complete\"}\n";
}

struct Place {
    std::string directory;
    std::string file;
};

int open_place(void** state) {
    char path[] = "/tmp/becaused-written-XXXXXX";
    if (::mkdtemp(path) == nullptr) return -1;
    *state = new Place{path, std::string(path) + "/records"};
    return 0;
}
int close_place(void** state) {
    auto* place = static_cast<Place*>(*state);
    std::filesystem::remove_all(place->directory);
    delete place;
    return 0;
}
const Place& place_of(void** state) { return *static_cast<Place*>(*state); }

void write(const std::string& path, const std::string& text) { std::ofstream(path) << text; }
std::string content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

const std::string one = record("exchange", 1);
const std::string two = record("connection", 1);  // the same number: another event
const std::string three = record("exchange", 3);

void lines_that_the_file_has_are_known(void** state) {
    const Place& place = place_of(state);
    write(place.file, one);
    const KnownRecords known = written_records(place.file, {one, two, three});
    assert_true(known.has(one));
    assert_false(known.has(two));
    assert_false(known.has(three));
    assert_true(known.has("exchange", "0a0b0c0d-1"));
    assert_false(known.has("connection", "0a0b0c0d-1"));
    assert_text_equal(content(place.file), one);
}

void half_a_line_that_follows_whole_is_cut_off(void** state) {
    const Place& place = place_of(state);
    for (size_t half = 1; half < two.size(); ++half) {
        write(place.file, one + two.substr(0, half));
        const KnownRecords known = written_records(place.file, {two, three});
        assert_false(known.has(two));
        assert_text_equal(content(place.file), one);
    }
}

void half_a_line_of_somebody_else_is_left_alone(void** state) {
    const Place& place = place_of(state);
    write(place.file, one + "{\"v\":2");
    assert_false(written_records(place.file, {two}).has(two));
    assert_text_equal(content(place.file), one + "{\"v\":2");
}

void a_line_without_an_id_is_known_by_its_text(void** state) {
    const Place& place = place_of(state);
    const std::string dropped = "{\"v\":1,\"event\":\"journal\",\"dropped\":3}\n";
    const std::string start = "{\"v\":1,\"event\":\"request_start\",\"id\":\"0a0b0c0d-1\"}\n";
    write(place.file, start + dropped);
    const KnownRecords known = written_records(place.file, {dropped});
    assert_true(known.has(dropped));
    assert_true(known.has(start));
    assert_false(known.has(one));  // begun is not ended
}

void what_was_rotated_away_is_looked_at_too(void** state) {
    const Place& place = place_of(state);
    write(place.file + ".1", one + two);
    write(place.file, three);
    const KnownRecords known = written_records(place.file, {one, two, three});
    assert_true(known.has(one) && known.has(two) && known.has(three));
}

void a_long_file_is_read_from_its_end(void** state) {
    const Place& place = place_of(state);
    std::string text = three;
    while (text.size() < 300'000) text += record("exchange", 9);
    write(place.file, text + one);
    const KnownRecords known = written_records(place.file, {one});
    assert_true(known.has(one));
    assert_false(known.has(three));  // too far back to be one of these
}

void what_cannot_be_looked_at_holds_nothing(void** state) {
    const Place& place = place_of(state);
    for (const std::string& path : {std::string(), std::string("-"), place.directory + "/none",
                                    place.directory, std::string("/dev/null")})
        assert_false(written_records(path, {one}).has(one));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)
        IN_PLACE(lines_that_the_file_has_are_known),
        IN_PLACE(half_a_line_that_follows_whole_is_cut_off),
        IN_PLACE(half_a_line_of_somebody_else_is_left_alone),
        IN_PLACE(a_line_without_an_id_is_known_by_its_text),
        IN_PLACE(what_was_rotated_away_is_looked_at_too),
        IN_PLACE(a_long_file_is_read_from_its_end),
        IN_PLACE(what_cannot_be_looked_at_holds_nothing),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
