// What src/net calls is written down: in wrapped.txt what can fail, in cannot_fail.txt what cannot, and
// why. A call that is in neither list would never be made to fail.
#include <filesystem>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "sweep/faults.hh"

#include "support/cmocka.hh"

using namespace becaused::test;

namespace {

const std::string tree = BECAUSED_TREE;

std::string text_of(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
}

// The first word of each line, with the rest of the line.
std::map<std::string, std::string> list_of(const std::string& path) {
    std::map<std::string, std::string> list;
    std::istringstream lines(text_of(path));
    for (std::string line; std::getline(lines, line);) {
        const std::string said = line.substr(0, line.find('#'));
        std::istringstream words(said);
        std::string name;
        if (!(words >> name)) continue;
        std::string rest;
        std::getline(words >> std::ws, rest);
        list[name] = rest;
    }
    return list;
}

// Everything that a source calls by a name of the global namespace, `::name(`: libuv and the kernel.
std::set<std::string> calls_in(const std::string& source) {
    std::set<std::string> found;
    static const std::regex call("(^|[^A-Za-z0-9_>])::([a-z][a-z0-9_]*)\\(");
    static const std::regex bare("\\b(uv_[a-z0-9_]+)\\(");
    const std::string code = std::regex_replace(source, std::regex("//[^\\n]*|\"[^\"\\n]*\""), "");
    for (std::sregex_iterator at(code.begin(), code.end(), call), end; at != end; ++at)
        found.insert((*at)[2]);
    for (std::sregex_iterator at(code.begin(), code.end(), bare), end; at != end; ++at)
        found.insert((*at)[1]);
    return found;
}

std::set<std::string> calls_of_net() {
    std::set<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(tree + "/src/net")) {
        // TLS calls mbedTLS and libsodium, not the kernel: its files have tests of their own.
        if (entry.path().filename().string().starts_with("tls")) continue;
        found.merge(calls_in(text_of(entry.path())));
    }
    return found;
}

}  // namespace

static void scan_sees_calls_and_nothing_else(void**) {
    const std::set<std::string> found = calls_in(
        "  ::uv_one(a); if (::two(b)) x = Other::three(c);  // ::four(d)\n"
        "  return uv_five(\"::six(e)\");\n::seven::eight(f); std::nine(g);\n");
    assert_true(found == (std::set<std::string>{"uv_one", "two", "uv_five"}));
}

static void every_call_of_net_is_swept_or_cannot_fail(void**) {
    const auto wrapped = list_of(tree + "/tests/sweep/wrapped.txt");
    const auto cannot_fail = list_of(tree + "/tests/sweep/cannot_fail.txt");
    const std::set<std::string> called = calls_of_net();
    assert_true(called.size() > 40);
    int wrong = 0;
    for (const std::string& call : called) {
        const bool known = wrapped.contains(call) != cannot_fail.contains(call);
        if (!known)
            print_error("%s is in %s of sweep/wrapped.txt and sweep/cannot_fail.txt\n",
                        call.c_str(), wrapped.contains(call) ? "both" : "neither");
        wrong += known ? 0 : 1;
    }
    for (const auto& [call, why] : cannot_fail) {
        if (!called.contains(call))
            print_error("%s is in sweep/cannot_fail.txt, but src/net does not call it\n",
                        call.c_str());
        if (why.empty()) print_error("%s cannot fail: why?\n", call.c_str());
        wrong += called.contains(call) && !why.empty() ? 0 : 1;
    }
    assert_int_equal(wrong, 0);
}

// The linker has wrapped what the list says; the table of errnos must speak of the same calls.
static void wrapped_list_and_the_table_of_errnos_agree(void**) {
    const auto wrapped = list_of(tree + "/tests/sweep/wrapped.txt");
    std::set<std::string> listed;
    for (const auto& [call, rest] : wrapped) listed.insert(call);
    for (const char* counted : {"calloc", "epoll_ctl", "malloc", "realloc"}) listed.erase(counted);
    std::set<std::string> swept;
    for (size_t i = 0; i < call_count; ++i) swept.insert(name(static_cast<Call>(i)));
    swept.erase("uv_malloc");  // libuv's allocator, not a symbol
    assert_true(listed == swept);
    for (size_t i = 0; i < call_count; ++i) assert_true(!errors_of(static_cast<Call>(i)).empty());
}

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(scan_sees_calls_and_nothing_else),
        cmocka_unit_test(every_call_of_net_is_swept_or_cannot_fail),
        cmocka_unit_test(wrapped_list_and_the_table_of_errnos_agree),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
