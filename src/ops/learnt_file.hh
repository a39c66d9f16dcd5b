// The file that `mode = learn` writes: whole or not at all, so that whoever reads it never sees half of it.
#pragma once

#include <string>
#include <string_view>

#include "base/status.hh"

namespace becaused {

// Whether it could be written, without touching what is there.
Status try_learnt_file(const std::string& path);
// Replaces what is there, by a file beside it and rename(2).
Status write_learnt_file(const std::string& path, std::string_view text);

}  // namespace becaused
