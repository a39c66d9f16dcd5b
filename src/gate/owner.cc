#include "gate/owner.hh"

#include <algorithm>
#include <array>

#include "gate/json_reader.hh"
#include "http/octets.hh"

namespace becaused {

namespace {

struct Special {
    std::string_view row;
    Reach reach;
};
// Those that do not say it by their path. What shows other people's containers among other things is of
// no use with half of them left out: dockerd cannot, and becaused rewrites no answers.
constexpr Special specials[] = {
    {"events", Reach::list},
    {"container_list", Reach::list},
    {"container_prune", Reach::list},
    {"container_create", Reach::create},
    {"commit", Reach::in_query},
    {"network_connect", Reach::in_body},
    {"network_disconnect", Reach::in_body},
    {"network_inspect", Reach::all},
    {"system_df", Reach::all},
    // What a swarm runs is containers too, which nobody here has labelled.
    {"service_list", Reach::all},
    {"service_create", Reach::all},
    {"service_logs", Reach::all},
    {"service_update", Reach::all},
    {"service_inspect", Reach::all},
    {"service_delete", Reach::all},
    {"task_list", Reach::all},
    {"task_logs", Reach::all},
    {"task_inspect", Reach::all},
};

// Keeps the three texts that are asked for, wherever they stand among the rest.
class InspectedReader final : public JsonSink {
  public:
    explicit InspectedReader(Inspected& found) : found_(found) {}

    bool on_key(std::string_view key) override {
        if (depth_ <= path_.size()) path_[depth_ - 1] = key;
        return true;
    }
    bool on_scalar(const JsonScalar& scalar) override {
        if (scalar.kind != JsonScalar::Kind::text || lists_ > 0) return true;
        if (depth_ == 1 && path_[0] == "ID") found_.id = scalar.text;  // of an exec
        if (depth_ == 1 && path_[0] == "Id") found_.id = scalar.text;
        if (depth_ == 1 && path_[0] == "ContainerID") found_.container = scalar.text;
        if (depth_ == 3 && path_[0] == "Config" && path_[1] == "Labels" && path_[2] == owner_label)
            found_.owner = scalar.text;
        return true;
    }
    bool on_open(bool list) override {
        ++depth_;
        if (list || lists_ > 0) ++lists_;
        return true;
    }
    bool on_close() override {
        --depth_;
        if (lists_ > 0) --lists_;
        return true;
    }

  private:
    Inspected& found_;
    std::array<std::string, 3> path_;
    size_t depth_ = 0;
    size_t lists_ = 0;  // levels from the outermost list on
};

class Nothing final : public JsonSink {
  public:
    bool on_key(std::string_view) override { return true; }
    bool on_scalar(const JsonScalar&) override { return true; }
    bool on_open(bool) override { return true; }
    bool on_close() override { return true; }
};

}  // namespace

Reach reach_of(const RouteRow& row) {
    const auto* special = std::ranges::find(specials, row.name, &Special::row);
    if (special != std::end(specials)) return special->reach;
    if (row.path.starts_with("/containers/{name}")) return Reach::path;
    if (row.path.starts_with("/exec/{name}")) return Reach::exec;
    return Reach::none;
}

std::string_view words(Reach reach) {
    switch (reach) {
        case Reach::none: return "nothing, since it concerns no container";
        case Reach::create: return "its body gets the label";
        case Reach::list: return "its filters get the label";
        case Reach::path: return "it passes if the container in the path has the label";
        case Reach::exec: return "it passes if the container of the exec has the label";
        case Reach::in_query: return "it passes if the container in the query has the label";
        case Reach::in_body: return "it passes if the container in the body has the label";
        case Reach::all: return "it is refused, because it shows or changes those of others";
    }
    return "";
}

bool can_own(std::string_view identity) {
    if (identity.empty()) return false;
    std::string json = "[\"";
    for (const char byte : identity) {
        if (byte == '"' || byte == '\\') json += '\\';
        json += byte;
    }
    json += "\"]";
    Nothing sink;
    return read_json(json, sink) == nullptr;
}

bool is_container_name(std::string_view name) {
    return !name.empty() && name.size() <= 1024 && name != "." && name != ".." &&
           all(octet_host, name);
}

bool is_full_id(std::string_view name) {
    const auto small_hex = [](char byte) {
        return is(octet_digit, byte) || (byte >= 'a' && byte <= 'f');
    };
    return name.size() == 64 && std::ranges::all_of(name, small_hex);
}

Inspected read_inspected(std::string_view json) {
    Inspected found;
    InspectedReader reader(found);
    found.flaw = read_json(json, reader, JsonKeys::any);
    return found;
}

}  // namespace becaused
