#include "ops/user.hh"

#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstring>
#include <optional>

#include "ops/phrase.hh"

namespace becaused {

namespace {

// The last number means "as it was" to the kernel.
constexpr uint32_t largest_id = UINT32_MAX - 1;

bool numeric(std::string_view text) {
    return text.find_first_not_of("0123456789") == std::string_view::npos;
}

std::optional<uint32_t> id_of(std::string_view digits) {
    uint32_t id = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), id);
    const bool whole = error == std::errc() && end == digits.data() + digits.size();
    return whole && id <= largest_id ? std::optional(id) : std::nullopt;
}

bool is_name_or_id(std::string_view text) {
    if (text.empty() || text.front() == '-') return false;
    if (numeric(text)) return id_of(text).has_value();
    for (const char byte : text)
        if (byte <= ' ' || byte >= 0x7f || byte == ':' || byte == '/' || byte == ',') return false;
    return true;
}

Status failed(const std::string& text, std::string_view why) {
    return Status::failed(phrase("user: ", text, ": ", why));
}

}  // namespace

Status check_account_text(std::string_view text) {
    const size_t colon = text.find(':');
    const bool good = is_name_or_id(text.substr(0, colon)) &&
                      (colon == std::string_view::npos || is_name_or_id(text.substr(colon + 1)));
    if (good) return Status::fine();
    return Status::failed(
        phrase('"', text, "\" is no user: write it like becaused, becaused:docker or 998:998"));
}

Result<Account> find_account(const std::string& text) {
    const size_t colon = text.find(':');
    const std::string user = text.substr(0, colon);
    Account account;
    account.text = text;
    const bool number = numeric(user);
    if (number) account.uid = id_of(user).value_or(largest_id);
    const passwd* found = number ? ::getpwuid(account.uid) : ::getpwnam(user.c_str());
    if (found != nullptr) {
        account.uid = found->pw_uid;
        account.gid = found->pw_gid;
    } else if (!number) {
        return failed(text, phrase("no user is named \"", user, '"'));
    }
    if (colon == std::string::npos) {
        if (found != nullptr) return account;
        return failed(text,
                      phrase("is not in /etc/passwd: give its group too, like ", user, ':', user));
    }
    const std::string group = text.substr(colon + 1);
    if (numeric(group)) {
        account.gid = id_of(group).value_or(largest_id);
        return account;
    }
    const struct group* its = ::getgrnam(group.c_str());
    if (its == nullptr) return failed(text, phrase("no group is named \"", group, '"'));
    account.gid = its->gr_gid;
    return account;
}

Status become(const Account& account) {
    const bool is_it = ::getuid() == account.uid && ::geteuid() == account.uid &&
                       ::getgid() == account.gid && ::getegid() == account.gid;
    // Who is not root may not give up groups either: whoever started it has chosen them.
    if (is_it && account.uid != 0) return Status::fine();
    if (::setgroups(0, nullptr) != 0 || ::setresgid(account.gid, account.gid, account.gid) != 0 ||
        ::setresuid(account.uid, account.uid, account.uid) != 0)
        return failed(account.text, phrase("cannot become that user: ", std::strerror(errno),
                                           errno == EPERM ? " (only root may)" : ""));
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
        return failed(account.text, phrase("cannot give up privileges: ", std::strerror(errno)));
    // Started with capabilities instead of as root, it would keep them.
    if (account.uid != 0 && ::setresuid(0, 0, 0) == 0)
        return failed(account.text, "could become root again: start it as root, or without --user");
    return Status::fine();
}

}  // namespace becaused
