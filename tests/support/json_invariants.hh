// What must hold of every body that the gate judges, whatever its bytes; for the fuzzer and the mutants.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "gate/body.hh"
#include "gate/owner_text.hh"
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

// With the label of `alice` added, Go must read that label and otherwise what it read before. `body`: one
// that passed as a container's.
inline std::string owner_flaw(std::string_view body) {
    const becaused::Changed changed = becaused::with_owner(body, "alice");
    if (changed.flaw != nullptr) return *changed.flaw == '\0' ? "a flaw without a reason" : "";
    const std::optional<GoValue> before = read_as_go(body), after = read_as_go(changed.text);
    if (!after) return "Go cannot read the body with the label";
    const auto labels_of = [](const GoValue& value) {
        std::vector<std::pair<std::string, std::string>> found;
        for (size_t i = 0; i < value.keys.size(); ++i) {
            if (fold_as_go(value.keys[i]) != fold_as_go("Labels")) continue;
            for (size_t k = 0; k < value.items[i].keys.size(); ++k)
                if (value.items[i].keys[k] != "becaused.owner")
                    found.emplace_back(value.items[i].keys[k], value.items[i].items[k].text);
                else if (!value.items[i].items[k].is_text("alice"))
                    found.emplace_back("another owner", "");
                else found.emplace_back("!", "");
        }
        return found;
    };
    auto was = labels_of(*before), is = labels_of(*after);
    if (std::ranges::count(is, "!", &std::pair<std::string, std::string>::first) != 1)
        return "Go would not read the owner once";
    std::erase_if(was, [](const auto& label) { return label.first == "!"; });
    std::erase_if(is, [](const auto& label) { return label.first == "!"; });
    if (was != is) return "Go would read other labels";
    if (becaused::with_owner(changed.text, "alice").text != changed.text)
        return "the label is added twice";
    return "";
}

}  // namespace test_support
