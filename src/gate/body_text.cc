#include "gate/body_text.hh"

#include <algorithm>
#include <initializer_list>

#include "http/octets.hh"

namespace becaused {

namespace {

constexpr bool among(std::string_view text, std::initializer_list<std::string_view> set) {
    return std::ranges::find(set, text) != set.end();
}

// As Docker restricts the names of volumes: with anything else it may be a path.
bool volume_name(std::string_view name) {
    if (name.empty() || !is(octet_host, name[0]) || among(name.substr(0, 1), {"-", ".", "_", "~"}))
        return false;
    return all(octet_host, name) && name.find('~') == std::string_view::npos;
}

}  // namespace

// [SOURCE:]TARGET[:OPTIONS]
Rule bind_test(std::string_view bind) {
    const size_t colon = bind.find(':');
    if (colon == std::string_view::npos) return bind.starts_with('/') ? Rule::kept : Rule::binds;
    if (!volume_name(bind.substr(0, colon))) return Rule::binds;
    const size_t second = bind.find(':', colon + 1);
    if (second == std::string_view::npos) return Rule::kept;
    std::string_view options = bind.substr(second + 1);
    while (!options.empty()) {
        const size_t comma = std::min(options.find(','), options.size());
        if (!among(options.substr(0, comma), {"ro", "rw", "nocopy", "z", "Z"})) return Rule::binds;
        options.remove_prefix(std::min(comma + 1, options.size()));
    }
    return Rule::kept;
}

Rule mount_type_test(std::string_view type) {
    if (type == "bind") return Rule::binds;
    return among(type, {"volume", "tmpfs"}) ? Rule::kept : Rule::mounts;
}

Rule mount_source_test(std::string_view source) {
    return source.empty() || volume_name(source) ? Rule::kept : Rule::binds;
}

// Config.Volumes: a place in the container, never a source.
Rule volume_target_test(std::string_view target) {
    return target.starts_with('/') && target.find(':') == std::string_view::npos ? Rule::kept
                                                                                 : Rule::binds;
}

Rule network_mode_test(std::string_view mode) {
    return mode == "host" || mode.find(':') != std::string_view::npos ? Rule::network_mode
                                                                      : Rule::kept;
}

Rule ipc_test(std::string_view mode) {
    return among(mode, {"", "none", "private", "shareable"}) ? Rule::kept : Rule::ipc_mode;
}

Rule cgroupns_test(std::string_view mode) {
    return among(mode, {"", "private"}) ? Rule::kept : Rule::cgroupns_mode;
}

Rule security_opt_test(std::string_view option) {
    const bool harmless =
        among(option, {"no-new-privileges", "no-new-privileges:true", "no-new-privileges=true"});
    return harmless ? Rule::kept : Rule::security_opt;
}

Rule volume_driver_test(std::string_view driver) {
    return among(driver, {"", "local"}) ? Rule::kept : Rule::volume_options;
}

Rule log_driver_test(std::string_view driver) {
    return among(driver, {"", "json-file", "local", "none"}) ? Rule::kept : Rule::log_config;
}

Rule log_option_test(std::string_view option) {
    const bool size =
        among(option, {"max-size", "max-file", "compress", "mode", "max-buffer-size"});
    return size ? Rule::kept : Rule::log_config;
}

Rule restart_test(std::string_view policy) {
    return among(policy, {"", "no"}) ? Rule::kept : Rule::restart_policy;
}

Rule network_driver_test(std::string_view driver) {
    return among(driver, {"", "bridge"}) ? Rule::kept : Rule::network_driver;
}

Rule network_scope_test(std::string_view scope) {
    return among(scope, {"", "local"}) ? Rule::kept : Rule::network_driver;
}

Rule ipam_driver_test(std::string_view driver) {
    return among(driver, {"", "default"}) ? Rule::kept : Rule::network_options;
}

Rule network_option_test(std::string_view option) {
    const bool own =
        among(option, {"com.docker.network.driver.mtu", "com.docker.network.bridge.enable_icc",
                       "com.docker.network.bridge.enable_ip_masquerade"});
    return own ? Rule::kept : Rule::network_options;
}

Rule output_type_test(std::string_view type) {
    return among(type, {"local", "tar", "cacheonly"}) ? Rule::kept : Rule::build_outputs;
}

}  // namespace becaused
