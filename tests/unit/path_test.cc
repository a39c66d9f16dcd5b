// Paths as dockerd routes on them, and what is not written in the one canonical way: dockerd answers
// //, /./, /../ and their escapes with a redirect to the clean path, which the gate must never follow.
#include "gate/path.hh"

#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace std::string_view_literals;
using test_support::Row;

namespace {

constexpr Row rows[] = {
    {"plain", "/containers/json", "/containers/json"},
    {"a version", "/v1.41/containers/json", "/containers/json"},
    {"a long version", "/v10.401/info", "/info"},
    {"a version alone is a path", "/v1.41", "/v1.41"},
    {"a version twice: dockerd knows no such path", "/v1.41/v1.41/info", "/v1.41/info"},
    {"volumes are no version", "/volumes/v1.2", "/volumes/v1.2"},
    {"the root", "/", "/"},
    {"a registry's port and a digest", "/images/r:5000/a/b@sha256:0a/json",
     "/images/r:5000/a/b@sha256:0a/json"},
    {"escapes that need not be, but stand for others than letters", "/images/r%3A5000/a%40b/json",
     "/images/r:5000/a@b/json"},
    {"a space", "/networks/a%20b", "/networks/a b"},
    {"UTF-8", "/networks/%C3%A9", "/networks/\303\251"},
    {"dots inside of names", "/containers/..a/json", "/containers/..a/json"},
    {"three dots", "/containers/.../json", "/containers/.../json"},

    {"asterisk of OPTIONS", "*", "* | a target that is no path"},
    {"two slashes", "/containers//json",
     "/containers//json | an empty segment in the path: write single slashes, and none at the end"},
    {"two slashes at the start", "//info",
     "//info | an empty segment in the path: write single slashes, and none at the end"},
    {"a slash at the end", "/networks/",
     "/networks/ | an empty segment in the path: write single slashes, and none at the end"},
    {"a dot", "/containers/./json", "/containers/./json | a . or .. segment in the path"},
    {"two dots", "/v1.41/_ping/../containers/json",
     "/_ping/../containers/json | a . or .. segment in the path"},
    {"two dots at the end", "/a/..", "/a/.. | a . or .. segment in the path"},
    {"encoded dots", "/_ping/%2e%2e/info",
     "/_ping/../info | an escape in the path that no byte needs: write it plainly"},
    {"encoded dots in capitals", "/_ping/%2E%2E/info",
     "/_ping/../info | an escape in the path that no byte needs: write it plainly"},
    {"dots and an encoded slash", "/_ping/..%2finfo",
     "/_ping/../info | an encoded slash in the path: write / where segments end"},
    {"an encoded slash, which dockerd takes for one", "/v1.41/containers%2fjson",
     "/containers/json | an encoded slash in the path: write / where segments end"},
    {"an encoded slash in capitals", "/v1.41/containers%2Fjson",
     "/containers/json | an encoded slash in the path: write / where segments end"},
    {"an encoded slash after the version", "/v1.41%2Finfo",
     "/info | an encoded slash in the path: write / where segments end"},
    {"an encoded backslash", "/containers%5Cjson",
     "/containers\\json | an encoded slash in the path: write / where segments end"},
    {"an encoded letter", "/containers/%6ason",
     "/containers/json | an escape in the path that no byte needs: write it plainly"},
    {"an encoded digit of the version", "/v1.4%31/info",
     "/info | an escape in the path that no byte needs: write it plainly"},
    {"an encoded tilde", "/a/%7E",
     "/a/~ | an escape in the path that no byte needs: write it plainly"},
    {"encoded twice", "/containers%252fjson",
     "/containers%2fjson | an encoded % in the path, which two readers may decode differently"},
    {"NUL", "/containers/a%00/json",
     "/containers/a\0/json | an encoded control byte in the path"sv},
    {"a line feed", "/containers/a%0A/json",
     "/containers/a\n/json | an encoded control byte in the path"},
    {"DEL", "/a/%7F", "/a/\x7f | an encoded control byte in the path"},
    {"an escape in small letters", "/images/r%3a5000/json",
     "/images/r:5000/json | an escape in the path with small letters: write it like %3A"},
    {"a version without a minor", "/v1/info",
     "/info | an API version that is not written like /v1.41"},
    {"a version of three numbers", "/v1.2.3/info",
     "/info | an API version that is not written like /v1.41"},
    {"a version without numbers", "/v./info",
     "/info | an API version that is not written like /v1.41"},
    {"a version without a major", "/v.1/info",
     "/info | an API version that is not written like /v1.41"},
    {"a version with a dot too many", "/v1./info",
     "/info | an API version that is not written like /v1.41"},
};

std::string text_of_path(std::string_view bytes) {
    const Path path(bytes);
    std::string text(path.text());
    if (path.flaw() != nullptr) text.append(" | ").append(path.flaw());
    return text;
}

void paths_are_read_as_the_table_says(void**) {
    test_support::check_rows(rows, "", "", text_of_path);
}

void every_byte_has_one_way_to_be_written(void**) {
    constexpr char hex[] = "0123456789ABCDEF";
    for (int byte = 0; byte < 256; ++byte) {
        const std::string escape = {'%', hex[byte / 16], hex[byte % 16]};
        const std::string escaped = "/networks/x" + escape;
        const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                           (byte >= 'a' && byte <= 'z') || byte == '-' || byte == '.' ||
                           byte == '_' || byte == '~';
        const bool structural = byte == '/' || byte == '\\' || byte == '%';
        const bool control = byte < 0x20 || byte == 0x7f;
        const Path path(escaped);
        assert_int_equal(path.flaw() != nullptr, plain || structural || control);
        assert_int_equal(static_cast<unsigned char>(path.text().back()), byte);
    }
}

void a_path_of_8_KiB_is_decoded_whole(void**) {
    std::string longest = "/networks/";
    while (longest.size() + 3 <= target_limit_bytes) longest += "%20";
    const Path path(longest);
    assert_null(path.flaw());
    assert_int_equal(path.text().size(), 10 + (longest.size() - 10) / 3);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(paths_are_read_as_the_table_says),
        cmocka_unit_test(every_byte_has_one_way_to_be_written),
        cmocka_unit_test(a_path_of_8_KiB_is_decoded_whole),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
