// Who may come in, from a file of its own (TOML): public keys, hashes of static tokens and passwords,
// rules for certificates; and profiles beside the built-in ones, for what they may do then. src/gate/TOKENS.md shows one. Read at start and again at a reload; every
// mistake is one line that names the file's line and the key, and never repeats a hash.
#pragma once

#include <string>
#include <string_view>

#include "base/status.hh"
#include "gate/auth.hh"
#include "gate/profile.hh"

namespace becaused {

struct AccessRules {
    AuthSettings auth;
    Policy policy;                 // the built-in profiles and the file's
    std::vector<Identity> people;  // everyone whom the file names
};

// Reads the file and the secrets that it names. A file with password hashes must not be open to others.
Result<AccessRules> load_access(const std::string& path);
// The TOML in `text`; `path` is only for messages.
Result<AccessRules> access_from_text(std::string_view text, const std::string& path);

}  // namespace becaused
