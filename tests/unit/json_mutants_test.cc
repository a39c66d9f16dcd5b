// A hundred thousand damaged bodies: whatever the gate passes is harmless to a reader of Go's kind. And the
// reader itself is held against what was measured with a real dockerd 20.10.
#include <array>
#include <cstdint>

#include "support/json_invariants.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using namespace std::string_view_literals;
using test_support::Row;

namespace {

// Each was sent to dockerd 20.10, and the container then inspected.
constexpr Row measured[] = {
    {"Privileged at the top", R"({"Image":"base","Privileged":true})", "Privileged"},
    {"HostConfig with the long s",
     "{\"Image\":\"base\",\"Ho\xc5\xbftConfig\":{\"Privileged\":true}}", "Privileged"},
    {"two HostConfigs",
     R"({"Image":"base","HostConfig":{"NetworkMode":"none"},"HostConfig":{"Privileged":true}})",
     "Privileged"},
    {"a second value", R"({"Image":"base"}{"HostConfig":{"Privileged":true}})", ""},
};

constexpr Row go_rows[] = {
    {"harmless", R"({"HostConfig":{"Privileged":false,"Binds":["a:/b"],"NetworkMode":"none"}})",
     ""},
    {"the Kelvin sign", R"({"HostConfig":{"Networ\u212aMode":"host"}})", "NetworkMode"},
    {"small letters", R"({"hostconfig":{"binds":["/:/x"]}})", "Binds"},
    {"a bind by Mounts", R"({"HostConfig":{"Mounts":[{"Type":"bind"}]}})", "Mounts"},
    {"a driver's options",
     R"({"HostConfig":{"Mounts":[{"VolumeOptions":{"DriverConfig":{"Options":{"o":"bind"}}}}]}})",
     "Mounts"},
    {"empty masks", R"({"HostConfig":{"MaskedPaths":[]}})", "MaskedPaths"},
    {"broken UTF-8 in a key", "{\"HostConfig\xff\":{\"Privileged\":true}}", ""},
    {"a lone surrogate", R"({"HostConfig":{"Cmd\ud800":1,"PidMode":"host"}})", "PidMode"},
    {"no JSON", R"({"HostConfig":{"Privileged":tru}})", "unreadable"},
    {"a byte order mark", "\xef\xbb\xbf{}", "unreadable"},
    {"a cut text", "\"abc", "unreadable"},
};

std::string danger(std::string_view body) {
    const auto read = test_support::read_as_go(body);
    return read ? test_support::danger_to_go(*read) : "unreadable";
}

void the_slow_reader_finds_what_dockerd_was_seen_to_do(void**) {
    test_support::check_rows(measured, "", "", danger);
    test_support::check_rows(go_rows, "", "", danger);
}

constexpr std::pair<Payload, std::string_view> bodies[] = {
    {Payload::container_create,
     R"({"Image":"a","Cmd":["x"],"Labels":{"a":"b"},"HostConfig":{"Privileged":false,"Binds":["v:/a:ro"],"NetworkMode":"none","CapAdd":null,"MaskedPaths":null}})"},
    {Payload::container_create,
     R"({"Image":"a","HostConfig":{"Mounts":[{"Type":"volume","Source":"v","VolumeOptions":{"DriverConfig":{"Options":{}}}}],"PidsLimit":0,"PidMode":"","OomScoreAdj":0,"RestartPolicy":{"Name":"no"}},"NetworkingConfig":{"EndpointsConfig":{"n":{"Links":null}}}})"},
    {Payload::container_update,
     R"({"Memory":1,"Devices":[],"CgroupParent":"","OomKillDisable":null,"PidsLimit":5})"},
    {Payload::exec_create, R"({"User":"","Privileged":false,"Cmd":["a"]})"},
    {Payload::volume_create, R"({"Name":"a","Driver":"local","DriverOpts":{},"Labels":{}})"},
};

// What attacks are made of.
constexpr std::string_view pieces[] = {
    R"("Privileged":true,)",
    R"("Labels":{"becaused.owner":"bob"},)",
    R"("labels":{"x":"y"},)",
    R"("L\u0061bels":{},)",
    R"("becaused.owner":"bob",)",
    R"("Labels":null,)",
    R"("privileged":true,)",
    R"("Pr\u0069vileged":true,)",
    R"("HostConfig":{"Privileged":true},)",
    R"("hostConfig":{},)",
    R"(,"Binds":["/etc:/x"])",
    R"("NetworkMode":"host",)",
    R"("PidMode":"container:a",)",
    R"(,"CapAdd":["ALL"])",
    R"("Mounts":[{"Type":"bind"}],)",
    R"("MaskedPaths":[],)",
    "{}",
    "[]",
    "{",
    "}",
    "[",
    "]",
    "\"",
    ":",
    ",",
    "\\",
    "\\u0061",
    "\\u017f",
    "\xc5\xbf",
    "\xe2\x84\xaa",
    "\0"sv,
    "\xff",
    "\xef\xbb\xbf",
    "true",
    "false",
    "null",
    "-1",
    "1",
    "1e9",
    "host",
    "/etc:/x",
    "bind",
    "\n",
    " ",
    "/*",
    "//",
};

class Random {
  public:
    size_t below(size_t limit) {
        state_ ^= state_ << 13;
        state_ ^= state_ >> 7;
        state_ ^= state_ << 17;
        return static_cast<size_t>(state_ % limit);
    }

  private:
    uint64_t state_ = 0x9e3779b97f4a7c15;
};

void mutate(std::string& body, Random& random) {
    const size_t at = random.below(body.size() + 1);
    switch (random.below(7)) {
        case 0: body.insert(at, pieces[random.below(std::size(pieces))]); break;
        // Where it is likely to fit.
        case 1:
            body.insert(std::min(body.find('{', at), body.size() - 1) + 1,
                        pieces[random.below(16)]);
            break;
        case 2: body.erase(at, random.below(4)); break;
        case 3:
            if (at < body.size()) body[at] = static_cast<char>(body[at] ^ 0x20);
            break;
        case 4: body.insert(at, body.substr(random.below(body.size()), random.below(40))); break;
        case 5:
            for (const auto& [from, to] : {std::pair{"false", "true"},
                                           {"null", "[\"ALL\"]"},
                                           {"none", "host"},
                                           {"v:/a", "/:/a"},
                                           {"{}", "{\"o\":1}"}})
                if (const size_t found = body.find(from, at); found != std::string::npos) {
                    body.replace(found, std::string_view(from).size(), to);
                    break;
                }
            break;
        default:
            if (at < body.size()) body[at] = static_cast<char>(random.below(256));
            break;
    }
    if (body.empty()) body = "{}";
}

void no_mutant_passes_that_go_would_find_dangerous(void**) {
    const Policy policy;
    const Profile& profile = *policy.find("run_sandboxed");
    Random random;
    size_t passes = 0, dangers = 0, labelled = 0;
    for (int round = 0; round < 100'000; ++round) {
        const auto& [payload, original] = bodies[random.below(std::size(bodies))];
        std::string body(original);
        for (size_t i = random.below(3) + 1; i > 0; --i) mutate(body, random);
        bool passed = false;
        const std::string flaw = test_support::body_flaw(payload, body, profile, passed);
        if (!flaw.empty()) fail_test(flaw + ": " + test_support::visible(body));
        passes += passed ? 1 : 0;
        if (passed && payload == Payload::container_create) {
            const std::string owned = test_support::owner_flaw(body);
            if (!owned.empty()) fail_test(owned + ": " + test_support::visible(body));
            labelled += becaused::with_owner(body, "alice").flaw == nullptr ? 1 : 0;
        }
        if (const auto read = test_support::read_as_go(body))
            dangers += test_support::danger_to_go(*read).empty() ? 0 : 1;
    }
    // Both sides of the fence were visited often enough to mean something.
    if (passes < 2'000 || dangers < 2'000 || labelled < 1'000)
        fail_test(std::to_string(passes) + " passed, " + std::to_string(dangers) + " dangerous, " +
                  std::to_string(labelled) + " labelled");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(the_slow_reader_finds_what_dockerd_was_seen_to_do),
        cmocka_unit_test(no_mutant_passes_that_go_would_find_dangerous),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
