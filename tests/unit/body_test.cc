// JSON bodies before the rules of run_sandboxed. A row's expectation is `pass`, the rule it breaks, or why
// it cannot be judged. The rows of privilege are also asked at the top of the body, where dockerd looks
// when HostConfig is missing, and in the bodies of updates.
#include "gate/body.hh"

#include <vector>

#include "support/policy_text.hh"
#include "support/rows.hh"
#include "support/cmocka.hh"

using namespace becaused;
using test_support::Row;

namespace {

std::string judge(Payload payload, std::string_view body, const Profile& profile) {
    const Refusal refusal = judge_body(payload, body, profile);
    if (!refusal) return "pass";
    for (size_t i = 0; i < rule_count; ++i) {
        const auto rule = static_cast<Rule>(i);
        if (profile.enforces(rule) && std::string_view(profile.refuse(rule).text) == refusal.text &&
            refusal.reason == reason(rule))
            return std::string(name(rule));
    }
    return test_support::text_of(refusal);
}

void check(std::span<const Row> rows, Payload payload, std::string_view before,
           std::string_view after) {
    const Policy policy;
    const Profile& profile = *policy.find("run_sandboxed");
    test_support::check_rows(rows, before, after,
                             [&](std::string_view body) { return judge(payload, body, profile); });
}

#define CAPITALS "policy_uninspectable: a key in the JSON in other capitals than Docker's API has"
#define TYPE "policy_uninspectable: a value in the JSON of another type than Docker's API has there"
#define TWICE "policy_uninspectable: a key twice in one object of the JSON"
#define NOT_ASCII "policy_uninspectable: a key in the JSON that is not ASCII"
#define NOT_JSON "policy_uninspectable: JSON that is not valid"

// Members of HostConfig.
constexpr Row host_config_rows[] = {
    {"privileged", R"("Privileged":true)", "privileged"},
    {"not privileged", R"("Privileged":false)", "pass"},
    {"null is no change", R"("Privileged":null)", "pass"},
    {"privileged by an escaped key", R"("Pr\u0069vileged":true)", "privileged"},
    {"privileged in small letters, which Go takes", R"("privileged":true)", CAPITALS},
    {"not privileged in small letters", R"("privileged":false)", CAPITALS},
    {"privileged in capitals", R"("PRIVILEGED":true)", CAPITALS},
    {"privileged, then not", R"("Privileged":true,"Privileged":false)", "privileged"},
    {"not privileged, then so", R"("Privileged":false,"Privileged":true)", TWICE},
    {"privileged as a number, which Go refuses", R"("Privileged":1)", "privileged"},
    {"privileged as a text, which Go refuses", R"("Privileged":"true")", "privileged"},
    {"privileged as an object", R"("Privileged":{"a":1})", "privileged"},
    {"the Kelvin sign in a key", R"("Networ\u212aMode":"host")", NOT_ASCII},
    {"a bind mount", R"("Binds":["/etc:/x"])", "binds"},
    {"a bind mount behind a volume", R"("Binds":["a:/a","/:/x:ro"])", "binds"},
    {"the socket", R"("Binds":["/var/run/docker.sock:/s"])", "binds"},
    {"a relative path", R"("Binds":["../etc:/x"])", "binds"},
    {"a home", R"("Binds":["~:/x"])", "binds"},
    {"no source", R"("Binds":[":/x"])", "binds"},
    {"a volume", R"("Binds":["data_1.x-y:/data"])", "pass"},
    {"a volume and options", R"("Binds":["data:/data:ro,z,nocopy"])", "pass"},
    {"a volume and propagation", R"("Binds":["data:/data:rshared"])", "binds"},
    {"an anonymous volume", R"("Binds":["/data"])", "pass"},
    {"binds as a text", R"("Binds":"/etc:/x")", TYPE},
    {"binds as an object", R"("Binds":{"/etc":"/x"})", TYPE},
    {"null among the binds", R"("Binds":[null])", TYPE},
    {"no binds", R"("Binds":null)", "pass"},
    {"empty binds", R"("Binds":[])", "pass"},
    {"a mounted bind", R"("Mounts":[{"Type":"bind","Source":"/etc","Target":"/x"}])", "binds"},
    {"a mounted bind, source first", R"("Mounts":[{"Source":"/etc","Type":"bind"}])", "binds"},
    {"a mounted bind, second", R"("Mounts":[{"Type":"tmpfs"},{"Type":"bind"}])", "binds"},
    {"a mounted volume with a path for a name", R"("Mounts":[{"Type":"volume","Source":"/etc"}])",
     "binds"},
    {"a mounted bind in capitals", R"("Mounts":[{"Type":"Bind"}])", "mounts"},
    {"a mounted bind by a folded key", R"("Mounts":[{"type":"bind"}])", CAPITALS},
    {"an image", R"("Mounts":[{"Type":"image","Source":"a"}])", "mounts"},
    {"a named pipe", R"("Mounts":[{"Type":"npipe"}])", "mounts"},
    {"a cluster's volume", R"("Mounts":[{"Type":"cluster"}])", "mounts"},
    {"a volume's driver that binds",
     R"("Mounts":[{"Type":"volume","VolumeOptions":{"DriverConfig":{"Name":"local","Options":{"o":"bind","device":"/"}}}}])",
     "volume_options"},
    {"a volume's other driver",
     R"("Mounts":[{"Type":"volume","VolumeOptions":{"DriverConfig":{"Name":"nfs"}}}])",
     "volume_options"},
    {"a volume of the local driver",
     R"("Mounts":[{"Type":"volume","Source":"a","Target":"/a","ReadOnly":true,"VolumeOptions":{"NoCopy":true,"DriverConfig":{"Name":"local","Options":{}}}}])",
     "pass"},
    {"tmpfs", R"("Mounts":[{"Type":"tmpfs","Target":"/a","TmpfsOptions":{"SizeBytes":1}}])",
     "pass"},
    {"bind options", R"("Mounts":[{"Type":"volume","BindOptions":{"Propagation":"shared"}}])",
     "binds"},
    {"an unknown key of a mount", R"("Mounts":[{"Type":"volume","New":1}])", "body_keys"},
    {"a mount that is no object", R"("Mounts":["/etc"])", TYPE},
    {"volumes of others", R"("VolumesFrom":["other"])", "volumes_from"},
    {"a volume driver", R"("VolumeDriver":"nfs")", "volume_options"},
    {"the local volume driver", R"("VolumeDriver":"local")", "pass"},
    {"the host's network", R"("NetworkMode":"host")", "network_mode"},
    {"a container's network", R"("NetworkMode":"container:a")", "network_mode"},
    {"a network", R"("NetworkMode":"mine")", "pass"},
    {"a network that is no text", R"("NetworkMode":["host"])", TYPE},
    {"the host's processes", R"("PidMode":"host")", "pid_mode"},
    {"a container's processes", R"("PidMode":"container:a")", "pid_mode"},
    {"the host's IPC", R"("IpcMode":"host")", "ipc_mode"},
    {"a container's IPC", R"("IpcMode":"container:a")", "ipc_mode"},
    {"IPC that others may join", R"("IpcMode":"shareable")", "pass"},
    {"the host's UTS", R"("UTSMode":"host")", "uts_mode"},
    {"the host's users", R"("UsernsMode":"host")", "userns_mode"},
    {"the host's cgroups", R"("CgroupnsMode":"host")", "cgroupns_mode"},
    {"own cgroups", R"("CgroupnsMode":"private")", "pass"},
    {"a container's cgroup", R"("Cgroup":"container:a")", "cgroup_parent"},
    {"a capability", R"("CapAdd":["NET_ADMIN"])", "cap_add"},
    {"a list of capabilities", R"("Capabilities":["CAP_SYS_ADMIN"])", "cap_add"},
    {"fewer capabilities", R"("CapDrop":["ALL"])", "pass"},
    {"a device", R"("Devices":[{"PathOnHost":"/dev/sda"}])", "devices"},
    {"an empty device", R"("Devices":[{}])", "devices"},
    {"a request for devices", R"("DeviceRequests":[{"Count":-1}])", "devices"},
    {"a rule for devices", R"("DeviceCgroupRules":["a *:* rwm"])", "devices"},
    {"no devices", R"("Devices":[],"DeviceRequests":null,"DeviceCgroupRules":null)", "pass"},
    {"no seccomp", R"("SecurityOpt":["seccomp=unconfined"])", "security_opt"},
    {"no AppArmor, second", R"("SecurityOpt":["no-new-privileges","apparmor:unconfined"])",
     "security_opt"},
    {"new privileges", R"("SecurityOpt":["no-new-privileges:false"])", "security_opt"},
    {"no new privileges", R"("SecurityOpt":["no-new-privileges:true"])", "pass"},
    {"nothing masked: an empty list says so", R"("MaskedPaths":[])", "masked_paths"},
    {"nothing read-only", R"("ReadonlyPaths":[])", "masked_paths"},
    {"the usual masks", R"("MaskedPaths":null,"ReadonlyPaths":null)", "pass"},
    {"a kernel parameter", R"("Sysctls":{"kernel.shm_rmid_forced":"1"})", "sysctls"},
    {"a runtime", R"("Runtime":"runc")", "runtime"},
    {"an annotation", R"("Annotations":{"run.oci.a":"b"})", "runtime"},
    {"a cgroup", R"("CgroupParent":"/x")", "cgroup_parent"},
    {"all processes", R"("PidsLimit":-1)", "pids_limit"},
    {"some processes", R"("PidsLimit":1000000)", "pass"},
    {"processes as a text", R"("PidsLimit":"1")", TYPE},
    {"processes with a fraction", R"("PidsLimit":1.5)", TYPE},
    {"a link", R"("Links":["a:b"])", "links"},
    {"a log driver that writes elsewhere", R"("LogConfig":{"Type":"syslog"})", "log_config"},
    {"a log option that names a host",
     R"("LogConfig":{"Type":"json-file","Config":{"syslog-address":"tcp://a"}})", "log_config"},
    {"sizes of logs", R"("LogConfig":{"Type":"local","Config":{"max-size":"1m","max-file":"2"}})",
     "pass"},
    {"a restart", R"("RestartPolicy":{"Name":"on-failure","MaximumRetryCount":1})",
     "restart_policy"},
    {"no restart", R"("RestartPolicy":{"Name":"no","MaximumRetryCount":0})", "pass"},
    {"a group", R"("GroupAdd":["0"])", "group_add"},
    {"spared by the OOM killer", R"("OomScoreAdj":-1)", "oom"},
    {"preferred by the OOM killer", R"("OomScoreAdj":500)", "pass"},
    {"no OOM killer", R"("OomKillDisable":true)", "oom"},
    {"published ports are allowed unless forbidden",
     R"("PortBindings":{"80/tcp":[{"HostPort":"80"}]},"PublishAllPorts":true)", "pass"},
    {"memory without a ceiling", R"("Memory":1099511627776,"MemorySwap":-1)", "pass"},
    {"an unknown key", R"("Rootless":true)", "body_keys"},
    {"an unknown key that says nothing", R"("Rootless":null)", "body_keys"},
};

constexpr Row container_rows[] = {
    {"an image alone", R"({"Image":"a"})", "pass"},
    {"an empty object", "{}", "pass"},
    {"null", "null", TYPE},
    {"a list", "[]", TYPE},
    {"a text", R"("{}")", TYPE},
    {"nothing", "", NOT_JSON},
    {"trailing data", R"({"Image":"a"}{"HostConfig":{"Privileged":true}})", NOT_JSON},
    {"a null HostConfig beside", R"({"HostConfig":null,"Privileged":true})", "privileged"},
    {"HostConfig in small letters", R"({"hostconfig":{"Privileged":true}})", CAPITALS},
    {"HostConfig with the long s", R"({"Ho\u017ftConfig":{"Privileged":true}})", NOT_ASCII},
    {"HostConfig twice: Go merges them",
     R"({"HostConfig":{"NetworkMode":"none"},"HostConfig":{"Privileged":true}})", TWICE},
    {"HostConfig and hostConfig: Go merges them",
     R"({"HostConfig":{},"hostConfig":{"Privileged":true}})", CAPITALS},
    {"HostConfig as a list", R"({"HostConfig":[{"Privileged":true}]})", TYPE},
    {"too deep",
     R"({"Healthcheck":[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]]})",
     "policy_uninspectable: more than 32 levels in the JSON"},
    {"what stands inside of free values is free",
     R"({"Cmd":["a"],"Env":["HostConfig=x"],"Healthcheck":{"Test":["Privileged"]}})", "pass"},
    {"keys of a map are the client's", R"({"Labels":{"Privileged":"true","privileged":"x"}})",
     "pass"},
    {"anonymous volumes", R"({"Volumes":{"/a":{},"/b":{}}})", "pass"},
    {"a volume with a source", R"({"Volumes":{"/etc:/x":{}}})", "binds"},
    {"the host's network by its end", R"({"NetworkingConfig":{"EndpointsConfig":{"host":{}}}})",
     "network_mode"},
    {"the host's network by a null end",
     R"({"NetworkingConfig":{"EndpointsConfig":{"host":null}}})", "network_mode"},
    {"a link of an end", R"({"NetworkingConfig":{"EndpointsConfig":{"a":{"Links":["b:c"]}}}})",
     "links"},
    {"kernel parameters of an end",
     R"({"NetworkingConfig":{"EndpointsConfig":{"a":{"DriverOpts":{"com.docker.network.endpoint.sysctls":"x"}}}}})",
     "sysctls"},
    {"an end of a network", R"({"NetworkingConfig":{"EndpointsConfig":{"a":{"Aliases":["b"]}}}})",
     "pass"},
    {"labels as a list", R"({"Labels":["a=b"]})", TYPE},
    {"a label that is no text", R"({"Labels":{"a":1}})", TYPE},
};

constexpr Row exec_rows[] = {
    {"a command", R"({"Cmd":["a"],"User":"","Privileged":false,"Tty":true})", "pass"},
    {"privileged", R"({"Cmd":["a"],"Privileged":true})", "exec_privileged"},
    {"privileged in small letters", R"({"Cmd":["a"],"privileged":true})", CAPITALS},
    {"a user", R"({"Cmd":["a"],"User":"root"})", "exec_user"},
    {"a user that is no text", R"({"Cmd":["a"],"User":0})", TYPE},
    {"an unknown key", R"({"Cmd":["a"],"CapAdd":["ALL"]})", "body_keys"},
};

constexpr Row volume_rows[] = {
    {"a name", R"({"Name":"a","Driver":"local","DriverOpts":{},"Labels":{}})", "pass"},
    {"an empty object", "{}", "pass"},
    {"a bind", R"({"Driver":"local","DriverOpts":{"type":"none","o":"bind","device":"/etc"}})",
     "volume_options"},
    {"another driver", R"({"Driver":"vieux/sshfs"})", "volume_options"},
    {"options in small letters", R"({"driveropts":{"o":"bind"}})", CAPITALS},
    {"a cluster's volume", R"({"ClusterVolumeSpec":{}})", "volume_options"},
};

constexpr Row network_rows[] = {
    {"a name", R"({"Name":"a","CheckDuplicate":true})", "pass"},
    {"docker's own",
     R"({"Name":"a","Driver":"bridge","Scope":"","IPAM":{"Driver":"default","Options":{},"Config":[]},"Internal":true,"Attachable":false,"Ingress":false,"ConfigOnly":false,"ConfigFrom":null,"Options":{},"Labels":{}})",
     "pass"},
    {"the host's", R"({"Name":"a","Driver":"host"})", "network_driver"},
    {"on the host's wire", R"({"Name":"a","Driver":"macvlan","Options":{"parent":"eth0"}})",
     "network_driver"},
    {"over the swarm", R"({"Name":"a","Scope":"swarm"})", "network_driver"},
    {"docker0 itself", R"({"Options":{"com.docker.network.bridge.name":"docker0"}})",
     "network_options"},
    {"an MTU", R"({"Options":{"com.docker.network.driver.mtu":"1400"}})", "pass"},
    {"a subnet, which the host then routes here",
     R"({"IPAM":{"Config":[{"Subnet":"10.0.0.0/8"}]}})", "network_subnet"},
    {"an address driver", R"({"IPAM":{"Driver":"x"}})", "network_options"},
    {"from another's configuration", R"({"ConfigFrom":{"Network":"a"}})", "network_options"},
    {"from nobody's configuration", R"({"ConfigFrom":{"Network":""}})", "pass"},
    {"the swarm's way in", R"({"Ingress":true})", "network_options"},
};

constexpr Row connect_rows[] = {
    {"a container", R"({"Container":"a","EndpointConfig":{"Aliases":["b"],"GwPriority":0}})",
     "pass"},
    {"a link", R"({"Container":"a","EndpointConfig":{"Links":["a:b"]}})", "links"},
    {"kernel parameters", R"({"Container":"a","EndpointConfig":{"DriverOpts":{"a":"b"}}})",
     "sysctls"},
};

void host_config_is_judged_where_it_stands(void**) {
    check(host_config_rows, Payload::container_create, R"({"Image":"a","HostConfig":{)", "}}");
}

void host_config_is_judged_at_the_top_too_where_dockerd_looks_for_it(void**) {
    check(host_config_rows, Payload::container_create, R"({"Image":"a",)", "}");
}

void updates_are_judged_like_host_config(void**) {
    check(host_config_rows, Payload::container_update, "{", "}");
}

void bodies_are_judged_as_the_tables_say(void**) {
    check(container_rows, Payload::container_create, "", "");
    check(exec_rows, Payload::exec_create, "", "");
    check(volume_rows, Payload::volume_create, "", "");
    check(network_rows, Payload::network_create, "", "");
    check(connect_rows, Payload::network_connect, "", "");
}

// Every key in every case: only the API's own spelling may pass, whatever its value.
void no_key_passes_in_other_capitals(void**) {
    const Policy policy;
    const Profile& profile = *policy.find("run_sandboxed");
    for (const std::string_view key : {"HostConfig", "Privileged", "Binds", "NetworkMode", "Mounts",
                                       "PidMode", "CapAdd", "UTSMode", "Labels"}) {
        for (size_t at = 0; at < key.size(); ++at) {
            std::string other(key);
            other[at] = static_cast<char>(other[at] ^ 0x20);
            assert_text_equal(judge(Payload::container_create, "{\"" + other + "\":null}", profile),
                              CAPITALS);
        }
    }
}

const Profile& made(Result<Policy>& policy) {
    if (!policy.ok()) fail_test(policy.status().message());
    return policy.value().profiles().back();
}

void labels_can_be_demanded_of_what_is_created(void**) {
    ProfileSettings settings;
    settings.name = "ci";
    settings.base = "run_sandboxed";
    settings.labels = {"team=ci", "kept=no"};
    Result<Policy> policy = Policy::make({&settings, 1});
    const Profile& ci = made(policy);
    constexpr std::string_view team =
        "policy_denied: containers, volumes and networks without the label team=ci are not allowed"
        " by profile ci";
    constexpr std::string_view both = R"({"Labels":{"kept":"no","a":"b","team":"ci"}})";
    for (const Payload payload :
         {Payload::container_create, Payload::volume_create, Payload::network_create}) {
        assert_text_equal(judge(payload, both, ci), "pass");
        assert_text_equal(judge(payload, "{}", ci), team);
        assert_text_equal(judge(payload, R"({"Labels":null})", ci), team);
        assert_text_equal(judge(payload, R"({"Labels":{"kept":"no"}})", ci), team);
        assert_text_equal(judge(payload, R"({"Labels":{"team":"CI","kept":"no"}})", ci), team);
        assert_text_equal(judge(payload, R"({"Labels":{"Team":"ci","kept":"no"}})", ci), team);
        assert_text_equal(judge(payload, R"({"Labels":{"team":"ci","team":"x","kept":"no"}})", ci),
                          TWICE);
    }
    // A label of something else does not count, and what creates nothing needs none.
    assert_text_equal(
        judge(
            Payload::container_create,
            R"({"HostConfig":{"Mounts":[{"VolumeOptions":{"Labels":{"team":"ci","kept":"no"}}}]}})",
            ci),
        team);
    assert_text_equal(judge(Payload::container_update, "{}", ci), "pass");
    assert_text_equal(judge(Payload::exec_create, "{}", ci), "pass");
    settings.labels = {"team"};  // with any value
    Result<Policy> other = Policy::make({&settings, 1});
    const Profile& any = made(other);
    assert_text_equal(judge(Payload::container_create, R"({"Labels":{"team":""}})", any), "pass");
    assert_text_equal(judge(Payload::container_create, R"({"Labels":{"team":"x"}})", any), "pass");
    for (const std::string_view body :
         {R"({"Labels":{"teams":"x"}})", R"({"Labels":{"team":null}})"})
        assert_text_equal(judge(Payload::container_create, body, any),
                          "policy_denied: containers, volumes and networks without the label team "
                          "are not allowed by profile ci");
}

void rules_can_be_lifted_and_put_on(void**) {
    ProfileSettings settings;
    settings.name = "own";
    settings.base = "run_sandboxed";
    settings.permit = {"privileged", "binds", "body_keys", "devices", "masked_paths", "log_config"};
    settings.forbid = {"ports"};
    Result<Policy> policy = Policy::make({&settings, 1});
    const Profile& own = made(policy);
    const auto said = [&](std::string_view host_config) {
        return judge(Payload::container_create,
                     "{\"HostConfig\":{" + std::string(host_config) + "}}", own);
    };
    assert_text_equal(said(R"("Privileged":true,"Binds":["/etc:/x"],"MaskedPaths":["/proc"])"),
                      "pass");
    assert_text_equal(said(R"("Devices":[{"PathOnHost":"/dev/kvm"},[1,{"a":null}]])"), "pass");
    assert_text_equal(said(R"("LogConfig":{"Type":"syslog","Config":{"a":"b"}})"), "pass");
    assert_text_equal(said(R"("New":{"a":[1]},"CapAdd":["ALL"])"), "cap_add");
    // Lifting a rule does not make unclear keys clear.
    assert_text_equal(said(R"("privileged":true)"), CAPITALS);
    assert_text_equal(said(R"("PortBindings":{"80/tcp":[]})"), "ports");
    assert_text_equal(said(R"("PublishAllPorts":true)"), "ports");
    assert_text_equal(said(R"("PublishAllPorts":false,"PortBindings":{})"), "pass");
}

void amounts_are_held_against_the_profile_s_ceilings(void**) {
    ProfileSettings settings;
    settings.name = "small";
    settings.base = "run_sandboxed";
    settings.ceilings = {1024 * 1024, 2, 100};
    Result<Policy> policy = Policy::make({&settings, 1});
    const Profile& small = made(policy);
    const auto said = [&](std::string_view update) {
        return judge(Payload::container_update, "{" + std::string(update) + "}", small);
    };
    assert_text_equal(said(R"("Memory":1048576,"MemorySwap":0,"ShmSize":1048576)"), "pass");
    assert_text_equal(said(R"("Memory":1048577)"), "memory_limit");
    assert_text_equal(said(R"("MemorySwap":-1)"), "memory_limit");
    assert_text_equal(said(R"("MemoryReservation":9223372036854775807)"), "memory_limit");
    assert_text_equal(said(R"("Memory":9223372036854775808)"), TYPE);
    assert_text_equal(said(R"("NanoCpus":2000000000)"), "pass");
    assert_text_equal(said(R"("NanoCpus":2000000001)"), "cpu_limit");
    assert_text_equal(said(R"("CpuQuota":200000,"CpuPeriod":100000)"), "pass");
    assert_text_equal(said(R"("CpuQuota":200001)"), "cpu_limit");
    assert_text_equal(said(R"("CpuQuota":-1)"), "cpu_limit");
    assert_text_equal(said(R"("CpuPeriod":1000)"), "cpu_limit");
    assert_text_equal(said(R"("PidsLimit":100)"), "pass");
    assert_text_equal(said(R"("PidsLimit":101)"), "pids_limit");
}

}  // namespace

int main() {
    const CMUnitTest tests[] = {
        cmocka_unit_test(host_config_is_judged_where_it_stands),
        cmocka_unit_test(host_config_is_judged_at_the_top_too_where_dockerd_looks_for_it),
        cmocka_unit_test(updates_are_judged_like_host_config),
        cmocka_unit_test(bodies_are_judged_as_the_tables_say),
        cmocka_unit_test(no_key_passes_in_other_capitals),
        cmocka_unit_test(labels_can_be_demanded_of_what_is_created),
        cmocka_unit_test(rules_can_be_lifted_and_put_on),
        cmocka_unit_test(amounts_are_held_against_the_profile_s_ceilings),
    };
    return cmocka_run_group_tests(tests, nullptr, nullptr);
}
