// Secrets from files, the environment or standard input, never from arguments, which every process can
// read. A file that others may read is refused, and so is one that they may change. Messages name
// files, never what stands in them.
#pragma once

#include <string>
#include <string_view>

#include "base/status.hh"
#include "gate/secret.hh"

namespace becaused {

inline constexpr size_t secret_file_limit_bytes = 64 * 1024;

// Where secrets may stand in the environment.
inline constexpr const char* signing_key_variable = "BECAUSED_SECRET_SIGNING_KEY";
inline constexpr const char* hash_key_variable = "BECAUSED_SECRET_HASH_KEY";

// The text looks like a token or a key: somebody put it where a file's name belongs.
bool looks_secret(std::string_view text);
// What is said then, without repeating it.
Status secret_misplaced();

// One line: what stands in the file without its line end. "-": standard input, at a terminal without
// an echo, after the question `prompt`.
Result<Secret> read_secret(const std::string& path, std::string_view prompt = "");
// From the file, or where `path` is empty from the environment's `variable`. `what` names it in messages.
Result<Secret> find_secret(const std::string& path, const char* variable, std::string_view what);

// A new file with mode 0600; one that is there already is left alone, and that is an error.
Status write_secret(const std::string& path, std::string_view secret);

// May others read or change a file of this mode (st_mode)?
bool open_to_others(unsigned mode);

}  // namespace becaused
