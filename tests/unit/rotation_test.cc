// A file put aside before it grows too large: the names it gets, what is kept, what is compressed.
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>

#include "ops/rotation.hh"

#include "support/cmocka.hh"

using namespace becaused;

namespace {

struct Place {
    std::string directory;
    std::string file;
};

int open_place(void** state) {
    char path[] = "/tmp/becaused-rotation-XXXXXX";
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
std::string unpacked(const std::string& path) {
    std::string text;
    gzFile file = ::gzopen(path.c_str(), "rb");
    assert_non_null(file);
    char piece[4096];
    for (int count = 0; (count = ::gzread(file, piece, sizeof piece)) > 0;)
        text.append(piece, static_cast<size_t>(count));
    assert_int_equal(::gzclose(file), Z_OK);
    return text;
}
std::set<std::string> names_in(const std::string& directory) {
    std::set<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(directory))
        names.insert(entry.path().filename().string());
    return names;
}

// Until its thread is done: it is not due while that runs.
void await_thread(const std::string& file, const Rotation& rotation) {
    write(file, "x");
    for (int i = 0; i < 2000 && !rotation.due(); ++i) ::usleep(10'000);
    assert_true(rotation.due());
    assert_int_equal(::unlink(file.c_str()), 0);
}

void files_move_on_and_the_oldest_goes(void** state) {
    const Place& place = place_of(state);
    Rotation rotation(place.file, {1, 0, 3});
    for (int round = 1; round <= 6; ++round) {
        write(place.file, "round " + std::to_string(round) + "\n");
        assert_true(rotation.due());
        assert_true(rotation.rotate().ok());
        assert_false(rotation.due());  // nothing is there now
        await_thread(place.file, rotation);
    }
    const std::set<std::string> names = names_in(place.directory);
    assert_true(names == (std::set<std::string>{"records.1", "records.2.gz", "records.3.gz"}));
    assert_text_equal(content(place.file + ".1"), "round 6\n");
    assert_text_equal(unpacked(place.file + ".2.gz"), "round 5\n");
    assert_text_equal(unpacked(place.file + ".3.gz"), "round 4\n");
}

void one_kept_file_is_not_compressed(void** state) {
    const Place& place = place_of(state);
    for (int round = 1; round <= 3; ++round) {
        Rotation rotation(place.file, {1, 0, 1});
        write(place.file, "round " + std::to_string(round) + "\n");
        assert_true(rotation.rotate().ok());
    }
    assert_true(names_in(place.directory) == std::set<std::string>{"records.1"});
    assert_text_equal(content(place.file + ".1"), "round 3\n");
}

void size_and_age_make_it_due(void** state) {
    const Place& place = place_of(state);
    write(place.file, std::string(4095, 'x'));
    const Rotation by_size(place.file, {4096, 0, 8});
    const Rotation by_age(place.file, {0, 3600, 8});
    const Rotation by_nothing(place.file, {0, 0, 8});
    assert_false(by_size.due() || by_age.due() || by_nothing.due());
    write(place.file, std::string(4096, 'x'));
    assert_true(by_size.due());
    assert_false(by_age.due() || by_nothing.due());
    const Rotation old(place.file, {0, 1, 8});
    for (int i = 0; i < 300 && !old.due(); ++i) ::usleep(10'000);
    assert_true(old.due());
}

void what_is_no_file_is_never_due(void** state) {
    const Place& place = place_of(state);
    assert_false(Rotation(place.file, {1, 0, 8}).due());
    assert_false(Rotation(place.directory, {1, 0, 8}).due());
    assert_false(Rotation("/dev/null", {1, 0, 8}).due());
    write(place.file, "");
    assert_false(Rotation(place.file, {1, 0, 8}).due());
}

void a_file_that_cannot_be_moved_is_said(void** state) {
    const Place& place = place_of(state);
    write(place.file, "x\n");
    std::filesystem::create_directories(place.file + ".1/full");
    Rotation rotation(place.file, {1, 0, 1});
    const Status status = rotation.rotate();
    assert_false(status.ok());
    assert_text_equal(status.message(), place.file + ".1: cannot be moved: Is a directory");
    assert_text_equal(content(place.file), "x\n");
}

void compressed_is_whole_with_the_same_mode(void** state) {
    const Place& place = place_of(state);
    std::string text;
    for (int i = 0; i < 100'000; ++i) text += std::to_string(i * 7919) + '\n';
    write(place.file, text);
    assert_int_equal(::chmod(place.file.c_str(), 0600), 0);
    std::atomic<bool> over{false};
    assert_true(compress_file(place.file, place.file + ".gz", over).ok());
    assert_text_equal(unpacked(place.file + ".gz"), text);
    struct stat made {};
    assert_int_equal(::stat((place.file + ".gz").c_str(), &made), 0);
    assert_int_equal(made.st_mode & 0777U, 0600);
    assert_true(static_cast<size_t>(made.st_size) < text.size() / 2);
    assert_false(compress_file(place.file + ".none", place.file + ".gz", over).ok());
    over = true;
    assert_false(compress_file(place.file, place.file + ".2.gz", over).ok());
    assert_true(names_in(place.directory) == (std::set<std::string>{"records", "records.gz"}));
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
#define IN_PLACE(test) cmocka_unit_test_setup_teardown(test, open_place, close_place)
        IN_PLACE(files_move_on_and_the_oldest_goes),
        IN_PLACE(one_kept_file_is_not_compressed),
        IN_PLACE(size_and_age_make_it_due),
        IN_PLACE(what_is_no_file_is_never_due),
        IN_PLACE(a_file_that_cannot_be_moved_is_said),
        IN_PLACE(compressed_is_whole_with_the_same_mode),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
