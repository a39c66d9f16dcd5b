#include "group.hh"

#include <array>

namespace bench {

namespace {

struct KindRow {
    std::string_view name;
    Kind kind;
    const char* method;
    std::uint64_t default_bytes;
    bool sends_body;
    bool chunked;
    bool tunnel = false;
};

constexpr std::uint64_t bulk_bytes = 64ULL << 20;

constexpr std::array<KindRow, 11> kinds{{
    {"get", Kind::get, "GET", 100, false, false},
    {"version", Kind::version, "GET", 100, false, false},
    {"post", Kind::post, "POST", 1024, true, false},
    {"connect", Kind::connect, "GET", 100, false, false},
    {"down", Kind::down, "GET", bulk_bytes, false, false},
    {"down-chunked", Kind::down_chunked, "GET", bulk_bytes, false, true},
    {"up", Kind::up, "PUT", bulk_bytes, true, false},
    {"up-chunked", Kind::up_chunked, "PUT", bulk_bytes, true, true},
    {"tunnel", Kind::get, "GET", 100, false, false, true},
    {"tunnel-down", Kind::down, "GET", bulk_bytes, false, false, true},
    {"tunnel-up", Kind::up, "PUT", bulk_bytes, true, false, true},
}};

std::string target_of(const Group& group) {
    switch (group.kind) {
        case Kind::get:
        case Kind::connect: return "/small";
        case Kind::version: return "/v1.43/version";
        case Kind::down: return "/bulk?n=" + std::to_string(group.body_bytes);
        case Kind::down_chunked:
            return "/bulk?n=" + std::to_string(group.body_bytes) + "&chunked=1";
        case Kind::post:
        case Kind::up:
        case Kind::up_chunked: return "/sink";
    }
    return {};
}

// Fields that a docker client sends, so that a proxy has a real head to read.
std::string head_of(const Group& group, const KindRow& row) {
    std::string head = std::string(row.method) + " " + target_of(group) +
                       " HTTP/1.1\r\nHost: docker.example:2375\r\n"
                       "User-Agent: Docker-Client/27.5.1 (linux)\r\nAccept-Encoding: identity\r\n";
    if (row.sends_body) head += "Content-Type: application/x-tar\r\n";
    if (row.chunked && row.sends_body) head += "Transfer-Encoding: chunked\r\n";
    if (!row.chunked && row.sends_body) {
        head += "Content-Length: " + std::to_string(group.body_bytes) + "\r\n";
    }
    if (row.kind == Kind::connect) head += "Connection: close\r\n";
    return head + "\r\n";
}

// A docker client's attach. Inside the tunnel the origin answers the same requests as outside.
constexpr const char* attach_head =
    "POST /v1.43/containers/bench/attach?stdin=1&stdout=1&stream=1 HTTP/1.1\r\n"
    "Host: docker.example:2375\r\nUser-Agent: Docker-Client/27.5.1 (linux)\r\n"
    "Content-Length: 0\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n";

const std::string small_head = "GET /small HTTP/1.1\r\nHost: docker.example:2375\r\n\r\n";

const KindRow& row_of(std::string_view name) {
    for (const KindRow& row : kinds) {
        if (row.name == name) return row;
    }
    die("no kind of request is called \"" + std::string(name) + "\"");
}

}  // namespace

Group Group::parse(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos) die("a group is KIND:CONNECTIONS[:BYTES]");
    const KindRow& row = row_of(text.substr(0, colon));
    std::string_view count = text.substr(colon + 1);
    Group group;
    group.name = row.name;
    group.kind = row.kind;
    group.body_bytes = row.default_bytes;
    const std::size_t second = count.find(':');
    if (second != std::string_view::npos) {
        group.body_bytes = parse_number(count.substr(second + 1), "bytes");
        count = count.substr(0, second);
    }
    group.connections = parse_number(count, "connections");
    if (group.connections == 0 || group.connections > 19000) die("1 to 19000 connections");
    const bool is_small = row.default_bytes == 100;
    if (is_small && group.body_bytes != 100) die("a small GET has 100 bytes");
    group.sends_body = row.sends_body;
    group.head = head_of(group, row);
    group.tunnel = row.tunnel;
    group.opening = group.tunnel ? std::string(attach_head) : small_head;
    if (row.sends_body) {
        group.body = row.chunked ? Body::chunked(group.body_bytes) : Body::plain(group.body_bytes);
    }
    return group;
}

}  // namespace bench
