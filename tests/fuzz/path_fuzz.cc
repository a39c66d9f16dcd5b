// libFuzzer over targets before the gate. The first byte chooses method and profile, the rest is a target.
// What passes is read once more, naively, as Go's net/url and dockerd's router would read it: it must
// then be a path that needed no cleaning and that the profile names, with nothing in its query that its
// rules refuse.
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "gate/gate.hh"
#include "http/parser.hh"

namespace {

using namespace becaused;

void demand(bool holds, const char* what) {
    if (holds) return;
    std::fprintf(stderr, "invariant broken: %s\n", what);
    std::abort();
}

// net/url's unescape; false: it would refuse it.
bool unescape(std::string_view text, bool query, std::string& out) {
    out.clear();
    for (size_t i = 0; i < text.size(); ++i) {
        if (text[i] == '+' && query) {
            out += ' ';
        } else if (text[i] == '%') {
            if (i + 2 >= text.size()) return false;
            char* end = nullptr;
            const std::string digits(text.substr(i + 1, 2));
            out += static_cast<char>(std::strtol(digits.c_str(), &end, 16));
            if (*end != '\0') return false;
            i += 2;
        } else {
            out += text[i];
        }
    }
    return true;
}

// Without the scheme, the authority and the version.
std::string_view routed(std::string_view path) {
    if (!path.starts_with("/v")) return path;
    const size_t end = path.find_first_not_of("0123456789.", 2);
    return end == std::string_view::npos || end == 2 || path[end] != '/' ? path : path.substr(end);
}

void check_path(std::string_view raw, bool ping) {
    std::string path;
    demand(unescape(raw, false, path), "a path that passes can be decoded");
    demand(path.starts_with('/'), "a path that passes begins with a slash");
    for (const std::string_view unclean : {"//", "/./", "/../"})
        demand((path + '/').find(unclean) == std::string::npos || path == "/",
               "a path that passes is clean");
    const std::string_view route = routed(path);
    demand(!ping || route == "/_ping", "ping pings");
    for (const std::string_view closed :
         {"/containers", "/swarm", "/secrets", "/services", "/plugins", "/configs", "/nodes",
          "/volumes", "/networks", "/exec", "/commit", "/tasks"})
        demand(!route.starts_with(closed), "builder has no such route");
}

// As url.ParseQuery does; a query with a ; is refused by one Go and read by another.
void check_query(std::string_view query) {
    demand(query.find(';') == std::string_view::npos, "no ; in a query that passes");
    std::string key, value;
    while (!query.empty()) {
        const size_t end = std::min(query.find('&'), query.size());
        const std::string_view pair = query.substr(0, end);
        query.remove_prefix(std::min(end + 1, query.size()));
        const size_t equals = std::min(pair.find('='), pair.size());
        if (!unescape(pair.substr(0, equals), true, key)) continue;
        if (!unescape(pair.substr(std::min(equals + 1, pair.size())), true, value)) continue;
        demand(key != "fromSrc" || value.empty(), "no import passes");
        demand(key != "networkmode" || (value != "host" && !value.starts_with("container:")),
               "no build has the host's network");
        demand(key != "remote" || value.empty() || value == "client-session",
               "no build's context is fetched by dockerd");
        demand(key != "cgroupparent" || value.empty(), "no build has a cgroup of its own");
    }
}

}  // namespace

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
    static const Gate gate({});
    static HeadParser parser;
    static RequestHead head;
    if (size == 0) return 0;
    constexpr std::string_view methods[] = {"GET", "HEAD", "POST", "DELETE", "PUT", "OPTIONS"};
    const std::string_view method = methods[(data[0] >> 1U) % std::size(methods)];
    const bool ping = (data[0] & 1U) != 0;
    const std::string_view target(reinterpret_cast<const char*>(data) + 1, size - 1);
    std::string bytes(method);
    bytes.append(" ").append(target).append(" HTTP/1.1\r\nHost: a\r\n\r\n");
    if (bytes.find("\r\n\r\n") != bytes.size() - 4) return 0;  // not one head
    if (parser.parse_request(bytes, head)) return 0;
    if (!gate.judge(head, *gate.policy().find(ping ? "ping" : "builder")).passes()) return 0;
    demand(bytes.substr(method.size() + 1, target.size()) == target, "it is forwarded as it came");
    check_path(head.path, ping);
    check_query(head.query);
    return 0;
}
