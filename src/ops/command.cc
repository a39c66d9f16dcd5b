#include "ops/command.hh"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <vector>

#include "ops/check_request.hh"
#include "ops/config.hh"
#include "ops/crew.hh"
#include "ops/docs.hh"
#include "ops/help.hh"
#include "ops/kill.hh"
#include "ops/nearest.hh"
#include "ops/phrase.hh"
#include "ops/run.hh"
#include "ops/share.hh"
#include "ops/start.hh"
#include "ops/token.hh"
#include "ops/version.hh"
#include "ops/why.hh"
#include "ops/why_list.hh"

namespace becaused {

namespace {

using Arguments = std::span<const std::string>;

int print(std::string_view text) {
    const bool written = std::fwrite(text.data(), 1, text.size(), stdout) == text.size();
    return written && std::fflush(stdout) == 0 ? exit_fine
                                               : complain("standard output cannot be written", 1);
}

std::vector<std::string> environment_lines() {
    std::vector<std::string> lines;
    for (char** line = environ; line != nullptr && *line != nullptr; ++line)
        lines.emplace_back(*line);
    return lines;
}

int run_command(Arguments arguments) {
    Result<Config> config = load_config(arguments, environment_lines());
    if (!config.ok()) return complain(config.status().message(), exit_usage);
    const Settings& settings = config.value().settings();
    const Status ready = check_start(settings);
    if (!ready.ok()) return complain(ready.message(), exit_failed);
    raise_descriptor_limit(settings);
    const uint32_t workers = worker_count(settings);
    return workers == 1 ? run(settings) : run_crew(settings, workers);
}

// Takes the flags of check's own out of `settings`. Failed: one of them has no value.
Status take_question(std::vector<std::string>& settings, RequestQuestion& question) {
    const auto take = [&](std::string_view flag, auto store) {
        for (auto at = settings.begin(); at != settings.end();) {
            const bool inside = at->starts_with(flag) && at->substr(flag.size()).starts_with('=');
            if (*at != flag && !inside) {
                ++at;
                continue;
            }
            std::string value = inside ? at->substr(flag.size() + 1) : "";
            at = settings.erase(at);
            if (!inside) {
                if (at == settings.end())
                    return Status::failed(phrase("check: ", flag, ": needs a value"));
                value = *at;
                at = settings.erase(at);
            }
            store(std::move(value));
        }
        return Status::fine();
    };
    const auto into = [](std::string& text) {
        return [&text](std::string value) { text = std::move(value); };
    };
    for (const auto& [flag, text] :
         {std::pair<std::string_view, std::string&>{"--request", question.request},
          {"--body", question.body},
          {"--identity", question.identity}})
        if (Status status = take(flag, into(text)); !status.ok()) return status;
    return take("--field", [&](std::string value) { question.fields.push_back(std::move(value)); });
}

int check_command(Arguments arguments) {
    std::vector<std::string> settings(arguments.begin(), arguments.end());
    RequestQuestion question;
    if (const Status status = take_question(settings, question); !status.ok())
        return complain(status.message(), exit_usage);
    const bool asks = !question.request.empty();
    if (!asks && !(question.body + question.identity).empty())
        return complain("check: --body and --identity belong to a --request", exit_usage);
    Result<Config> config = load_config(settings, environment_lines(), !asks);
    if (!config.ok()) return complain(config.status().message(), exit_usage);
    if (!asks) return print(config_text(config.value()));
    Result<RequestAnswer> answer = check_request(config.value().settings(), question);
    if (!answer.ok()) return complain(answer.status().message(), exit_usage);
    const int printed = print(phrase(harmless(answer.value().text), '\n'));
    return answer.value().passes ? printed : exit_failed;
}

int docs_command(Arguments arguments) {
    const std::optional<std::string> page =
        arguments.size() == 1 ? docs_page(arguments[0]) : std::nullopt;
    if (page) return print(*page);
    return complain(
        arguments.empty()
            ? std::string(
                  "docs: which page? reasons, clocks, options, routes, schema, man, bash, zsh "
                  "or fish")
            : phrase("docs: no such page: ", arguments.back(),
                     suggestion(arguments.back(), docs_pages())),
        exit_usage);
}

int version_command(Arguments arguments) {
    if (!arguments.empty()) return complain("version: takes no arguments", exit_usage);
    return print(version_text());
}

// A command's page, or that of its action: "token issue".
std::optional<std::string> help_for(Arguments words) {
    if (words.size() > 1)
        if (std::optional<std::string> text = help_text(phrase(words[0], ' ', words[1])))
            return text;
    return help_text(words[0]);
}

int help_command(Arguments arguments) {
    if (arguments.empty()) return print(help_text());
    const std::optional<std::string> text = help_for(arguments);
    if (text) return print(*text);
    return complain(
        phrase("help: no such command: ", arguments[0], suggestion(arguments[0], command_names())),
        exit_usage);
}

struct Command {
    std::string_view name;
    int (*run)(Arguments);
};

constexpr Command commands[] = {
    {"run", run_command},         {"check", check_command}, {"why", why},
    {"kill", kill_open},          {"token", token},         {"docs", docs_command},
    {"version", version_command}, {"help", help_command},   {"--version", version_command},
    {"--help", help_command},     {"-h", help_command},
};

// A socket that got the number of a closed standard stream would be sent what is said to people. Each is
// opened the wrong way round, so that using it still fails, as it does when closed.
void hold_standard_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (fcntl(stream, F_GETFD) >= 0) continue;
        // open(2) takes the lowest number that is free: this one.
        const int way = stream == STDIN_FILENO ? O_WRONLY : O_RDONLY;
        if (open("/dev/null", way) >= 0) continue;
        // An empty root has none. Nothing can be read from this either, nor written.
        ignored(socket(AF_UNIX, SOCK_STREAM, 0), "then it stays as it was");
    }
}

bool asks_for_help(Arguments arguments) {
    return std::ranges::any_of(arguments, [](const std::string& argument) {
        return argument == "--help" || argument == "-h";
    });
}

}  // namespace

int complain(std::string_view message, int code) {
    // What was mistyped is quoted in it: no bytes that a terminal obeys, and one line.
    const std::string line = phrase("becaused: ", harmless(message), '\n');
    // Nothing is left to complain to when stderr is gone.
    ignored(static_cast<long>(std::fwrite(line.data(), 1, line.size(), stderr)), "stderr is gone");
    return code;
}

int command(int argc, char** argv) {
    hold_standard_streams();
    const std::vector<std::string> words(argv + std::min(argc, 1), argv + argc);
    if (words.empty()) {
        const std::string help = help_text();
        ignored(std::fputs(help.c_str(), stderr), "stderr is gone");
        return exit_usage;
    }
    const Arguments arguments = Arguments(words).subspan(1);
    const Command* found = std::ranges::find(commands, words[0], &Command::name);
    if (found == std::end(commands))
        return complain(phrase("no such command: ", words[0], suggestion(words[0], command_names()),
                               " (becaused help lists them)"),
                        exit_usage);
    if (asks_for_help(arguments))
        if (const std::optional<std::string> text = help_for(words)) return print(*text);
    return found->run(arguments);
}

}  // namespace becaused
