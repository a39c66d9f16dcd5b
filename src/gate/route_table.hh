// Docker's API as one table: what each route is called, who may use it, which query and which body it
// takes, how patient and how dangerous it is. The gate, the patience of exchanges and ROUTES.md read it.
// Constant data; nothing here judges.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "gate/calls.hh"
#include "ledger/vocabulary.hh"

namespace becaused {

// What somebody can do with a route if nothing but the route were judged.
enum class Danger : uint8_t {
    none,     // tells or does nothing that matters
    reads,    // shows others' data: environments, logs, files
    changes,  // uses disk, CPU or network, or disturbs others' work
    host,     // becomes root on the host, unless query and body are judged too
};
std::string_view name(Danger danger);

// What follows the head. The last ones are JSON that a profile's rules judge.
enum class Payload : uint8_t {
    none,
    stream,  // anything, of any size
    json,    // JSON that holds no danger
    container_create,
    container_update,
    exec_create,
    volume_create,
    network_create,
    network_connect,
    network_disconnect,
};
constexpr bool judged(Payload payload) { return payload > Payload::json; }
std::string_view name(Payload payload);

// What its answer consists of, where a client can be told in it why it was cut.
enum class Answer : uint8_t {
    plain,
    progress,  // JSON messages one after another, of which the last may be an error
    frames,    // stdcopy's, unless the container has a terminal
};

// What the connection may turn into.
enum class Tunnel : uint8_t { none, tcp, h2c, websocket };
std::string_view protocol(Tunnel tunnel);

// The profiles that the table makes. Two more have no bit: `admin` has every route, `any` judges nothing.
enum ProfileBit : uint8_t {
    in_ping = 1,
    in_inspect = 2,
    in_build = 4,
    in_push_pull = 8,
    in_builder = 16,
    in_run = 32,
};

// Bits of `RouteRow::methods`.
enum MethodBit : uint8_t {
    method_get = 1,
    method_head = 2,
    method_post = 4,
    method_put = 8,
    method_delete = 16,
};
// 0 for methods that no route has: OPTIONS, which dockerd answers on any path, among them.
uint8_t method_bit(std::string_view method);

struct RouteRow {
    std::string_view name;  // "container_create"
    uint8_t methods = 0;
    // Without the version. {name}: one segment of letters, digits and _.-; {id}: one segment of anything;
    // {image}: one or more segments. dockerd's own names are greedy, so that a name with slashes finds
    // its row too; profiles refuse it unless it is an {image}.
    std::string_view path;
    RouteClass route_class = RouteClass::transfer;
    Danger danger = Danger::none;
    uint8_t profiles = 0;
    Payload payload = Payload::none;
    // Keys, separated by blanks. `*`: may repeat; `!`: its value is judged (gate/query.cc); `+`: must be
    // there, with a value.
    std::string_view query;
    Tunnel tunnel = Tunnel::none;
    bool hijackable = false;  // may go on as a tunnel after a 200 without an upgrade
    bool ping = false;
    Answer answer = Answer::plain;
    // Docker's CLI takes a 401 here for the registry's, and asks for a login: such a refusal says 403.
    bool registry = false;
    CallList calls = CallList::none;  // of the tunnel
};

inline constexpr size_t most_routes = 128;

std::span<const RouteRow> route_rows();
size_t index_of(const RouteRow& row);

struct RouteMatch {
    const RouteRow* row = nullptr;  // null: no route
    std::string_view name;          // what stands for {name}, {id} or {image}
};

// The row that dockerd would choose. `path`: decoded, without the version.
RouteMatch find_row(std::string_view method, std::string_view path);

}  // namespace becaused
