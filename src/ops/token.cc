#include "ops/token.hh"

#include <array>
#include <chrono>
#include <cstdio>

#include "gate/secret.hh"
#include "ops/command.hh"
#include "ops/nearest.hh"
#include "ops/phrase.hh"

namespace becaused {

namespace {

constexpr std::array<std::string_view, 5> actions = {"keygen", "issue", "inspect", "verify",
                                                     "hash"};

}  // namespace

TokenAnswer usage_answer(std::string complaint) { return {exit_usage, "", std::move(complaint)}; }
TokenAnswer failed_answer(std::string complaint) { return {exit_failed, "", std::move(complaint)}; }

TokenAnswer token_answer(std::span<const std::string> arguments, int64_t now_ms) {
    ready_crypto();
    if (arguments.empty())
        return usage_answer("token: keygen, issue, inspect, verify or hash? (becaused help token)");
    const std::string& action = arguments.front();
    const std::span<const std::string> rest = arguments.subspan(1);
    if (action == "keygen") return token_keygen(rest);
    if (action == "issue") return token_issue(rest, now_ms);
    if (action == "inspect") return token_inspect(rest);
    if (action == "verify") return token_verify(rest, now_ms);
    if (action == "hash") return token_hash(rest);
    // What stands here may be a token by mistake: it is not repeated.
    return usage_answer(
        phrase("token: no such action", suggestion(action, actions), " (becaused help token)"));
}

int token(std::span<const std::string> arguments) {
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    const auto now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
    const TokenAnswer answer = token_answer(arguments, now_ms);
    const bool written =
        std::fwrite(answer.out.data(), 1, answer.out.size(), stdout) == answer.out.size() &&
        std::fflush(stdout) == 0;
    if (!written) return complain("standard output cannot be written", exit_failed);
    return answer.complaint.empty() ? answer.code : complain(answer.complaint, answer.code);
}

}  // namespace becaused
