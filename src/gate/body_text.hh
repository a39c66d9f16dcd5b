// Single texts inside of JSON bodies, and which rule each breaks: names of networks, drivers, types of
// mounts. Used by the tables of gate/body_schema.cc; pure.
#pragma once

#include <string_view>

#include "gate/rule.hh"

namespace becaused {

Rule bind_test(std::string_view bind);
Rule mount_type_test(std::string_view type);
Rule mount_source_test(std::string_view source);
Rule volume_target_test(std::string_view target);
Rule network_mode_test(std::string_view mode);
Rule ipc_test(std::string_view mode);
Rule cgroupns_test(std::string_view mode);
Rule security_opt_test(std::string_view option);
Rule volume_driver_test(std::string_view driver);
Rule log_driver_test(std::string_view driver);
Rule log_option_test(std::string_view option);
Rule restart_test(std::string_view policy);
Rule network_driver_test(std::string_view driver);
Rule network_scope_test(std::string_view scope);
Rule ipam_driver_test(std::string_view driver);
Rule network_option_test(std::string_view option);
Rule output_type_test(std::string_view type);

// Nothing but "".
template <Rule rule>
Rule empty_test(std::string_view text) {
    return text.empty() ? Rule::kept : rule;
}

}  // namespace becaused
