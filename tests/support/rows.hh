// Tables of cases: a name, the bytes given, the text expected. A failing row says its name first.
// Include before support/cmocka.hh.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "support/cmocka.hh"

namespace test_support {

struct Row {
    std::string_view name;
    std::string_view bytes;
    std::string_view expected;
};

// `text_of(bytes)` for each row, with `before` and `after` put around the row's bytes. The bytes lie in
// memory of exactly their size, so that a sanitizer sees a read beyond their end.
template <typename TextOf>
void check_rows(std::span<const Row> rows, std::string_view before, std::string_view after,
                TextOf text_of) {
    for (const Row& row : rows) {
        std::vector<char> exact;
        for (const std::string_view part : {before, row.bytes, after})
            exact.insert(exact.end(), part.begin(), part.end());
        const std::string actual = text_of(std::string_view(exact.data(), exact.size()));
        if (actual != row.expected)
            print_error("row: %.*s\n", static_cast<int>(row.name.size()), row.name.data());
        assert_text_equal(actual, row.expected);
    }
}

}  // namespace test_support
