#include "ops/kill.hh"

#include <cstdio>

#include "ops/admin_ask.hh"
#include "ops/command.hh"
#include "ops/nearest.hh"
#include "ops/phrase.hh"
#include "ops/why_list.hh"
#include "ops/why_live.hh"
#include "ops/why_story.hh"

namespace becaused {

namespace {

Status parse_kill(std::span<const std::string> arguments, std::string& id, AdminPlace& place) {
    for (size_t i = 0; i < arguments.size(); ++i) {
        const std::string_view argument = arguments[i];
        if (!argument.starts_with('-')) {
            if (!id.empty())
                return Status::failed(phrase("kill: one id only, not also ", argument));
            id = argument;
            continue;
        }
        const size_t equals = argument.find('=');
        const std::string_view flag = argument.substr(0, equals);
        constexpr std::string_view flags[] = {"--admin", "--state"};
        if (flag != flags[0] && flag != flags[1])
            return Status::failed(phrase("kill: no such flag: ", flag, suggestion(flag, flags)));
        if (equals == std::string_view::npos && i + 1 == arguments.size())
            return Status::failed(phrase("kill: ", flag, ": needs a value"));
        take_place(flag,
                   equals == std::string_view::npos ? std::string_view(arguments[++i])
                                                    : argument.substr(equals + 1),
                   place);
    }
    if (id.empty()) return Status::failed("kill: which? becaused why --live lists what is open");
    if (!is_record_id(id)) return Status::failed(phrase("kill: ", id, ": is no record's id"));
    return Status::fine();
}

}  // namespace

int kill_open(std::span<const std::string> arguments) {
    std::string id;
    AdminPlace place;
    if (const Status status = parse_kill(arguments, id, place); !status.ok())
        return complain(status.message(), exit_usage);
    complete_place(place);
    Result<Address> address = find_admin(place);
    if (!address.ok()) return complain("kill: " + address.status().message(), exit_failed);
    Result<AdminAnswer> answer = ask_admin(address.value(), "DELETE", "/live/" + id);
    if (!answer.ok()) return complain("kill: " + answer.status().message(), exit_failed);
    if (answer.value().status != 200)
        return complain(
            phrase(
                "kill: ", admin_message(answer.value()),
                answer.value().status == 404 ? " (becaused why ID tells of what has ended)" : ""),
            exit_failed);
    const std::string text = phrase("Ended ", id, ": ", what_was_open(answer.value().body), ".\n");
    const bool said = std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0;
    return said ? exit_fine : complain("kill: standard output cannot be written", exit_failed);
}

}  // namespace becaused
