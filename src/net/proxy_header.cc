#include "net/proxy_header.hh"

#include <algorithm>
#include <charconv>
#include <optional>

#include "net/address.hh"

namespace becaused {

namespace {

constexpr std::string_view signature_v1 = "PROXY ";
constexpr std::string_view signature_v2{"\r\n\r\n\0\r\nQUIT\n", 12};
constexpr size_t longest_v1 = 107;
constexpr size_t fixed_v2 = 16;

ProxyHeader malformed(const char* detail) {
    ProxyHeader header;
    header.what = ProxyHeader::What::malformed;
    header.detail = detail;
    return header;
}

bool may_become(std::string_view bytes, std::string_view signature) {
    const size_t size = std::min(bytes.size(), signature.size());
    return bytes.substr(0, size) == signature.substr(0, size);
}

uint16_t number16(std::string_view bytes) {
    return static_cast<uint16_t>(static_cast<unsigned char>(bytes[0]) << 8U |
                                 static_cast<unsigned char>(bytes[1]));
}

// "65535": no sign, no leading zero, no blank.
std::optional<uint16_t> parse_port(std::string_view text) {
    uint16_t port = 0;
    const char* end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, port);
    if (error != std::errc() || stop != end || (text.size() > 1 && text.front() == '0'))
        return std::nullopt;
    return port;
}

// The word up to the next blank, which is dropped.
std::string_view take_word(std::string_view& line) {
    const size_t blank = line.find(' ');
    const std::string_view word = line.substr(0, blank);
    line.remove_prefix(blank == std::string_view::npos ? line.size() : blank + 1);
    return word;
}

ProxyHeader parse_v1(std::string_view bytes) {
    const size_t end = bytes.substr(0, longest_v1).find('\n');
    if (end == std::string_view::npos)
        return bytes.size() < longest_v1 ? ProxyHeader() : malformed("a PROXY line without an end");
    if (end == 0 || bytes[end - 1] != '\r') return malformed("a PROXY line ends in a bare LF");
    ProxyHeader header;
    header.what = ProxyHeader::What::complete;
    header.size = end + 1;
    std::string_view line = bytes.substr(signature_v1.size(), end - 1 - signature_v1.size());
    const std::string_view family = take_word(line);
    if (family == "UNKNOWN") return header;  // the rest, if any, means nothing
    if (family != "TCP4" && family != "TCP6") return malformed("a PROXY line of an unknown family");
    const Endpoint::Kind kind = family == "TCP4" ? Endpoint::Kind::ip4 : Endpoint::Kind::ip6;
    const std::string from(take_word(line));
    const std::string to(take_word(line));
    const auto from_port = parse_port(take_word(line));
    const auto to_port = parse_port(line);
    if (!from_port || !to_port) return malformed("a PROXY line with a bad port");
    header.client = parse_literal(from, *from_port);
    header.local = parse_literal(to, *to_port);
    if (header.client.kind != kind || header.local.kind != kind)
        return malformed("a PROXY line with a bad address");
    header.named = true;
    return header;
}

Endpoint endpoint_of(Endpoint::Kind kind, std::string_view address, std::string_view port) {
    Endpoint endpoint;
    endpoint.kind = kind;
    endpoint.port = number16(port);
    std::copy(address.begin(), address.end(), endpoint.address.begin());
    return endpoint;
}

ProxyHeader parse_v2(std::string_view bytes) {
    if (bytes.size() < fixed_v2) return {};
    const auto version_command = static_cast<unsigned char>(bytes[12]);
    const auto family = static_cast<unsigned char>(bytes[13]);
    const size_t length = number16(bytes.substr(14));
    if (version_command >> 4U != 2) return malformed("a PROXY header of an unknown version");
    const unsigned command = version_command & 15U;
    if (command > 1) return malformed("a PROXY header with an unknown command");
    if (fixed_v2 + length > ProxyHeader::limit_bytes) return malformed("a PROXY header too long");
    if (bytes.size() < fixed_v2 + length) return {};
    ProxyHeader header;
    header.what = ProxyHeader::What::complete;
    header.size = fixed_v2 + length;
    if (command == 0) return header;  // LOCAL: the balancer's own connection
    const std::string_view block = bytes.substr(fixed_v2, length);
    constexpr unsigned tcp4 = 0x11, tcp6 = 0x21;
    if (family != tcp4 && family != tcp6) return header;  // nothing that we could name
    const size_t size = family == tcp4 ? 4 : 16;
    if (block.size() < 2 * size + 4) return malformed("a PROXY header without its addresses");
    const Endpoint::Kind kind = family == tcp4 ? Endpoint::Kind::ip4 : Endpoint::Kind::ip6;
    header.client = endpoint_of(kind, block.substr(0, size), block.substr(2 * size));
    header.local = endpoint_of(kind, block.substr(size, size), block.substr(2 * size + 2));
    header.named = true;
    return header;
}

}  // namespace

ProxyHeader parse_proxy_header(std::string_view bytes) {
    if (bytes.empty()) return {};
    if (may_become(bytes, signature_v2))
        return bytes.size() < signature_v2.size() ? ProxyHeader() : parse_v2(bytes);
    if (may_become(bytes, signature_v1))
        return bytes.size() < signature_v1.size() ? ProxyHeader() : parse_v1(bytes);
    return malformed("no PROXY header, which this listener asks for");
}

}  // namespace becaused
