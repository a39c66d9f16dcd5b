#include "gate/path.hh"

#include <algorithm>

#include "http/octets.hh"

namespace becaused {

namespace {

int digit(char byte) { return byte <= '9' ? byte - '0' : (byte & 0x0f) + 9; }

// RFC 3986 §2.3: their escapes mean the same as they do, so there is one way too many to write them.
bool unreserved(char byte) {
    const char letter = lower(byte);
    return is(octet_digit, byte) || (letter >= 'a' && letter <= 'z') || byte == '-' ||
           byte == '.' || byte == '_' || byte == '~';
}

const char* escape_flaw(const char* two, char byte) {
    if (byte == '/' || byte == '\\')
        return "an encoded slash in the path: write / where segments end";
    if (byte == '%') return "an encoded % in the path, which two readers may decode differently";
    const auto code = static_cast<unsigned char>(byte);
    if (code < 0x20 || code == 0x7f) return "an encoded control byte in the path";
    if (unreserved(byte)) return "an escape in the path that no byte needs: write it plainly";
    if (two[0] >= 'a' || two[1] >= 'a')
        return "an escape in the path with small letters: write it like %3A";
    return nullptr;
}

const char* segments_flaw(std::string_view path) {
    if (path.empty() || path[0] != '/') return "a target that is no path";
    for (size_t begin = 1;;) {
        const size_t end = std::min(path.find('/', begin), path.size());
        const std::string_view segment = path.substr(begin, end - begin);
        if (segment.empty() && path.size() > 1)
            return "an empty segment in the path: write single slashes, and none at the end";
        if (segment == "." || segment == "..") return "a . or .. segment in the path";
        if (end == path.size()) return nullptr;
        begin = end + 1;
    }
}

// /vN.N, with at least one digit on each side of one dot.
bool plain_version(std::string_view version) {
    const size_t dot = version.find('.');
    return dot != std::string_view::npos && dot > 2 && dot + 1 < version.size() &&
           version.find('.', dot + 1) == std::string_view::npos;
}

}  // namespace

char unescaped(const char* two) { return static_cast<char>(digit(two[0]) * 16 + digit(two[1])); }

std::string_view without_version(std::string_view path) {
    if (path.size() < 4 || path[0] != '/' || path[1] != 'v') return path;
    size_t at = 2;
    while (at < path.size() && (is(octet_digit, path[at]) || path[at] == '.')) ++at;
    if (at == 2 || at == path.size() || path[at] != '/') return path;
    return path.substr(at);
}

Path::Path(std::string_view path) {
    if (path.find('%') != std::string_view::npos) path = decode(path);
    if (flaw_ == nullptr) flaw_ = segments_flaw(path);
    text_ = without_version(path);
    const std::string_view version = path.substr(0, path.size() - text_.size());
    if (flaw_ == nullptr && !version.empty() && !plain_version(version))
        flaw_ = "an API version that is not written like /v1.41";
}

std::string_view Path::decode(std::string_view path) {
    size_t size = 0;
    for (size_t at = 0; at < path.size() && size < sizeof room_; ++at) {
        char byte = path[at];
        if (byte == '%' && at + 2 < path.size()) {
            byte = unescaped(&path[at + 1]);
            if (flaw_ == nullptr) flaw_ = escape_flaw(&path[at + 1], byte);
            at += 2;
        }
        room_[size++] = byte;
    }
    return {room_, size};
}

}  // namespace becaused
