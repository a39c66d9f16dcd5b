// Queries before the gate, in the profile run_sandboxed: keys that the route's row names, each once, and
// values that the rules allow.
#include "gate/query.hh"

#include "support/policy_text.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using test_support::Row;

namespace {

std::string judge(const Profile& profile, std::string_view text) {
    const size_t blank = text.find(' ');
    for (const RouteRow& row : route_rows())
        if (row.name == text.substr(0, blank))
            return test_support::text_of(judge_query(&row, text.substr(blank + 1), profile));
    return "no such route";
}

#define UNNAMED                                                                                 \
    "policy_uninspectable: query keys that the route's row in ROUTES.md does not name are not " \
    "allowed by profile run_sandboxed"
#define TWICE "policy_uninspectable: a key of the query twice, where it may stand once"
#define SEMICOLON "policy_uninspectable: a ; in the query, which not all readers take for the same"
#define ESCAPE "policy_uninspectable: an escape in the query that is cut or not hexadecimal"
#define NO_NUMBER "policy_uninspectable: a limit in the query that is no whole number"
#define BY " are not allowed by profile run_sandboxed"
#define NETWORK \
    "policy_denied: build networks other than default, bridge and none (build --network)" BY
#define REMOTE "policy_denied: build contexts that dockerd fetches (build URL)" BY
#define OUTPUTS \
    "policy_denied: build outputs other than local, tar and cacheonly (build --output)" BY
#define IMPORT "policy_denied: images from a URL or a file (docker import)" BY
#define NEEDED                                                                                   \
    "policy_uninspectable: a query without the key that decides what its route does (ROUTES.md " \
    "marks it +)"

constexpr Row rows[] = {
    {"none", "build ", "pass"},
    {"ampersands", "build &&t=a&&", "pass"},
    {"a key without a value", "build rm&nocache&t=a", "pass"},
    {"a key that may repeat", "build t=a&t=b&t=c", "pass"},
    {"a key that may not", "build dockerfile=a&dockerfile=b", TWICE},
    {"the same value twice", "build rm=1&rm=1", TWICE},
    {"twice, once encoded", "build networkmode=none&network%6Dode=host", TWICE},
    {"an encoded key is read", "build %6eetworkmode=host", NETWORK},
    {"other capitals are another key", "build NetworkMode=host", UNNAMED},
    {"a blank for a key", "build +t=a", UNNAMED},
    {"an empty key", "build =a", UNNAMED},
    {"an unknown key", "build entitlements=all", UNNAMED},
    {"a key of another route", "version t=a", UNNAMED},
    {"a semicolon", "build t=a;networkmode=host", SEMICOLON},
    {"a semicolon at the end", "version ;", SEMICOLON},
    {"an encoded semicolon belongs to a value", "build t=a%3B", "pass"},
    {"a cut escape", "build t=%4", ESCAPE},
    {"no hexadecimal", "build t=%zz", ESCAPE},

    {"no network", "build networkmode=none", "pass"},
    {"the default network", "build networkmode=default", "pass"},
    {"an empty network", "build networkmode=", "pass"},
    {"the host's network", "build networkmode=host", NETWORK},
    {"the host's network, encoded", "build networkmode=%68%6Fst", NETWORK},
    {"a container's network", "build networkmode=container%3Aabc", NETWORK},
    {"a named network", "build networkmode=mine", NETWORK},
    {"a blank and a network", "build networkmode=+none", NETWORK},
    {"BuildKit's context", "build remote=client-session&session=a&buildid=b", "pass"},
    {"a URL", "build remote=http%3A%2F%2F169.254.169.254%2F", REMOTE},
    {"a repository", "build remote=git%40github.com%3Aa%2Fb", REMOTE},
    {"hosts", "build extrahosts=a%3A1.2.3.4",
     "policy_denied: host entries for builds (build --add-host)" BY},
    {"hosts, the second time", "build extrahosts=&extrahosts=a%3A1.2.3.4",
     "policy_denied: host entries for builds (build --add-host)" BY},
    {"a cgroup", "build cgroupparent=%2Fx",
     "policy_denied: cgroups of the client's choice (--cgroup-parent)" BY},
    {"no cgroup", "build cgroupparent=", "pass"},
    {"no security options", "build securityopt=null", "pass"},
    {"security options", "build securityopt=seccomp%3Dunconfined",
     "policy_denied: security options other than no-new-privileges (--security-opt)" BY},
    {"no outputs", "build outputs=&version=2", "pass"},
    {"null outputs", "build outputs=null", "pass"},
    {"an output to the client",
     "build outputs=%5B%7B%22Type%22%3A%22local%22%2C%22Attrs%22%3A%7B%7D%7D%5D", "pass"},
    {"an output to a registry",
     "build outputs=%5B%7B%22Type%22%3A%22image%22%2C%22Attrs%22%3A%7B%22push%22%3A%22true%22%7D%7D"
     "%5D",
     OUTPUTS},
    {"an output with a folded key", "build outputs=%5B%7B%22type%22%3A%22image%22%7D%5D",
     "policy_uninspectable: a key in the JSON in other capitals than Docker's API has"},
    {"an output that is no list", "build outputs=%7B%22Type%22%3A%22image%22%7D",
     "policy_uninspectable: a value in the JSON of another type than Docker's API has there"},
    {"an output that is no JSON", "build outputs=type%3Dlocal",
     "policy_uninspectable: JSON that is not valid"},
    {"limits without a ceiling", "build memory=1099511627776&memswap=-1&cpuquota=99999999", "pass"},
    {"a limit that is no number", "build memory=1g", NO_NUMBER},
    {"a limit with a plus", "build memory=%2B5", NO_NUMBER},
    {"a limit with a blank", "build memory=+5", NO_NUMBER},
    {"a minus alone", "build memory=-", NO_NUMBER},
    {"a limit over 63 bits", "build memory=9223372036854775808", NO_NUMBER},

    {"a pull", "image_create fromImage=a&tag=b&platform=linux%2Famd64", "pass"},
    {"an import from a URL", "image_create fromSrc=http%3A%2F%2Flocalhost%2F&fromImage=a", IMPORT},
    {"an import from a file", "image_create fromSrc=-&repo=a", IMPORT},
    {"neither pull nor import", "image_create repo=a", NEEDED},
    {"a pull of nothing", "image_create fromImage=&tag=b", NEEDED},
    {"a pull twice", "image_create fromImage=a&fromImage=b", TWICE},
    {"no checkpoint", "container_start detachKeys=a&checkpoint=&checkpoint-dir=", "pass"},
    {"a checkpoint's directory", "container_start checkpoint-dir=%2Fetc",
     "policy_denied: checkpoints (start --checkpoint)" BY},
    {"a key for a route that has none", "exec_start t=1", UNNAMED},
};

constexpr Row ceiling_rows[] = {
    {"at the ceiling", "build memory=1048576&memswap=1048576&shmsize=1&cpuquota=200000", "pass"},
    {"nothing asked for", "build memory=0&memswap=0&cpuquota=0&cpuperiod=0&shmsize=0", "pass"},
    {"memory", "build memory=1048577", "memory"},
    {"swap without an end", "build memswap=-1", "memory"},
    {"shared memory", "build shmsize=1048577", "memory"},
    {"CPUs", "build cpuquota=200001", "CPU"},
    {"all CPUs", "build cpuquota=-1", "CPU"},
    {"a long period", "build cpuperiod=1000000&cpuquota=200000", "pass"},
    {"a short period makes more of a quota", "build cpuperiod=99999", "CPU"},
};

void queries_are_judged_as_the_table_says(void**) {
    const Policy policy;
    const Profile& profile = *policy.find("run_sandboxed");
    test_support::check_rows(rows, "", "",
                             [&](std::string_view row) { return judge(profile, row); });
}

void limits_are_held_against_the_profile_s_ceilings(void**) {
    ProfileSettings settings;
    settings.name = "small";
    settings.ceilings = {1024 * 1024, 2, 100};
    Result<Policy> policy = Policy::make({&settings, 1});
    assert_true(policy.ok());
    const Profile& profile = *policy.value().find("small");
    test_support::check_rows(ceiling_rows, "", "", [&](std::string_view row) -> std::string {
        const std::string said = judge(profile, row);
        if (said.find("policy_denied: memory limits") == 0) return "memory";
        return said.find("policy_denied: CPU limits") == 0 ? "CPU" : said;
    });
}

// Each `!` in the table has its rule: a value that no rule allows is refused.
void every_judged_key_has_a_rule(void**) {
    const Policy policy;
    const Profile& profile = *policy.find("run_sandboxed");
    size_t judged_keys = 0;
    for (const RouteRow& row : route_rows()) {
        std::string_view words = row.query;
        while (!words.empty()) {
            const size_t end = std::min(words.find(' '), words.size());
            const std::string word(words.substr(0, end));
            words.remove_prefix(std::min(end + 1, words.size()));
            const size_t marks = std::min(word.find_first_of("*!+"), word.size());
            if (word.find('!') == std::string::npos) continue;
            const Refusal refusal = judge_query(&row, word.substr(0, marks) + "=evil", profile);
            assert_true(static_cast<bool>(refusal));
            ++judged_keys;
        }
    }
    assert_int_equal(judged_keys, 14);
}

void profiles_that_judge_no_content_leave_queries_alone_but_unclear_ones(void**) {
    const Policy policy;
    const Profile& admin = *policy.find("admin");
    assert_text_equal(judge(admin, "build networkmode=host&networkmode=x&new=1"), "pass");
    assert_text_equal(judge(admin, "build t=a;b"), SEMICOLON);
    assert_text_equal(judge(admin, "build t=%"), ESCAPE);
}

void unknown_keys_can_be_permitted(void**) {
    ProfileSettings settings;
    settings.name = "newer";
    settings.base = "run_sandboxed";
    settings.permit = {"query_keys", "build_network"};
    Result<Policy> policy = Policy::make({&settings, 1});
    assert_true(policy.ok());
    const Profile& newer = *policy.value().find("newer");
    assert_text_equal(judge(newer, "build new=1&new=2&networkmode=host"), "pass");
    assert_text_equal(judge(newer, "build rm=1&rm=2"), TWICE);
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(queries_are_judged_as_the_table_says),
        cmocka_unit_test(limits_are_held_against_the_profile_s_ceilings),
        cmocka_unit_test(every_judged_key_has_a_rule),
        cmocka_unit_test(profiles_that_judge_no_content_leave_queries_alone_but_unclear_ones),
        cmocka_unit_test(unknown_keys_can_be_permitted),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
