// What docker's own clients send passes the profiles it is meant for, and no others: every request that
// was recorded in tests/data/docker_requests.txt.
#include <fstream>
#include <map>
#include <vector>

#include "support/policy_text.hh"
#include "support/cmocka.hh"

using namespace becaused;

namespace {

struct Recorded {
    std::string title;
    std::string head;  // without Host and the empty line
    std::string body;
    std::vector<std::string> expected;  // "PROFILE: WORD"
};

bool starts(const std::string& line, std::string_view with) { return line.rfind(with, 0) == 0; }

std::vector<Recorded> read_requests() {
    std::ifstream file(std::string(BECAUSED_TREE) + "/tests/data/docker_requests.txt");
    std::vector<Recorded> all;
    std::string client, base, line;
    bool inside = false;
    while (std::getline(file, line)) {
        if (starts(line, "# ")) {
            client = line.substr(2);
            continue;
        }
        if (line.empty()) {
            inside = false;
            continue;
        }
        if (!inside) {
            all.push_back({client + ": " + line, "", "", {}});
            inside = true;
            continue;
        }
        Recorded& request = all.back();
        if (starts(line, "= ")) {
            request.expected.push_back(line.substr(2));
        } else if (starts(line, "~ ")) {
            const size_t arrow = line.find(" => ");
            const std::string old = line.substr(2, arrow - 2);
            request.body = base;
            const size_t at = base.find(old);
            assert_true(at != std::string::npos && base.find(old, at + 1) == std::string::npos);
            request.body.replace(at, old.size(), line.substr(arrow + 4));
            request.head += "Content-Length: " + std::to_string(request.body.size()) + "\r\n";
        } else if (line[0] == '{' || line == "null") {
            request.body = line;
            if (request.title.find("(what ~ changes)") != std::string::npos) base = line;
        } else {
            // The request line has no version there.
            request.head += line + (request.head.empty() ? " HTTP/1.1\r\n" : "\r\n");
        }
    }
    return all;
}

// The word of the table for what the gate said.
std::string word_of(const std::string& verdict, const std::string& profile) {
    if (verdict == "pass") return verdict;
    const std::string by = " not allowed by profile " + profile;
    for (size_t i = 0; i < rule_count; ++i) {
        const auto rule = static_cast<Rule>(i);
        if (verdict == "policy_denied: " + std::string(words(rule)) + " are" + by)
            return std::string(name(rule));
    }
    const std::string route = ") is" + by;
    const bool ends = verdict.size() > route.size() &&
                      verdict.compare(verdict.size() - route.size(), route.size(), route) == 0;
    return ends && starts(verdict, "policy_denied: ") ? "route" : verdict;
}

void what_docker_s_clients_send_is_judged_as_the_table_says(void**) {
    const Gate gate({});
    const std::vector<Recorded> all = read_requests();
    assert_true(all.size() > 200);
    size_t judgements = 0;
    for (const Recorded& request : all) {
        assert_false(request.expected.empty());
        for (const std::string& expected : request.expected) {
            const std::string profile = expected.substr(0, expected.find(':'));
            const std::string actual =
                word_of(test_support::judge(gate, profile, request.head, request.body), profile);
            if (profile + ": " + actual != expected)
                print_error("%s\n%s%s\n", request.title.c_str(), request.head.c_str(),
                            request.body.c_str());
            assert_text_equal(profile + ": " + actual, expected);
            ++judgements;
        }
    }
    print_message("%zu requests, %zu judgements\n", all.size(), judgements);
}

void every_recorded_request_passes_admin_and_any(void**) {
    const Gate gate({});
    for (const Recorded& request : read_requests()) {
        assert_text_equal(test_support::judge(gate, "admin", request.head, request.body), "pass");
        assert_text_equal(test_support::judge(gate, "any", request.head, request.body), "pass");
    }
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(what_docker_s_clients_send_is_judged_as_the_table_says),
        cmocka_unit_test(every_recorded_request_passes_admin_and_any),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
