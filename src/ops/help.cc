#include "ops/help.hh"

#include <algorithm>

#include "ops/options.hh"
#include "ops/phrase.hh"

namespace becaused {

namespace {

struct Help {
    std::string_view command;
    std::string_view summary;
    std::string_view text;  // before the settings, if any
    bool settings;
    std::string_view topic = {};  // which settings; a page with a topic is no command
};

constexpr Help pages[] = {
    {"run", "serve clients in front of a Docker daemon",
     "Usage: becaused run --listen ADDR... --upstream ADDR [SETTINGS]\n"
     "\n"
     "ADDR as in DOCKER_HOST: tcp://127.0.0.1:2375, tcp://[::1]:2375, or\n"
     "unix:///run/docker.sock; to listen on, it may carry ?mode=0660&group=docker.\n"
     "DURATION: 500ms, 2s, 5m, 1h, off. SIZE: 64KiB, 8MiB. Settings may also stand in\n"
     "FILE (max_requests = 5) and in the environment (BECAUSED_MAX_REQUESTS=5); a flag\n"
     "beats the environment, which beats the file.\n",
     true},
    {"check", "check the settings and show where each comes from",
     "Usage: becaused check [--config FILE] [SETTINGS as for run]\n"
     "\n"
     "Reads settings as `becaused run` would: flags, BECAUSED_* variables, the config\n"
     "file. Prints those in force as a config file, each with where it came from.\n"
     "Touches nothing else.\n"
     "\n"
     "Exit code: 0 when all is well, 2 with one line that names what is wrong.\n",
     false},
    {"why", "read records: what ended, and why",
     "Usage: becaused why [FLAGS] [FILE|-]\n"
     "\n"
     "Shows what ended abnormally, newest last. Without FILE: BECAUSED_RECORDS, else\n"
     "standard input.\n"
     "\n"
     "  -f, --follow        go on as the file grows, also through its rotation\n"
     "      --summary       a table by reason instead\n"
     "      --all           also what ended well, and what only followed its partner\n"
     "      --reason NAME   only these reasons (several: commas)\n"
     "      --by SIDE       only ended by these: client, gate, upstream, proxy,\n"
     "                      operator, nobody\n"
     "      --path PATTERN  only requests for this path: * within a segment, ** any;\n"
     "                      without a *, a part of it\n"
     "      --id ID         all that belongs to this record, connection or request id\n"
     "      --since WHEN    10m (ago), 2026-11-21 or 2026-11-21T12:00:00Z\n"
     "      --json          the matching lines as they are\n"
     "      --utc           times in UTC instead of local time\n"
     "      --wide          whole sentences, also on a narrow terminal\n"
     "\n"
     "Exit code: 0 when read, 1 when it cannot be read, 2 for wrong usage.\n",
     false},
    {"docs", "print a reference page",
     "Usage: becaused docs reasons|clocks|options|schema\n"
     "\n"
     "  reasons   why connections and requests end (Markdown)\n"
     "  clocks    the time limits and their defaults (Markdown)\n"
     "  options   the settings (Markdown)\n"
     "  schema    the JSON Schema of records\n",
     false},
    {"version", "name the version and those of the libraries inside", "Usage: becaused version\n",
     false},
    {"help", "show this, or the help of a command or topic",
     "Usage: becaused help [COMMAND|TOPIC]\n", false},
    {"tls", "TLS before listeners and towards the upstream",
     "Settings of `becaused run` for TLS, with dockerd's names and meanings. With\n"
     "tlscert, TCP listeners speak TLS (tcp://127.0.0.1:2375?tls=off stays plain);\n"
     "with tlscacert, a client certificate must be signed by it; with tlsverify, one\n"
     "must come. An upstream that speaks TLS is tls://HOST:PORT. Files are PEM; they\n"
     "are read again on SIGHUP, those for listeners also when they change.\n",
     true, "tls"},
};

constexpr std::string_view names[] = {"run", "check", "why", "docs", "version", "help"};

std::string padded(std::string_view text, size_t width) {
    std::string cell(text);
    if (cell.size() < width) cell.resize(width, ' ');
    return cell;
}

// `text` beside `label`, broken between words so that a terminal of 80 columns shows it in its column.
std::string beside(std::string_view label, std::string_view text) {
    constexpr size_t screen = 80;
    constexpr size_t column = 30;
    std::string out = phrase("  ", padded(label, column - 2));
    while (text.size() > screen - column) {
        const size_t blank = text.rfind(' ', screen - column);
        if (blank == std::string_view::npos) break;
        out += phrase(text.substr(0, blank), '\n', padded("", column));
        text.remove_prefix(blank + 1);
    }
    return phrase(out, text, '\n');
}

std::string setting_line(const Option& option) {
    const std::string fallback = default_text(option);
    const bool shown = option.kind == Kind::boolean ? fallback == "true" : fallback != "none";
    return beside(phrase(flag_name(option), option.argument.empty() ? "" : " ", option.argument),
                  phrase(option.help, shown ? phrase(" (", fallback, ')') : std::string()));
}

}  // namespace

std::span<const std::string_view> command_names() { return names; }

std::string help_text() {
    std::string text =
        "becaused: a reverse proxy for Docker daemons whose connections never end without\n"
        "saying why\n"
        "\n"
        "Usage: becaused COMMAND [FLAGS]\n"
        "\n";
    for (const Help& page : pages)
        if (page.topic.empty()) text += phrase("  ", padded(page.command, 10), page.summary, '\n');
    text += "\nTopics:\n";
    for (const Help& page : pages)
        if (!page.topic.empty()) text += phrase("  ", padded(page.command, 10), page.summary, '\n');
    return text +
           "\n"
           "Try: becaused run --listen tcp://127.0.0.1:2375 \\\n"
           "         --upstream unix:///run/docker.sock --records -\n";
}

std::optional<std::string> help_text(std::string_view command) {
    const Help* page = std::ranges::find(pages, command, &Help::command);
    if (page == std::end(pages)) return std::nullopt;
    std::string text(page->text);
    if (!page->settings) return text;
    text += '\n';
    for (const Option& option : options())
        if (option.topic == page->topic) text += setting_line(option);
    if (!page->topic.empty()) return text;
    return text +
           "\n"
           "Clocks and defaults: becaused docs clocks. More settings: becaused help tls.\n"
           "Exit code: 0 once stopped with nothing cut, 1 when it could not start or cut\n"
           "something at the stop, 2 for wrong usage.\n";
}

}  // namespace becaused
