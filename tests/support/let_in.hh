// An access file with one of each kind of people in it, and their requests, as the tests of who is asking
// need them. Include before support/cmocka.hh.
#pragma once

#include "support/guarded.hh"

namespace becaused::test {

#define SOON R"("exp":"2023-11-14T23:00:00Z")"  // the rig's clock says 22:13:20
#define GOOD_CLAIMS R"({"sub":"ci","aud":"b7","jti":"j1",)" SOON "}"

inline std::string people() {
    return "audience = \"b7\"\n" + key_entry() + token_entry("runner", runner_token) +
           token_entry("late", other_token, "expires = \"2023-11-14T22:00:00Z\"\n") +
           password_entry("alice", "open sesame") +
           password_entry("elsewhere", "open sesame", "hosts = \"b8\"\n");
}

inline void let_people_in(Stage& stage) {
    stage.options.settings.profile = "builder";
    stage.options.access = people();
}

inline const std::string as_runner = bearer_line(runner_token);
inline const std::string as_alice = basic_line("alice", "open sesame");
inline std::string get_version(std::string_view fields) {
    return request_of("GET /version", fields);
}

inline constexpr OwnAnswer missing{401, "auth_missing", "", false, {}, false, challenge};
inline OwnAnswer invalid(std::string_view detail) {
    return {401, "auth_invalid", detail, false, {}, false, challenge};
}

// A request whose password waits to be checked until Stage::work_on.
inline void await_check(Stage& stage) {
    let_people_in(stage);
    stage.hold_workers();
    stage.send(get_version(as_alice));
}

}  // namespace becaused::test
