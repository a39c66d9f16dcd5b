#include "support/go_json.hh"

#include <cstdint>

namespace test_support {

namespace {

constexpr int deepest = 400;

void append_utf8(std::string& out, uint32_t rune) {
    if (rune < 0x80) {
        out += static_cast<char>(rune);
    } else if (rune < 0x800) {
        out += static_cast<char>(0xc0 | (rune >> 6));
        out += static_cast<char>(0x80 | (rune & 0x3f));
    } else if (rune < 0x10000) {
        out += static_cast<char>(0xe0 | (rune >> 12));
        out += static_cast<char>(0x80 | (rune >> 6 & 0x3f));
        out += static_cast<char>(0x80 | (rune & 0x3f));
    } else {
        out += static_cast<char>(0xf0 | (rune >> 18));
        out += static_cast<char>(0x80 | (rune >> 12 & 0x3f));
        out += static_cast<char>(0x80 | (rune >> 6 & 0x3f));
        out += static_cast<char>(0x80 | (rune & 0x3f));
    }
}

// One rune from the front, as utf8.DecodeRune: U+FFFD for one byte where it is broken.
uint32_t take_rune(std::string_view& bytes) {
    const auto at = [&](size_t i) { return static_cast<unsigned char>(bytes[i]); };
    const unsigned char first = at(0);
    size_t size = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : 4;
    if (first > 0xf4 || size > bytes.size()) size = 0;
    uint32_t rune = size == 1   ? first
                    : size == 2 ? first & 0x1fU
                    : size == 3 ? first & 0x0fU
                                : first & 0x07U;
    for (size_t i = 1; i < size; ++i) {
        if ((at(i) & 0xc0) != 0x80) {
            size = 0;
            break;
        }
        rune = rune << 6 | (at(i) & 0x3fU);
    }
    const bool bad = (size == 3 && (rune < 0x800 || (rune >= 0xd800 && rune < 0xe000))) ||
                     (size == 4 && (rune < 0x10000 || rune > 0x10ffff));
    if (size == 0 || bad) {
        bytes.remove_prefix(1);
        return 0xfffd;
    }
    bytes.remove_prefix(size);
    return rune;
}

class GoReader {
  public:
    explicit GoReader(std::string_view bytes) : rest_(bytes) {}

    bool value(GoValue& out, int depth);

  private:
    void skip_space() {
        while (!rest_.empty() &&
               std::string_view(" \t\r\n").find(rest_[0]) != std::string_view::npos)
            rest_.remove_prefix(1);
    }
    bool next(char byte) {
        skip_space();
        return !rest_.empty() && rest_[0] == byte;
    }
    bool take(char byte) {
        if (!next(byte)) return false;
        rest_.remove_prefix(1);
        return true;
    }
    bool word(std::string_view wanted) {
        if (rest_.substr(0, wanted.size()) != wanted) return false;
        rest_.remove_prefix(wanted.size());
        return true;
    }
    bool digits(std::string& out) {
        const size_t before = out.size();
        while (!rest_.empty() && rest_[0] >= '0' && rest_[0] <= '9') {
            out += rest_[0];
            rest_.remove_prefix(1);
        }
        return out.size() > before;
    }
    bool number(std::string& out);
    bool hex4(uint32_t& out);
    bool escape(std::string& out);
    bool text(std::string& out);
    bool list(GoValue& out, int depth);
    bool object(GoValue& out, int depth);

    std::string_view rest_;
};

bool GoReader::number(std::string& out) {
    if (word("-")) out += '-';
    if (word("0")) out += '0';
    else if (!digits(out)) return false;
    if (word(".")) {
        out += '.';
        if (!digits(out)) return false;
    }
    if (!rest_.empty() && (rest_[0] == 'e' || rest_[0] == 'E')) {
        out += 'e';
        rest_.remove_prefix(1);
        if (!rest_.empty() && (rest_[0] == '+' || rest_[0] == '-')) {
            out += rest_[0];
            rest_.remove_prefix(1);
        }
        if (!digits(out)) return false;
    }
    return true;
}

bool GoReader::hex4(uint32_t& out) {
    if (rest_.size() < 4) return false;
    out = 0;
    for (int i = 0; i < 4; ++i) {
        const char byte = rest_[static_cast<size_t>(i)];
        const size_t digit = std::string_view("0123456789abcdef0123456789ABCDEF").find(byte);
        if (digit == std::string_view::npos) return false;
        out = out * 16 + static_cast<uint32_t>(digit % 16);
    }
    rest_.remove_prefix(4);
    return true;
}

// What follows a backslash.
bool GoReader::escape(std::string& out) {
    if (rest_.empty()) return false;
    const char kind = rest_[0];
    rest_.remove_prefix(1);
    constexpr std::string_view from = "\"\\/bfnrt";
    constexpr std::string_view to = "\"\\/\b\f\n\r\t";
    if (const size_t at = from.find(kind); at != std::string_view::npos) {
        out += to[at];
        return true;
    }
    uint32_t rune = 0;
    if (kind != 'u' || !hex4(rune)) return false;
    if (rune >= 0xd800 && rune < 0xe000) {
        const std::string_view before = rest_;
        uint32_t low = 0;
        if (rune < 0xdc00 && word("\\u") && hex4(low) && low >= 0xdc00 && low < 0xe000) {
            rune = 0x10000 + ((rune - 0xd800) << 10) + (low - 0xdc00);
        } else {
            rest_ = before;
            rune = 0xfffd;
        }
    }
    append_utf8(out, rune);
    return true;
}

bool GoReader::text(std::string& out) {
    if (!take('"')) return false;
    while (!rest_.empty()) {
        const char byte = rest_[0];
        if (static_cast<unsigned char>(byte) < 0x20) return false;
        if (byte == '"' || byte == '\\') {
            rest_.remove_prefix(1);
            if (byte == '"') return true;
            if (!escape(out)) return false;
        } else {
            append_utf8(out, take_rune(rest_));
        }
    }
    return false;
}

bool GoReader::list(GoValue& out, int depth) {
    out.kind = GoValue::Kind::list;
    if (!take('[')) return false;
    if (take(']')) return true;
    do {
        if (!value(out.items.emplace_back(), depth + 1)) return false;
    } while (take(','));
    return take(']');
}

bool GoReader::object(GoValue& out, int depth) {
    out.kind = GoValue::Kind::object;
    if (!take('{')) return false;
    if (take('}')) return true;
    do {
        if (!text(out.keys.emplace_back()) || !take(':')) return false;
        if (!value(out.items.emplace_back(), depth + 1)) return false;
    } while (take(','));
    return take('}');
}

bool GoReader::value(GoValue& out, int depth) {
    skip_space();
    if (rest_.empty() || depth > deepest) return false;
    switch (rest_[0]) {
        case '{': return object(out, depth);
        case '[': return list(out, depth);
        case '"': out.kind = GoValue::Kind::text; return text(out.text);
        case 'n': return word("null");
        case 't':
        case 'f':
            out.kind = GoValue::Kind::boolean;
            out.truth = rest_[0] == 't';
            return word(out.truth ? "true" : "false");
        default: out.kind = GoValue::Kind::number; return number(out.text);
    }
}

// Calls `visit` with each value that Go would store in that field.
template <typename Visit>
void each(const GoValue& object, std::string_view field, Visit visit) {
    for (size_t i = 0; i < object.keys.size(); ++i)
        if (fold_as_go(object.keys[i]) == fold_as_go(field)) visit(object.items[i]);
}

template <typename Test>
bool any(const GoValue& object, std::string_view field, Test test) {
    bool found = false;
    each(object, field, [&](const GoValue& value) { found = found || test(value); });
    return found;
}

bool is_true(const GoValue& value) { return value.truth; }
bool is_filled(const GoValue& value) { return value.holds_something(); }
bool is_list(const GoValue& value) { return value.kind == GoValue::Kind::list; }
bool is_negative(const GoValue& value) {
    return value.kind == GoValue::Kind::number && value.text[0] == '-' && value.text != "-0";
}
bool is_some_text(const GoValue& value) {
    return value.kind == GoValue::Kind::text && !value.text.empty();
}
bool joins(const GoValue& value) {
    return value.is_text("host") || value.text.rfind("container:", 0) == 0;
}

bool host_path(const GoValue& bind) {
    const size_t colon = bind.text.find(':');
    return colon != std::string::npos && bind.text.substr(0, colon).find('/') != std::string::npos;
}

bool loosens(const GoValue& options) {
    for (const GoValue& option : options.items)
        if (option.text.find("unconfined") != std::string::npos ||
            option.text.find("disable") != std::string::npos)
            return true;
    return false;
}

bool binds(const GoValue& mount) {
    const auto has_options = [](const GoValue& config) {
        return any(config, "Options", is_filled);
    };
    const auto has_driver = [&](const GoValue& options) {
        return any(options, "DriverConfig", has_options);
    };
    return any(mount, "Type", [](const GoValue& type) { return type.is_text("bind"); }) ||
           any(mount, "VolumeOptions", has_driver);
}

template <typename Test>
auto any_item(Test test) {
    return [test](const GoValue& list) {
        for (const GoValue& item : list.items)
            if (test(item)) return true;
        return false;
    };
}

}  // namespace

std::optional<GoValue> read_as_go(std::string_view bytes) {
    GoValue value;
    if (!GoReader(bytes).value(value, 0)) return std::nullopt;
    return value;
}

std::string fold_as_go(std::string_view key) {
    std::string folded;
    while (!key.empty()) {
        uint32_t rune = take_rune(key);
        if (rune >= 'a' && rune <= 'z') rune -= 'a' - 'A';
        if (rune == 0x17f) rune = 'S';
        if (rune == 0x212a) rune = 'K';
        append_utf8(folded, rune);
    }
    return folded;
}

std::string danger_of_host_config(const GoValue& config) {
    const auto restarts = [](const GoValue& policy) {
        return any(policy, "Name",
                   [](const GoValue& name) { return is_some_text(name) && name.text != "no"; });
    };
    struct {
        std::string_view field;
        bool found;
    } const fields[] = {
        {"Privileged", any(config, "Privileged", is_true)},
        {"Binds", any(config, "Binds", any_item(host_path))},
        {"Mounts", any(config, "Mounts", any_item(binds))},
        {"NetworkMode", any(config, "NetworkMode", joins)},
        {"PidMode", any(config, "PidMode", joins)},
        {"IpcMode", any(config, "IpcMode", joins)},
        {"UTSMode", any(config, "UTSMode", joins)},
        {"UsernsMode", any(config, "UsernsMode", joins)},
        {"CgroupnsMode", any(config, "CgroupnsMode", joins)},
        {"CapAdd", any(config, "CapAdd", is_filled)},
        {"Devices", any(config, "Devices", is_filled)},
        {"DeviceRequests", any(config, "DeviceRequests", is_filled)},
        {"DeviceCgroupRules", any(config, "DeviceCgroupRules", is_filled)},
        {"SecurityOpt", any(config, "SecurityOpt", loosens)},
        {"MaskedPaths", any(config, "MaskedPaths", is_list)},
        {"ReadonlyPaths", any(config, "ReadonlyPaths", is_list)},
        {"VolumesFrom", any(config, "VolumesFrom", is_filled)},
        {"Links", any(config, "Links", is_filled)},
        {"GroupAdd", any(config, "GroupAdd", is_filled)},
        {"Sysctls", any(config, "Sysctls", is_filled)},
        {"Runtime", any(config, "Runtime", is_some_text)},
        {"CgroupParent", any(config, "CgroupParent", is_some_text)},
        {"OomKillDisable", any(config, "OomKillDisable", is_true)},
        {"OomScoreAdj", any(config, "OomScoreAdj", is_negative)},
        {"PidsLimit", any(config, "PidsLimit", is_negative)},
        {"RestartPolicy", any(config, "RestartPolicy", restarts)},
    };
    for (const auto& field : fields)
        if (field.found) return std::string(field.field);
    return "";
}

std::string danger_to_go(const GoValue& body) {
    // dockerd embeds HostConfig at the top, for clients of old.
    std::string danger = danger_of_host_config(body);
    each(body, "HostConfig", [&](const GoValue& config) {
        if (danger.empty()) danger = danger_of_host_config(config);
    });
    each(body, "NetworkingConfig", [&](const GoValue& networking) {
        each(networking, "EndpointsConfig", [&](const GoValue& ends) {
            for (const std::string& network : ends.keys)
                if (network == "host") danger = "EndpointsConfig";
        });
    });
    return danger;
}

std::string danger_of_exec(const GoValue& body) {
    if (any(body, "Privileged", is_true)) return "Privileged";
    return any(body, "User", is_some_text) ? "User" : "";
}

std::string danger_of_volume(const GoValue& body) {
    return any(body, "DriverOpts", is_filled) ? "DriverOpts" : "";
}

}  // namespace test_support
