// `becaused check --request`: what would happen to a request, without sending it to anybody: its route,
// the profile that judges it, and the rule that decides.
#pragma once

#include <string>
#include <vector>

#include "base/status.hh"
#include "proxy/settings.hh"

namespace becaused {

struct RequestQuestion {
    std::string request;              // "POST /v1.43/containers/create"
    std::string body;                 // a file; empty: no body
    std::string identity;             // one of the access file's; empty: somebody without a profile
    std::vector<std::string> fields;  // "Content-Type: application/json" goes with a body by itself
};

struct RequestAnswer {
    bool passes = false;
    std::string text;  // one line
};

// Failed: the question is not one that can be asked, or the access file is wrong.
Result<RequestAnswer> check_request(const Settings& settings, const RequestQuestion& question);

}  // namespace becaused
