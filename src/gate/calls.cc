#include "gate/calls.hh"

#include <algorithm>
#include <array>

#include "base/check.hh"
#include "gate/route.hh"
#include "http/octets.hh"

namespace becaused {

namespace {

constexpr std::string_view health = "grpc.health.v1.Health/*";
constexpr std::string_view traces = "opentelemetry.proto.collector.trace.v1.TraceService/Export";

// No Prune and no UpdateBuildHistory, which delete what others built; no Session, in which dockerd would
// call a client unseen.
constexpr std::string_view grpc_of_builds[] = {
    "moby.buildkit.v1.Control/DiskUsage",
    "moby.buildkit.v1.Control/Info",
    "moby.buildkit.v1.Control/ListenBuildHistory",
    "moby.buildkit.v1.Control/ListWorkers",
    "moby.buildkit.v1.Control/Solve",
    "moby.buildkit.v1.Control/Status",
    "moby.buildkit.v1.frontend.LLBBridge/*",
    "containerd.services.content.v1.Content/Info",
    "containerd.services.content.v1.Content/Read",
    traces,
    health,
};
constexpr std::string_view session_of_builds[] = {
    "moby.filesync.v1.FileSync/*",
    "moby.filesync.v1.FileSend/*",
    "moby.filesync.v1.Auth/*",
    "moby.buildkit.secrets.v1.Secrets/*",
    "moby.sshforward.v1.SSH/*",
    "moby.upload.v1.Upload/*",
    "moby.exporter.v1.Exporter/*",
    "moby.buildkit.*.PolicyVerifier/*",
    "containerd.services.content.v1.Content/*",
    traces,
    health,
};

bool any_fits(const std::vector<std::string>& patterns, std::string_view method) {
    return std::ranges::any_of(
        patterns, [&](const std::string& pattern) { return matches(pattern, method); });
}

bool in_service(char byte) {
    return (byte >= 'a' && byte <= 'z') || (byte >= 'A' && byte <= 'Z') ||
           (byte >= '0' && byte <= '9') || byte == '_' || byte == '.';
}

bool is_pattern(std::string_view text) {
    if (text == "**") return true;
    const bool bytes = std::ranges::all_of(
        text, [](char byte) { return in_service(byte) || byte == '/' || byte == '*'; });
    const size_t slash = text.find('/');
    return bytes && slash != std::string_view::npos && slash > 0 && slash + 1 < text.size() &&
           text.find('/', slash + 1) == std::string_view::npos;
}

}  // namespace

std::string_view name(CallList list) {
    constexpr std::array<std::string_view, call_list_count> names = {"none", "grpc", "session"};
    return names[static_cast<size_t>(list)];
}

std::string_view method_of(std::string_view path) {
    constexpr size_t longest = 200;
    if (path.size() > longest || path.empty() || path.front() != '/') return {};
    const std::string_view method = path.substr(1);
    const size_t slash = method.find('/');
    if (slash == std::string_view::npos || slash == 0 || slash + 1 == method.size()) return {};
    const auto plain = [](std::string_view part) { return std::ranges::all_of(part, in_service); };
    return plain(method.substr(0, slash)) && plain(method.substr(slash + 1)) ? method
                                                                             : std::string_view();
}

Status CallRules::adopt(const std::vector<std::string>& patterns) {
    if (patterns.empty()) return Status::fine();
    const auto takes_away = [](const std::string& text) { return text.starts_with('!'); };
    if (!std::ranges::all_of(patterns, takes_away)) {
        allow_.clear();
        deny_.clear();
    }
    for (const std::string& text : patterns) {
        const std::string pattern = text.substr(takes_away(text) ? 1 : 0);
        if (!is_pattern(pattern))
            return Status::failed('"' + text +
                                  "\" is no gRPC method: write it like"
                                  " moby.buildkit.v1.Control/Solve or moby.filesync.v1.*/*, with ! "
                                  "before it to take it away; ** are all");
        (takes_away(text) ? deny_ : allow_).push_back(pattern);
    }
    return Status::fine();
}

bool CallRules::all() const {
    return deny_.empty() && std::ranges::find(allow_, "**") != allow_.end();
}

bool CallRules::allows(std::string_view method) const {
    return any_fits(allow_, method) && !any_fits(deny_, method);
}

CallRules CallRules::everything() {
    CallRules rules;
    rules.allow_ = {"**"};
    return rules;
}

CallRules CallRules::of_builds(CallList list) {
    CHECK(list != CallList::none);
    CallRules rules;
    if (list == CallList::grpc)
        rules.allow_.assign(std::begin(grpc_of_builds), std::end(grpc_of_builds));
    else rules.allow_.assign(std::begin(session_of_builds), std::end(session_of_builds));
    return rules;
}

}  // namespace becaused
