// What must hold of every body that the gate judges, whatever its bytes; for the fuzzer and the mutants.
#pragma once

#include <string>

#include "gate/body.hh"
#include "support/go_json.hh"

namespace test_support {

// How the gate's judgement breaks its promise; empty if it does not. `passed`: what the gate said.
inline std::string body_flaw(becaused::Payload payload, std::string_view body,
                             const becaused::Profile& profile, bool& passed) {
    using becaused::Payload;
    const becaused::Refusal refusal = becaused::judge_body(payload, body, profile);
    passed = !refusal;
    const bool again = !becaused::judge_body(payload, std::string(body) + " \r\n", profile);
    if (again != passed) return "white space at the end changes the judgement";
    if (!passed) return *refusal.text == '\0' ? "a refusal without a reason" : "";
    const std::optional<GoValue> read = read_as_go(body);
    if (!read) return "a body that Go cannot read passed";
    if (read->kind != GoValue::Kind::object) return "a body that is no object passed";
    std::string danger;
    if (payload == Payload::container_create) danger = danger_to_go(*read);
    else if (payload == Payload::container_update) danger = danger_of_host_config(*read);
    else if (payload == Payload::exec_create) danger = danger_of_exec(*read);
    else if (payload == Payload::volume_create) danger = danger_of_volume(*read);
    return danger.empty() ? "" : "Go would read " + danger;
}

}  // namespace test_support
