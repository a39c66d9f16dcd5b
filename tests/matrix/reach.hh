// The ways into each phase, on a fresh Rig.
#pragma once

#include "support/scene.hh"

namespace becaused::test {

inline const char* const get_version = "GET /version HTTP/1.1\r\nHost: docker\r\n\r\n";

}  // namespace becaused::test
