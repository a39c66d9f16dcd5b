// Where a frame of becaused's own may stand in Docker's multiplexed streams and in HTTP/2.
#include "http/h2_boundary.hh"
#include "http/stdcopy.hh"
#include "support/boundaries.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace becaused::test;
using namespace std::string_view_literals;
using test_support::Row;

namespace {

template <typename Follower>
void check(std::span<const Row> rows, const Follower& begun) {
    test_support::check_rows(rows, "", "", [&](std::string_view bytes) {
        const std::string flaw = cut_flaw(begun, bytes);
        return flaw.empty() ? marked(begun, bytes) : flaw;
    });
}

StdcopyBoundary stdcopy(bool sure) {
    StdcopyBoundary follower;
    follower.start(sure);
    return follower;
}

#define OUT3 "\1\0\0\0\0\0\0\3"
#define ERR1 "\2\0\0\0\0\0\0\1"

void multiplexed_streams_have_boundaries_between_frames(void**) {
    constexpr Row rows[] = {
        {"nothing came", "", "^"},
        {"frames", OUT3 "abc" ERR1 "x"sv, "^" OUT3 "abc^" ERR1 "x^"sv},
        {"an empty frame", "\1\0\0\0\0\0\0\0\2"sv, "^\1\0\0\0\0\0\0\0^\2"sv},
        {"cut in a header", OUT3 "abc\1\0\0"sv, "^" OUT3 "abc^\1\0\0"sv},
        {"cut in the data", OUT3 "ab"sv, "^" OUT3 "ab"sv},
        {"data that looks like a frame", "\1\0\0\0\0\0\0\x8" OUT3 ""sv,
         "^\1\0\0\0\0\0\0\x8" OUT3 "^"sv},
        {"every byte of the size counts", "\1\0\0\0\1\0\0\0"sv, "^\1\0\0\0\1\0\0\0"sv},
        {"an error of dockerd's own", "\3\0\0\0\0\0\0\1x"sv, "^\3\0\0\0\0\0\0\1x^"sv},
    };
    check(rows, stdcopy(true));
}

void what_is_no_frame_has_no_boundary_ever_after(void**) {
    constexpr Row rows[] = {
        {"a number no stream has", "\4\0\0\0\0\0\0\1x" OUT3 "abc"sv,
         "^\4\0\0\0\0\0\0\1x" OUT3 "abc"sv},
        {"a second byte", "\1\1\0\0\0\0\0\1x"sv, "^\1\1\0\0\0\0\0\1x"sv},
        {"a fourth byte", "\1\0\0\1\0\0\0\1x"sv, "^\1\0\0\1\0\0\0\1x"sv},
        {"text after a frame", OUT3 "abc$ ls\n"sv, "^" OUT3 "abc^$ ls\n"sv},
    };
    check(rows, stdcopy(true));
}

// A terminal's bytes and a silent stream of API 1.41 look alike: nothing is guessed (DOCKER.md).
void a_stream_of_unknown_kind_is_multiplexed_after_a_whole_frame(void**) {
    constexpr Row rows[] = {
        {"nothing came", "", ""},
        {"a frame", OUT3 "abc"sv, OUT3 "abc^"sv},
        {"two frames", OUT3 "abc" ERR1 "x"sv, OUT3 "abc^" ERR1 "x^"sv},
        {"a frame's beginning", OUT3 "ab"sv, OUT3 "ab"sv},
        {"a terminal", "$ ls\r\n", "$ ls\r\n"},
        {"a terminal with control bytes", "\1\0\33[H"sv, "\1\0\33[H"sv},
    };
    check(rows, stdcopy(false));
}

void an_error_frame_is_one_of_stream_3(void**) {
    std::string out = "before ";
    append_error_frame(out, "why");
    assert_true(out == "before \3\0\0\0\0\0\0\3why"sv);
    out.clear();
    append_error_frame(out, std::string(0x010203, 'x'));
    assert_true(out.substr(0, 9) == "\3\0\0\0\0\1\2\3x"sv);
    assert_int_equal(out.size(), 8 + 0x010203);
    StdcopyBoundary follower = stdcopy(true);
    follower.passed(out);
    assert_true(follower.at_boundary());
}

#define PREFACE "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"
#define SETTINGS "\0\0\0\4\0\0\0\0\0"
#define SETTINGS6        \
    "\0\0\6\4\0\0\0\0\0" \
    "123456"
#define PING              \
    "\0\0\x8\6\0\0\0\0\0" \
    "12345678"
#define DATA2            \
    "\0\0\2\0\0\0\0\0\1" \
    "ab"
#define HEADERS_OPEN     \
    "\0\0\1\1\0\0\0\0\1" \
    "h"
#define HEADERS          \
    "\0\0\1\1\4\0\0\0\1" \
    "h"
#define MORE_OPEN         \
    "\0\0\1\x9\0\0\0\0\1" \
    "h"
#define MORE              \
    "\0\0\1\x9\4\0\0\0\1" \
    "h"
#define PROMISE_OPEN     \
    "\0\0\4\5\0\0\0\0\1" \
    "pppp"

void http2_has_boundaries_between_frames(void**) {
    constexpr Row rows[] = {
        {"nothing came: SETTINGS must be the first frame", "", ""},
        {"the client's preface alone", PREFACE, PREFACE},
        {"the client's side", PREFACE SETTINGS6 ""sv, PREFACE SETTINGS6 "^"sv},
        {"the server's side", SETTINGS DATA2 PING ""sv, SETTINGS "^" DATA2 "^" PING "^"sv},
        {"cut in a frame's header", SETTINGS "\0\0\2\0"sv, SETTINGS "^\0\0\2\0"sv},
        {"cut in a payload",
         SETTINGS "\0\0\2\0\0\0\0\0\1"
                  "a"sv,
         SETTINGS "^\0\0\2\0\0\0\0\0\1"
                  "a"sv},
        {"every byte of the length counts", SETTINGS "\1\0\0\0\0\0\0\0\1"sv,
         SETTINGS "^\1\0\0\0\0\0\0\0\1"sv},
        {"fields in one frame", SETTINGS HEADERS ""sv, SETTINGS "^" HEADERS "^"sv},
        {"fields in several", SETTINGS HEADERS_OPEN MORE_OPEN MORE ""sv,
         SETTINGS "^" HEADERS_OPEN MORE_OPEN MORE "^"sv},
        {"a promise in several", SETTINGS PROMISE_OPEN MORE ""sv,
         SETTINGS "^" PROMISE_OPEN MORE "^"sv},
        {"a flag that means something else on DATA",
         SETTINGS "\0\0\1\0\4\0\0\0\1"
                  "a" DATA2 ""sv,
         SETTINGS "^\0\0\1\0\4\0\0\0\1"
                  "a^" DATA2 "^"sv},
    };
    check(rows, H2Boundary());
}

void what_is_not_http2_has_no_boundary(void**) {
    constexpr Row rows[] = {
        {"text", "session bytes", "session bytes"},
        {"a preface with another end", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r" SETTINGS ""sv,
         "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\r" SETTINGS ""sv},
        {"a first frame that is not SETTINGS", PING SETTINGS ""sv, PING SETTINGS ""sv},
        {"a frame inside a block of fields", SETTINGS HEADERS_OPEN PING MORE ""sv,
         SETTINGS "^" HEADERS_OPEN PING MORE ""sv},
        {"a continuation of nothing", SETTINGS MORE PING ""sv, SETTINGS "^" MORE PING ""sv},
        {"this side has said GOAWAY itself",
         SETTINGS "\0\0\x8\7\0\0\0\0\0"
                  "12345678" PING ""sv,
         SETTINGS "^\0\0\x8\7\0\0\0\0\0"
                  "12345678" PING ""sv},
    };
    check(rows, H2Boundary());
}

void a_goaway_names_no_stream_as_unprocessed(void**) {
    std::string out = "before ";
    append_goaway(out, "why");
    assert_true(out == "before \0\0\xb\7\0\0\0\0\0\x7f\xff\xff\xff\0\0\0\2why"sv);
    H2Boundary follower;
    follower.passed(SETTINGS ""sv);
    follower.passed(out.substr(7));
    assert_false(follower.at_boundary());  // once is enough
}

void a_denied_call_is_answered_without_a_table(void**) {
    std::string out = "before ";
    append_denied_call(out, 0x01020305, "100% \xc3\xa9");
    assert_true(out ==
                "before "
                "\0\0\x4b\1\5\1\2\3\5\x88"
                "\0\x0c"
                "content-type"
                "\x10"
                "application/grpc"
                "\0\x0b"
                "grpc-status"
                "\1"
                "7"
                "\0\x0c"
                "grpc-message"
                "\x0d"
                "100%25 %C3%A9"sv);
    // 127 + 0, 127 + 128: RFC 7541 §5.1.
    out.clear();
    append_denied_call(out, 1, std::string(127, 'x'));
    assert_true(out.find("\x0c"
                         "grpc-message\x7f\0xx"sv) != std::string::npos);
    out.clear();
    append_denied_call(out, 1, std::string(255, 'x'));
    assert_true(out.find("\x0c"
                         "grpc-message\x7f\x80\1xx"sv) != std::string::npos);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(multiplexed_streams_have_boundaries_between_frames),
        cmocka_unit_test(what_is_no_frame_has_no_boundary_ever_after),
        cmocka_unit_test(a_stream_of_unknown_kind_is_multiplexed_after_a_whole_frame),
        cmocka_unit_test(an_error_frame_is_one_of_stream_3),
        cmocka_unit_test(http2_has_boundaries_between_frames),
        cmocka_unit_test(what_is_not_http2_has_no_boundary),
        cmocka_unit_test(a_goaway_names_no_stream_as_unprocessed),
        cmocka_unit_test(a_denied_call_is_answered_without_a_table),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
