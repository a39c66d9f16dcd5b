// What a profile may forbid inside a request that its route allows: one table, from which come the
// names for settings, the refusals and the reference page. A Refusal is what any judge of the gate
// says: nothing, or a reason with its rule in words. Values only; the texts live as long as the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

#include "ledger/vocabulary.hh"

namespace becaused {

// Name, reason, and what is refused: "privileged containers (--privileged) are not allowed by profile
// run_sandboxed". Rules marked `asked` are off unless a profile forbids them by name.
// clang-format off
#define BECAUSED_RULES(X)                                                                                          \
    X(privileged,      policy_denied, "privileged containers (--privileged)")                                      \
    X(binds,           policy_denied, "bind mounts of the host's files (-v /PATH:..., --mount type=bind)")         \
    X(mounts,          policy_denied, "mounts other than volumes and tmpfs (--mount type=...)")                    \
    X(volumes_from,    policy_denied, "volumes of other containers (--volumes-from)")                              \
    X(volume_options,  policy_denied, "volume drivers and their options (--volume-driver, volume create -d, -o)")  \
    X(network_mode,    policy_denied, "networks of the host or of other containers (--network host, container:NAME)") \
    X(pid_mode,        policy_denied, "process namespaces of the host or of other containers (--pid)")             \
    X(ipc_mode,        policy_denied, "IPC namespaces of the host or of other containers (--ipc)")                 \
    X(uts_mode,        policy_denied, "UTS namespaces of the host (--uts)")                                        \
    X(userns_mode,     policy_denied, "user namespaces of the host (--userns)")                                    \
    X(cgroupns_mode,   policy_denied, "cgroup namespaces of the host (--cgroupns)")                                \
    X(cap_add,         policy_denied, "added capabilities (--cap-add)")                                            \
    X(devices,         policy_denied, "devices (--device, --gpus, --device-cgroup-rule)")                          \
    X(security_opt,    policy_denied, "security options other than no-new-privileges (--security-opt)")            \
    X(masked_paths,    policy_denied, "unmasked system paths (--security-opt systempaths=unconfined)")             \
    X(sysctls,         policy_denied, "kernel parameters (--sysctl, --network driver-opt=...)")                    \
    X(runtime,         policy_denied, "runtimes and annotations (--runtime, --annotation)")                        \
    X(cgroup_parent,   policy_denied, "cgroups of the client's choice (--cgroup-parent)")                          \
    X(links,           policy_denied, "links to other containers (--link)")                                        \
    X(log_config,      policy_denied, "log drivers and options but local ones and sizes (--log-driver, --log-opt)") \
    X(restart_policy,  policy_denied, "restart policies (--restart)")                                              \
    X(group_add,       policy_denied, "added groups (--group-add)")                                                \
    X(oom,             policy_denied, "exemptions from the OOM killer (--oom-score-adj, --oom-kill-disable)")      \
    X(pids_limit,      policy_denied, "process limits that are off or over max_pids (--pids-limit)")               \
    X(memory_limit,    policy_denied, "memory limits that are off or over max_memory (--memory, --memory-swap, --shm-size)") \
    X(cpu_limit,       policy_denied, "CPU limits that are off or over max_cpus (--cpus, --cpu-quota, --cpu-period)") \
    X(ports,           policy_denied, "published ports (-p, -P)")                                                  \
    X(network_driver,  policy_denied, "network drivers other than bridge (network create -d)")                     \
    X(network_options, policy_denied, "network options (network create -o, --ingress, --config-from)")             \
    X(network_subnet,  policy_denied, "subnets of the client's choice (network create --subnet)")                  \
    X(exec_privileged, policy_denied, "privileged commands (exec --privileged)")                                   \
    X(exec_user,       policy_denied, "commands as a user of the client's choice (exec --user)")                   \
    X(build_network,   policy_denied, "build networks other than default, bridge and none (build --network)")      \
    X(build_remote,    policy_denied, "build contexts that dockerd fetches (build URL)")                           \
    X(build_hosts,     policy_denied, "host entries for builds (build --add-host)")                                \
    X(build_outputs,   policy_denied, "build outputs other than local, tar and cacheonly (build --output)")        \
    X(image_import,    policy_denied, "images from a URL or a file (docker import)")                               \
    X(checkpoints,     policy_denied, "checkpoints (start --checkpoint)")                                          \
    X(query_keys,      policy_uninspectable, "query keys that the route's row in ROUTES.md does not name")         \
    X(body_keys,       policy_uninspectable, "keys in the JSON that becaused does not know")
// clang-format on

#define BECAUSED_RULE_SYMBOL(symbol, ...) symbol,
// `kept`: no rule is broken.
enum class Rule : uint8_t { BECAUSED_RULES(BECAUSED_RULE_SYMBOL) kept };
#undef BECAUSED_RULE_SYMBOL
inline constexpr size_t rule_count = static_cast<size_t>(Rule::kept);
static_assert(rule_count <= 64);

class RuleSet {
  public:
    static constexpr RuleSet all() { return RuleSet((uint64_t{1} << rule_count) - 1); }
    constexpr RuleSet() = default;
    constexpr bool has(Rule rule) const { return (bits_ & bit(rule)) != 0; }
    constexpr bool empty() const { return bits_ == 0; }
    constexpr void add(Rule rule) { bits_ |= bit(rule); }
    constexpr void remove(Rule rule) { bits_ &= ~bit(rule); }

  private:
    explicit constexpr RuleSet(uint64_t bits) : bits_(bits) {}
    static constexpr uint64_t bit(Rule rule) {
        return rule == Rule::kept ? 0 : uint64_t{1} << static_cast<size_t>(rule);
    }
    uint64_t bits_ = 0;
};

std::string_view name(Rule rule);
// What is refused, in the plural: "privileged containers (--privileged)".
std::string_view words(Rule rule);
Reason reason(Rule rule);
std::optional<Rule> find_rule(std::string_view symbol);

// Why a request may not pass; with no text: it may.
struct [[nodiscard]] Refusal {
    const char* text = nullptr;
    Reason reason = Reason::policy_denied;
    uint16_t status = 0;  // 0: the reason's own

    explicit operator bool() const { return text != nullptr; }
    static Refusal uninspectable(const char* text) {
        return {text, Reason::policy_uninspectable, 0};
    }
};

}  // namespace becaused
