// What a request shows to prove who it is: the one field line that the settings name (Authorization,
// unless said otherwise), taken apart. Views into the head, but for the decoded part of Basic, which is
// wiped. Nothing is judged here.
#pragma once

#include <optional>
#include <string_view>

#include "gate/secret.hh"
#include "http/head.hh"

namespace becaused {

struct Credentials {
    std::string_view user;    // Basic: as claimed; empty: none
    std::string_view secret;  // a token or a password
    bool basic = false;
    Secret decoded;  // what `user` and `secret` look into, for Basic
};

struct CredentialLine {
    std::string_view value;  // as sent; empty: none was
    bool several = false;    // and which of them would count is anybody's guess
};

// `field`: the name to look for, in lower case.
CredentialLine find_credentials(const RequestHead& head, std::string_view field);

// Null when `value` was read into `credentials`, else what is wrong with it (static).
// Bearer (RFC 6750 §2.1) and Basic (RFC 7617); fields other than Authorization and Proxy-Authorization
// may also hold nothing but a token.
const char* read_credentials(std::string_view value, std::string_view field,
                             Credentials& credentials);

}  // namespace becaused
