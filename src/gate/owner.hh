// Whose a container is. Where a profile says `own`, an identity sees and touches only the containers that
// it created: they carry a label that becaused adds. Here: which routes that concerns, and how dockerd's
// own word on a container is read. The texts that are changed for it: gate/owner_text.hh. Pure.
#pragma once

#include <string>
#include <string_view>

#include "gate/route_table.hh"

namespace becaused {

inline constexpr std::string_view owner_label = "becaused.owner";

// Which containers a route concerns, and where it names them.
enum class Reach : uint8_t {
    none,      // no container
    create,    // makes one: its body gets the label
    list,      // many: its filters get the label
    path,      // the one in the path
    exec,      // the one whose exec is in the path
    in_query,  // the one in the query's key `container`
    in_body,   // the one in the body's key `Container`
    all,       // everybody's, which nothing could sort out: refused
};
Reach reach_of(const RouteRow& row);
// What becomes of such a request: "the label is added to its body".
std::string_view words(Reach reach);

// Whether becaused can write this name into a label: in JSON it must be UTF-8, or two names might
// become the same.
bool can_own(std::string_view identity);

// A name that may be asked about: as Docker's API has them.
bool is_container_name(std::string_view name);
// 64 hex digits: dockerd's own name of a container or an exec, which never means another.
bool is_full_id(std::string_view name);

// What dockerd says of a container (/containers/NAME/json) or an exec (/exec/ID/json).
struct Inspected {
    const char* flaw = nullptr;  // why it cannot be read, static
    std::string id;              // Id
    std::string container;       // ContainerID, of an exec
    std::string owner;           // Config.Labels, the owner's; empty: nobody's
};
Inspected read_inspected(std::string_view json);

}  // namespace becaused
