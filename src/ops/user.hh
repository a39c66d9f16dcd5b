// Who `run` becomes once it listens (setting `user`). Root is needed for ports below 1024, for the groups of
// sockets and for private keys; after that it is only a danger. Never undone.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>

#include "base/status.hh"

namespace becaused {

struct Account {
    uid_t uid = 0;
    gid_t gid = 0;
    std::string text;  // as given
};

// Is it USER, or USER:GROUP, each a name or a number? Looks nothing up.
Status check_account_text(std::string_view text);
// Without GROUP: the user's own, which a number must have in /etc/passwd.
Result<Account> find_account(const std::string& text);

// The whole process becomes that user, with its group and no other, and can never become another one again.
Status become(const Account& account);

}  // namespace becaused
