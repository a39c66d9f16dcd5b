// What shells complete: bash itself is asked, with the script in the tree. And that the table of flags, which
// parsers and completions share, is what help says.
#include <cstdio>
#include <set>
#include <string>
#include <vector>

#include "ops/command_flags.hh"
#include "ops/docs.hh"
#include "ops/help.hh"
#include "ops/options.hh"
#include "ops/why_report.hh"

#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using test_support::check_rows;
using test_support::Row;

namespace {

// What bash offers for the last word, once all were split as bash splits them. They are this file's own.
std::string offered(std::string_view typed) {
    const std::string script =
        std::string("cd ") + BECAUSED_TREE + " && . scripts/package/becaused.bash && COMP_WORDS=(" +
        std::string(typed) +
        ") && compopt() { :; } && COMP_CWORD=$((${#COMP_WORDS[@]} - 1)) && _becaused && "
        "echo \"${COMPREPLY[*]}\"";
    std::FILE* bash = ::popen(("exec bash --norc --noprofile -c '" + script + "'").c_str(), "r");
    assert_non_null(bash);
    std::string said(64 * 1024, '\0');
    said.resize(std::fread(said.data(), 1, said.size(), bash));
    assert_int_equal(::pclose(bash), 0);
    while (!said.empty() && said.back() == '\n') said.pop_back();
    return said;
}

constexpr Row completed[] = {
    {"a command", "becaused w", "why"},
    {"every command", R"(becaused "")", "run check why kill token docs version help"},
    {"a flag", "becaused run --max-r", "--max-requests"},
    {"a flag of check alone", "becaused check --req", "--request"},
    {"flags with the same beginning", "becaused run --upstream-tlsc",
     "--upstream-tlscert --upstream-tlscacert"},
    {"a short flag", "becaused why -f", "-f"},
    {"an action", "becaused token i", "issue inspect"},
    {"a flag of an action", "becaused token issue --no", "--no-expiry --not-before"},
    {"a page", "becaused docs z", "zsh"},
    {"a command or a topic to be helped with", "becaused help t", "token tls"},
    {"a word", R"(becaused run --mode "")", "enforce report learn"},
    {"a word behind =", "becaused run --mode = re", "report"},
    {"nothing yet behind =", "becaused run --mode =", "enforce report learn"},
    {"a profile", "becaused run --listen x --profile run", "run_sandboxed"},
    {"a clock", "becaused check --clock first", "first_byte="},
    {"a reason", "becaused why --reason upstream_re", "upstream_refused upstream_reset"},
    {"a file", "becaused run --config READ", "README.md"},
    {"a file of records", "becaused why READ", "README.md"},
    {"a file behind a flag", "becaused why --all READ", "README.md"},
    {"a directory or a word", "becaused run --state a", "auto"},
    {"a directory", "becaused run --state sr", "src"},
    {"a user", "becaused run --user roo", "root"},
    {"nothing that nobody can know", "becaused run --listen t", ""},
    {"nothing behind a switch but flags", "becaused run --tlsverify x", ""},
    {"nothing of a command that is none", "becaused serve --", ""},
};

void bash_completes_what_was_begun(void**) { check_rows(completed, "", "", offered); }

void bash_offers_every_setting(void**) {
    std::string all;
    for (const Option& option : options()) all += (all.empty() ? "" : " ") + flag_name(option);
    assert_text_equal(offered("becaused run --"), all);
}

void every_shell_knows_every_flag(void**) {
    const std::string zsh = zsh_completion();
    const std::string fish = fish_completion();
    for (const Option& option : options()) {
        const std::string flag = flag_name(option);
        assert_text_contains(zsh, "'" + std::string(repeatable(option) ? "*" : "") + flag +
                                      (option.kind == Kind::boolean ? "[" : "=["));
        assert_text_contains(fish, " -l " + flag.substr(2) + " ");
    }
    for (const std::string_view command : commands_with_flags())
        for (const Flag& flag : flags_of(command)) {
            assert_text_contains(zsh, std::string(flag.name));
            assert_text_contains(fish,
                                 (flag.name.starts_with("--") ? " -l " : " -s ") +
                                     std::string(flag.name.substr(flag.name[1] == '-' ? 2 : 1)));
        }
}

// The flags that `text` speaks of.
std::set<std::string> flags_in(const std::string& text) {
    std::set<std::string> found;
    for (size_t at = 0; (at = text.find('-', at)) != std::string::npos;) {
        const bool begins = at > 0 && (text[at - 1] == ' ' || text[at - 1] == '[');
        const size_t end = text.find_first_not_of("abcdefghijklmnopqrstuvwxyz-", at);
        const std::string word = text.substr(at, end - at);
        if (begins && (word.starts_with("--") || word.size() == 2)) found.insert(word);
        at = end;
    }
    return found;
}

// help kill speaks of why --live too, and help check of settings.
void help_and_the_table_have_the_same_flags(void**) {
    for (const std::string_view command : commands_with_flags()) {
        std::set<std::string> known;
        for (const Flag& flag : flags_of(command)) known.emplace(flag.name);
        const std::set<std::string> said = flags_in(*help_text(command));
        for (const std::string& flag : known)
            if (!said.contains(flag) &&
                !(command == "why" && (flag == "--admin" || flag == "--state")))
                fail_test(std::string(command) + ": help says nothing of " + flag);
        if (command == "kill" || command == "check") continue;
        for (const std::string& flag : said)
            if (!known.contains(flag))
                fail_test(std::string(command) + ": not in the table: " + flag);
    }
}

void why_takes_every_flag_of_the_table(void**) {
    for (const Flag& flag : flags_of("why")) {
        std::vector<std::string> words = {std::string(flag.name)};
        if (flag.name == "--reason") words.emplace_back("complete");
        else if (flag.name == "--by") words.emplace_back("client");
        else if (flag.name == "--since") words.emplace_back("10m");
        else if (!flag.argument.empty()) words.emplace_back("x");
        if (flag.name == "--admin" || flag.name == "--state") words.emplace_back("--live");
        if (flag.name == "--records-key-file") words.emplace_back("--verify");
        Result<WhyRequest> request = parse_why(words, 0);
        assert_text_equal(request.ok() ? "" : request.status().message(), "");
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(bash_completes_what_was_begun),
        cmocka_unit_test(bash_offers_every_setting),
        cmocka_unit_test(every_shell_knows_every_flag),
        cmocka_unit_test(help_and_the_table_have_the_same_flags),
        cmocka_unit_test(why_takes_every_flag_of_the_table),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
