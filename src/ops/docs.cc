#include "ops/docs.hh"

#include <array>

#include "ledger/vocabulary.hh"
#include "ops/options.hh"
#include "ops/phrase.hh"
#include "ops/value.hh"

namespace becaused {

namespace {

constexpr std::string_view pages[] = {"reasons", "clocks", "options", "routes", "schema",
                                      "man",     "bash",   "zsh",     "fish"};

std::string code(std::string_view text) {
    return text.empty() ? std::string("-") : phrase('`', text, '`');
}

// A | inside a table's cell would end it.
std::string cell(std::string_view text) {
    std::string escaped;
    for (const char c : text) {
        if (c == '|') escaped += '\\';
        escaped += c;
    }
    return escaped;
}

std::string generated_by(std::string_view page, std::string_view table) {
    return phrase("<!-- Made by `becaused docs ", page, "` from ", table,
                  ": change that and run scripts/docs. -->\n\n");
}

std::string classes_text() {
    return "- `clean`: nothing went wrong.\n"
           "- `refused`: becaused said no, and the client was told.\n"
           "- `truncated`: something that had begun was cut.\n"
           "- `fault`: something broke or was late.\n";
}

std::string reasons_page() {
    std::string text = generated_by("reasons", "src/ledger/vocabulary.hh");
    text +=
        "# Reasons\n\n"
        "Why a connection or a request ended: the field `reason` of every record. *By* says who\n"
        "caused it or owed the next byte. *Status* is what the client is told as long as no "
        "answer\n"
        "has begun (499 only stands in records); after that the answer is cut. *Proxy-Status* is\n"
        "the error type of RFC 9209 in the answer's header field. Words in braces are filled "
        "in.\n\n";
    text += classes_text();
    text +=
        "\n| reason | by | class | status | Proxy-Status | because |\n|---|---|---|---|---|---|\n";
    for (size_t i = 0; i < reason_count; ++i) {
        const ReasonRow& reason = row(static_cast<Reason>(i));
        const std::string status = reason.status == 0 ? "-" : std::to_string(reason.status);
        text += phrase("| ", code(reason.symbol), " | ", name(reason.by), " | ",
                       name(reason.end_class), " | ", status, " | ", code(reason.proxy_error),
                       " | ", cell(reason.sentence), " |\n");
    }
    return text;
}

std::string clocks_page() {
    std::string text = generated_by("clocks", "src/ledger/vocabulary.hh");
    text +=
        "# Clocks\n\n"
        "Time limits. Each counts silence, unless it says total, and starts anew with every byte "
        "that\n"
        "moves; whoever owed the next byte is the one blamed. `--clock NAME=DURATION` sets one for "
        "all\n"
        "route classes, `--clock CLASS.NAME=DURATION` for one; `off` ends it. `connect` counts "
        "for\n"
        "`connect_unix` too, unless that is set itself.\n\n"
        "| clock | limits |";
    for (size_t i = 0; i < route_class_count; ++i)
        text += phrase(' ', name(static_cast<RouteClass>(i)), " |");
    text += "\n|---|---|";
    for (size_t i = 0; i < route_class_count; ++i) text += "---|";
    text += '\n';
    for (size_t i = 0; i < clock_count; ++i) {
        const ClockRow& clock = row(static_cast<ClockName>(i));
        text += phrase("| ", code(clock.symbol), " | ", clock.limits, " |");
        for (const uint32_t ms : clock.default_ms) text += phrase(' ', duration_text(ms), " |");
        text += '\n';
    }
    text += "\nRoute classes:\n\n| class | requests |\n|---|---|\n";
    for (size_t i = 0; i < route_class_count; ++i) {
        const auto route_class = static_cast<RouteClass>(i);
        text += phrase("| ", code(name(route_class)), " | ", words(route_class), " |\n");
    }
    return text;
}

std::string options_page() {
    std::string text = generated_by("options", "src/ops/options.cc");
    text +=
        "# Settings\n\n"
        "Each can be a flag, a variable of the environment, or a key of the TOML file that "
        "`--config`\n"
        "names. A flag beats the environment, which beats the file, which beats the default.\n"
        "`becaused check` shows the settings in force and where each came from.\n\n"
        "| flag | environment | file | type | range | default | meaning |\n"
        "|---|---|---|---|---|---|---|\n";
    for (const Option& option : options()) {
        const std::string flag =
            phrase(flag_name(option), option.argument.empty() ? "" : " ", cell(option.argument));
        const std::string range = range_text(option);
        const bool clock = option.kind == Kind::clock;
        text += phrase("| ", code(flag), " | ", code(environment_name(option)), " | ",
                       code(option.kind == Kind::config ? "" : option.key), " | ",
                       unit_words(option), " | ", range.empty() ? "-" : range, " | ",
                       clock ? "see CLOCKS.md" : default_text(option), " | ", option.help, " |\n");
    }
    return text +
           "\n- Durations: `500ms`, `2s`, `5m`, `1h30m`, `1d`, or `off`; sizes: `512B`, `64KiB`, "
           "`8MiB`,\n"
           "  `1GiB`. Both need their unit, and quotes in a file.\n"
           "- Addresses: `tcp://127.0.0.1:2375`, `tcp://[::1]:2375`, `tcp://name:2375` (upstream "
           "only),\n"
           "  `unix:///run/docker.sock`; a socket to listen on may carry "
           "`?mode=0660&group=docker`.\n"
           "- Flags that may stand several times are lists in the file and separated by commas in "
           "the\n"
           "  environment. A list replaces that of a weaker source; clocks are set one by one.\n"
           "- In a file, `[clock]` holds the clocks for all classes and `[clock.CLASS]` those of "
           "one. The clock\n"
           "  `tunnel` has the name of a class: where there is a `[clock.tunnel]`, set it in "
           "there.\n"
           "- Empty variables count as unset; other variables that begin with `BECAUSED_` are "
           "mistakes.\n"
           "- Route patterns: `*` stands for anything within a segment, `**` for any rest; the "
           "path is\n"
           "  compared without its `/v1.43` prefix.\n\n"
           "```toml\n"
           "listen = [\"tcp://127.0.0.1:2375\", "
           "\"unix:///run/becaused.sock?mode=0660&group=docker\"]\n"
           "upstream = \"unix:///run/docker.sock\"\n"
           "records = \"/var/log/becaused.jsonl\"\n"
           "memory = \"512MiB\"\n\n"
           "[clock]\n"
           "request_head = \"5s\"\n\n"
           "[clock.transfer]\n"
           "response_body = \"20m\"\n\n"
           "[[route]]\n"
           "class = \"build\"\n"
           "method = \"POST\"\n"
           "path = \"/plugins/**\"\n"
           "```\n";
}

}  // namespace

std::span<const std::string_view> docs_pages() { return pages; }

std::optional<std::string> docs_page(std::string_view page) {
    if (page == "reasons") return reasons_page();
    if (page == "clocks") return clocks_page();
    if (page == "options") return options_page();
    if (page == "routes") return routes_page();
    if (page == "schema") return record_schema();
    if (page == "man") return manual_page();
    if (page == "bash") return bash_completion();
    if (page == "zsh") return zsh_completion();
    if (page == "fish") return fish_completion();
    return std::nullopt;
}

}  // namespace becaused
