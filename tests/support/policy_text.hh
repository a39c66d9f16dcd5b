// Requests before the gate as text, so that a table's row can hold a whole request and what is said of it.
#pragma once

#include <string>
#include <string_view>

#include "gate/gate.hh"
#include "http/parser.hh"

namespace test_support {

inline std::string text_of(const becaused::Refusal& refusal) {
    if (!refusal) return "pass";
    std::string text(becaused::name(refusal.reason));
    if (refusal.status != 0) text += ' ' + std::to_string(refusal.status);
    return text + ": " + refusal.text;
}

// "pass", "body" when it is wanted first, or the refusal.
inline std::string text_of(const becaused::Verdict& verdict) {
    switch (verdict.decision) {
        case becaused::Verdict::Decision::pass: return "pass";
        case becaused::Verdict::Decision::needs_body: return "body";
        case becaused::Verdict::Decision::refuse: return text_of(verdict.refusal);
    }
    return "?";
}

// `head`: a request line and fields, each line ended by \r\n; Host and the empty line are added.
// `body`: given to the judge if it asks for it.
inline std::string judge(const becaused::Gate& gate, std::string_view profile,
                         std::string_view head, std::string_view body) {
    const becaused::Profile* found = gate.policy().find(profile);
    if (found == nullptr) return "no such profile";
    becaused::HeadParser parser;
    becaused::RequestHead parsed;
    const std::string bytes = std::string(head) + "Host: docker\r\n\r\n";
    if (const auto fault = parser.parse_request(bytes, parsed))
        return std::string("not HTTP: ") + fault->detail;
    const becaused::Verdict verdict = gate.judge(parsed, *found);
    if (verdict.decision != becaused::Verdict::Decision::needs_body) return text_of(verdict);
    return text_of(becaused::judge_body(verdict, body));
}

}  // namespace test_support
