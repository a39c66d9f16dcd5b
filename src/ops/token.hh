// `becaused token`: keys, tokens and hashes, for those who run a control plane and for those who run
// build machines. Needs no running proxy. Secrets are read from files, the environment or standard
// input; what is printed holds none, but for the token that `issue` was asked for.
#pragma once

#include <cstdint>
#include <span>
#include <string>

namespace becaused {

struct TokenAnswer {
    int code = 0;
    std::string out;        // for standard output
    std::string complaint;  // one line without its end, for standard error; empty: none
};

// `arguments`: what follows `token`. `now_ms`: wall time.
TokenAnswer token_answer(std::span<const std::string> arguments, int64_t now_ms);

// Prints the answer; returns the exit code.
int token(std::span<const std::string> arguments);

// The actions by name, as `token_answer` calls them.
TokenAnswer token_keygen(std::span<const std::string> arguments);
TokenAnswer token_issue(std::span<const std::string> arguments, int64_t now_ms);
TokenAnswer token_inspect(std::span<const std::string> arguments);
TokenAnswer token_verify(std::span<const std::string> arguments, int64_t now_ms);
TokenAnswer token_hash(std::span<const std::string> arguments);

// What an action says when what was typed is wrong (2), or when it failed (1).
TokenAnswer usage_answer(std::string complaint);
TokenAnswer failed_answer(std::string complaint);

}  // namespace becaused
