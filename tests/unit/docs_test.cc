// The reference pages in the tree are those that the tables give, and help fits a screen.
#include "ops/docs.hh"

#include <fstream>
#include <sstream>

#include "ops/help.hh"
#include "ops/value.hh"

#include "support/cmocka.hh"

using namespace becaused;

namespace {

std::string file_text(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(std::string(BECAUSED_TREE) + "/" + path).rdbuf();
    return text.str();
}

void the_pages_in_the_tree_are_current(void**) {
    assert_text_equal(file_text("src/ledger/REASONS.md"), *docs_page("reasons"));
    assert_text_equal(file_text("src/ledger/CLOCKS.md"), *docs_page("clocks"));
    assert_text_equal(file_text("src/ledger/record.schema.json"), *docs_page("schema"));
    assert_text_equal(file_text("src/ops/OPTIONS.md"), *docs_page("options"));
    assert_text_equal(file_text("src/gate/ROUTES.md"), *docs_page("routes"));
    assert_text_equal(file_text("scripts/package/becaused.1"), *docs_page("man"));
    for (const std::string shell : {"bash", "zsh", "fish"})
        assert_text_equal(file_text("scripts/package/becaused." + shell), *docs_page(shell));
    assert_false(docs_page("nothing").has_value());
}

// `rows` x `columns`, the newline at the end not counted.
void assert_fits(const std::string& text, size_t rows, size_t columns) {
    size_t count = 0;
    size_t begin = 0;
    for (size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1) {
        ++count;
        if (end - begin > columns) fail_test(text.substr(begin, end - begin));
    }
    if (count > rows) fail_test(text);
}

void help_fits_a_screen(void**) {
    assert_fits(help_text(), 24, 80);
    for (const std::string_view command : command_names()) {
        const bool large = command == "run";
        assert_fits(*help_text(command), large ? 60 : 24, 80);
    }
    for (const std::string_view action : {"keygen", "issue", "inspect", "verify", "hash"})
        assert_fits(*help_text("token " + std::string(action)), 24, 100);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_pages_in_the_tree_are_current),
        cmocka_unit_test(help_fits_a_screen),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
