// Who may come in, from a file of its own (TOML): public keys, hashes of static tokens and passwords,
// rules for certificates. src/gate/TOKENS.md shows one. Read at start and again at a reload; every
// mistake is one line that names the file's line and the key, and never repeats a hash.
#pragma once

#include <string>
#include <string_view>

#include "base/status.hh"
#include "gate/auth.hh"

namespace becaused {

// Reads the file and the secrets that it names. A file with password hashes must not be open to others.
Result<AuthSettings> load_access(const std::string& path);
// The TOML in `text`; `path` is only for messages.
Result<AuthSettings> access_from_text(std::string_view text, const std::string& path);

}  // namespace becaused
