// cmocka for C++. The one header that includes cmocka.h; include it last, because cmocka's macros
// have everyday names. Its `fail` and `skip` break libstdc++ and are gone: use fail_test("why") and
// skip_test().
//
// A failed assertion longjmps out of the test, past destructors: keep what must be given back
// (sockets, loops, files) in the fixture, which the teardown function always sees.
#pragma once

#include <csetjmp>
#include <cstdarg>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

extern "C" {
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
}

#undef fail
#undef skip
#undef fail_msg
#undef mock
// The interface before cmocka 1.0.
#undef unit_test
#undef run_test
#undef run_tests
#undef run_group_tests

// Ends the test as failed, with a reason.
#define fail_test(why) ::test_support::fail_at((why), __FILE__, __LINE__)
// Ends the test as skipped, for what this machine cannot do; say why first with print_message.
#define skip_test() _skip(__FILE__, __LINE__)

// Compares whole texts; where they differ, shows the line and column, and that line of both.
#define assert_text_equal(actual, expected) \
    ::test_support::text_equal_at((actual), (expected), __FILE__, __LINE__)
// The text holds the fragment.
#define assert_text_contains(text, fragment) \
    ::test_support::text_contains_at((text), (fragment), __FILE__, __LINE__)

namespace test_support {

[[noreturn]] inline void fail_at(std::string_view why, const char* file, int line) {
    print_error("%.*s\n", static_cast<int>(why.size()), why.data());
    _fail(file, line);
    __builtin_unreachable();
}

// Control bytes made visible, so that a lone CR or a stray NUL can be seen.
inline std::string visible(std::string_view text) {
    std::string shown;
    for (const char c : text) {
        const auto byte = static_cast<unsigned char>(c);
        if (c == '\r') {
            shown += "\\r";
        } else if (c == '\n') {
            shown += "\\n";
        } else if (byte < 0x20 || byte >= 0x7f) {
            char hex[8];
            std::snprintf(hex, sizeof hex, "\\x%02x", static_cast<unsigned>(byte));
            shown += hex;
        } else {
            shown += c;
        }
    }
    return shown;
}

// The line of `text` that holds offset `at`, its end included.
inline std::string_view line_around(std::string_view text, size_t at) {
    const size_t before = at == 0 ? std::string_view::npos : text.rfind('\n', at - 1);
    const size_t begin = before == std::string_view::npos ? 0 : before + 1;
    const size_t end = text.find('\n', at);
    return text.substr(begin, end == std::string_view::npos ? end : end + 1 - begin);
}

inline void text_equal_at(std::string_view actual, std::string_view expected, const char* file,
                          int line) {
    if (actual == expected) {
        return;
    }
    size_t at = 0;
    size_t row = 1;
    size_t row_begin = 0;
    while (at < actual.size() && at < expected.size() && actual[at] == expected[at]) {
        if (actual[at] == '\n') {
            row++;
            row_begin = at + 1;
        }
        at++;
    }
    const size_t column = at - row_begin + 1;
    print_error("texts differ at byte %zu (line %zu, column %zu); %zu bytes, expected %zu\n", at,
                row, column, actual.size(), expected.size());
    print_error("  actual:   %s\n", visible(line_around(actual, at)).c_str());
    print_error("  expected: %s\n", visible(line_around(expected, at)).c_str());
    const size_t shown = visible(actual.substr(row_begin, at - row_begin)).size();
    print_error("            %s^\n", std::string(shown, ' ').c_str());
    _fail(file, line);
}

inline void text_contains_at(std::string_view text, std::string_view fragment, const char* file,
                             int line) {
    if (text.find(fragment) != std::string_view::npos) {
        return;
    }
    print_error("\"%s\"\n  is not in\n\"%s\"\n", visible(fragment).c_str(), visible(text).c_str());
    _fail(file, line);
}

}  // namespace test_support
