// May this JSON body go to dockerd? Judged as a whole, by the tables of gate/body_schema.hh and the rules
// that the profile enforces. Pure; the body is only read, so that it can go on byte for byte.
#pragma once

#include <string_view>

#include "gate/profile.hh"

namespace becaused {

// `payload`: one that is judged.
Refusal judge_body(Payload payload, std::string_view body, const Profile& profile);

// The decoded value of /build's query key `outputs`, which is JSON too.
Refusal judge_build_outputs(std::string_view outputs, const Profile& profile);

}  // namespace becaused
