#include "gate/route_table.hh"

#include <algorithm>
#include <array>

namespace becaused {

namespace {

using enum Danger;
constexpr RouteClass quick = RouteClass::quick, transfer = RouteClass::transfer,
                     build = RouteClass::build, follow = RouteClass::follow,
                     tunnel = RouteClass::tunnel, session = RouteClass::session;
constexpr Answer progress = Answer::progress, frames = Answer::frames;
constexpr Payload bare = Payload::none, stream = Payload::stream, json = Payload::json;

constexpr uint8_t get = method_get, head = method_head, post = method_post, put = method_put,
                  del = method_delete;

// Who may use a route.
constexpr uint8_t nobody = 0;  // but `admin` and `any`
constexpr uint8_t runs = in_run;
constexpr uint8_t ours = in_builder | in_run;
constexpr uint8_t looks = in_inspect | in_run;
constexpr uint8_t watches = in_inspect | ours;
constexpr uint8_t builds = in_build | ours;
constexpr uint8_t moves = in_push_pull | ours;
constexpr uint8_t knows = in_inspect | in_build | moves;
constexpr uint8_t all = in_ping | knows;

// Rows with the same first segment stand together, those without a name before those with one: the
// first that fits is the one.
// clang-format off
constexpr RouteRow rows[] = {
    {"ping",              get | head, "/_ping", quick, none, all, bare, "", Tunnel::none, false, true},
    {"version",           get,  "/version", quick, none, knows, bare, ""},
    {"info",              get,  "/info", quick, reads, knows, bare, ""},
    {"events",            get,  "/events", follow, reads, watches, bare, "since until filters"},
    {"auth",              post, "/auth", transfer, none, moves, json, "", Tunnel::none, false, false, Answer::plain, true},
    {"system_df",         get,  "/system/df", transfer, reads, nobody, bare, "type* verbose"},

    {"build",             post, "/build", build, host, builds, stream,
     "dockerfile t* q nocache cachefrom pull rm forcerm squash buildargs labels platform target ulimits version session buildid"
     " isolation cpusetcpus cpusetmems cpushares memory! memswap! shmsize! cpuquota! cpuperiod! networkmode! remote!"
     " extrahosts*! outputs! cgroupparent! securityopt*!", Tunnel::none, false, false, progress},
    {"build_cancel",      post, "/build/cancel", quick, changes, builds, bare, "id"},
    {"build_prune",       post, "/build/prune", build, changes, nobody, bare,
     "all filters keep-storage reserved-space max-used-space min-free-space"},
    {"session",           post, "/session", session, host, builds, bare, "", Tunnel::h2c, false, false, Answer::plain, false,
     CallList::session},
    {"grpc",              post, "/grpc", tunnel, host, builds, bare, "", Tunnel::h2c, false, false, Answer::plain, false, CallList::grpc},

    {"image_list",        get,  "/images/json", quick, reads, knows, bare, "all filters filter digests shared-size manifests"},
    {"image_search",      get,  "/images/search", quick, none, moves, bare, "term limit filters"},
    {"image_create",      post, "/images/create", transfer, changes, moves, stream,
     "fromImage+ fromSrc! repo tag message changes* platform", Tunnel::none, false, false, progress, true},
    {"image_load",        post, "/images/load", transfer, changes, ours, stream, "quiet platform*", Tunnel::none, false, false, progress},
    {"image_prune",       post, "/images/prune", build, changes, nobody, bare, "filters"},
    {"image_save_many",   get,  "/images/get", transfer, reads, ours, bare, "names* platform*"},
    {"image_inspect",     get,  "/images/{image}/json", quick, reads, knows, bare, "manifests platform"},
    {"image_history",     get,  "/images/{image}/history", quick, reads, knows, bare, "platform"},
    {"image_save",        get,  "/images/{image}/get", transfer, reads, ours, bare, "platform*"},
    // Python's client sends {} with a push; it once was the place for credentials.
    {"image_push",        post, "/images/{image}/push", transfer, changes, moves, json, "tag platform", Tunnel::none, false, false, progress, true},
    {"image_tag",         post, "/images/{image}/tag", transfer, changes, moves, bare, "repo tag"},
    {"image_delete",      del,  "/images/{image}", transfer, changes, nobody, bare, "force noprune platforms*"},
    {"distribution",      get,  "/distribution/{image}/json", transfer, reads, moves, bare, "", Tunnel::none, false, false, Answer::plain, true},

    {"container_list",    get,  "/containers/json", quick, reads, looks, bare, "all limit size filters since before"},
    {"container_create",  post, "/containers/create", transfer, host, runs, Payload::container_create, "name platform"},
    {"container_prune",   post, "/containers/prune", build, changes, nobody, bare, "filters"},
    {"container_inspect", get,  "/containers/{name}/json", quick, reads, looks, bare, "size"},
    {"container_start",   post, "/containers/{name}/start", transfer, host, runs, bare, "detachKeys checkpoint! checkpoint-dir!"},
    {"container_wait",    post, "/containers/{name}/wait", follow, changes, runs, bare, "condition"},
    {"container_attach",  post, "/containers/{name}/attach", tunnel, changes, runs, bare,
     "stream stdin stdout stderr logs detachKeys", Tunnel::tcp, true, false, frames},
    {"container_attach_ws", get, "/containers/{name}/attach/ws", tunnel, changes, nobody, bare,
     "stream stdin stdout stderr logs detachKeys", Tunnel::websocket},
    {"container_logs",    get,  "/containers/{name}/logs", follow, reads, runs, bare,
     "follow stdout stderr since until timestamps tail details", Tunnel::none, false, false, frames},
    {"container_stats",   get,  "/containers/{name}/stats", follow, reads, runs, bare, "stream one-shot"},
    {"container_top",     get,  "/containers/{name}/top", quick, reads, runs, bare, "ps_args"},
    {"container_changes", get,  "/containers/{name}/changes", quick, reads, nobody, bare, ""},
    {"container_exec",    post, "/containers/{name}/exec", transfer, host, runs, Payload::exec_create, ""},
    // stop -t N and restart answer when the container is gone: silent for as long as the user said.
    {"container_stop",    post, "/containers/{name}/stop", transfer, changes, runs, bare, "t signal"},
    {"container_restart", post, "/containers/{name}/restart", transfer, changes, runs, bare, "t signal"},
    {"container_kill",    post, "/containers/{name}/kill", transfer, changes, runs, bare, "signal"},
    {"container_pause",   post, "/containers/{name}/pause", transfer, changes, runs, bare, ""},
    {"container_unpause", post, "/containers/{name}/unpause", transfer, changes, runs, bare, ""},
    {"container_resize",  post, "/containers/{name}/resize", transfer, changes, runs, bare, "h w"},
    {"container_rename",  post, "/containers/{name}/rename", transfer, changes, runs, bare, "name"},
    {"container_update",  post, "/containers/{name}/update", transfer, host, runs, Payload::container_update, ""},
    {"container_stat",    head, "/containers/{name}/archive", transfer, reads, nobody, bare, "path"},
    {"container_read",    get,  "/containers/{name}/archive", transfer, reads, nobody, bare, "path"},
    {"container_write",   put,  "/containers/{name}/archive", transfer, host, nobody, stream,
     "path noOverwriteDirNonDir copyUIDGID"},
    {"container_copy",    post, "/containers/{name}/copy", transfer, reads, nobody, json, ""},
    {"container_export",  get,  "/containers/{name}/export", transfer, reads, nobody, bare, ""},
    {"checkpoint_list",   get,  "/containers/{name}/checkpoints", quick, reads, nobody, bare, "dir"},
    {"checkpoint_create", post, "/containers/{name}/checkpoints", transfer, host, nobody, json, ""},
    {"checkpoint_delete", del,  "/containers/{name}/checkpoints/{id}", transfer, host, nobody, bare, "dir"},
    {"container_delete",  del,  "/containers/{name}", transfer, changes, runs, bare, "v force link"},
    {"commit",            post, "/commit", build, reads, nobody, json, "container repo tag comment author pause changes*"},

    {"exec_start",        post, "/exec/{name}/start", tunnel, changes, runs, json, "", Tunnel::tcp, true, false, frames},
    {"exec_resize",       post, "/exec/{name}/resize", quick, changes, runs, bare, "h w"},
    {"exec_inspect",      get,  "/exec/{name}/json", quick, reads, runs, bare, ""},

    {"volume_list",       get,  "/volumes", quick, reads, looks, bare, "filters"},
    {"volume_create",     post, "/volumes/create", transfer, host, runs, Payload::volume_create, ""},
    {"volume_prune",      post, "/volumes/prune", build, changes, nobody, bare, "filters"},
    {"volume_inspect",    get,  "/volumes/{name}", quick, reads, looks, bare, ""},
    {"volume_update",     put,  "/volumes/{name}", transfer, changes, nobody, json, "version"},
    {"volume_delete",     del,  "/volumes/{name}", transfer, changes, runs, bare, "force"},

    {"network_list",      get,  "/networks", quick, reads, looks, bare, "filters"},
    {"network_create",    post, "/networks/create", transfer, changes, runs, Payload::network_create, ""},
    {"network_prune",     post, "/networks/prune", build, changes, nobody, bare, "filters"},
    {"network_connect",   post, "/networks/{id}/connect", transfer, changes, runs, Payload::network_connect, ""},
    {"network_disconnect", post, "/networks/{id}/disconnect", transfer, changes, runs, Payload::network_disconnect, ""},
    {"network_inspect",   get,  "/networks/{id}", quick, reads, looks, bare, "verbose scope"},
    {"network_delete",    del,  "/networks/{id}", transfer, changes, runs, bare, ""},

    {"plugin_list",       get,  "/plugins", quick, reads, nobody, bare, "filters"},
    {"plugin_privileges", get,  "/plugins/privileges", transfer, reads, nobody, bare, "remote"},
    {"plugin_pull",       post, "/plugins/pull", transfer, host, nobody, json, "remote name", Tunnel::none, false, false, progress},
    {"plugin_create",     post, "/plugins/create", transfer, host, nobody, stream, "name"},
    {"plugin_inspect",    get,  "/plugins/{image}/json", quick, reads, nobody, bare, ""},
    {"plugin_enable",     post, "/plugins/{image}/enable", transfer, host, nobody, bare, "timeout"},
    {"plugin_disable",    post, "/plugins/{image}/disable", transfer, host, nobody, bare, "force"},
    {"plugin_push",       post, "/plugins/{image}/push", transfer, changes, nobody, bare, "", Tunnel::none, false, false, progress},
    {"plugin_upgrade",    post, "/plugins/{image}/upgrade", transfer, host, nobody, json, "remote", Tunnel::none, false, false, progress},
    {"plugin_set",        post, "/plugins/{image}/set", transfer, host, nobody, json, ""},
    {"plugin_delete",     del,  "/plugins/{image}", transfer, changes, nobody, bare, "force"},

    {"swarm_inspect",     get,  "/swarm", quick, reads, nobody, bare, ""},
    {"swarm_init",        post, "/swarm/init", transfer, host, nobody, json, ""},
    {"swarm_join",        post, "/swarm/join", transfer, host, nobody, json, ""},
    {"swarm_leave",       post, "/swarm/leave", transfer, host, nobody, bare, "force"},
    {"swarm_update",      post, "/swarm/update", transfer, host, nobody, json,
     "version rotateWorkerToken rotateManagerToken rotateManagerUnlockKey"},
    {"swarm_unlockkey",   get,  "/swarm/unlockkey", quick, host, nobody, bare, ""},
    {"swarm_unlock",      post, "/swarm/unlock", transfer, host, nobody, json, ""},
    {"node_list",         get,  "/nodes", quick, reads, nobody, bare, "filters"},
    {"node_inspect",      get,  "/nodes/{id}", quick, reads, nobody, bare, ""},
    {"node_update",       post, "/nodes/{id}/update", transfer, host, nobody, json, "version"},
    {"node_delete",       del,  "/nodes/{id}", transfer, host, nobody, bare, "force"},
    {"service_list",      get,  "/services", quick, reads, nobody, bare, "filters status"},
    {"service_create",    post, "/services/create", transfer, host, nobody, json, ""},
    {"service_logs",      get,  "/services/{id}/logs", follow, reads, nobody, bare,
     "follow stdout stderr since timestamps tail details", Tunnel::none, false, false, frames},
    {"service_update",    post, "/services/{id}/update", transfer, host, nobody, json, "version registryAuthFrom rollback"},
    {"service_inspect",   get,  "/services/{id}", quick, reads, nobody, bare, "insertDefaults"},
    {"service_delete",    del,  "/services/{id}", transfer, host, nobody, bare, ""},
    {"task_list",         get,  "/tasks", quick, reads, nobody, bare, "filters"},
    {"task_logs",         get,  "/tasks/{id}/logs", follow, reads, nobody, bare,
     "follow stdout stderr since timestamps tail details", Tunnel::none, false, false, frames},
    {"task_inspect",      get,  "/tasks/{id}", quick, reads, nobody, bare, ""},
    {"secret_list",       get,  "/secrets", quick, reads, nobody, bare, "filters"},
    {"secret_create",     post, "/secrets/create", transfer, changes, nobody, json, ""},
    {"secret_update",     post, "/secrets/{id}/update", transfer, changes, nobody, json, "version"},
    {"secret_inspect",    get,  "/secrets/{id}", quick, reads, nobody, bare, ""},
    {"secret_delete",     del,  "/secrets/{id}", transfer, changes, nobody, bare, ""},
    {"config_list",       get,  "/configs", quick, reads, nobody, bare, "filters"},
    {"config_create",     post, "/configs/create", transfer, changes, nobody, json, ""},
    {"config_update",     post, "/configs/{id}/update", transfer, changes, nobody, json, "version"},
    {"config_inspect",    get,  "/configs/{id}", quick, reads, nobody, bare, ""},
    {"config_delete",     del,  "/configs/{id}", transfer, changes, nobody, bare, ""},
};
// clang-format on
constexpr size_t row_count = std::size(rows);
static_assert(row_count <= most_routes);

// A row's path cut up: /GROUP, then REST, or /NAME and REST, and perhaps one more segment.
struct Shape {
    std::string_view group;
    std::string_view rest;
    bool named = false;
    bool tail = false;
};

constexpr Shape shape_of(std::string_view path) {
    Shape shape;
    const size_t slash = std::min(path.find('/', 1), path.size());
    shape.group = path.substr(1, slash - 1);
    shape.rest = path.substr(slash);
    if (shape.rest.substr(0, 2) != "/{") return shape;
    shape.named = true;
    shape.rest = shape.rest.substr(shape.rest.find('}') + 1);
    const size_t second = shape.rest.find("/{");
    if (second == std::string_view::npos) return shape;
    shape.tail = true;
    shape.rest = shape.rest.substr(0, second);
    return shape;
}

constexpr std::array<Shape, row_count> make_shapes() {
    std::array<Shape, row_count> shapes;
    for (size_t i = 0; i < row_count; ++i) shapes[i] = shape_of(rows[i].path);
    return shapes;
}
constexpr std::array<Shape, row_count> shapes = make_shapes();

struct Group {
    std::string_view first;
    uint16_t begin = 0;
    uint16_t end = 0;
};

constexpr size_t count_groups() {
    size_t count = 0;
    for (size_t i = 0; i < row_count; ++i)
        if (i == 0 || shapes[i].group != shapes[i - 1].group) ++count;
    return count;
}

constexpr std::array<Group, count_groups()> make_groups() {
    std::array<Group, count_groups()> groups;
    size_t at = 0;
    for (uint16_t i = 0; i < row_count; ++i) {
        if (i > 0 && shapes[i].group != shapes[i - 1].group) ++at;
        if (groups[at].first.empty()) groups[at] = {shapes[i].group, i, i};
        groups[at].end = static_cast<uint16_t>(i + 1);
    }
    return groups;
}
constexpr std::array<Group, count_groups()> groups = make_groups();

constexpr bool each_group_is_in_one_piece() {
    for (size_t i = 0; i < groups.size(); ++i)
        for (size_t k = i + 1; k < groups.size(); ++k)
            if (groups[i].first == groups[k].first) return false;
    return true;
}
static_assert(each_group_is_in_one_piece());

// `rest`: what follows the group.
bool fits(const Shape& shape, std::string_view rest, std::string_view& name) {
    if (!shape.named) return rest == shape.rest;
    if (shape.tail) {
        const size_t slash = rest.rfind('/');
        if (slash == std::string_view::npos || slash + 1 == rest.size()) return false;
        rest = rest.substr(0, slash);
    }
    if (rest.size() < shape.rest.size() + 2) return false;  // a slash and a name of one byte
    const size_t name_end = rest.size() - shape.rest.size();
    if (rest.substr(name_end) != shape.rest) return false;
    name = rest.substr(1, name_end - 1);
    return true;
}

}  // namespace

uint8_t method_bit(std::string_view method) {
    switch (method.size()) {
        case 3:
            if (method == "GET") return get;
            return method == "PUT" ? put : 0;
        case 4:
            if (method == "POST") return post;
            return method == "HEAD" ? head : 0;
        case 6: return method == "DELETE" ? del : 0;
        default: return 0;
    }
}

std::span<const RouteRow> route_rows() { return rows; }
size_t index_of(const RouteRow& row) { return static_cast<size_t>(&row - rows); }

RouteMatch find_row(std::string_view method, std::string_view path) {
    const uint8_t bit = method_bit(method);
    if (bit == 0 || path.size() < 2 || path[0] != '/') return {};
    const size_t slash = std::min(path.find('/', 1), path.size());
    const std::string_view first = path.substr(1, slash - 1);
    const std::string_view rest = path.substr(slash);
    for (const Group& group : groups) {
        if (group.first != first) continue;
        for (size_t i = group.begin; i < group.end; ++i) {
            RouteMatch match{&rows[i], {}};
            if ((rows[i].methods & bit) != 0 && fits(shapes[i], rest, match.name)) return match;
        }
        break;
    }
    return {};
}

}  // namespace becaused
