#include "gate/body_schema.hh"

#include <algorithm>
#include <array>

#include "base/check.hh"
#include "gate/body_text.hh"

namespace becaused {

namespace {

constexpr Key free(std::string_view name) { return {name}; }
constexpr Key zero(std::string_view name, Rule rule) { return {name, Check::zero, rule}; }
constexpr Key absent(std::string_view name, Rule rule) { return {name, Check::absent, rule}; }
constexpr Key text(std::string_view name, TextTest test) {
    return {name, Check::text, Rule::kept, test};
}
constexpr Key texts(std::string_view name, TextTest test) {
    return {name, Check::texts, Rule::kept, test};
}
constexpr Key amount(std::string_view name, AmountTest test) {
    return {name, Check::amount, Rule::kept, nullptr, test};
}
constexpr Key object(std::string_view name, const Schema& inner) {
    return {name, Check::object, Rule::kept, nullptr, nullptr, &inner};
}
constexpr Key objects(std::string_view name, const Schema& inner) {
    return {name, Check::objects, Rule::kept, nullptr, nullptr, &inner};
}
constexpr Key map(std::string_view name, TextTest test, const Schema& inner) {
    return {name, Check::map, Rule::kept, test, nullptr, &inner};
}
constexpr Key keys(std::string_view name, TextTest test) {
    return {name, Check::keys, Rule::kept, test};
}
constexpr Key labels() { return {"Labels", Check::labels}; }

constexpr char small(char byte) {
    return byte >= 'A' && byte <= 'Z' ? static_cast<char>(byte | 0x20) : byte;
}

// <0, 0 or >0, without regard to case.
constexpr int compare(std::string_view a, std::string_view b) {
    for (size_t i = 0; i < a.size() && i < b.size(); ++i)
        if (small(a[i]) != small(b[i])) return small(a[i]) - small(b[i]);
    return a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

template <size_t count>
constexpr std::array<Key, count> sorted(std::array<Key, count> keys) {
    std::sort(keys.begin(), keys.end(),
              [](const Key& a, const Key& b) { return compare(a.name, b.name) < 0; });
    return keys;
}

template <size_t count>
constexpr bool distinct(const std::array<Key, count>& keys) {
    for (size_t i = 1; i < count; ++i)
        if (compare(keys[i - 1].name, keys[i].name) == 0) return false;
    return true;
}

template <size_t a_count, size_t b_count>
constexpr std::array<Key, a_count + b_count> both(const std::array<Key, a_count>& a,
                                                  const std::array<Key, b_count>& b) {
    std::array<Key, a_count + b_count> all;
    std::copy(a.begin(), a.end(), all.begin());
    std::copy(b.begin(), b.end(), all.begin() + a_count);
    return sorted(all);
}

constexpr auto log_config_keys = sorted(std::to_array<Key>({
    text("Type", log_driver_test),
    keys("Config", log_option_test),
}));
constexpr Schema log_config{log_config_keys};

constexpr auto restart_policy_keys = sorted(std::to_array<Key>({
    text("Name", restart_test),
    free("MaximumRetryCount"),
}));
constexpr Schema restart_policy{restart_policy_keys};

constexpr auto driver_config_keys = sorted(std::to_array<Key>({
    text("Name", volume_driver_test),
    zero("Options", Rule::volume_options),
}));
constexpr Schema driver_config{driver_config_keys};

constexpr auto volume_mount_keys = sorted(std::to_array<Key>({
    free("NoCopy"),
    free("Labels"),
    free("Subpath"),
    object("DriverConfig", driver_config),
}));
constexpr Schema volume_mount{volume_mount_keys};

constexpr auto mount_keys = sorted(std::to_array<Key>({
    text("Type", mount_type_test),
    text("Source", mount_source_test),
    free("Target"),
    free("ReadOnly"),
    free("Consistency"),
    zero("BindOptions", Rule::binds),
    object("VolumeOptions", volume_mount),
    free("TmpfsOptions"),
    zero("ImageOptions", Rule::mounts),
    zero("ClusterOptions", Rule::mounts),
}));
constexpr Schema mount{mount_keys};

constexpr auto host_config_keys = sorted(std::to_array<Key>({
    texts("Binds", bind_test),
    free("ContainerIDFile"),
    object("LogConfig", log_config),
    text("NetworkMode", network_mode_test),
    zero("PortBindings", Rule::ports),
    object("RestartPolicy", restart_policy),
    free("AutoRemove"),
    text("VolumeDriver", volume_driver_test),
    zero("VolumesFrom", Rule::volumes_from),
    free("ConsoleSize"),
    zero("Annotations", Rule::runtime),
    zero("CapAdd", Rule::cap_add),
    free("CapDrop"),
    zero("Capabilities", Rule::cap_add),
    text("CgroupnsMode", cgroupns_test),
    free("Dns"),
    free("DnsOptions"),
    free("DnsSearch"),
    free("ExtraHosts"),
    zero("GroupAdd", Rule::group_add),
    text("IpcMode", ipc_test),
    zero("Cgroup", Rule::cgroup_parent),
    zero("Links", Rule::links),
    amount("OomScoreAdj", oom_score_amount),
    zero("PidMode", Rule::pid_mode),
    zero("Privileged", Rule::privileged),
    zero("PublishAllPorts", Rule::ports),
    free("ReadonlyRootfs"),
    texts("SecurityOpt", security_opt_test),
    free("StorageOpt"),
    free("Tmpfs"),
    zero("UTSMode", Rule::uts_mode),
    zero("UsernsMode", Rule::userns_mode),
    amount("ShmSize", memory_amount),
    zero("Sysctls", Rule::sysctls),
    zero("Runtime", Rule::runtime),
    free("Isolation"),
    objects("Mounts", mount),
    absent("MaskedPaths", Rule::masked_paths),
    absent("ReadonlyPaths", Rule::masked_paths),
    free("Init"),
    // Resources, which an update may change too.
    free("CpuShares"),
    amount("Memory", memory_amount),
    amount("NanoCpus", nano_cpus_amount),
    zero("CgroupParent", Rule::cgroup_parent),
    free("BlkioWeight"),
    free("BlkioWeightDevice"),
    free("BlkioDeviceReadBps"),
    free("BlkioDeviceWriteBps"),
    free("BlkioDeviceReadIOps"),
    free("BlkioDeviceWriteIOps"),
    amount("CpuPeriod", cpu_period_amount),
    amount("CpuQuota", cpu_quota_amount),
    free("CpuRealtimePeriod"),
    free("CpuRealtimeRuntime"),
    free("CpusetCpus"),
    free("CpusetMems"),
    zero("Devices", Rule::devices),
    zero("DeviceCgroupRules", Rule::devices),
    zero("DeviceRequests", Rule::devices),
    amount("KernelMemory", memory_amount),
    amount("KernelMemoryTCP", memory_amount),
    amount("MemoryReservation", memory_amount),
    amount("MemorySwap", memory_amount),
    free("MemorySwappiness"),
    zero("OomKillDisable", Rule::oom),
    amount("PidsLimit", pids_amount),
    free("Ulimits"),
    free("CpuCount"),
    free("CpuPercent"),
    free("IOMaximumIOps"),
    free("IOMaximumBandwidth"),
}));
constexpr Schema host_config{host_config_keys};

constexpr auto endpoint_keys = sorted(std::to_array<Key>({
    free("IPAMConfig"),
    zero("Links", Rule::links),
    free("Aliases"),
    free("MacAddress"),
    zero("DriverOpts", Rule::sysctls),
    free("GwPriority"),
    free("NetworkID"),
    free("EndpointID"),
    free("Gateway"),
    free("IPAddress"),
    free("IPPrefixLen"),
    free("IPv6Gateway"),
    free("GlobalIPv6Address"),
    free("GlobalIPv6PrefixLen"),
    free("DNSNames"),
}));
constexpr Schema endpoint{endpoint_keys};

constexpr auto networking_keys = sorted(std::to_array<Key>({
    map("EndpointsConfig", network_mode_test, endpoint),
}));
constexpr Schema networking{networking_keys};

constexpr auto container_keys = std::to_array<Key>({
    free("Hostname"),
    free("Domainname"),
    free("User"),
    free("AttachStdin"),
    free("AttachStdout"),
    free("AttachStderr"),
    free("ExposedPorts"),
    free("Tty"),
    free("OpenStdin"),
    free("StdinOnce"),
    free("Env"),
    free("Cmd"),
    free("Healthcheck"),
    free("ArgsEscaped"),
    free("Image"),
    keys("Volumes", volume_target_test),
    free("WorkingDir"),
    free("Entrypoint"),
    free("NetworkDisabled"),
    free("MacAddress"),
    free("OnBuild"),
    labels(),
    free("StopSignal"),
    free("StopTimeout"),
    free("Shell"),
    free("Cpuset"),
    object("HostConfig", host_config),
    object("NetworkingConfig", networking),
});
// Where HostConfig is missing, dockerd takes its keys from the top of the body (as old clients sent
// them), Privileged and Binds included.
constexpr auto create_keys = both(container_keys, host_config_keys);
constexpr Schema container_create{create_keys};

constexpr auto exec_keys = sorted(std::to_array<Key>({
    text("User", empty_test<Rule::exec_user>),
    zero("Privileged", Rule::exec_privileged),
    free("Tty"),
    free("ConsoleSize"),
    free("AttachStdin"),
    free("AttachStderr"),
    free("AttachStdout"),
    free("Detach"),
    free("DetachKeys"),
    free("Env"),
    free("WorkingDir"),
    free("Cmd"),
    free("Container"),
}));
constexpr Schema exec_create{exec_keys};

constexpr auto volume_keys = sorted(std::to_array<Key>({
    free("Name"),
    text("Driver", volume_driver_test),
    zero("DriverOpts", Rule::volume_options),
    labels(),
    absent("ClusterVolumeSpec", Rule::volume_options),
}));
constexpr Schema volume_create{volume_keys};

constexpr auto ipam_keys = sorted(std::to_array<Key>({
    text("Driver", ipam_driver_test),
    zero("Options", Rule::network_options),
    zero("Config", Rule::network_subnet),
}));
constexpr Schema ipam{ipam_keys};

constexpr auto config_from_keys = sorted(std::to_array<Key>({
    zero("Network", Rule::network_options),
}));
constexpr Schema config_from{config_from_keys};

constexpr auto network_keys = sorted(std::to_array<Key>({
    free("Name"),
    free("CheckDuplicate"),
    text("Driver", network_driver_test),
    text("Scope", network_scope_test),
    free("EnableIPv4"),
    free("EnableIPv6"),
    object("IPAM", ipam),
    free("Internal"),
    free("Attachable"),
    zero("Ingress", Rule::network_options),
    zero("ConfigOnly", Rule::network_options),
    object("ConfigFrom", config_from),
    keys("Options", network_option_test),
    labels(),
}));
constexpr Schema network_create{network_keys};

constexpr auto connect_keys = sorted(std::to_array<Key>({
    free("Container"),
    object("EndpointConfig", endpoint),
}));
constexpr Schema network_connect{connect_keys};

constexpr auto disconnect_keys = sorted(std::to_array<Key>({
    free("Container"),
    free("Force"),
}));
constexpr Schema network_disconnect{disconnect_keys};

constexpr auto output_keys = sorted(std::to_array<Key>({
    text("Type", output_type_test),
    free("Attrs"),
}));
constexpr Schema output{output_keys};

static_assert(distinct(create_keys) && distinct(host_config_keys) && distinct(endpoint_keys) &&
              distinct(exec_keys) && distinct(network_keys));

}  // namespace

Schema::Found Schema::find(std::string_view name) const {
    const auto found = std::lower_bound(
        keys.begin(), keys.end(), name,
        [](const Key& key, std::string_view wanted) { return compare(key.name, wanted) < 0; });
    if (found == keys.end() || compare(found->name, name) != 0) return {};
    return {&*found, found->name == name};
}

const Key& body_key(Payload payload) {
    static constexpr Key of_container_create = object("", container_create);
    static constexpr Key of_container_update = object("", host_config);
    static constexpr Key of_exec_create = object("", exec_create);
    static constexpr Key of_volume_create = object("", volume_create);
    static constexpr Key of_network_create = object("", network_create);
    static constexpr Key of_network_connect = object("", network_connect);
    static constexpr Key of_network_disconnect = object("", network_disconnect);
    switch (payload) {
        case Payload::container_create: return of_container_create;
        case Payload::container_update: return of_container_update;
        case Payload::exec_create: return of_exec_create;
        case Payload::volume_create: return of_volume_create;
        case Payload::network_create: return of_network_create;
        case Payload::network_connect: return of_network_connect;
        case Payload::network_disconnect: return of_network_disconnect;
        case Payload::none:
        case Payload::stream:
        case Payload::json: break;
    }
    CHECK(false && "this payload is not judged");
    return of_container_create;
}

const Key& build_outputs_key() {
    static constexpr Key outputs = objects("", output);
    return outputs;
}

}  // namespace becaused
